//! `cache`: keeps answers, and gives them again as long as they last (CoreDNS, plugin/cache).
//!
//! In: a question in one of its zones. Out: what was answered before, with the TTL that is left; or what the
//! next plugin says, every TTL of which becomes the least of them, within bounds. Answers and denials are in
//! two stores, by question, DO and CD; what has ended may still be given while the source is asked again
//! (RFC 8767).
//!
//! What `kubernetes` and `sentinel` answer passes by: it changes when the clusters do, not when a TTL ends. It
//! is counted like a miss ([`Plugin::holds`]).

mod answers;
mod entry;
mod keeping;
mod refresh;
mod setup;
mod store;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RecordType};

use super::background::Background;
use super::explain::Told;
use super::fast::{Now, Question, Stance};
use super::{Next, Outcome, Plugin, Reply, Request, names};
use crate::telemetry::Metrics;
use crate::telemetry::cache::{Kept, Labels};
use crate::zone::answer::Answer;
use crate::zone::explain::Steps;
use crate::zone::rtype;
use entry::Entry;
use keeping::Keeping;
use store::{Key, KeyRef, Placed, Store};

pub use setup::setup;

const NAME: &str = "cache";

/// The plugin.
pub struct Cache(Arc<Shared>);

/// What questions and the work beside them share.
struct Shared {
    options: Options,
    success: Store<Arc<Entry>>,
    denial: Store<Arc<Entry>>,
    metrics: Arc<Metrics>,
    /// Known from the start of the server on.
    background: OnceLock<Background>,
}

/// What the Corefile says.
#[derive(Debug)]
struct Options {
    zones: Vec<Name>,
    /// The zones in words, for the label `zones`.
    label: Arc<str>,
    success: Bounds,
    denial: Bounds,
    /// How long SERVFAIL and NOTIMP are kept; not at all if zero.
    servfail: Duration,
    prefetch: Option<Prefetch>,
    stale: Option<Stale>,
    /// Whether the TTL of what is kept stays what it was.
    keep_ttl: bool,
}

/// Of one of the stores.
#[derive(Debug)]
struct Bounds {
    capacity: usize,
    least_ttl: Duration,
    most_ttl: Duration,
    /// Zones of which nothing is kept in it.
    except: Vec<Name>,
}

/// Which entries are asked for anew before they end.
#[derive(Debug)]
struct Prefetch {
    /// Those that were asked for so often,
    amount: u32,
    /// without a pause of this length,
    pause: Duration,
    /// when so much of their time is left.
    percentage: u32,
}

/// How entries are given that have ended.
#[derive(Debug)]
struct Stale {
    /// Seconds after their end.
    up_to: u64,
    verify: Option<Verify>,
    /// Seconds that clients may keep them.
    ttl: u32,
    /// Pause after a refresh that failed; none if zero.
    recheck: Duration,
    /// Whether old answers go before new denials.
    prefer_positive: bool,
}

/// That the source is asked before an old entry is given.
#[derive(Clone, Copy, Debug)]
struct Verify {
    /// How long; without it until the chain gives up.
    timeout: Option<Duration>,
}

#[async_trait]
impl Plugin for Cache {
    fn name(&self) -> &'static str {
        NAME
    }

    fn stance(&self) -> Stance {
        let Options { zones, label, .. } = &self.0.options;
        Stance::Keeps(zones.iter().map(names::wire).collect(), label.clone())
    }

    fn answer_now(&self, question: &Question<'_>, answer: &mut Answer) -> Now {
        let Question { qtype, dnssec_ok, checking_disabled, now, .. } = *question;
        let (name, class) = (question.name.folded(), rtype::IN);
        let key = KeyRef { name, qtype, class, dnssec_ok, checking_disabled }.placed();
        let Some((kept, entry)) = self.0.find(&key, now) else { return Now::Unknown };
        let left = entry.ttl(now);
        // What has ended, or is to be asked for anew, is the chain's.
        if left <= 0 || self.0.is_due(&entry, now) {
            return Now::Unknown;
        }
        let ttl = if self.0.options.keep_ttl { entry.lasts } else { seconds(left) };
        if !entry.write(ttl, dnssec_ok || question.authentic_data, answer) {
            return Now::Unknown;
        }
        if let Some(prefetch) = &self.0.options.prefetch {
            entry.asked(prefetch.pause, now);
        }
        Now::Kept(kept)
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let shared = &self.0;
        if !names::within(&shared.options.zones, request.qname()) {
            return next.run(NAME, request).await;
        }
        let keeping = Keeping::new(shared, request);
        let now = Instant::now();
        let found = if is_held(request, next) { None } else { shared.find(&keeping.key(), now) };
        keeping.count(found.as_ref().map(|(kept, _)| *kept));
        let Some((_, entry)) = found else { return miss(&keeping, request, next).await };
        let ttl = entry.ttl(now);
        if ttl > 0 {
            if shared.is_to_prefetch(&entry, now) {
                refresh::prefetch(&keeping, request, next, &entry, now);
            }
            let ttl = if shared.options.keep_ttl { entry.lasts } else { seconds(ttl) };
            return Reply::message(entry.reply(request, ttl));
        }
        // It was found, so entries that have ended are given.
        let Some(stale) = &shared.options.stale else { return miss(&keeping, request, next).await };
        match stale.verify {
            Some(verify) => {
                let verified = refresh::verify(&keeping, request, next, &entry, stale, verify);
                if let Some(reply) = verified.await {
                    return Reply::message(reply);
                }
            }
            None => refresh::stale(&keeping, request, next, &entry, now, stale),
        }
        keeping.served_stale();
        let ttl = match stale.ttl {
            0 if shared.options.keep_ttl => entry.lasts,
            ttl => ttl,
        };
        Reply::message(entry.reply(request, ttl))
    }

    fn start(&self, background: &Background) {
        // A plugin is started once.
        let _ = self.0.background.set(background.clone());
    }

    fn explain(&self, request: &Request, steps: &mut Steps) -> Told {
        if !names::within(&self.0.options.zones, request.qname()) {
            steps.add("zone", "the name is in none of its zones");
            return Told::Passes;
        }
        let (key, now) = (Key::of(request), Instant::now());
        match self.0.find(&key.borrowed().placed(), now) {
            None => {
                steps.add("cache", "nothing is kept for the question");
                Told::Passes
            }
            Some((kept, entry)) => {
                let (store, ttl) = (kept.label(), entry.ttl(now));
                steps.add("cache", format!("kept in {store}, for {ttl} seconds more"));
                Told::MayAnswer
            }
        }
    }
}

/// Asks the next plugin, and keeps what it says.
async fn miss(keeping: &Keeping<'_>, request: &Request, next: Next<'_>) -> Outcome {
    let outcome = next.run(NAME, &keeping::authenticated(request)).await;
    if is_held(request, next) || is_transfer(request) {
        return outcome;
    }
    match outcome {
        Ok(Reply::Message(message)) => Reply::message(keeping.keep(*message).0),
        Err(failure) if failure.code == ResponseCode::ServFail && failure.cause.is_some() => {
            keeping.keep_failure(request);
            Err(failure)
        }
        outcome => outcome,
    }
}

/// Whether a plugin behind answers it from what it knows now.
fn is_held(request: &Request, next: Next<'_>) -> bool {
    next.plugins().any(|plugin| plugin.holds(request))
}

fn is_transfer(request: &Request) -> bool {
    matches!(request.qtype(), RecordType::AXFR | RecordType::IXFR)
}

/// A TTL that is not over.
fn seconds(ttl: i64) -> u32 {
    u32::try_from(ttl).unwrap_or_default()
}

impl Shared {
    fn new(options: Options, metrics: Arc<Metrics>) -> Self {
        Shared {
            success: Store::new(options.success.capacity),
            denial: Store::new(options.denial.capacity),
            options,
            metrics,
            background: OnceLock::new(),
        }
    }

    /// What there is for a question: a denial before an answer, but for SERVFAIL, which soon passes, and
    /// where answers are preferred.
    fn find(&self, key: &Placed<'_>, now: Instant) -> Option<(Kept, Arc<Entry>)> {
        let stale = self.options.stale.as_ref();
        let up_to = stale.map_or(0, |stale| i64::try_from(stale.up_to).unwrap_or(i64::MAX));
        let lasts = |entry: &Arc<Entry>| {
            let ttl = entry.ttl(now);
            ttl > 0 || -ttl < up_to
        };
        let success = || self.success.get(key).filter(lasts).map(|entry| (Kept::Success, entry));
        if stale.is_some_and(|stale| stale.prefer_positive) {
            let good = self.success.get(key).and_then(Entry::good).filter(lasts);
            if let Some(entry) = good {
                return Some((Kept::Success, entry));
            }
        }
        match self.denial.get(key).filter(lasts) {
            Some(entry) if entry.code == ResponseCode::ServFail => {
                success().or(Some((Kept::Denial, entry)))
            }
            Some(entry) => Some((Kept::Denial, entry)),
            None => success(),
        }
    }

    /// Counts a question for an entry, where entries are prefetched; whether it is the time of this one.
    fn is_to_prefetch(&self, entry: &Entry, now: Instant) -> bool {
        let Some(prefetch) = &self.options.prefetch else { return false };
        let asked = entry.asked(prefetch.pause, now);
        asked >= prefetch.amount && self.is_due(entry, now)
    }

    /// Whether an entry is near its end, where those that are asked for are prefetched.
    fn is_due(&self, entry: &Entry, now: Instant) -> bool {
        let Some(prefetch) = &self.options.prefetch else { return false };
        let threshold = (u64::from(entry.lasts) * u64::from(prefetch.percentage)).div_ceil(100);
        u64::from(seconds(entry.ttl(now))) <= threshold
    }

    fn labels<'a>(&'a self, request: &'a Request) -> Labels<'a> {
        Labels { server: &request.server, zones: &self.options.label, view: request.view.as_ref() }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
