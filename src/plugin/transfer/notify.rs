//! NOTIFY (RFC 1996): tells the secondaries of a zone that it changed.
//!
//! In: a zone. Out: a message over UDP to every address of its `to`, up to three times each, until the
//! secondary agrees. Who does not is named in the error, in the words of CoreDNS (plugin/transfer/notify.go).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use thiserror::Error;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::{Rules, rule};
use crate::telemetry::mnemonic;

/// How often each secondary is told.
const ATTEMPTS: usize = 3;
/// How long a secondary has to reply.
const WAIT: Duration = Duration::from_secs(2);
/// Octets of a reply that are read: it has a header and the question.
const REPLY: usize = 512;

/// Secondaries that did not agree, one a line.
#[derive(Debug, Error)]
#[error("{}", .0.join("\n"))]
pub struct NotTold(Vec<String>);

/// Tells the secondaries of a server block.
#[derive(Debug)]
pub struct Notifier {
    rules: Rules,
}

impl Notifier {
    pub(super) fn new(rules: Rules) -> Self {
        Notifier { rules }
    }

    /// Tells all secondaries of a zone, one after the other; nobody if the zone is in no `transfer`.
    ///
    /// # Errors
    /// Some did not agree. All were told.
    pub async fn notify(&self, zone: &Name) -> Result<(), NotTold> {
        let Some(rule) = rule(&self.rules, zone) else { return Ok(()) };
        let mut failed = Vec::new();
        for to in rule.to.iter().flatten() {
            if let Err(why) = told(zone, *to, rule.source).await {
                let zone = mnemonic::name(zone);
                let to = to.to_string();
                failed.push(format!("notify for zone {zone:?} was not accepted by {to:?}: {why}"));
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(NotTold(failed)) }
    }
}

/// Tells one secondary; what it said last, or why it said nothing.
async fn told(zone: &Name, to: SocketAddr, source: Option<IpAddr>) -> Result<(), String> {
    let mut said = String::new();
    for _ in 0..ATTEMPTS {
        match exchange(zone, to, source).await {
            Ok(ResponseCode::NoError) => return Ok(()),
            Ok(code) => {
                let name = mnemonic::rcode(code).map_or_else(|| code.to_string(), str::to_owned);
                said = format!("rcode was {name:?}");
            }
            Err(error) => said = format!("{error:?}"),
        }
    }
    Err(said)
}

/// One message, and the code of the reply.
async fn exchange(
    zone: &Name,
    to: SocketAddr,
    source: Option<IpAddr>,
) -> Result<ResponseCode, String> {
    let mut message = Message::new(rand::random(), MessageType::Query, OpCode::Notify);
    message.metadata.authoritative = true;
    message.add_query(Query::query(zone.clone(), RecordType::SOA));
    let wire = message.to_vec().map_err(|error| error.to_string())?;
    let socket = connect(to, source).await.map_err(|error| format!("dial udp {to}: {error}"))?;
    let local = socket.local_addr().map_or_else(|_| "?".to_owned(), |local| local.to_string());
    let failed = |verb: &str, error: &io::Error| {
        format!("{verb} udp {local}->{to}: {verb}: {}", words(error))
    };
    socket.send(&wire).await.map_err(|error| failed("write", &error))?;
    let deadline = Instant::now() + WAIT;
    let mut reply = [0; REPLY];
    loop {
        let length = match timeout_at(deadline, socket.recv(&mut reply)).await {
            Ok(length) => length.map_err(|error| failed("read", &error))?,
            Err(_) => return Err(format!("read udp {local}->{to}: i/o timeout")),
        };
        // Replies to others are no reason to stop waiting.
        if let Ok(reply) = Message::from_vec(&reply[..length])
            && reply.metadata.id == message.metadata.id
        {
            return Ok(reply.metadata.response_code);
        }
    }
}

async fn connect(to: SocketAddr, source: Option<IpAddr>) -> io::Result<UdpSocket> {
    let any = match to {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((source.unwrap_or(any), 0)).await?;
    socket.connect(to).await?;
    Ok(socket)
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
#[path = "notify_tests.rs"]
mod tests;
