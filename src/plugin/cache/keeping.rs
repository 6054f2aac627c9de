//! From a reply to an entry: bounds of its TTL, in which store it is, and what the client gets of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, ResponseCode};
use tracing::warn;

use super::entry::{Entry, WILDCARD, wants_authentic_data};
use super::store::{Key, Placed};
use super::{Bounds, Shared, answers};
use crate::plugin::response::{Kind, least_ttl};
use crate::plugin::{Request, names};
use crate::telemetry::cache::Kept;
use crate::telemetry::mnemonic;

/// How replies to one question are kept.
pub(super) struct Keeping<'a> {
    pub shared: &'a Arc<Shared>,
    request: &'a Request,
    key: Key,
    /// Whether nobody waits for the reply, or what is kept already is given if it is none to give.
    refreshes: bool,
}

impl Key {
    pub fn of(request: &Request) -> Self {
        let query = request.query();
        Key {
            name: names::wire(query.name()).folded().into(),
            qtype: query.query_type().into(),
            class: query.query_class().into(),
            dnssec_ok: request.message.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok),
            checking_disabled: request.message.metadata.checking_disabled,
        }
    }
}

/// The request as sources get it: with AD, so that they tell whether they validated their answer
/// (RFC 6840 §5.7).
pub(super) fn authenticated(request: &Request) -> Request {
    let mut request = request.clone();
    Arc::make_mut(&mut request.message).metadata.authentic_data = true;
    request
}

impl<'a> Keeping<'a> {
    pub fn new(shared: &'a Arc<Shared>, request: &'a Request) -> Self {
        Keeping { shared, request, key: Key::of(request), refreshes: false }
    }

    /// For replies to a question that was asked beside the client's.
    pub fn refreshing(shared: &'a Arc<Shared>, request: &'a Request) -> Self {
        Keeping { refreshes: true, ..Keeping::new(shared, request) }
    }

    pub fn key(&self) -> Placed<'_> {
        self.key.borrowed().placed()
    }

    /// Keeps a reply if it is one to keep. Gives what the client gets, and the entry.
    pub fn keep(&self, mut message: Message) -> (Message, Option<Arc<Entry>>) {
        let kind = answers::kind(&message);
        let is_kept = match message.queries.is_empty() && !message.metadata.truncation {
            true => {
                let name = mnemonic::name(self.request.qname());
                warn!("Not caching malformed response with an empty question section for {name:?}");
                false
            }
            false => answers::is_kept(&message, kind),
        };
        let options = &self.shared.options;
        let lasts = match kind {
            Kind::NameError | Kind::NoData => bounded(&message, kind, &options.denial),
            Kind::ServerError => options.servfail,
            _ => bounded(&message, kind, &options.success),
        };
        // All in one message end together, and the first client sees the same as the next.
        let ttl = u32::try_from(lasts.as_secs()).unwrap_or(u32::MAX);
        let Message { answers, authorities, additionals, .. } = &mut message;
        let records = answers.iter_mut().chain(authorities).chain(additionals);
        records.for_each(|record| record.ttl = ttl);
        message.edns = None;
        let entry = match is_kept && !lasts.is_zero() {
            true if self.matches(&message) => self.store(&message, kind, ttl),
            true => {
                let labels = self.shared.labels(self.request);
                self.shared.metrics.cache.dropped(labels);
                None
            }
            false => None,
        };
        if !wants_authentic_data(self.request) {
            message.metadata.authentic_data = false;
        }
        (message, entry)
    }

    /// Keeps for a moment that the chain could not answer.
    pub fn keep_failure(&self, request: &Request) {
        if self.shared.options.servfail.is_zero() {
            return;
        }
        let mut reply = request.reply();
        reply.metadata.response_code = ResponseCode::ServFail;
        self.keep(reply);
    }

    /// Whether a message is a reply to the question.
    pub fn matches(&self, message: &Message) -> bool {
        message.metadata.message_type == MessageType::Response
            && matches!(message.queries.as_slice(), [query] if query == self.request.query())
    }

    /// Counts the question, and what was found for it. The server's own are not counted.
    pub fn count(&self, found: Option<Kept>) {
        if !self.request.is_own {
            self.shared.metrics.cache.asked(found, self.shared.labels(self.request));
        }
    }

    pub fn served_stale(&self) {
        if !self.request.is_own {
            self.shared.metrics.cache.served_stale(self.shared.labels(self.request));
        }
    }

    /// Puts a message into its store, if that takes its zone.
    fn store(&self, message: &Message, kind: Kind, lasts: u32) -> Option<Arc<Entry>> {
        let Shared { options, success, denial, metrics, .. } = self.shared.as_ref();
        let labels = self.shared.labels(self.request);
        let prefer_positive = options.stale.as_ref().is_some_and(|stale| stale.prefer_positive);
        let (kept, store, bounds) = match kind {
            Kind::NoError | Kind::Delegation => (Kept::Success, success, &options.success),
            _ => (Kept::Denial, denial, &options.denial),
        };
        let entry = (!names::within(&bounds.except, self.request.qname())).then(|| {
            let known = self.request.metadata.as_ref();
            let wildcard = known.and_then(|known| known.get(WILDCARD));
            let entry = Entry::new(message, lasts, Instant::now()).of(wildcard);
            let entry = match prefer_positive && kept == Kept::Success {
                true => entry.after(success.get(&self.key())),
                false => entry,
            };
            let entry = Arc::new(entry);
            if store.insert(self.key.clone(), entry.clone()) {
                metrics.cache.evicted(kept, labels);
            }
            // What was asked for anew is newer than the denial that was kept.
            let outdates = if prefer_positive { entry.is_answer() } else { self.refreshes };
            if kept == Kept::Success && outdates {
                denial.remove(&self.key());
            }
            entry
        });
        metrics.cache.holds(Kept::Success, success.len(), labels);
        metrics.cache.holds(Kept::Denial, denial.len(), labels);
        entry
    }
}

/// How long a message lasts, within the bounds of its store.
fn bounded(message: &Message, kind: Kind, bounds: &Bounds) -> Duration {
    let ttl = least_ttl(message, kind, bounds.most_ttl);
    ttl.max(bounds.least_ttl).min(bounds.most_ttl)
}
