//! An upstream over UDP and TCP, or over TLS (RFC 7858).
//!
//! In: a [`Query`]. Out: the upstream's reply to it. Connections are used again, one question at a time
//! (CoreDNS, plugin/pkg/proxy/connect.go).

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hickory_proto::op::Message;
use tokio::time::Instant;

use super::connection::{Broken, Connection, Dial};
use super::pool::Pool;
use super::query::Query;
use super::read::{self, Unreadable};
use super::tls::Tls;
use super::{Error, Window};
use crate::plugin::Transport;
use crate::telemetry::forward::Upstream as Counts;

/// Shortest and longest time that a connection may take.
const DIAL: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];
/// How long the connection of a health check may take.
const PROBE_DIAL: Duration = Duration::from_secs(2);
/// How long the reply to a health check may take.
const PROBE_READ: Duration = Duration::from_secs(1);

/// The upstream.
#[derive(Debug)]
pub(super) struct Dns {
    pub address: SocketAddr,
    pub source: Option<IpAddr>,
    pub tls: Option<Tls>,
    /// Health checks go over TCP.
    pub probes_tcp: bool,
    pub read_timeout: Duration,
    pub pool: Pool,
    pub dialled: DialTime,
}

impl Dns {
    /// Asks once.
    pub async fn ask(
        &self,
        query: &Query,
        transport: Transport,
        window: Window,
        counts: &Counts,
    ) -> Result<Message, Error> {
        let (mut connection, cached) = self.connection(transport, window, counts).await?;
        let id = rand::random();
        let reply = self.converse(&mut connection, query, id).await;
        match reply {
            Ok(reply) => {
                let transport = if connection.is_udp() { Transport::Udp } else { Transport::Tcp };
                self.pool.put(transport, connection);
                Ok(reply)
            }
            Err(Broken::Ended) if cached => Err(Error::Closed),
            Err(error) => Err(Error::Failed(error.to_string())),
        }
    }

    /// An idle connection, or a new one; and whether it is an idle one.
    async fn connection(
        &self,
        transport: Transport,
        window: Window,
        counts: &Counts,
    ) -> Result<(Connection, bool), Error> {
        let (transport, proto) = match (&self.tls, transport) {
            (Some(_), _) => (Transport::Tcp, "tcp-tls"),
            (None, Transport::Udp) => (Transport::Udp, "udp"),
            (None, _) => (Transport::Tcp, "tcp"),
        };
        if let Some(connection) = self.pool.take(transport) {
            counts.hit(proto);
            return Ok((connection, true));
        }
        counts.miss(proto);
        let begun = Instant::now();
        let opened = self.dial(transport, self.dialled.patience(), Some(window.tls_deadline()));
        let opened = opened.open().await;
        self.dialled.note(begun.elapsed());
        Ok((opened.map_err(Error::Failed)?, false))
    }

    fn dial(
        &self,
        transport: Transport,
        patience: Duration,
        tls_deadline: Option<Instant>,
    ) -> Dial<'_> {
        let Dns { address: to, source, .. } = *self;
        let udp = transport == Transport::Udp;
        Dial { to, source, tls: self.tls.as_ref(), udp, patience, tls_deadline }
    }

    /// Sends the question and reads until a reply to it comes.
    ///
    /// Over UDP, where anybody could have sent it, a reply to another question is passed over while there is
    /// time (RFC 5452 §9.1), and one that ends too early is taken for a truncated one.
    async fn converse(
        &self,
        connection: &mut Connection,
        query: &Query,
        id: u16,
    ) -> Result<Message, Broken> {
        connection.send(&query.under(id)).await?;
        let deadline = Instant::now() + self.read_timeout;
        let mut other = None;
        loop {
            let bytes = match connection.receive(query.buffer, deadline).await {
                Ok(bytes) => bytes,
                Err(broken) => return other.ok_or(broken),
            };
            let is_ours = bytes.starts_with(&id.to_be_bytes());
            let reply = match read::message(&bytes) {
                Ok(reply) if is_ours => reply,
                Ok(_) => continue,
                Err(Unreadable::Short) if connection.is_udp() => continue,
                Err(_) if connection.is_udp() && !is_ours => continue,
                Err(Unreadable::Cut(mut reply)) if connection.is_udp() => {
                    reply.metadata.truncation = true;
                    *reply
                }
                Err(error) => return Err(Broken::Failed(error.to_string())),
            };
            if connection.is_udp() && !reply.queries.is_empty() && !query.is_answered_by(&reply) {
                other = Some(reply);
                continue;
            }
            return Ok(reply);
        }
    }

    /// Whether it says anything at all to this question, over a connection of its own.
    pub async fn probe(&self, question: &[u8]) -> Result<(), String> {
        let transport = if self.probes_tcp { Transport::Tcp } else { Transport::Udp };
        let mut connection = self.dial(transport, PROBE_DIAL, None).open().await?;
        connection.send(question).await.map_err(|broken| broken.to_string())?;
        let deadline = Instant::now() + PROBE_READ;
        loop {
            let received = connection.receive(512, deadline).await;
            let bytes = received.map_err(|broken| broken.to_string())?;
            if bytes.len() < read::HEADER {
                return Err(Unreadable::Short.to_string());
            }
            // Late replies to other questions come over UDP alone.
            if !connection.is_udp() || bytes[..2] == question[..2] {
                return Ok(());
            }
        }
    }
}

/// How long connections took so far, in nanoseconds: each counts a quarter, and those before it the rest.
#[derive(Debug)]
pub(super) struct DialTime(AtomicI64);

impl Default for DialTime {
    fn default() -> Self {
        DialTime(AtomicI64::new(nanoseconds(DIAL[1] / 2)))
    }
}

impl DialTime {
    /// How long the next one may take: twice as long, within bounds.
    fn patience(&self) -> Duration {
        // The number guards nothing but itself.
        let average = u64::try_from(self.0.load(Ordering::Relaxed)).unwrap_or_default();
        let average = Duration::from_nanos(average);
        let [least, most] = DIAL;
        if average < least { least } else { most.min(average * 2) }
    }

    fn note(&self, took: Duration) {
        let average = self.0.load(Ordering::Relaxed);
        self.0.fetch_add((nanoseconds(took) - average) / 4, Ordering::Relaxed);
    }
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_connections_as_long_as_they_take() {
        let dialled = DialTime::default();
        assert_eq!(dialled.patience(), DIAL[1]);
        dialled.note(Duration::ZERO);
        assert_eq!(dialled.patience(), Duration::from_millis(22_500));
        for _ in 0..100 {
            dialled.note(Duration::ZERO);
        }
        assert_eq!(dialled.patience(), DIAL[0]);
        for _ in 0..100 {
            dialled.note(Duration::from_secs(60));
        }
        assert_eq!(dialled.patience(), DIAL[1]);
    }
}
