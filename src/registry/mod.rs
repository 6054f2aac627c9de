//! What exists: one merged index over all clusters, keyed by Service name.
//!
//! In: the [`crate::cluster::Change`]s of every cluster, which `writing` takes. Out, for the zone: the owners of a
//! Service name, the clusters that have a namespace, the owners of an address, and a serial. A change
//! touches the names that it concerns and no others, so its cost does not grow with the fleet; a
//! look-up is one hash look-up however many clusters there are.
//!
//! An entry is an immutable value that is swapped whole: a reader sees a Service with the endpoints that
//! belong to it, never half of a change.

mod address;
mod gateway;
mod host;
mod keyed;
mod owner;
mod pinned;
mod ranges;
mod shard;
mod writing;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod touch_tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use dashmap::DashMap;
use foldhash::fast::RandomState;
use ipnet::IpNet;
use seize::Collector;
use tokio::sync::watch;

pub use address::{AddressOwner, Holder, OutsideOwner};
pub use gateway::Gateways;
pub use host::{Declaration, Host};
pub use owner::{Owner, ServiceName};
pub use pinned::{Homes, Pinned};
pub use ranges::ClusterRanges;

use crate::cluster::kinds::Pod;
use crate::cluster::{ClusterId, Kind};
use owner::WireKey;
use pinned::{Holders, Index, index};
use shard::Shard;

/// What is looked up now and then, and by a few names.
type Map<K, V> = DashMap<K, V, RandomState>;

/// The index. Shared by the watches that write it and the servers that read it.
pub struct Registry {
    /// Of all that is an [`Index`].
    collector: Arc<Collector>,
    /// By the wire labels of `service.namespace`, lower case: a slice of the question is the key.
    services: Index<WireKey, ServiceName>,
    /// ServiceImports, likewise.
    imports: Index<WireKey, ServiceName>,
    /// By the namespace, as a label without its length.
    namespaces: Index<Box<[u8]>, Homes>,
    addresses: Index<IpAddr, Holders<AddressOwner>>,
    /// The Services that are reached at an address from outside.
    outside: Index<IpAddr, Holders<OutsideOwner>>,
    pods: Map<IpAddr, Arc<[PodOwner]>>,
    /// By the names of ServiceEntries' hosts.
    hosts: host::Hosts,
    /// The ranges of each cluster's Services and pods.
    ranges: ranges::Ranges,
    /// Where the gateways of members are.
    pub gateways: Gateways,
    /// Clusters that are out of reach: seldom any.
    lost: ArcSwap<BTreeSet<ClusterId>>,
    /// Those that have said anything and whose ID is a label, by their IDs in lower case.
    clusters: Map<Box<[u8]>, ClusterId>,
    /// Moves with each change of `hosts` or `ranges`.
    declared: watch::Sender<u64>,
    /// Moves with each change of `namespaces`.
    spaces: watch::Sender<u64>,
    /// What each cluster holds, which only its own changes touch: a list of one holds up no other.
    shards: Mutex<HashMap<ClusterId, Arc<Mutex<Shard>>>>,
    /// Held while what the index says of one name is replaced.
    writing: Mutex<()>,
    serial: AtomicU32,
    import_serial: AtomicU32,
    outside_serial: AtomicU32,
    export_serial: AtomicU32,
    /// Moves with each change of an exported Service, its endpoints aside.
    exports: watch::Sender<u64>,
}

/// A Pod that has an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PodOwner {
    pub cluster: ClusterId,
    pub pod: Arc<Pod>,
}

impl Registry {
    /// The Pods that have an address; none of clusters whose Pods are not watched.
    pub fn pods(&self, address: IpAddr) -> Option<Arc<[PodOwner]>> {
        self.pods.get(&address).map(|entry| entry.value().clone())
    }

    /// The cluster whose ID is this label, in lower case.
    pub fn cluster(&self, label: &[u8]) -> Option<ClusterId> {
        self.clusters.get(label).map(|entry| entry.value().clone())
    }

    /// The IDs of all clusters that have said anything, in their order.
    pub fn clusters(&self) -> BTreeSet<ClusterId> {
        self.clusters.iter().map(|entry| entry.value().clone()).collect()
    }

    /// Whether a cluster is out of reach, so that what it said may be old. The local one never is.
    pub fn is_lost(&self, cluster: &ClusterId) -> bool {
        self.lost.load().contains(cluster)
    }

    /// Tells when namespaces have come or gone.
    pub fn spaces(&self) -> watch::Receiver<u64> {
        self.spaces.subscribe()
    }

    /// Who declares a host in ServiceEntries. `name` is its folded wire form, with the root.
    pub fn host(&self, name: &[u8]) -> Option<Arc<Host>> {
        self.hosts.get(name)
    }

    /// Whether any ServiceEntry is known.
    pub fn has_hosts(&self) -> bool {
        !self.hosts.is_empty()
    }

    /// All hosts with their names, in no order.
    pub fn all_hosts(&self) -> Vec<(Box<[u8]>, Arc<Host>)> {
        self.hosts.all()
    }

    /// The ranges that clusters say their Services and pods have.
    pub fn ranges(&self) -> Arc<BTreeMap<ClusterId, Arc<ClusterRanges>>> {
        self.ranges.all()
    }

    /// The range of one cluster that an address is in.
    pub fn range_of(&self, cluster: &ClusterId, address: IpAddr) -> Option<IpNet> {
        self.ranges.find(cluster, address)
    }

    /// Tells when hosts or ranges have changed.
    pub fn declared(&self) -> watch::Receiver<u64> {
        self.declared.subscribe()
    }

    /// Unix time of the last change that can change an answer of a cluster's zone; 0 before the first.
    /// It is the serial of its SOA, as in CoreDNS (plugin/kubernetes/controller.go, `Modified`).
    pub fn serial(&self) -> u32 {
        self.serial.load(Ordering::Relaxed)
    }

    /// The same of the zones of ServiceImports.
    pub fn import_serial(&self) -> u32 {
        self.import_serial.load(Ordering::Relaxed)
    }

    /// The same of the zones that are made of ServiceExports.
    pub fn export_serial(&self) -> u32 {
        self.export_serial.load(Ordering::Relaxed)
    }

    /// The same of how Services are reached from outside.
    pub fn outside_serial(&self) -> u32 {
        self.outside_serial.load(Ordering::Relaxed)
    }

    /// Tells when exported Services have changed; of their endpoints it tells nothing.
    pub fn exports(&self) -> watch::Receiver<u64> {
        self.exports.subscribe()
    }

    /// How many objects of a kind a cluster has; `None` for kinds that are not held as such.
    pub fn count(&self, cluster: &ClusterId, kind: Kind) -> Option<usize> {
        lock(&self.held_of(cluster)).count(kind)
    }

    /// How many ready endpoints a cluster has.
    pub fn endpoints(&self, cluster: &ClusterId) -> usize {
        lock(&self.held_of(cluster)).endpoints()
    }

    /// Number of Service names, for the bench and status pages.
    pub fn len(&self) -> usize {
        self.services.len()
    }

    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    fn shards(&self) -> MutexGuard<'_, HashMap<ClusterId, Arc<Mutex<Shard>>>> {
        lock(&self.shards)
    }

    /// What a cluster holds, to be read: nothing, of one that was not heard of.
    fn held_of(&self, cluster: &ClusterId) -> Arc<Mutex<Shard>> {
        self.shards().get(cluster).cloned().unwrap_or_default()
    }

    /// The same, to be changed: one that was not heard of, or has left, is known from now on.
    fn shard(&self, cluster: &ClusterId) -> Arc<Mutex<Shard>> {
        let mut shards = self.shards();
        if let Some(shard) = shards.get(cluster) {
            return shard.clone();
        }
        if is_label(cluster) {
            self.clusters.insert(label_of(cluster), cluster.clone());
        }
        shards.entry(cluster.clone()).or_default().clone()
    }

    /// The other half of [`Self::shard`].
    fn forget(&self, cluster: &ClusterId) {
        let mut shards = self.shards();
        shards.remove(cluster);
        self.clusters.remove(&label_of(cluster));
    }
}

impl Default for Registry {
    fn default() -> Self {
        let collector = Arc::new(Collector::new());
        Registry {
            services: index(&collector),
            imports: index(&collector),
            namespaces: index(&collector),
            addresses: index(&collector),
            outside: index(&collector),
            collector,
            pods: Map::default(),
            hosts: host::Hosts::default(),
            ranges: ranges::Ranges::default(),
            gateways: Gateways::default(),
            lost: ArcSwap::default(),
            clusters: Map::default(),
            declared: watch::Sender::default(),
            spaces: watch::Sender::default(),
            shards: Mutex::default(),
            writing: Mutex::default(),
            serial: AtomicU32::default(),
            import_serial: AtomicU32::default(),
            outside_serial: AtomicU32::default(),
            export_serial: AtomicU32::default(),
            exports: watch::Sender::default(),
        }
    }
}

/// What it guards is changed by code that does not panic half way; were it to, the next list of the cluster mends
/// it, so a poisoned lock is no reason to stop answering.
fn lock<T>(guarded: &Mutex<T>) -> MutexGuard<'_, T> {
    guarded.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a label of a name can be an ID: letters, digits, hyphens and underscores, at most 63 of them.
/// Only such a cluster has names of its own.
pub fn is_label(cluster: &ClusterId) -> bool {
    let id = cluster.as_str();
    let fits = |octet: u8| octet.is_ascii_alphanumeric() || b"-_".contains(&octet);
    (1..=63).contains(&id.len()) && id.bytes().all(fits)
}

/// An ID as a label of a name would spell it.
fn label_of(cluster: &ClusterId) -> Box<[u8]> {
    cluster.as_str().to_ascii_lowercase().into_bytes().into()
}
