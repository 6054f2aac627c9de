//! Asking anew for what is kept: before it ends, when it has ended, and before it is given once more. For one
//! entry at most one such question is under way, but where a client waits for it without an end.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, ResponseCode};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::entry::Entry;
use super::keeping::{Keeping, authenticated};
use super::{NAME, Shared, Stale, Verify, answers, is_held, seconds};
use crate::plugin::response::Kind;
use crate::plugin::{Next, Outcome, Reply, Request, Transport};

/// Asks beside the question for an entry that is to end soon.
pub(super) fn prefetch(
    keeping: &Keeping<'_>,
    request: &Request,
    next: Next<'_>,
    entry: &Arc<Entry>,
    now: Instant,
) {
    let accept = |keeping: &Keeping<'_>, outcome, held| {
        if let (Ok(Reply::Message(message)), false) = (outcome, held) {
            keeping.keep(*message);
        }
        true
    };
    beside(keeping, request, next, entry, (now, Duration::ZERO), accept);
}

/// Asks beside the question for an entry that has ended. It stays where no better one comes.
pub(super) fn stale(
    keeping: &Keeping<'_>,
    request: &Request,
    next: Next<'_>,
    entry: &Arc<Entry>,
    now: Instant,
    stale: &Stale,
) {
    // Demand counts on from its end.
    let over = Duration::from_secs(entry.ttl(now).unsigned_abs());
    let ended = now.checked_sub(over).unwrap_or(now);
    let accept = |keeping: &Keeping<'_>, outcome, held| replace(keeping, outcome, held).is_some();
    beside(keeping, request, next, entry, (ended, stale.recheck), accept);
}

/// Has the chain asked in the background as a client of TCP would, so that nothing is truncated. `accept`
/// keeps what it said, and says whether the entry need not be asked for again.
fn beside(
    keeping: &Keeping<'_>,
    request: &Request,
    next: Next<'_>,
    entry: &Arc<Entry>,
    (last, recheck): (Instant, Duration),
    accept: impl FnOnce(&Keeping<'_>, Outcome, bool) -> bool + Send + 'static,
) {
    let Some(background) = keeping.shared.background.get() else { return };
    let Some(refresh) = entry.refresh(Instant::now(), recheck) else { return };
    let nobody = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let request = Request {
        client: nobody,
        local: nobody,
        transport: Transport::Tcp,
        metadata: None,
        ..authenticated(request)
    };
    let (shared, next, entry) = (keeping.shared.clone(), next.keep(), entry.clone());
    background.spawn(async move {
        shared.metrics.cache.prefetched(shared.labels(&request));
        let outcome = next.next().run(NAME, &request).await;
        let keeping = Keeping::refreshing(&shared, &request);
        let accepted = accept(&keeping, outcome, is_held(&request, next.next()));
        if accepted && let Some(new) = shared.newest(&keeping) {
            new.inherit(&entry, last);
        }
        refresh.end(accepted);
    });
}

impl Shared {
    /// The entry of a question, whether or not it has ended.
    fn newest(&self, keeping: &Keeping<'_>) -> Option<Arc<Entry>> {
        self.denial.get(&keeping.key()).or_else(|| self.success.get(&keeping.key()))
    }
}

/// Asks for an entry that has ended, for a client that waits. `None` where the entry is still the best there
/// is: nothing came in time, or a failure, or somebody else asks.
pub(super) async fn verify(
    keeping: &Keeping<'_>,
    request: &Request,
    next: Next<'_>,
    entry: &Arc<Entry>,
    stale: &Stale,
    verify: Verify,
) -> Option<Message> {
    let is_alone = verify.timeout.is_some() || !stale.recheck.is_zero();
    let refresh = match is_alone {
        true => Some(entry.refresh(Instant::now(), stale.recheck)?),
        false => None,
    };
    let Some(patience) = verify.timeout else {
        let outcome = next.run(NAME, &authenticated(request)).await;
        let replaced = replace(keeping, outcome, is_held(request, next));
        if let Some(refresh) = refresh {
            refresh.end(replaced.is_some());
        }
        return Some(replaced?.0);
    };
    let (shared, kept, request) = (keeping.shared.clone(), next.keep(), request.clone());
    let (tell, told) = oneshot::channel();
    let asked = request.clone();
    keeping.shared.background.get()?.spawn(async move {
        let outcome = kept.next().run(NAME, &authenticated(&asked)).await;
        let keeping = Keeping::refreshing(&shared, &asked);
        let replaced = replace(&keeping, outcome, is_held(&asked, kept.next()));
        if let Some(refresh) = refresh {
            refresh.end(replaced.is_some());
        }
        // The client may have been answered already.
        let _ = tell.send(replaced);
    });
    let (message, entry) = timeout(patience, told).await.ok()?.ok()??;
    let Some(entry) = entry else { return Some(message) };
    let ttl = match keeping.shared.options.keep_ttl {
        true => entry.lasts,
        false => seconds(entry.ttl(Instant::now())),
    };
    Some(entry.reply(&request, ttl))
}

/// Keeps what the chain said, if it is better than an entry that has ended: an answer or a denial (RFC 8767
/// §4), or where answers are preferred an answer.
fn replace(
    keeping: &Keeping<'_>,
    outcome: Outcome,
    held: bool,
) -> Option<(Message, Option<Arc<Entry>>)> {
    let Ok(Reply::Message(message)) = outcome else { return None };
    if held {
        return Some((*message, None));
    }
    if message.metadata.truncation || !keeping.matches(&message) {
        return None;
    }
    let stale = keeping.shared.options.stale.as_ref();
    if stale.is_some_and(|stale| stale.prefer_positive) {
        let is_usable = answers::is_usable(&message);
        let kept = keeping.keep(*message);
        return is_usable.then_some(kept);
    }
    let is_said =
        matches!(message.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain);
    let is_error = matches!(answers::kind(&message), Kind::OtherError | Kind::Meta | Kind::Update);
    (is_said && !is_error).then(|| keeping.keep(*message))
}
