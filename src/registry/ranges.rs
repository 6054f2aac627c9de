//! The ranges of addresses that clusters say their Services and pods have.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::Map;
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

/// By cluster.
#[derive(Default)]
pub(super) struct Ranges(Map<ClusterId, Arc<ClusterRanges>>);

impl Ranges {
    pub fn of(&self, cluster: &ClusterId) -> Option<Arc<ClusterRanges>> {
        self.0.get(cluster).map(|entry| entry.value().clone())
    }

    pub fn all(&self) -> Vec<(ClusterId, Arc<ClusterRanges>)> {
        self.0.iter().map(|entry| (entry.key().clone(), entry.value().clone())).collect()
    }

    pub fn put(&self, cluster: &ClusterId, networks: BTreeSet<IpNet>) {
        match networks.is_empty() {
            true => drop(self.0.remove(cluster)),
            false => drop(self.0.insert(cluster.clone(), Arc::new(ClusterRanges::new(networks)))),
        }
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
