//! The names of a pool that are in use.
//!
//! In: names that were asked for, and those that ServiceEntries declare. Out: the names of an address,
//! and the addresses that several names have. A name is in use while a ServiceEntry declares it, with the
//! addresses that it says; and for an hour after it was asked for, with the pool's own.

use std::collections::{BTreeMap, BTreeSet, HashSet};
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
/// Of so many names some two are never of one entry.
const MANY: usize = 8;

/// A name in folded wire form, with the root.
pub type Folded = Box<[u8]>;

/// What a ServiceEntry says of a name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Declared {
    pub addresses: BTreeSet<IpAddr>,
    /// Which entry it is: the hosts of one may share an address.
    pub by: u64,
}

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

#[derive(Debug, Default)]
struct Use {
    /// The minute in which it was asked for last.
    asked: AtomicU32,
    declared: Option<Declared>,
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

    /// The names of an address that are not all of one ServiceEntry, if there are such.
    pub fn collision(&self, address: IpAddr) -> Option<Arc<BTreeSet<Folded>>> {
        let names = self.names(address).filter(|names| names.len() > 1)?;
        if names.len() > MANY {
            return Some(names);
        }
        let of = |name: &Folded| self.names.get(name)?.declared.as_ref().map(|of| of.by);
        let by: HashSet<Option<u64>> = names.iter().map(of).collect();
        (by.len() > 1 || by.contains(&None)).then_some(names)
    }

    /// Notes that a name was asked for in this minute, counted from 1. Says whether that was known: if
    /// not, [`InUse::learn`] is for the task that writes.
    pub fn stamp(&self, name: &[u8], minute: u32) -> bool {
        let known = self.names.get(name);
        known.is_some_and(|known| {
            let was_asked = known.asked.load(Ordering::Relaxed) != NEVER;
            if was_asked {
                known.asked.store(minute, Ordering::Relaxed);
            }
            was_asked
        })
    }

    /// Adds a name that was asked for. False where there is no room for it.
    pub fn learn(&self, name: &[u8], minute: u32) -> bool {
        if self.stamp(name, minute) {
            return true;
        }
        if self.names.len() >= MOST && !self.names.contains_key(name) {
            return false;
        }
        let declared = self.remove(name).and_then(|known| known.declared);
        self.put(name.into(), minute, declared);
        true
    }

    /// Replaces all that is declared of names with an address in this pool.
    pub fn declare(&self, all: &BTreeMap<Folded, Declared>) {
        let is_gone =
            |name: &Folded, known: &Use| known.declared.is_some() && !all.contains_key(name);
        let gone = self.names.iter().filter(|entry| is_gone(entry.key(), entry.value()));
        for name in gone.map(|entry| entry.key().clone()).collect::<Vec<_>>() {
            let asked = self.remove(&name).map_or(NEVER, |known| known.asked.into_inner());
            self.put(name, asked, None);
        }
        for (name, declared) in all {
            let known = self.names.get(name);
            if known.is_some_and(|known| known.declared.as_ref() == Some(declared)) {
                continue;
            }
            let asked = self.remove(name).map_or(NEVER, |known| known.asked.into_inner());
            self.put(name.clone(), asked, Some(declared.clone()));
        }
    }

    /// Forgets what nobody has asked for in the last hour, unless it is declared.
    pub fn sweep(&self, minute: u32) {
        let is_over = |known: &Use| {
            let asked = known.asked.load(Ordering::Relaxed);
            asked != NEVER && asked + KEPT < minute
        };
        let over = self.names.iter().filter(|entry| is_over(entry.value()));
        for name in over.map(|entry| entry.key().clone()).collect::<Vec<_>>() {
            let declared = self.remove(&name).and_then(|known| known.declared);
            self.put(name, NEVER, declared);
        }
    }

    /// The addresses that several names have, in order.
    pub fn collisions(&self) -> Vec<Collision> {
        let several = self.addresses.iter().filter(|entry| entry.value().len() > 1);
        let addresses: Vec<IpAddr> = several.map(|entry| *entry.key()).collect();
        let collision = |address| {
            let names = self.collision(address)?;
            Some(Collision { address, names: (*names).clone() })
        };
        let mut all: Vec<Collision> = addresses.into_iter().filter_map(collision).collect();
        all.sort();
        all
    }

    /// Adds a name with its addresses, if it is in use.
    fn put(&self, name: Folded, asked: u32, declared: Option<Declared>) {
        if asked == NEVER && declared.is_none() {
            return;
        }
        let mut addresses = BTreeSet::new();
        addresses.extend(declared.iter().flat_map(|declared| &declared.addresses));
        if let (true, Some((wire, _))) = (asked != NEVER, WireName::read(&name)) {
            addresses.insert(self.pool.address(&wire));
        }
        for address in &addresses {
            let mut names = self.addresses.entry(*address).or_default();
            if Arc::make_mut(&mut names).insert(name.clone()) && names.len() == 2 {
                self.shared.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.names.insert(name, Use { asked: asked.into(), declared, addresses });
    }

    fn remove(&self, name: &[u8]) -> Option<Use> {
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
