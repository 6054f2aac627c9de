//! A bounded map from questions to what was answered.
//!
//! 256 shards with a lock each. A shard that is full gives up one of its entries at random for a new one, as
//! in CoreDNS (plugin/pkg/cache), and a question is in the same shard as there: so the same questions evict
//! as much. Within a shard, questions are compared whole, by a hash that nobody outside can foresee.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hickory_proto::rr::{Name, RecordType};
use indexmap::IndexMap;

use crate::telemetry::mnemonic;

const SHARDS: usize = 256;
/// The fewest entries that a shard holds.
const FEWEST: usize = 4;

/// A question, as far as answers to it differ.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Key {
    /// In lower case.
    name: String,
    qtype: u16,
    class: u16,
    dnssec_ok: bool,
    checking_disabled: bool,
}

impl Key {
    pub fn new(
        (name, qtype, class): (&Name, RecordType, u16),
        dnssec_ok: bool,
        checking_disabled: bool,
    ) -> Self {
        let (name, qtype) = (mnemonic::name(name), u16::from(qtype));
        Key { name, qtype, class, dnssec_ok, checking_disabled }
    }

    /// The name in lower case, with its final dot.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// FNV-1 over the same octets as in CoreDNS (`hash` of plugin/cache/cache.go); its low bits.
    fn shard(&self) -> usize {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let digit = |bit: bool| if bit { b'1' } else { b'0' };
        let ([t1, t2], [c1, c2]) = (self.qtype.to_be_bytes(), self.class.to_be_bytes());
        let head = [digit(self.dnssec_ok), digit(self.checking_disabled), t1, t2, c1, c2];
        let octets = head.into_iter().chain(self.name.bytes());
        let hash = octets.fold(OFFSET, |hash, octet| hash.wrapping_mul(PRIME) ^ u64::from(octet));
        usize::from(hash as u8)
    }
}

/// The map. Values are cheap to clone.
#[derive(Debug)]
pub(super) struct Store<T> {
    shards: Box<[Mutex<IndexMap<Key, T>>]>,
    /// The most entries of a shard.
    most: usize,
    len: AtomicUsize,
}

impl<T: Clone> Store<T> {
    /// For so many entries, rounded down to shards of one size; no fewer than 1024.
    pub fn new(capacity: usize) -> Self {
        Store {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            most: (capacity / SHARDS).max(FEWEST),
            len: AtomicUsize::new(0),
        }
    }

    /// Puts an entry in, in place of that of the same question. Says whether it cost another one its place.
    pub fn insert(&self, key: Key, value: T) -> bool {
        let mut shard = self.shard(&key);
        let evicts = shard.len() >= self.most && !shard.contains_key(&key);
        if evicts {
            let any = rand::random_range(0..shard.len());
            shard.swap_remove_index(any);
        }
        if shard.insert(key, value).is_none() && !evicts {
            // The counter is for metrics: it guards nothing.
            self.len.fetch_add(1, Ordering::Relaxed);
        }
        evicts
    }

    pub fn get(&self, key: &Key) -> Option<T> {
        self.shard(key).get(key).cloned()
    }

    pub fn remove(&self, key: &Key) {
        if self.shard(key).swap_remove(key).is_some() {
            self.len.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, IndexMap<Key, T>> {
        // Nothing panics between the steps of a change.
        self.shards[key.shard()].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::names;

    fn key(name: &str) -> Key {
        Key::new((&names::parse(name).unwrap(), RecordType::A, 1), false, false)
    }

    #[test]
    fn keeps_questions_apart() {
        let store = Store::new(0);
        let name = names::parse("A.test").unwrap();
        let (v4, v6) = (RecordType::A, RecordType::AAAA);
        let keys = [
            Key::new((&name, v4, 1), false, false),
            Key::new((&name, v6, 1), false, false),
            Key::new((&name, v4, 3), false, false),
            Key::new((&name, v4, 1), true, false),
            Key::new((&name, v4, 1), false, true),
            key("b.test"),
        ];
        for (number, key) in keys.iter().enumerate() {
            assert!(!store.insert(key.clone(), number));
        }
        assert_eq!(store.len(), keys.len());
        for (number, key) in keys.iter().enumerate() {
            assert_eq!(store.get(key), Some(number));
        }
        assert_eq!(store.get(&key("a.TEST.")), Some(0), "in any case");
        store.insert(keys[0].clone(), 9);
        assert_eq!((store.get(&keys[0]), store.len()), (Some(9), keys.len()));
        store.remove(&keys[0]);
        store.remove(&keys[0]);
        assert_eq!((store.get(&keys[0]), store.len()), (None, keys.len() - 1));
    }

    #[test]
    fn holds_no_more_than_its_capacity_and_evicts_at_random() {
        for (capacity, most) in [(0, 4), (1024, 4), (2559, 9), (10_000, 39)] {
            assert_eq!(Store::<()>::new(capacity).most, most);
        }
        let mut survivors = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let store = Store::new(1);
            let mut evicted = 0;
            let same: Vec<Key> = (0..)
                .map(|n| key(&format!("n{n}")))
                .filter(|key| key.shard() == 7)
                .take(8)
                .collect();
            for key in &same {
                evicted += usize::from(store.insert(key.clone(), ()));
            }
            assert_eq!((store.len(), evicted), (4, 4));
            survivors.extend((0..8).filter(|n| store.get(&same[*n]).is_some()));
        }
        assert_eq!(survivors.len(), 8, "each of them stays at some time");
    }

    /// As Go's hash/fnv computes them.
    #[test]
    fn chooses_the_shards_of_coredns() {
        let dnssec =
            |name| Key::new((&names::parse(name).unwrap(), RecordType::AAAA, 1), true, true);
        let found = [key(".").shard(), key("example.org").shard(), dnssec("example.org").shard()];
        assert_eq!(found, [65, 121, 250]);
    }
}
