//! `forward`: asks other servers.
//!
//! In: a question below `FROM` and not below an `except`. Out: what an upstream replied, header, codes
//! and sections as they are; SERVFAIL with the last error where none replied; REFUSED where more
//! questions are open than `max_concurrent`; FORMERR where the reply is to another question.
//!
//! Each question tries the upstreams in the order of the `policy`, passes over those that are down, and
//! begins no attempt after 5 seconds (`ServeDNS` of CoreDNS's plugin/forward/forward.go).
//!
//! ```text
//!   setup      the directive: [options], [to] with [resolv_conf] and [resolve], [tls]
//!   upstream   one upstream, its health and its counters
//!     dns        UDP, TCP, TLS: [connection]s from a [pool]
//!     https      HTTP/2 or HTTP/1.1
//!     quic       QUIC
//!   query, read  what is sent, and what comes back
//! ```
//!
//! The exchange with an upstream is our own, over hickory-proto's codec, and not hickory-net's client: that
//! sends from a socket that is not connected (so ICMP errors are not seen and a dead upstream costs the whole
//! time-out), sends again by its own timer, and gives an error where CoreDNS hands an overlong reply on as
//! truncated.

mod connection;
mod dns;
mod https;
mod options;
mod policy;
mod pool;
mod query;
mod quic;
mod read;
mod resolv_conf;
mod resolve;
mod setup;
mod tls;
mod to;
mod upstream;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::Name;
use rand::seq::IndexedRandom;
use tokio::time::{Instant, sleep};

use super::background::Background;
use super::explain::Told;
use super::{Failure, Next, Outcome, Plugin, Reply, Request, Transport, names};
use crate::telemetry::Metrics;
use crate::zone::explain::{Steps, list};
use options::Options;
use query::Query;
use upstream::Upstream;

pub use setup::setup;

const NAME: &str = "forward";
/// How long after a question came an attempt may begin.
const DEADLINE: Duration = Duration::from_secs(5);
/// How often each upstream is tried for one question, on the average.
const ATTEMPTS: usize = 2;
/// How often idle connections are looked through.
const CLEANING: Duration = Duration::from_secs(10);
/// What metadata calls the upstream that was asked.
const UPSTREAM: &str = "forward/upstream";

/// The plugin, one for each `forward` of the server block.
#[derive(Debug)]
pub struct Forward {
    from: Name,
    options: Options,
    upstreams: Vec<Arc<Upstream>>,
    concurrent: AtomicUsize,
    metrics: Arc<Metrics>,
}

/// Why an upstream did not reply. Another may be asked but where the client's message is at fault.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// The upstream had closed an idle connection: to ask again costs nothing.
    #[error("cached connection was closed by peer")]
    Closed,
    /// The client's message cannot be written.
    #[error("proxy: invalid request: {0}")]
    Invalid(String),
    /// The client's message is none for this upstream.
    #[error(
        "proxy: unsupported request: zone transfers over DoQ require multi-message response support"
    )]
    Unsupported,
    #[error("{0}")]
    Failed(String),
}

#[async_trait]
impl Plugin for Forward {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        if !self.takes(request.qname()) {
            return next.run(NAME, request).await;
        }
        let open = Open::new(&self.concurrent);
        let most = self.options.max_concurrent;
        if most > 0 && open.count > most {
            self.metrics.forward.rejected.inc();
            let cause = Some(format!("concurrent queries exceeded maximum {most}"));
            return Err(Failure { code: ResponseCode::Refused, cause });
        }
        self.ask(request, next).await
    }

    fn start(&self, background: &Background) {
        self.upstreams.iter().for_each(|upstream| upstream.start(background));
        let upstreams = self.upstreams.clone();
        background.spawn(async move {
            loop {
                sleep(CLEANING).await;
                upstreams.iter().for_each(|upstream| upstream.clean());
            }
        });
    }

    fn explain(&self, request: &Request, steps: &mut Steps) -> Told {
        if !self.takes(request.qname()) {
            let from = &self.from;
            steps.add("zone", format!("the name is not in {from}, or is excepted"));
            return Told::Passes;
        }
        steps.add("to", list(self.upstreams.iter().map(|upstream| &upstream.to)));
        Told::Answers
    }
}

impl Forward {
    /// Whether questions for the name are forwarded; `FROM` itself always is.
    fn takes(&self, name: &Name) -> bool {
        let except = &self.options.except;
        self.from.zone_of(name) && (*name == self.from || !names::within(except, name))
    }

    /// Tries the upstreams until one replies.
    async fn ask(&self, request: &Request, next: Next<'_>) -> Outcome {
        let query = Query::new(request)
            .map_err(|error| failure(ResponseCode::FormErr, &Error::Invalid(error.to_string())))?;
        let mut turns = Turns::new(self);
        let mut left = self.attempts();
        let window = Window::new(left == Some(1));
        // `cancel` ends no attempt that was begun.
        let end = request.deadline.map_or(window.end, |deadline| deadline.min(window.end));
        let mut failed = None;
        let mut failovers = 0;
        while Instant::now() < end && left != Some(0) {
            let Some(upstream) = turns.next() else { break };
            if let Some(known) = &request.metadata {
                known.say(UPSTREAM, &upstream.to);
            }
            let reply = match self.exchange(upstream, &query, window).await {
                Ok(reply) => reply,
                Err(error @ Error::Invalid(_)) => {
                    return Err(failure(ResponseCode::FormErr, &error));
                }
                Err(error @ Error::Unsupported) => {
                    return Err(failure(ResponseCode::NotImp, &error));
                }
                Err(error) => {
                    failed = Some(error);
                    if self.options.max_fails != 0 {
                        upstream.check();
                    }
                    left = left.map(|left| left - 1);
                    if turns.all_are_down() {
                        break;
                    }
                    continue;
                }
            };
            failed = None;
            if !query.is_answered_by(&reply) {
                let mut reply = request.reply();
                reply.metadata.response_code = ResponseCode::FormErr;
                return Reply::message(reply);
            }
            if self.options.failover.contains(&reply.metadata.response_code) {
                failovers += 1;
                if failovers < self.upstreams.len() {
                    continue;
                }
            }
            if self.is_for_next(&reply) && next.name() == Some(NAME) {
                return next.run(NAME, request).await;
            }
            return Reply::message(reply);
        }
        let error = failed.unwrap_or_else(|| Error::Failed("no healthy proxies".to_owned()));
        Err(failure(ResponseCode::ServFail, &error))
    }

    /// How often upstreams may be asked for one question; `None` is no limit.
    fn attempts(&self) -> Option<usize> {
        match self.options.max_connect_attempts {
            None => Some(ATTEMPTS * self.upstreams.len()),
            Some(0) => None,
            // A number that does not fit is not reached in five seconds either.
            Some(most) => Some(usize::try_from(most).unwrap_or(usize::MAX)),
        }
    }

    /// Over the client's transport, unless an option says another.
    async fn exchange(
        &self,
        upstream: &Upstream,
        query: &Query,
        window: Window,
    ) -> Result<Message, Error> {
        let Options { mut force_tcp, prefer_udp, .. } = self.options;
        loop {
            let transport = match query.transport {
                _ if force_tcp => Transport::Tcp,
                _ if prefer_udp => Transport::Udp,
                client => client,
            };
            match upstream.ask(query, transport, window).await {
                Err(Error::Closed) => {}
                Ok(reply) if reply.metadata.truncation && prefer_udp && !force_tcp => {
                    force_tcp = true;
                }
                done => return done,
            }
        }
    }

    /// Whether another `forward` may know better.
    fn is_for_next(&self, reply: &Message) -> bool {
        let code = reply.metadata.response_code;
        let is_empty = code == ResponseCode::NoError && reply.answers.is_empty();
        self.options.next.contains(&code) || (self.options.next_on_nodata && is_empty)
    }
}

/// When attempts may begin, and until when TLS must be up.
#[derive(Clone, Copy, Debug)]
struct Window {
    end: Instant,
    /// How long TLS may take.
    tls: Duration,
}

impl Window {
    fn new(is_single: bool) -> Self {
        // Where there may be a second attempt, a handshake that stalls leaves time for it.
        let tls = if is_single { DEADLINE } else { DEADLINE / 2 };
        Window { end: Instant::now() + DEADLINE, tls }
    }

    fn tls_deadline(self) -> Instant {
        self.end.min(Instant::now() + self.tls)
    }
}

/// Which upstream is asked next, for one question.
struct Turns<'a> {
    forward: &'a Forward,
    order: Vec<usize>,
    at: usize,
    /// How many were down in this round.
    down: usize,
}

impl<'a> Turns<'a> {
    fn new(forward: &'a Forward) -> Self {
        let order = forward.options.policy.order(forward.upstreams.len());
        Turns { forward, order, at: 0, down: 0 }
    }

    /// The next one that is not down, or any one where all are; `None` where that is not wanted.
    fn next(&mut self) -> Option<&'a Arc<Upstream>> {
        let Forward { upstreams, options, metrics, .. } = self.forward;
        loop {
            if self.at >= self.order.len() {
                self.at = 0;
                self.down = 0;
            }
            let upstream = &upstreams[*self.order.get(self.at)?];
            self.at += 1;
            if !upstream.is_down(options.max_fails) {
                return Some(upstream);
            }
            self.down += 1;
            if self.all_are_down() {
                metrics.forward.broken.inc();
                // Then it is rather the checks that are broken.
                return if options.failfast { None } else { upstreams.choose(&mut rand::rng()) };
            }
        }
    }

    fn all_are_down(&self) -> bool {
        self.down >= self.forward.upstreams.len()
    }
}

/// A failure in CoreDNS's words, which do not name the plugin.
fn failure(code: ResponseCode, error: &Error) -> Failure {
    Failure { code, cause: Some(error.to_string()) }
}

/// A question that is being asked.
struct Open<'a> {
    counter: &'a AtomicUsize,
    /// How many there are, with this one.
    count: usize,
}

impl<'a> Open<'a> {
    fn new(counter: &'a AtomicUsize) -> Self {
        // The counter guards nothing but itself, so no order with other memory is needed.
        Open { counter, count: counter.fetch_add(1, Ordering::Relaxed) + 1 }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
