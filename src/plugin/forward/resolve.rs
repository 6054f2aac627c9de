//! The addresses of upstreams that are hosts with a name. They are looked up once, before anything runs, so
//! that this may block (CoreDNS, plugin/forward/resolve.go).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{RData, RecordType};

use super::read;
use crate::plugin::names;

/// How long a resolver may take for one question.
const PATIENCE: Duration = Duration::from_secs(2);
const LATE: &str = "no reply within 2 seconds";
/// Octets of the longest reply to a question without EDNS.
const REPLY: usize = 512;

/// Why a name has no address.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unknown {
    #[error("no answer has one")]
    NoAddress,
    #[error("{0}")]
    Failed(#[from] io::Error),
}

/// The addresses of a host: those of IPv4 first, by the first resolver that knows one. Without a resolver the
/// system is asked. The name is absolute.
///
/// # Errors
/// There are none.
pub(super) fn addresses(host: &str, resolvers: &[SocketAddr]) -> Result<Vec<IpAddr>, Unknown> {
    let absolute = format!("{}.", host.trim_end_matches('.'));
    if resolvers.is_empty() {
        let mut found = Vec::new();
        for address in (absolute.as_str(), 0).to_socket_addrs()? {
            if !found.contains(&address.ip()) {
                found.push(address.ip());
            }
        }
        return some(found);
    }
    let mut unknown = Unknown::NoAddress;
    for resolver in resolvers {
        match by(&absolute, *resolver).map_err(Unknown::Failed).and_then(some) {
            Ok(found) => return Ok(found),
            // That none has an address says less than that one could not be asked.
            Err(Unknown::NoAddress) => {}
            Err(failed) => unknown = failed,
        }
    }
    Err(unknown)
}

fn some(found: Vec<IpAddr>) -> Result<Vec<IpAddr>, Unknown> {
    if found.is_empty() { Err(Unknown::NoAddress) } else { Ok(found) }
}

/// What one resolver knows. That it does not say the IPv6 addresses is no error where there are others.
fn by(host: &str, resolver: SocketAddr) -> io::Result<Vec<IpAddr>> {
    let mut found = ask(host, RecordType::A, resolver)?;
    match ask(host, RecordType::AAAA, resolver) {
        Ok(more) => found.extend(more),
        Err(error) if found.is_empty() => return Err(error),
        Err(_) => {}
    }
    Ok(found)
}

fn ask(host: &str, qtype: RecordType, resolver: SocketAddr) -> io::Result<Vec<IpAddr>> {
    let any: IpAddr = match resolver {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(resolver)?;
    let name = names::parse(host).ok_or(io::ErrorKind::InvalidInput)?;
    let id = rand::random();
    let mut question = Message::new(id, MessageType::Query, OpCode::Query);
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(name, qtype));
    socket.send(&question.to_vec().map_err(io::Error::other)?)?;
    let deadline = Instant::now() + PATIENCE;
    let mut buffer = [0; REPLY];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // No time at all would mean for ever.
        socket.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let length = socket.recv(&mut buffer).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => io::Error::new(io::ErrorKind::TimedOut, LATE),
            _ => error,
        })?;
        let Ok(reply) = read::message(&buffer[..length]) else { continue };
        if reply.metadata.id == id && reply.queries == question.queries {
            let address = |data: &RData| match data {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                _ => None,
            };
            return Ok(reply.answers.iter().filter_map(|answer| address(&answer.data)).collect());
        }
    }
}
