//! The state of one member, as its tasks write it and readiness and status pages read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use tokio::sync::{Notify, watch};

use super::client::Contact;
use super::event::ClusterId;

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
    /// A watch of it fails at present; if it is synced, what was known is served.
    pub is_failing: bool,
    /// When its API server was last heard, or its directory last read.
    pub last_contact: Option<SystemTime>,
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
    changed: Arc<Notify>,
}

/// What is known of one watch.
#[derive(Debug, Default)]
struct Watched {
    contact: Arc<Contact>,
    /// Its first list is finished.
    synced: AtomicBool,
    failing: AtomicBool,
}

/// How many watches a member has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Number {
    pub all: usize,
    /// Those of Services, which stand first.
    pub of_services: usize,
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
        let of_services = number.of_services;
        Condition { id, is_local, source, watches, of_services, lost, changed }
    }

    pub fn contact(&self, watch: usize) -> &Arc<Contact> {
        &self.watches[watch].contact
    }

    pub fn state(&self) -> MemberState {
        // Pairs with the release in `set`: who sees Synced sees what was applied before.
        let all = self.watches.iter().all(|watch| watch.synced.load(Ordering::Acquire));
        if all { MemberState::Synced } else { MemberState::Connecting }
    }

    pub fn set_synced(&self, watch: usize) {
        self.set(&self.watches[watch].synced, true);
    }

    pub fn set_failing(&self, watch: usize, is_failing: bool) {
        self.set(&self.watches[watch].failing, is_failing);
        let is_lost = self.watches[..self.of_services]
            .iter()
            .all(|watch| watch.failing.load(Ordering::Acquire));
        self.lost.send_if_modified(|lost| std::mem::replace(lost, is_lost) != is_lost);
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
        MemberStatus {
            id: self.id.clone(),
            is_local: self.is_local,
            source: self.source.clone(),
            state: self.state(),
            is_failing: self.watches.iter().any(|watch| watch.failing.load(Ordering::Acquire)),
            last_contact: self.watches.iter().filter_map(|watch| watch.contact.last()).max(),
        }
    }

    fn set(&self, flag: &AtomicBool, on: bool) {
        if flag.swap(on, Ordering::AcqRel) != on {
            self.changed.notify_one();
        }
    }
}
