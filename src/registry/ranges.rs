//! The ranges of addresses that clusters say their Services and pods have.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ipnet::IpNet;

use crate::cluster::ClusterId;

/// What one cluster says.
#[derive(Debug, Default)]
pub struct ClusterRanges {
    /// Joined where they meet, and in order: no two overlap.
    joined: Vec<IpNet>,
}

impl ClusterRanges {
    fn new(networks: BTreeSet<IpNet>) -> Self {
        let mut joined = IpNet::aggregate(&networks.iter().copied().collect());
        joined.sort();
        ClusterRanges { joined }
    }

    /// Those that meet as one, in order.
    pub fn joined(&self) -> &[IpNet] {
        &self.joined
    }

    /// The range that an address is in; those that meet are one.
    pub fn find(&self, address: IpAddr) -> Option<IpNet> {
        let behind = self.joined.partition_point(|network| network.network() <= address);
        let network = self.joined.get(behind.checked_sub(1)?)?;
        network.contains(&address).then_some(*network)
    }
}

/// By cluster. They are read for each address of a member, and change when a Node comes or goes: all of them are
/// replaced then.
#[derive(Default)]
pub(super) struct Ranges(ArcSwap<BTreeMap<ClusterId, Arc<ClusterRanges>>>);

impl Ranges {
    /// What one cluster says of an address.
    pub fn find(&self, cluster: &ClusterId, address: IpAddr) -> Option<IpNet> {
        self.0.load().get(cluster)?.find(address)
    }

    pub fn all(&self) -> Arc<BTreeMap<ClusterId, Arc<ClusterRanges>>> {
        self.0.load_full()
    }

    /// One at a time, or what another puts meanwhile is lost.
    pub fn put(&self, cluster: &ClusterId, networks: BTreeSet<IpNet>) {
        let mut all = BTreeMap::clone(&self.0.load());
        match networks.is_empty() {
            true => drop(all.remove(cluster)),
            false => drop(all.insert(cluster.clone(), Arc::new(ClusterRanges::new(networks)))),
        }
        self.0.store(Arc::new(all));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_the_range_that_has_it() {
        let nets = ["10.244.1.0/24", "10.244.0.0/24", "10.96.0.0/16", "10.96.7.0/24", "fd00::/112"];
        let ranges = ClusterRanges::new(nets.map(|net| net.parse().unwrap()).into());
        for (address, expected) in [
            ("10.244.0.1", Some("10.244.0.0/23")),
            ("10.244.1.255", Some("10.244.0.0/23")),
            ("10.244.2.0", None),
            ("10.96.7.9", Some("10.96.0.0/16")),
            ("10.95.255.255", None),
            ("9.0.0.0", None),
            ("fd00::ffff", Some("fd00::/112")),
            ("fd00::1:0", None),
            ("::", None),
        ] {
            let found = ranges.find(address.parse().unwrap());
            assert_eq!(found, expected.map(|net| net.parse().unwrap()), "{address}");
        }
        assert_eq!(ClusterRanges::default().find("10.0.0.1".parse().unwrap()), None);
    }
}
