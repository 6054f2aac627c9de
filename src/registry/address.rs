//! From addresses back to names.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::Owner;
use crate::cluster::ClusterId;
use crate::cluster::kinds::{Label, ObjectKey, Point, Port, ServiceKind};

/// One holder of an address. ClusterIPs sort before endpoints, as CoreDNS prefers them
/// (plugin/kubernetes/reverse.go). There is one for each endpoint of all clusters: it is small.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AddressOwner {
    pub holder: Holder,
    pub cluster: ClusterId,
    /// The Service.
    pub key: Arc<ObjectKey>,
}

/// As what an address is held.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Holder {
    ClusterIp,
    /// An endpoint, with its hostname.
    Endpoint(Option<Box<str>>),
}

impl Holder {
    /// The first label of an endpoint's name, whose address it is.
    pub fn label(&self, address: IpAddr) -> Option<Label<'_>> {
        match self {
            Holder::ClusterIp => None,
            Holder::Endpoint(hostname) => Some(Label::of_endpoint(hostname.as_deref(), address)),
        }
    }
}

/// The addresses of what one cluster says of one name.
pub(super) fn of(owner: &Owner) -> BTreeSet<(IpAddr, AddressOwner)> {
    let held =
        |holder| AddressOwner { holder, cluster: owner.cluster.clone(), key: owner.key.clone() };
    let mut addresses = BTreeSet::new();
    if let Some(ServiceKind::ClusterIp(ips)) = owner.service.as_ref().map(|service| &service.kind) {
        addresses.extend(ips.iter().map(|ip| (*ip, held(Holder::ClusterIp))));
    }
    for (endpoint, _) in owner.endpoints() {
        let label = endpoint.hostname().map(Box::from);
        addresses.insert((endpoint.address, held(Holder::Endpoint(label))));
    }
    addresses
}

/// A Service that is reached at an address from outside of its cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct OutsideOwner {
    pub cluster: ClusterId,
    pub key: Arc<ObjectKey>,
}

/// The addresses at which what one cluster says of one name is reached from outside.
pub(super) fn outside_of(owner: &Owner) -> BTreeSet<(IpAddr, OutsideOwner)> {
    let points = outside(Some(owner)).map(|(points, _)| points).unwrap_or_default();
    let address = |point: &Point| match point {
        Point::Address(address) => Some(*address),
        Point::Host(_) => None,
    };
    let held = || OutsideOwner { cluster: owner.cluster.clone(), key: owner.key.clone() };
    points.iter().filter_map(address).map(|address| (address, held())).collect()
}

/// How it is reached from outside, if it is.
pub(super) fn outside(owner: Option<&Owner>) -> Option<(&[Point], &[Port])> {
    let service = owner?.service.as_ref()?;
    (!service.external.is_empty()).then_some((&service.external, &service.ports))
}
