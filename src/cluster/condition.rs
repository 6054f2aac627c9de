//! The state of one member, as its tasks write it and readiness and status pages read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
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
    contacts: Box<[Arc<Contact>]>,
    /// One bit for each watch.
    synced: AtomicU8,
    failing: AtomicU8,
    /// Whether the first of the watches fails, which is that of Services: the API is out of reach.
    lost: watch::Sender<bool>,
    changed: Arc<Notify>,
}

impl Condition {
    /// `watches` is how many there are, at most 8; `changed` is told of each change.
    pub fn new(
        id: ClusterId,
        is_local: bool,
        source: String,
        watches: usize,
        changed: Arc<Notify>,
    ) -> Self {
        debug_assert!(watches <= 8, "a bit for each watch");
        let contacts = (0..watches).map(|_| Arc::new(Contact::default())).collect();
        let (synced, failing) = (AtomicU8::new(0), AtomicU8::new(0));
        let lost = watch::Sender::new(false);
        Condition { id, is_local, source, contacts, synced, failing, lost, changed }
    }

    pub fn contact(&self, watch: usize) -> &Arc<Contact> {
        &self.contacts[watch]
    }

    pub fn state(&self) -> MemberState {
        // Pairs with the release in `set_synced`: who sees Synced sees what was applied before.
        let synced = self.synced.load(Ordering::Acquire).count_ones() as usize;
        if synced == self.contacts.len() { MemberState::Synced } else { MemberState::Connecting }
    }

    pub fn set_synced(&self, watch: usize) {
        self.set(&self.synced, watch, true);
    }

    pub fn set_failing(&self, watch: usize, is_failing: bool) {
        self.set(&self.failing, watch, is_failing);
        if watch == 0 {
            self.lost.send_if_modified(|lost| std::mem::replace(lost, is_failing) != is_failing);
        }
    }

    /// Tells when the API is out of reach, and when it is back.
    pub fn lost(&self) -> watch::Receiver<bool> {
        self.lost.subscribe()
    }

    /// Forgets that first lists were finished: what they said is forgotten, too.
    pub fn reset(&self) {
        self.synced.store(0, Ordering::Release);
        self.changed.notify_one();
    }

    pub fn status(&self) -> MemberStatus {
        MemberStatus {
            id: self.id.clone(),
            is_local: self.is_local,
            source: self.source.clone(),
            state: self.state(),
            is_failing: self.failing.load(Ordering::Acquire) != 0,
            last_contact: self.contacts.iter().filter_map(|contact| contact.last()).max(),
        }
    }

    fn set(&self, bits: &AtomicU8, watch: usize, on: bool) {
        let bit = 1 << watch;
        let before = match on {
            true => bits.fetch_or(bit, Ordering::AcqRel),
            false => bits.fetch_and(!bit, Ordering::AcqRel),
        };
        if (before & bit != 0) != on {
            self.changed.notify_one();
        }
    }
}
