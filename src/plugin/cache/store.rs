//! A bounded map from questions to what was answered.
//!
//! 256 shards with a lock each. A shard that is full gives up one of its entries at random for a new one, as
//! in CoreDNS (plugin/pkg/cache), and a question is in the same shard as there: so the same questions evict
//! as much. Within a shard, questions are compared whole, by a hash that is quick; its seed is not known outside,
//! and who guessed it all the same would find shards that hold few.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use indexmap::{Equivalent, IndexMap};

use crate::telemetry::mnemonic;

const SHARDS: usize = 256;
/// The fewest entries that a shard holds.
const FEWEST: usize = 4;

/// A question, as far as answers to it differ.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Key<Name = Box<[u8]>> {
    /// In wire form and lower case.
    pub name: Name,
    pub qtype: u16,
    pub class: u16,
    pub dnssec_ok: bool,
    pub checking_disabled: bool,
}

/// The same without a copy of the name.
pub(super) type KeyRef<'a> = Key<&'a [u8]>;

impl Key {
    pub fn borrowed(&self) -> KeyRef<'_> {
        let Key { qtype, class, dnssec_ok, checking_disabled, .. } = *self;
        Key { name: &self.name, qtype, class, dnssec_ok, checking_disabled }
    }
}

/// A question with the shard that it is in, of every store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed<'a> {
    key: KeyRef<'a>,
    shard: usize,
}

impl<'a> KeyRef<'a> {
    pub fn placed(self) -> Placed<'a> {
        Placed { key: self, shard: self.shard() }
    }

    /// FNV-1 over the same octets as in CoreDNS (`hash` of plugin/cache/cache.go); its low bits.
    fn shard(&self) -> usize {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let digit = |bit: bool| if bit { b'1' } else { b'0' };
        let ([t1, t2], [c1, c2]) = (self.qtype.to_be_bytes(), self.class.to_be_bytes());
        let head = [digit(self.dnssec_ok), digit(self.checking_disabled), t1, t2, c1, c2];
        let mut hash = OFFSET;
        let mut add = |octet: u8| hash = hash.wrapping_mul(PRIME) ^ u64::from(octet);
        head.into_iter().for_each(&mut add);
        // The name as it is spelled, with its final dot.
        let mut rest = self.name;
        while let Some((length @ 1.., tail)) = rest.split_first() {
            let (label, after) = tail.split_at_checked(usize::from(*length)).unwrap_or_default();
            for octet in label {
                match octet {
                    // Most are spelled as they are.
                    b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => add(*octet),
                    _ => mnemonic::escaped(*octet).for_each(&mut add),
                }
            }
            add(b'.');
            rest = after;
        }
        if self.name.len() <= 1 {
            add(b'.');
        }
        usize::from(hash as u8)
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self == key.borrowed()
    }
}

type Shard<T> = IndexMap<Key, T, RandomState>;

/// The map. Values are cheap to clone.
#[derive(Debug)]
pub(super) struct Store<T> {
    shards: Box<[Mutex<Shard<T>>]>,
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
        let mut shard = self.shard(&key.borrowed().placed());
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

    pub fn get(&self, question: &Placed<'_>) -> Option<T> {
        self.shard(question).get(&question.key).cloned()
    }

    pub fn remove(&self, question: &Placed<'_>) {
        if self.shard(question).swap_remove(&question.key).is_some() {
            self.len.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    fn shard(&self, question: &Placed<'_>) -> MutexGuard<'_, Shard<T>> {
        // Nothing panics between the steps of a change.
        self.shards[question.shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::RecordType;

    use super::*;
    use crate::plugin::names;

    fn key(name: &str) -> Key {
        of(name, RecordType::A, 1)
    }

    fn of(name: &str, qtype: RecordType, class: u16) -> Key {
        let name = names::wire(&names::parse(name).unwrap()).folded().into();
        let (dnssec_ok, checking_disabled) = (false, false);
        Key { name, qtype: qtype.into(), class, dnssec_ok, checking_disabled }
    }

    #[test]
    fn keeps_questions_apart() {
        let store = Store::new(0);
        let name = "A.test";
        let (v4, v6) = (RecordType::A, RecordType::AAAA);
        let keys = [
            of(name, v4, 1),
            of(name, v6, 1),
            of(name, v4, 3),
            Key { dnssec_ok: true, ..of(name, v4, 1) },
            Key { checking_disabled: true, ..of(name, v4, 1) },
            key("b.test"),
        ];
        for (number, key) in keys.iter().enumerate() {
            assert!(!store.insert(key.clone(), number));
        }
        assert_eq!(store.len(), keys.len());
        for (number, key) in keys.iter().enumerate() {
            assert_eq!(store.get(&key.borrowed().placed()), Some(number));
        }
        assert_eq!(store.get(&key("a.TEST.").borrowed().placed()), Some(0), "in any case");
        store.insert(keys[0].clone(), 9);
        assert_eq!((store.get(&keys[0].borrowed().placed()), store.len()), (Some(9), keys.len()));
        store.remove(&keys[0].borrowed().placed());
        store.remove(&keys[0].borrowed().placed());
        assert_eq!((store.get(&keys[0].borrowed().placed()), store.len()), (None, keys.len() - 1));
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
                .filter(|key| key.borrowed().shard() == 7)
                .take(8)
                .collect();
            for key in &same {
                evicted += usize::from(store.insert(key.clone(), ()));
            }
            assert_eq!((store.len(), evicted), (4, 4));
            survivors.extend((0..8).filter(|n| store.get(&same[*n].borrowed().placed()).is_some()));
        }
        assert_eq!(survivors.len(), 8, "each of them stays at some time");
    }

    /// As Go's hash/fnv computes them.
    #[test]
    fn chooses_the_shards_of_coredns() {
        let dnssec = Key {
            dnssec_ok: true,
            checking_disabled: true,
            ..of("example.org", RecordType::AAAA, 1)
        };
        let found = [key("."), key("example.org"), dnssec].map(|key| key.borrowed().shard());
        assert_eq!(found, [65, 121, 250]);
    }
}
