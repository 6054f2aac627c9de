//! One upstream: how it is asked, and whether it is well.
//!
//! It is checked only after a question to it failed: at once, and then at intervals until it says something
//! (CoreDNS, plugin/pkg/proxy/health.go and plugin/pkg/up).

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hickory_proto::op::Message;
use tokio::time::{Instant, sleep};

use super::dns::Dns;
use super::https::Https;
use super::query::Query;
use super::quic::Quic;
use super::{Error, Window};
use crate::plugin::Transport;
use crate::plugin::background::Background;
use crate::telemetry::forward::Upstream as Counts;

/// Shortest pause between two checks: an upstream that refuses at once is not to be flooded.
const LEAST_PAUSE: Duration = Duration::from_millis(1);

/// An upstream.
#[derive(Debug)]
pub(super) struct Upstream {
    /// `10.0.0.1:53`, as metrics and metadata have it.
    pub to: Arc<str>,
    pub way: Way,
    pub check: Check,
    pub counts: Counts,
    /// How many checks failed since one did not.
    fails: AtomicU32,
    /// Whether it is being checked.
    is_checked: AtomicBool,
    background: OnceLock<Background>,
}

/// What it speaks.
#[derive(Debug)]
pub(super) enum Way {
    Dns(Dns),
    Https(Box<Https>),
    Quic(Quic),
}

/// What a health check asks.
#[derive(Debug)]
pub(super) struct Check {
    /// A question for name servers, with any ID.
    pub question: Vec<u8>,
    pub interval: Duration,
}

impl Upstream {
    pub fn new(to: Arc<str>, way: Way, check: Check, counts: Counts) -> Self {
        let (fails, is_checked) = (AtomicU32::new(0), AtomicBool::new(false));
        Upstream { to, way, check, counts, fails, is_checked, background: OnceLock::new() }
    }

    /// From now on it is checked when need be.
    pub fn start(&self, background: &Background) {
        // A plugin is started once.
        let _ = self.background.set(background.clone());
    }

    /// Asks once, and counts a reply.
    pub async fn ask(
        &self,
        query: &Query,
        transport: Transport,
        window: Window,
    ) -> Result<Message, Error> {
        let begun = Instant::now();
        let asked = match &self.way {
            Way::Dns(dns) => dns.ask(query, transport, window, &self.counts).await,
            Way::Https(https) => https.ask(query).await,
            Way::Quic(quic) => quic.ask(query, &self.counts).await,
        };
        let mut reply = asked?;
        reply.metadata.id = query.id();
        self.counts.replied(reply.metadata.response_code, begun.elapsed());
        Ok(reply)
    }

    /// Whether more checks failed than `max_fails`, of which 0 means any number.
    pub fn is_down(&self, max_fails: u32) -> bool {
        // The number guards nothing but itself.
        max_fails != 0 && self.fails.load(Ordering::Relaxed) > max_fails
    }

    /// Closes connections that were idle for too long.
    pub fn clean(&self) {
        match &self.way {
            Way::Dns(dns) => dns.pool.clean(),
            Way::Quic(quic) => quic.clean(),
            // The HTTP client closes them itself.
            Way::Https(_) => {}
        }
    }

    /// Begins to check it, unless that is going on.
    pub fn check(self: &Arc<Self>) {
        let Some(background) = self.background.get() else { return };
        if self.is_checked.swap(true, Ordering::AcqRel) {
            return;
        }
        let upstream = self.clone();
        background.spawn(async move {
            while !upstream.is_well().await {
                sleep(upstream.check.interval.max(LEAST_PAUSE)).await;
            }
            upstream.is_checked.store(false, Ordering::Release);
        });
    }

    /// Checks it once.
    async fn is_well(&self) -> bool {
        let mut question = self.check.question.clone();
        question[..2].copy_from_slice(&rand::random::<u16>().to_be_bytes());
        let probed = match &self.way {
            Way::Dns(dns) => dns.probe(&question).await,
            Way::Https(https) => https.probe(&question).await,
            Way::Quic(quic) => quic.probe(&question, &self.counts).await,
        };
        match &probed {
            Ok(()) => self.fails.store(0, Ordering::Relaxed),
            Err(error) => {
                tracing::debug!(to = %self.to, %error, "a health check failed");
                self.counts.unwell();
                // At most u32::MAX; only the check writes, and there is one.
                let fails = self.fails.load(Ordering::Relaxed);
                self.fails.store(fails.saturating_add(1), Ordering::Relaxed);
            }
        }
        probed.is_ok()
    }
}
