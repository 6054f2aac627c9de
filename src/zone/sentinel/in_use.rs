//! The names of a pool that are in use.
//!
//! In: names that were asked for, and those that ServiceEntries declare. Out: the names of an address,
//! and the addresses that several names have. A name is in use while a ServiceEntry declares it, and for
//! an hour after it was asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use dashmap::DashMap;

use crate::zone::name::WireName;
use crate::zone::pool::Pool;

/// Minutes for which a name is in use after it was asked for.
const KEPT: u32 = 60;
/// How many names that nobody declared are remembered.
pub const MOST: usize = 65_536;
/// The minute of a name that nobody asked for.
const NEVER: u32 = 0;

/// A name in folded wire form, with the root.
pub type Folded = Box<[u8]>;

/// A name in use as text, with its final dot.
pub fn spelled(name: &[u8]) -> String {
    WireName::read(name).map(|(name, _)| name.to_string()).unwrap_or_default()
}

/// The names in use of one pool. Written by one task; read, and stamped, by all.
pub struct InUse {
    pub pool: Pool,
    names: DashMap<Folded, Use>,
    addresses: DashMap<IpAddr, Arc<BTreeSet<Folded>>>,
    /// How many of them have several names.
    shared: AtomicUsize,
}

struct Use {
    /// The minute in which it was asked for last.
    asked: AtomicU32,
    /// Its addresses in this pool, if it is declared.
    declared: BTreeSet<IpAddr>,
    /// Those that it is found by.
    addresses: BTreeSet<IpAddr>,
}

/// An address that several names have.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Collision {
    pub address: IpAddr,
    pub names: BTreeSet<Folded>,
}

impl InUse {
    pub fn new(pool: Pool) -> Self {
        let shared = AtomicUsize::new(0);
        InUse { pool, names: DashMap::new(), addresses: DashMap::new(), shared }
    }

    /// How many names are in use.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// How many addresses have several names.
    pub fn shared(&self) -> usize {
        self.shared.load(Ordering::Relaxed)
    }

    /// The names that have an address.
    pub fn names(&self, address: IpAddr) -> Option<Arc<BTreeSet<Folded>>> {
        self.addresses.get(&address).map(|entry| entry.value().clone())
    }

    /// Notes that a name was asked for in this minute, counted from 1. Says whether it was known: if
    /// not, [`InUse::learn`] is for the task that writes.
    pub fn stamp(&self, name: &[u8], minute: u32) -> bool {
        let known = self.names.get(name);
        known.is_some_and(|known| {
            known.asked.store(minute, Ordering::Relaxed);
            true
        })
    }

    /// Adds a name that was asked for. False where there is no room for it.
    pub fn learn(&self, name: &[u8], minute: u32) -> bool {
        if self.stamp(name, minute) {
            return true;
        }
        let Some((wire, _)) = WireName::read(name) else { return true };
        if self.names.len() >= MOST {
            return false;
        }
        let addresses = BTreeSet::from([self.pool.address(&wire)]);
        self.put(name.into(), Use { asked: minute.into(), declared: BTreeSet::new(), addresses });
        true
    }

    /// Replaces all names that are declared, with their addresses in this pool.
    pub fn declare(&self, all: &BTreeMap<Folded, BTreeSet<IpAddr>>) {
        let is_gone =
            |name: &Folded, known: &Use| !known.declared.is_empty() && !all.contains_key(name);
        let gone = self.names.iter().filter(|entry| is_gone(entry.key(), entry.value()));
        for name in gone.map(|entry| entry.key().clone()).collect::<Vec<_>>() {
            self.redeclare(name, BTreeSet::new());
        }
        for (name, addresses) in all {
            let is_known = self.names.get(name).is_some_and(|known| known.declared == *addresses);
            if !is_known {
                self.redeclare(name.clone(), addresses.clone());
            }
        }
    }

    /// Forgets what nobody declares or has asked for in the last hour.
    pub fn sweep(&self, minute: u32) {
        let is_over = |known: &Use| {
            let asked = known.asked.load(Ordering::Relaxed);
            known.declared.is_empty() && (asked == NEVER || asked + KEPT < minute)
        };
        let over = self.names.iter().filter(|entry| is_over(entry.value()));
        for name in over.map(|entry| entry.key().clone()).collect::<Vec<_>>() {
            self.remove(&name);
        }
    }

    /// The addresses that several names have, in order.
    pub fn collisions(&self) -> Vec<Collision> {
        let several = self.addresses.iter().filter(|entry| entry.value().len() > 1);
        let mut all: Vec<Collision> = several
            .map(|entry| Collision { address: *entry.key(), names: (**entry.value()).clone() })
            .collect();
        all.sort();
        all
    }

    fn redeclare(&self, name: Folded, declared: BTreeSet<IpAddr>) {
        let asked = self.remove(&name).map_or(NEVER, |known| known.asked.into_inner());
        if declared.is_empty() && asked == NEVER {
            return;
        }
        let addresses = match WireName::read(&name) {
            // An entry's own addresses are answered instead of that of the name.
            Some((wire, _)) if declared.is_empty() => BTreeSet::from([self.pool.address(&wire)]),
            _ => declared.clone(),
        };
        self.put(name, Use { asked: asked.into(), declared, addresses });
    }

    fn put(&self, name: Folded, new: Use) {
        for address in &new.addresses {
            let mut names = self.addresses.entry(*address).or_default();
            if Arc::make_mut(&mut names).insert(name.clone()) && names.len() == 2 {
                self.shared.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.names.insert(name, new);
    }

    fn remove(&self, name: &Folded) -> Option<Use> {
        let (_, old) = self.names.remove(name)?;
        for address in &old.addresses {
            if let dashmap::Entry::Occupied(mut entry) = self.addresses.entry(*address) {
                if Arc::make_mut(entry.get_mut()).remove(name) && entry.get().len() == 1 {
                    self.shared.fetch_sub(1, Ordering::Relaxed);
                }
                if entry.get().is_empty() {
                    entry.remove();
                }
            }
        }
        Some(old)
    }
}

#[cfg(test)]
#[path = "in_use_tests.rs"]
mod tests;
