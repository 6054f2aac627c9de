//! The state of one member, as its tasks write it and readiness and status pages read it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::{Notify, watch};

use super::client::Contact;
use super::id::ClusterId;
use super::selection::{Kind, Number};

/// Whether a member's objects are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemberState {
    /// Not all of its first lists are finished.
    Connecting,
    /// All its watches have finished their first list. A member that is lost later stays so.
    Synced,
}

/// What a status page says of a member.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberStatus {
    pub id: ClusterId,
    pub is_local: bool,
    /// Where it comes from: a Secret and key, a file, a directory.
    pub source: String,
    pub state: MemberState,
    /// Something of it is known.
    pub is_known: bool,
    /// A watch of it fails at present; if it is synced, what was known is served.
    pub is_failing: bool,
    /// Its API server, or directory, was heard of and is within reach.
    pub is_up: bool,
    /// What the first of the watches that fail says, for people. Holds no credential.
    pub problem: Option<String>,
    /// The resources that its credentials may not list and watch, as a role names them.
    pub missing_rules: Vec<&'static str>,
    /// When its API server was last heard, or its directory last read.
    pub last_contact: Option<SystemTime>,
    /// How often a watch worked again after it failed, or a successor took over.
    pub reconnects: u64,
}

impl MemberStatus {
    /// Whether what it said last is served though it is out of reach.
    pub fn is_stale(&self) -> bool {
        self.is_known && !self.is_up
    }
}

/// Shared by a member's tasks and its readers.
#[derive(Debug)]
pub struct Condition {
    pub id: ClusterId,
    pub is_local: bool,
    pub source: String,
    watches: Box<[Watched]>,
    /// How many of them, from the first, are of Services.
    of_services: usize,
    /// Whether all watches of Services fail: the API is out of reach.
    lost: watch::Sender<bool>,
    reconnects: AtomicU64,
    changed: Arc<Notify>,
}

/// What is known of one watch.
#[derive(Debug, Default)]
struct Watched {
    contact: Arc<Contact>,
    /// Its first list is finished.
    synced: AtomicBool,
    failing: AtomicBool,
    /// Why it fails.
    problem: Mutex<Option<String>>,
    /// The kind that it may not list, whether another stands in for it or not.
    missing: Mutex<Option<Kind>>,
}

impl Condition {
    /// `changed` is told of each change.
    pub fn new(
        id: ClusterId,
        is_local: bool,
        source: String,
        number: Number,
        changed: Arc<Notify>,
    ) -> Self {
        let watches = (0..number.all).map(|_| Watched::default()).collect();
        let lost = watch::Sender::new(false);
        let (of_services, reconnects) = (number.of_services, AtomicU64::new(0));
        Condition { id, is_local, source, watches, of_services, lost, reconnects, changed }
    }

    pub fn contact(&self, watch: usize) -> &Arc<Contact> {
        &self.watches[watch].contact
    }

    pub fn state(&self) -> MemberState {
        // Pairs with the release in `set`: who sees Synced sees what was applied before.
        let all = self.watches.iter().all(|watch| watch.synced.load(Ordering::Acquire));
        if all { MemberState::Synced } else { MemberState::Connecting }
    }

    /// Whether any first list is finished.
    pub fn knows_any(&self) -> bool {
        self.watches.iter().any(|watch| watch.synced.load(Ordering::Acquire))
    }

    /// Whether it is complete, or the first list of each watch is finished whose is of another member of the
    /// same cluster.
    pub fn knows_all_of(&self, other: &Condition) -> bool {
        let is_synced = |watch: &Watched| watch.synced.load(Ordering::Acquire);
        let mut pairs = self.watches.iter().zip(&other.watches);
        let as_much = self.watches.len() == other.watches.len()
            && pairs.all(|(own, others)| is_synced(own) || !is_synced(others));
        as_much || !other.knows_any() || self.state() == MemberState::Synced
    }

    /// Whether its API is out of reach at present.
    pub fn is_lost(&self) -> bool {
        *self.lost.borrow()
    }

    /// Notes that what a watch said is forgotten.
    pub fn forget(&self, watch: usize) {
        self.set(&self.watches[watch].synced, false);
    }

    pub fn set_synced(&self, watch: usize) {
        self.set(&self.watches[watch].synced, true);
    }

    /// Notes that a watch fails, and why.
    pub fn fails(&self, watch: usize, why: String) {
        *lock(&self.watches[watch].problem) = Some(why);
        self.set(&self.watches[watch].failing, true);
        self.set_lost();
    }

    /// Notes that a watch works.
    pub fn works(&self, watch: usize) {
        *lock(&self.watches[watch].problem) = None;
        if self.set(&self.watches[watch].failing, false) {
            self.reconnects.fetch_add(1, Ordering::Relaxed);
        }
        self.set_lost();
    }

    /// Notes which kind a watch may not list, if there is one.
    pub fn set_missing(&self, watch: usize, kind: Option<Kind>) {
        *lock(&self.watches[watch].missing) = kind;
    }

    /// Goes on counting where its predecessor ends.
    pub fn take_over(&self, predecessor: &Condition) {
        let before = predecessor.reconnects.load(Ordering::Relaxed);
        self.reconnects.fetch_add(before + 1, Ordering::Relaxed);
    }

    /// Tells when the API is out of reach, and when it is back.
    pub fn lost(&self) -> watch::Receiver<bool> {
        self.lost.subscribe()
    }

    /// Forgets that first lists were finished: what they said is forgotten, too.
    pub fn reset(&self) {
        self.watches.iter().for_each(|watch| watch.synced.store(false, Ordering::Release));
        self.changed.notify_one();
    }

    pub fn status(&self) -> MemberStatus {
        let of_services = &self.watches[..self.of_services];
        let is_heard = of_services.iter().any(|watch| watch.contact.last().is_some());
        let missing = self.watches.iter().filter_map(|watch| *lock(&watch.missing));
        let missing: BTreeSet<&str> = missing.map(Kind::rule).collect();
        MemberStatus {
            id: self.id.clone(),
            is_local: self.is_local,
            source: self.source.clone(),
            state: self.state(),
            is_failing: self.watches.iter().any(|watch| watch.failing.load(Ordering::Acquire)),
            is_known: self.knows_any(),
            is_up: is_heard && !*self.lost.borrow(),
            problem: self.watches.iter().find_map(|watch| lock(&watch.problem).clone()),
            missing_rules: missing.into_iter().collect(),
            last_contact: self.watches.iter().filter_map(|watch| watch.contact.last()).max(),
            reconnects: self.reconnects.load(Ordering::Relaxed),
        }
    }

    fn set_lost(&self) {
        let is_lost = self.watches[..self.of_services]
            .iter()
            .all(|watch| watch.failing.load(Ordering::Acquire));
        self.lost.send_if_modified(|lost| std::mem::replace(lost, is_lost) != is_lost);
    }

    /// Says whether it was otherwise before.
    fn set(&self, flag: &AtomicBool, on: bool) -> bool {
        let is_new = flag.swap(on, Ordering::AcqRel) != on;
        if is_new {
            self.changed.notify_one();
        }
        is_new
    }
}

/// What is behind the locks is replaced whole, so that a panic elsewhere cannot leave it half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
