//! What exists: one merged index over all clusters, keyed by Service name.
//!
//! In: the [`Change`]s of every cluster ([`crate::cluster::Sink`]). Out, for the zone: the owners of a
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

#[cfg(test)]
mod tests;
#[cfg(test)]
mod touch_tests;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use dashmap::DashMap;
use foldhash::fast::RandomState;
use seize::{Collector, LocalGuard};
use tokio::sync::watch;

pub use address::{AddressOwner, Holder, OutsideOwner};
pub use gateway::Gateways;
pub use host::{Declaration, Host};
pub use owner::{Owner, ServiceName};
pub use pinned::{Homes, Pinned};
pub use ranges::ClusterRanges;

use crate::cluster::kinds::Pod;
use crate::cluster::{Change, ClusterId, Kind, Sink};
use owner::WireKey;
use pinned::{Holders, Index, index};
use shard::{Shard, Touched};

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
    /// What each cluster holds, which only its own changes touch.
    shards: Mutex<HashMap<ClusterId, Shard>>,
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
    pub fn ranges(&self) -> Vec<(ClusterId, Arc<ClusterRanges>)> {
        self.ranges.all()
    }

    /// Those of one cluster, if it says any.
    pub fn ranges_of(&self, cluster: &ClusterId) -> Option<Arc<ClusterRanges>> {
        self.ranges.of(cluster)
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
        let shards = self.shards();
        shards.get(cluster).map_or_else(|| Shard::default().count(kind), |shard| shard.count(kind))
    }

    /// How many ready endpoints a cluster has.
    pub fn endpoints(&self, cluster: &ClusterId) -> usize {
        self.shards().get(cluster).map_or(0, Shard::endpoints)
    }

    /// Number of Service names, for the bench and status pages.
    pub fn len(&self) -> usize {
        self.services.len()
    }

    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    fn shards(&self) -> MutexGuard<'_, HashMap<ClusterId, Shard>> {
        // A shard is changed by code that does not panic half way; were it to, the next list of the
        // cluster mends it, so a poisoned lock is no reason to stop answering.
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self, cluster: &ClusterId, shard: &Shard, touched: Touched) {
        let guard = &self.collector.enter();
        let moves_spaces = !touched.namespaces.is_empty();
        for name in touched.namespaces {
            self.put_namespace(cluster, &name, shard.has_namespace(&name), guard);
        }
        if moves_spaces {
            self.spaces.send_modify(|turn| *turn += 1);
        }
        // Serials are 32 bits (RFC 1035 §3.3.13) and wrap by RFC 1982.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() as u32;
        let (mut in_set, mut is_exported_otherwise, mut outside) = (false, false, false);
        let services: BTreeSet<_> =
            touched.services.iter().chain(&touched.exports).chain(&touched.outside).collect();
        for (key, index) in
            services.into_iter().filter_map(|key| Some((owner::wire_key(key)?, key)))
        {
            let new = shard.service(cluster, index);
            let old = put_owner(&self.services, cluster, key, new.clone(), guard);
            self.move_addresses(old.as_ref(), new.as_ref(), guard);
            outside |= address::outside(old.as_ref()) != address::outside(new.as_ref());
            in_set |= [&old, &new].into_iter().flatten().any(|owner| owner.exported.is_some());
            is_exported_otherwise |= owner::exported(&old) != owner::exported(&new);
        }
        if outside {
            self.outside_serial.store(now, Ordering::Relaxed);
        }
        if in_set {
            self.export_serial.store(now, Ordering::Relaxed);
        }
        if is_exported_otherwise {
            self.exports.send_modify(|turn| *turn += 1);
        }
        if !touched.imports.is_empty() {
            self.import_serial.store(now, Ordering::Relaxed);
        }
        let imports = touched.imports.into_iter();
        for (key, index) in imports.filter_map(|key| Some((owner::wire_key(&key)?, key))) {
            put_owner(&self.imports, cluster, key, shard.import(cluster, &index), guard);
        }
        for (old, new) in touched.pods {
            self.move_pod(cluster, old, new);
        }
        for (old, new) in &touched.entries {
            self.hosts.change(cluster, old.as_ref(), new.as_ref());
        }
        if let Some(points) = touched.gateway {
            self.gateways.put(cluster, points);
        }
        if touched.ranges {
            self.ranges.put(cluster, shard.ranges());
        }
        if touched.ranges || !touched.entries.is_empty() {
            self.declared.send_modify(|turn| *turn += 1);
        }
        if touched.serial {
            self.serial.store(now, Ordering::Relaxed);
        }
    }

    fn put_namespace(&self, cluster: &ClusterId, name: &str, exists: bool, guard: &LocalGuard<'_>) {
        let label = name.as_bytes();
        let before = self.namespaces.get(label, guard).into_iter().flatten();
        let mut clusters: Homes = before.filter(|other| *other != cluster).cloned().collect();
        if exists {
            clusters.push(cluster.clone());
            clusters.sort();
        }
        if clusters.is_empty() {
            self.namespaces.remove(label, guard);
        } else {
            self.namespaces.insert(label.into(), clusters, guard);
        }
    }

    /// Moves a Pod's addresses from what it had to what it has. One that it keeps is there throughout.
    fn move_pod(&self, cluster: &ClusterId, old: Option<Arc<Pod>>, new: Option<Arc<Pod>>) {
        let before = old.iter().flat_map(|pod| &pod.addresses);
        let after = new.iter().flat_map(|pod| &pod.addresses);
        for address in before.chain(after).collect::<BTreeSet<_>>() {
            let mut owners = self.pods.get(address).map(|all| all.to_vec()).unwrap_or_default();
            owners.retain(|owner| {
                owner.cluster != *cluster
                    || [&old, &new].into_iter().flatten().all(|pod| pod.key != owner.pod.key)
            });
            let has = new.iter().filter(|pod| pod.addresses.contains(address));
            owners.extend(has.map(|pod| PodOwner { cluster: cluster.clone(), pod: pod.clone() }));
            if owners.is_empty() {
                self.pods.remove(address);
            } else {
                self.pods.insert(*address, owners.into());
            }
        }
    }

    /// Moves one name's addresses from what it had to what it has.
    fn move_addresses(&self, old: Option<&Owner>, new: Option<&Owner>, guard: &LocalGuard<'_>) {
        let (before, after) = (old.map(address::of), new.map(address::of));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        move_owners(&self.addresses, &before, &after, guard);
        let (before, after) = (old.map(address::outside_of), new.map(address::outside_of));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        move_owners(&self.outside, &before, &after, guard);
    }
}

/// Moves addresses from what they had to what they have.
fn move_owners<T: Ord + Clone>(
    addresses: &Index<IpAddr, Holders<T>>,
    before: &BTreeSet<(IpAddr, T)>,
    after: &BTreeSet<(IpAddr, T)>,
    guard: &LocalGuard<'_>,
) {
    for (ip, owner) in before.difference(after) {
        let held = addresses.get(ip, guard).into_iter().flatten();
        let left: Holders<T> = held.filter(|other| *other != owner).cloned().collect();
        if left.is_empty() {
            addresses.remove(ip, guard);
        } else {
            addresses.insert(*ip, left, guard);
        }
    }
    for (ip, owner) in after.difference(before) {
        let mut owners = addresses.get(ip, guard).cloned().unwrap_or_default();
        owners.push(owner.clone());
        owners.sort();
        addresses.insert(*ip, owners, guard);
    }
}

/// Puts or removes what one cluster says of a name; gives what it said before.
fn put_owner(
    names: &Index<WireKey, ServiceName>,
    cluster: &ClusterId,
    index: WireKey,
    new: Option<Owner>,
    guard: &LocalGuard<'_>,
) -> Option<Owner> {
    let nobody = ServiceName::default();
    let current = names.get(&*index, guard).unwrap_or(&nobody);
    let old = current.owner(cluster).cloned();
    let next = current.with(cluster, new);
    if next.owners().is_empty() {
        names.remove(&*index, guard);
    } else {
        names.insert(index, next, guard);
    }
    old
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
            serial: AtomicU32::default(),
            import_serial: AtomicU32::default(),
            outside_serial: AtomicU32::default(),
            export_serial: AtomicU32::default(),
            exports: watch::Sender::default(),
        }
    }
}

impl Sink for Registry {
    fn apply(&self, cluster: &ClusterId, change: Change) {
        let mut shards = self.shards();
        let left = matches!(change, Change::Left);
        if let Change::Lost(_) | Change::Left = change {
            let mut lost = BTreeSet::clone(&self.lost.load());
            match change {
                Change::Lost(true) => lost.insert(cluster.clone()),
                _ => lost.remove(cluster),
            };
            self.lost.store(Arc::new(lost));
        }
        if !shards.contains_key(cluster) && is_label(cluster) {
            self.clusters.insert(label_of(cluster), cluster.clone());
        }
        let shard = shards.entry(cluster.clone()).or_default();
        let touched = shard.apply(change);
        self.touch(cluster, shard, touched);
        if left {
            shards.remove(cluster);
            self.clusters.remove(&label_of(cluster));
        }
    }
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
