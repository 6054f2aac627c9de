//! How changes come into the index.
//!
//! In: the [`Change`]s of each cluster, in order. Out: the entries of the names that they concern, each replaced
//! whole. What a cluster holds is locked by its own changes, and the index name by name: a list of a hundred
//! thousand Services holds up no other cluster.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use seize::LocalGuard;

use super::owner::{self, WireKey};
use super::pinned::{Holders, Homes, Index};
use super::shard::{Shard, Touched};
use super::{Owner, PodOwner, Registry, ServiceName, address, lock};
use crate::cluster::kinds::Pod;
use crate::cluster::{Change, ClusterId, Sink};

impl Sink for Registry {
    fn apply(&self, cluster: &ClusterId, change: Change) {
        let held = self.shard(cluster);
        let mut shard = lock(&held);
        if shard.has_left {
            // While this waited for it.
            drop(shard);
            return self.apply(cluster, change);
        }
        if let Change::Lost(_) | Change::Left = change {
            let _turn = self.turn();
            let mut lost = BTreeSet::clone(&self.lost.load());
            match change {
                Change::Lost(true) => lost.insert(cluster.clone()),
                _ => lost.remove(cluster),
            };
            self.lost.store(Arc::new(lost));
        }
        let touched = shard.apply(change);
        self.touch(cluster, &shard, touched);
        if shard.has_left {
            self.forget(cluster);
        }
    }
}

/// The right to replace what the index says of one name. Between two of one change others have theirs.
struct Turn<'a> {
    _alone: MutexGuard<'a, ()>,
    guard: LocalGuard<'a>,
}

impl Registry {
    /// For as little as may be seen at once.
    fn turn(&self) -> Turn<'_> {
        Turn { _alone: lock(&self.writing), guard: self.collector.enter() }
    }

    fn touch(&self, cluster: &ClusterId, shard: &Shard, touched: Touched) {
        let moves_spaces = !touched.namespaces.is_empty();
        for name in touched.namespaces {
            self.put_namespace(cluster, &name, shard.has_namespace(&name), &self.turn());
        }
        if moves_spaces {
            self.spaces.send_modify(|turn| *turn += 1);
        }
        let (mut in_set, mut is_exported_otherwise, mut outside) = (false, false, false);
        let services: BTreeSet<_> =
            touched.services.iter().chain(&touched.exports).chain(&touched.outside).collect();
        for (key, index) in
            services.into_iter().filter_map(|key| Some((owner::wire_key(key)?, key)))
        {
            let new = shard.service(cluster, index);
            let turn = self.turn();
            let old = put_owner(&self.services, cluster, key, new.clone(), &turn);
            self.move_addresses(old.as_ref(), new.as_ref(), &turn);
            outside |= address::outside(old.as_ref()) != address::outside(new.as_ref());
            in_set |= [&old, &new].into_iter().flatten().any(|owner| owner.exported.is_some());
            is_exported_otherwise |= owner::exported(&old) != owner::exported(&new);
        }
        let in_imports = !touched.imports.is_empty();
        let imports = touched.imports.into_iter();
        for (key, index) in imports.filter_map(|key| Some((owner::wire_key(&key)?, key))) {
            let new = shard.import(cluster, &index);
            put_owner(&self.imports, cluster, key, new, &self.turn());
        }
        for (old, new) in touched.pods {
            self.move_pod(cluster, old, new, &self.turn());
        }
        for (old, new) in &touched.entries {
            let _turn = self.turn();
            self.hosts.change(cluster, old.as_ref(), new.as_ref());
        }
        let _turn = self.turn();
        if let Some(points) = touched.gateway {
            self.gateways.put(cluster, points);
        }
        if touched.ranges {
            self.ranges.put(cluster, shard.ranges());
        }
        if touched.ranges || !touched.entries.is_empty() {
            self.declared.send_modify(|turn| *turn += 1);
        }
        if is_exported_otherwise {
            self.exports.send_modify(|turn| *turn += 1);
        }
        // Serials are 32 bits (RFC 1035 §3.3.13) and wrap by RFC 1982.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() as u32;
        for (moves, serial) in [
            (outside, &self.outside_serial),
            (in_set, &self.export_serial),
            (in_imports, &self.import_serial),
            (touched.serial, &self.serial),
        ] {
            if moves {
                serial.store(now, Ordering::Relaxed);
            }
        }
    }

    fn put_namespace(&self, cluster: &ClusterId, name: &str, exists: bool, turn: &Turn<'_>) {
        let label = name.as_bytes();
        let before = self.namespaces.get(label, &turn.guard).into_iter().flatten();
        let mut clusters: Homes = before.filter(|other| *other != cluster).cloned().collect();
        if exists {
            clusters.push(cluster.clone());
            clusters.sort();
        }
        if clusters.is_empty() {
            self.namespaces.remove(label, &turn.guard);
        } else {
            self.namespaces.insert(label.into(), clusters, &turn.guard);
        }
    }

    /// Moves a Pod's addresses from what it had to what it has. One that it keeps is there throughout.
    fn move_pod(
        &self,
        cluster: &ClusterId,
        old: Option<Arc<Pod>>,
        new: Option<Arc<Pod>>,
        _: &Turn<'_>,
    ) {
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
    fn move_addresses(&self, old: Option<&Owner>, new: Option<&Owner>, turn: &Turn<'_>) {
        let (before, after) = (old.map(address::of), new.map(address::of));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        move_owners(&self.addresses, &before, &after, turn);
        let (before, after) = (old.map(address::outside_of), new.map(address::outside_of));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        move_owners(&self.outside, &before, &after, turn);
    }
}

/// Moves addresses from what they had to what they have.
fn move_owners<T: Ord + Clone>(
    addresses: &Index<IpAddr, Holders<T>>,
    before: &BTreeSet<(IpAddr, T)>,
    after: &BTreeSet<(IpAddr, T)>,
    turn: &Turn<'_>,
) {
    for (ip, owner) in before.difference(after) {
        let held = addresses.get(ip, &turn.guard).into_iter().flatten();
        let left: Holders<T> = held.filter(|other| *other != owner).cloned().collect();
        if left.is_empty() {
            addresses.remove(ip, &turn.guard);
        } else {
            addresses.insert(*ip, left, &turn.guard);
        }
    }
    for (ip, owner) in after.difference(before) {
        let mut owners = addresses.get(ip, &turn.guard).cloned().unwrap_or_default();
        owners.push(owner.clone());
        owners.sort();
        addresses.insert(*ip, owners, &turn.guard);
    }
}

/// Puts or removes what one cluster says of a name; gives what it said before.
fn put_owner(
    names: &Index<WireKey, ServiceName>,
    cluster: &ClusterId,
    index: WireKey,
    new: Option<Owner>,
    turn: &Turn<'_>,
) -> Option<Owner> {
    let nobody = ServiceName::default();
    let current = names.get(&*index, &turn.guard).unwrap_or(&nobody);
    let old = current.owner(cluster).cloned();
    let next = current.with(cluster, new);
    if next.owners().is_empty() {
        names.remove(&*index, &turn.guard);
    } else {
        names.insert(index, next, &turn.guard);
    }
    old
}
