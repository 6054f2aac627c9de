//! `forward`: asks other servers.
//!
//! In: a question below `FROM` and not below an `except`. Out: what an upstream replied, header, codes
//! and sections as they are; SERVFAIL with the last error where none replied; REFUSED where more
//! questions are open than `max_concurrent`.
//!
//! The exchange with an upstream is our own, over hickory-proto's codec (`upstream`), and not
//! hickory-net's client: that sends from a socket that is not connected (so ICMP errors are not seen and
//! a dead upstream costs the whole time-out), sends again by its own timer, and gives an error where
//! CoreDNS hands an overlong reply on as truncated.
//!
//! Upstreams are not probed for health yet: each question tries them in the order of the policy, each
//! twice at most, and begins no attempt after 5 seconds.

mod policy;
mod resolv_conf;
mod setup;
mod upstream;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::Name;
use tokio::time::Instant;

use super::explain::Told;
use super::{Failure, Next, Outcome, Plugin, Reply, Request, Transport, names};
use crate::zone::explain::{Steps, list};
use policy::Policy;
use upstream::Query;

pub use setup::setup;

const NAME: &str = "forward";
/// How long after a question came an attempt may begin.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long a connection, and then a reply, is waited for.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// How often each upstream is tried for one question.
const ATTEMPTS: usize = 2;

/// The plugin, one for each `forward` of the server block.
#[derive(Debug)]
pub struct Forward {
    from: Name,
    except: Vec<Name>,
    upstreams: Vec<SocketAddr>,
    policy: Policy,
    force_tcp: bool,
    prefer_udp: bool,
    /// 0 is no limit.
    max_concurrent: usize,
    concurrent: AtomicUsize,
    read_timeout: Duration,
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
        if self.max_concurrent > 0 && open.count > self.max_concurrent {
            return Err(Failure {
                code: ResponseCode::Refused,
                cause: Some(format!("concurrent queries exceeded maximum {}", self.max_concurrent)),
            });
        }
        self.ask(request).await
    }

    fn explain(&self, request: &Request, steps: &mut Steps) -> Told {
        if !self.takes(request.qname()) {
            let from = &self.from;
            steps.add("zone", format!("the name is not in {from}, or is excepted"));
            return Told::Passes;
        }
        steps.add("to", list(&self.upstreams));
        Told::Answers
    }
}

impl Forward {
    /// Whether questions for the name are forwarded; `FROM` itself always is.
    fn takes(&self, name: &Name) -> bool {
        self.from.zone_of(name) && (*name == self.from || !names::within(&self.except, name))
    }

    /// Tries the upstreams until one replies.
    async fn ask(&self, request: &Request) -> Outcome {
        let query = Query::new(&request.message, buffer_size(request)).map_err(|error| {
            Failure { code: ResponseCode::FormErr, cause: Some(error.to_string()) }
        })?;
        let order = self.policy.order(&self.upstreams);
        let deadline = Instant::now() + DEADLINE;
        let mut failed = "no healthy proxies".to_owned();
        for upstream in order.iter().cycle().take(order.len() * ATTEMPTS) {
            if Instant::now() >= deadline {
                break;
            }
            match self.exchange(request.transport, &query, *upstream).await {
                Ok(reply) => return Reply::message(reply),
                Err(upstream::Error::WrongReply) => {
                    let mut reply = request.reply();
                    reply.metadata.response_code = ResponseCode::FormErr;
                    return Reply::message(reply);
                }
                Err(upstream::Error::Failed(error)) => failed = error,
            }
        }
        Err(Failure { code: ResponseCode::ServFail, cause: Some(failed) })
    }

    /// Over the client's transport, unless an option says another.
    async fn exchange(
        &self,
        client: Transport,
        query: &Query,
        to: SocketAddr,
    ) -> Result<Message, upstream::Error> {
        let udp = !self.force_tcp && (self.prefer_udp || client != Transport::Tcp);
        if udp {
            let reply = query.over_udp(to, self.read_timeout).await?;
            if !(self.prefer_udp && reply.metadata.truncation) {
                return Ok(reply);
            }
        }
        query.over_tcp(to, self.read_timeout).await
    }
}

/// How long a datagram the client could take.
fn buffer_size(request: &Request) -> usize {
    match request.transport {
        Transport::Udp => usize::from(request.message.max_payload()),
        Transport::Tcp | Transport::Quic => usize::from(u16::MAX),
    }
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
