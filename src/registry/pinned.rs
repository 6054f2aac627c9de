//! The index as a question reads it.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use foldhash::fast::RandomState;
use papaya::{HashMap, LocalGuard, ResizeMode};
use seize::Collector;
use smallvec::SmallVec;

use super::owner;
use super::{AddressOwner, OutsideOwner, Registry, ServiceName};
use crate::cluster::ClusterId;
use crate::cluster::kinds::ObjectKey;

/// What is looked up for each question: without a lock, and without a count that the cores take from each
/// other; the value is where the key is. Its hash is quick for short keys. The seed of that need not be a
/// secret: only those who may create Services choose keys, and a question adds none.
pub(super) type Index<K, V> = HashMap<K, V, RandomState>;

/// Those that hold one address: mostly one.
pub(super) type Holders<T> = SmallVec<[T; 1]>;

/// The clusters that have a namespace, in the order of their IDs.
pub type Homes = SmallVec<[ClusterId; 2]>;

/// An empty index. What is taken out of those of one collector is freed when nobody has them pinned.
pub(super) fn index<K, V>(collector: &Arc<Collector>) -> Index<K, V>
where
    K: Send + 'static,
    V: Send + 'static,
{
    HashMap::builder()
        .hasher(RandomState::default())
        // Else what grew last is looked for in two tables until something is added.
        .resize_mode(ResizeMode::Blocking)
        .shared_collector(collector.clone())
        .build()
}

/// A registry in which what is found stays for as long as this does, whatever changes meanwhile. For one
/// question, or one transfer: what was replaced is not freed before.
pub struct Pinned<'r> {
    registry: &'r Registry,
    guard: LocalGuard<'r>,
}

impl Registry {
    /// Pins what is found. This costs a few nanoseconds, and again less where it is done already.
    pub fn pin(&self) -> Pinned<'_> {
        Pinned { registry: self, guard: self.collector.enter() }
    }
}

impl Pinned<'_> {
    /// The owners of a Service name. `key` is the wire form of its two labels, lower case:
    /// `\x03web\x04shop`.
    pub fn service(&self, key: &[u8]) -> Option<&ServiceName> {
        self.services.get(key, &self.guard)
    }

    /// The owners of a Service's name.
    pub fn service_of(&self, key: &ObjectKey) -> Option<&ServiceName> {
        self.service(&owner::wire_key(key)?)
    }

    /// The owners of a ServiceImport's name, by the same key.
    pub fn import(&self, key: &[u8]) -> Option<&ServiceName> {
        self.imports.get(key, &self.guard)
    }

    /// What is known of every Service name, in no order, for a transfer.
    pub fn all_services(&self) -> Vec<&ServiceName> {
        self.services.values(&self.guard).collect()
    }

    /// The same of ServiceImports.
    pub fn all_imports(&self) -> Vec<&ServiceName> {
        self.imports.values(&self.guard).collect()
    }

    /// The clusters that have a namespace, in the order of their IDs.
    pub fn namespace(&self, label: &[u8]) -> Option<&[ClusterId]> {
        self.namespaces.get(label, &self.guard).map(|homes| &**homes)
    }

    /// All namespaces, as labels, with the clusters that have them, in no order.
    pub fn all_namespaces(&self) -> Vec<(&[u8], &[ClusterId])> {
        self.namespaces.iter(&self.guard).map(|(label, homes)| (&**label, &**homes)).collect()
    }

    /// Whose address this is: ClusterIPs first.
    pub fn address(&self, address: IpAddr) -> Option<&[AddressOwner]> {
        self.addresses.get(&address, &self.guard).map(|holders| &**holders)
    }

    /// The Services that are reached at an address from outside of their clusters.
    pub fn outside(&self, address: IpAddr) -> Option<&[OutsideOwner]> {
        self.outside.get(&address, &self.guard).map(|holders| &**holders)
    }
}

impl Deref for Pinned<'_> {
    type Target = Registry;

    fn deref(&self) -> &Registry {
        self.registry
    }
}
