//! The metrics of sentinels' pools.

use std::fmt::Display;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What is counted of each pool.
#[derive(Debug, Default)]
pub struct SentinelMetrics {
    names: Family<OfPool, Gauge>,
    collisions: Family<OfPool, Gauge>,
    collided: Family<OfPool, Counter>,
    overlooked: Family<OfPool, Counter>,
    overlaps: Family<OfCluster, Gauge>,
    lost: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPool {
    pool: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCluster {
    cluster: String,
    pool: String,
}

impl SentinelMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "coredns_sentinel_pool_names",
            "Names in use of an address pool: declared by a ServiceEntry, or asked for in the last hour",
            self.names.clone(),
        );
        registry.register(
            "coredns_sentinel_pool_collisions",
            "Addresses of a pool that several names in use have at present",
            self.collisions.clone(),
        );
        registry.register(
            "coredns_sentinel_pool_new_collisions",
            "Counter of names in use that were found to share the address of another",
            self.collided.clone(),
        );
        registry.register(
            "coredns_sentinel_pool_overlooked_names",
            "Counter of names that were answered and not counted, as too many are in use",
            self.overlooked.clone(),
        );
        registry.register(
            "coredns_sentinel_lost_names",
            "Counter of names that were answered and not counted, as too many came at once",
            self.lost.clone(),
        );
        registry.register(
            "coredns_sentinel_pool_overlaps",
            "Ranges of Services and pods of a cluster that have addresses of a pool",
            self.overlaps.clone(),
        );
    }

    /// Counts names that were answered and not counted, as too many came at once.
    pub fn lost(&self, names: u64) {
        self.lost.inc_by(names);
    }

    /// How many names are in use of a pool, and how many addresses have several.
    pub fn names(&self, pool: &impl Display, names: usize, collisions: usize) {
        self.names.get_or_create(&of(pool)).set(names as i64);
        self.collisions.get_or_create(&of(pool)).set(collisions as i64);
        // Both are there from the start, to be alerted on.
        drop((self.collided.get_or_create(&of(pool)), self.overlooked.get_or_create(&of(pool))));
    }

    /// Counts names that were found to share an address.
    pub fn collided(&self, pool: &impl Display) {
        self.collided.get_or_create(&of(pool)).inc();
    }

    /// Counts a name for which there was no room.
    pub fn overlooked(&self, pool: &impl Display) {
        self.overlooked.get_or_create(&of(pool)).inc();
    }

    /// How many ranges of a cluster have addresses of a pool.
    pub fn overlaps(&self, pool: &impl Display, cluster: &impl Display, ranges: usize) {
        let labels = OfCluster { cluster: cluster.to_string(), pool: pool.to_string() };
        self.overlaps.get_or_create(&labels).set(ranges as i64);
    }
}

fn of(pool: &impl Display) -> OfPool {
    OfPool { pool: pool.to_string() }
}
