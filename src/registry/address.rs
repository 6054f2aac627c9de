//! From addresses back to names.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Owner;
use crate::cluster::ClusterId;
use crate::cluster::kinds::{ObjectKey, Point, Port, ServiceKind};

/// One holder of an address. ClusterIPs sort before endpoints, as CoreDNS prefers them
/// (plugin/kubernetes/reverse.go).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AddressOwner {
    pub holder: Holder,
    pub cluster: ClusterId,
    /// The Service.
    pub key: ObjectKey,
}

/// As what an address is held.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Holder {
    ClusterIp,
    /// The first label of the endpoint's name.
    Endpoint(Box<str>),
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
        for ip in &endpoint.addresses {
            addresses.insert((*ip, held(Holder::Endpoint((*endpoint.label(*ip)).into()))));
        }
    }
    addresses
}

/// A Service that is reached at an address from outside of its cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct OutsideOwner {
    pub cluster: ClusterId,
    pub key: ObjectKey,
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
