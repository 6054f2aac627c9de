//! The metrics of member clusters.

use std::fmt::Display;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What is counted of each member.
#[derive(Debug, Default)]
pub struct FleetMetrics {
    overlaps: Family<OfCluster, Counter>,
    hidden: Family<OfCluster, Gauge>,
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
        registry.register(
            "coredns_fleet_hidden_namespaces",
            "Namespaces of a member that are not answered for, as they are named like top-level domains",
            self.hidden.clone(),
        );
    }

    /// How many namespaces of a cluster are hidden.
    pub fn hidden(&self, cluster: &impl Display, number: usize) {
        let cluster = OfCluster { cluster: cluster.to_string() };
        self.hidden.get_or_create(&cluster).set(i64::try_from(number).unwrap_or(i64::MAX));
    }

    /// A cluster left.
    pub fn forget_hidden(&self, cluster: &impl Display) {
        self.hidden.remove(&OfCluster { cluster: cluster.to_string() });
    }

    /// Counts an answer that an address of a cluster was left out of.
    pub fn overlapped(&self, cluster: &impl Display) {
        self.overlaps.get_or_create(&OfCluster { cluster: cluster.to_string() }).inc();
    }
}
