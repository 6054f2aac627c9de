//! What was answered, and how long it lasts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::Record;

use super::answers;
use crate::plugin::Request;
use crate::telemetry::all_surplus;
use crate::zone::answer::Answer;

/// What `file` says of a name that a wildcard stands for.
pub(super) const WILDCARD: &str = "zone/wildcard";

/// An answer without what is the client's or of one hop: ID, question, EDNS.
#[derive(Debug)]
pub(super) struct Entry {
    pub code: ResponseCode,
    authoritative: bool,
    authentic_data: bool,
    recursion_available: bool,
    answers: Vec<Record>,
    authorities: Vec<Record>,
    additionals: Vec<Record>,
    /// The same as octets, for the fast path; `None` where CoreDNS counts it as longer than it is.
    octets: Option<Answer>,
    /// The wildcard that it was made of, where `metadata` knew it.
    wildcard: Option<String>,
    /// Whether it has what was asked for.
    is_answer: bool,
    /// The last entry that had, where this one took its place.
    last_good: Option<Arc<Entry>>,
    /// Seconds that it lasts.
    pub lasts: u32,
    stored: Instant,
    demand: Mutex<Demand>,
    refreshing: Mutex<Refreshing>,
}

/// How often it was asked for, since there was a pause.
#[derive(Clone, Copy, Default, Debug)]
struct Demand {
    last: Option<Instant>,
    questions: u32,
}

/// Whether it is asked for anew.
#[derive(Default, Debug)]
struct Refreshing {
    is_under_way: bool,
    /// After a failure.
    not_before: Option<Instant>,
}

impl Entry {
    /// What a message says, for `lasts` seconds from `now`.
    pub fn new(message: &Message, lasts: u32, now: Instant) -> Self {
        Entry {
            code: message.metadata.response_code,
            authoritative: message.metadata.authoritative,
            authentic_data: message.metadata.authentic_data,
            recursion_available: message.metadata.recursion_available,
            answers: message.answers.clone(),
            authorities: message.authorities.clone(),
            additionals: message.additionals.clone(),
            octets: octets(message),
            wildcard: None,
            is_answer: answers::answers(message),
            last_good: None,
            lasts,
            stored: now,
            demand: Mutex::default(),
            refreshing: Mutex::default(),
        }
    }

    /// The same, made of a wildcard.
    pub fn of(self, wildcard: Option<String>) -> Self {
        Entry { wildcard, ..self }
    }

    /// The same, which remembers the last good answer before it if it is none itself.
    pub fn after(mut self, before: Option<Arc<Entry>>) -> Self {
        if !self.is_answer {
            self.last_good = before.and_then(Entry::good);
        }
        self
    }

    pub fn is_answer(&self) -> bool {
        self.is_answer
    }

    /// It, or the last good answer before it.
    pub fn good(self: Arc<Self>) -> Option<Arc<Self>> {
        if self.is_answer { Some(self) } else { self.last_good.clone() }
    }

    /// The seconds that it still lasts; less than 0 are those since its end.
    pub fn ttl(&self, now: Instant) -> i64 {
        let age = now.saturating_duration_since(self.stored).as_secs();
        i64::from(self.lasts) - i64::try_from(age).unwrap_or(i64::MAX)
    }

    /// The reply to a client's question, every record with the same TTL. What `metadata` knew of the first
    /// reply, it knows of this one.
    pub fn reply(&self, request: &Request, ttl: u32) -> Message {
        if let (Some(known), Some(wildcard)) = (&request.metadata, &self.wildcard) {
            known.say(WILDCARD, wildcard);
        }
        let aged = |records: &[Record]| -> Vec<Record> {
            let with_ttl = |record: &Record| {
                let mut record = record.clone();
                record.ttl = ttl;
                record
            };
            records.iter().map(with_ttl).collect()
        };
        let mut reply = request.reply();
        reply.metadata.response_code = self.code;
        reply.metadata.authoritative = self.authoritative;
        reply.metadata.authentic_data = self.authentic_data && wants_authentic_data(request);
        reply.metadata.recursion_available = self.recursion_available;
        reply.answers = aged(&self.answers);
        reply.authorities = aged(&self.authorities);
        reply.additionals = aged(&self.additionals);
        reply
    }

    /// Writes the answer, every record with the same TTL, for a client that may see AD or not. Says whether it
    /// could.
    pub fn write(&self, ttl: u32, authentic_data: bool, out: &mut Answer) -> bool {
        let Some(octets) = &self.octets else { return false };
        out.copy(octets, ttl);
        out.authentic_data &= authentic_data;
        true
    }

    /// Counts a question; begins anew after a pause of `pause`. Says how many there were.
    pub fn asked(&self, pause: Duration, now: Instant) -> u32 {
        let mut demand = self.demand();
        let is_new = demand.last.is_none_or(|last| now.saturating_duration_since(last) > pause);
        demand.questions = if is_new { 1 } else { demand.questions.saturating_add(1) };
        demand.last = Some(now);
        demand.questions
    }

    /// Has it count on from where another one was, last asked for at `last`.
    pub fn inherit(&self, other: &Entry, last: Instant) {
        let questions = other.demand().questions;
        *self.demand() = Demand { last: Some(last), questions };
    }

    /// Takes the right to ask anew. `None` while somebody else has it, or within `recheck` after a failure.
    pub fn refresh(self: &Arc<Self>, now: Instant, recheck: Duration) -> Option<Refresh> {
        let mut state = self.refreshing();
        let too_early = !recheck.is_zero() && state.not_before.is_some_and(|until| now < until);
        if state.is_under_way || too_early {
            return None;
        }
        state.is_under_way = true;
        Some(Refresh { entry: self.clone(), recheck, succeeded: false })
    }

    fn demand(&self) -> MutexGuard<'_, Demand> {
        // The value is whole, even if who wrote it panicked.
        self.demand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refreshing(&self) -> MutexGuard<'_, Refreshing> {
        // As above.
        self.refreshing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a message says, as octets, if it is as long as CoreDNS counts it.
fn octets(message: &Message) -> Option<Answer> {
    if all_surplus(message) > 0 { None } else { Answer::from_message(message).ok() }
}

/// Whether a client may see AD: it asks for it by DO, or by AD itself (RFC 6840 §5.7).
pub(super) fn wants_authentic_data(request: &Request) -> bool {
    let edns = request.message.edns.as_ref();
    request.message.metadata.authentic_data || edns.is_some_and(|edns| edns.flags().dnssec_ok)
}

/// The right to ask for an entry anew. It ends with this value, in failure unless it is said to have
/// succeeded.
#[derive(Debug)]
pub(super) struct Refresh {
    entry: Arc<Entry>,
    recheck: Duration,
    succeeded: bool,
}

impl Refresh {
    pub fn end(mut self, succeeded: bool) {
        self.succeeded = succeeded;
    }
}

impl Drop for Refresh {
    fn drop(&mut self) {
        let failed = !self.succeeded && !self.recheck.is_zero();
        let not_before = failed.then(|| Instant::now() + self.recheck);
        *self.entry.refreshing() = Refreshing { is_under_way: false, not_before };
    }
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
