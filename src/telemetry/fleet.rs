//! The metrics of member clusters.

use std::fmt::Display;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What is counted of each member.
#[derive(Debug, Default)]
pub struct FleetMetrics {
    overlaps: Family<OfCluster, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCluster {
    cluster: String,
}

impl FleetMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "coredns_fleet_overlaps",
            "Counter of answers that an address of a member was left out of, as it is another's here",
            self.overlaps.clone(),
        );
    }

    /// Counts an answer that an address of a cluster was left out of.
    pub fn overlapped(&self, cluster: &impl Display) {
        self.overlaps.get_or_create(&OfCluster { cluster: cluster.to_string() }).inc();
    }
}
