//! Addresses of members that would lead to something else here, and what is answered in their place.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::choice::Fleet;
use crate::cluster::ClusterId;
use crate::cluster::kinds::ObjectKey;
use crate::registry::{AddressOwner, Owner, Pinned, Registry};

/// What a name answers where no address of it is left.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Overlap {
    /// Nothing: the name exists.
    #[default]
    NoData,
    /// These addresses, which a sidecar captures.
    Sentinel(Vec<IpAddr>),
    /// What lies in the local cluster's ranges is handed out all the same.
    Allow,
}

/// An address that is not handed out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Overlapped {
    pub cluster: ClusterId,
    pub service: ObjectKey,
    pub address: IpAddr,
    pub clash: Clash,
}

/// What has an address, too.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Clash {
    /// A Service of another cluster, or one of its endpoints.
    Service(ClusterId, ObjectKey),
    /// The Services or pods of the local cluster.
    Range(IpNet),
}

impl fmt::Display for Overlapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Overlapped { cluster, service, address, clash } = self;
        write!(f, "{address} of {service} in {cluster} is left out: ")?;
        match clash {
            Clash::Service(other, key) => write!(f, "{key} in {other} has it"),
            Clash::Range(network) => write!(f, "it is in the local range {network}"),
        }
    }
}

impl Fleet {
    /// Why an address of a member's Service is not handed out, if it is not: something local has it, the older
    /// Service of another member has it, or it lies in a range of the local cluster.
    pub fn clash(&self, registry: &Registry, owner: &Owner, address: IpAddr) -> Option<Clash> {
        let registry = &registry.pin();
        let others = registry.address(address).into_iter().flatten();
        for other in others.filter(|other| other.cluster != owner.cluster) {
            if other.cluster == self.local || self.is_before(registry, other, owner) {
                return Some(Clash::Service(other.cluster.clone(), ObjectKey::clone(&other.key)));
            }
        }
        if self.overlap == Overlap::Allow {
            return None;
        }
        self.local_range(registry, address).map(Clash::Range)
    }

    /// The range of the local cluster's Services or pods that an address is in.
    pub fn local_range(&self, registry: &Registry, address: IpAddr) -> Option<IpNet> {
        let said = self.cidrs.iter().find(|network| network.contains(&address)).copied();
        said.or_else(|| registry.range_of(&self.local, address))
    }

    /// Whether another member's Service has an address before this one has: the older, then that of the
    /// smaller ID. Members that have the same Service share its addresses.
    fn is_before(&self, registry: &Pinned<'_>, other: &AddressOwner, owner: &Owner) -> bool {
        if other.key == owner.key || !self.reach(&other.cluster).gives(&other.holder) {
            return false;
        }
        let Some(name) = registry.service_of(&other.key) else { return false };
        let age = |owner: &Owner| Some((owner.service.as_ref()?.created, owner.cluster.clone()));
        let first = name.owner(&other.cluster).and_then(age);
        match (first, age(owner)) {
            (Some(first), Some(mine)) => first < mine,
            _ => false,
        }
    }
}
