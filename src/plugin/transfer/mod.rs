//! `transfer`: whole zones over TCP, to those who may have them (CoreDNS, plugin/transfer; RFC 5936).
//!
//! In: AXFR and IXFR questions. Out: the records that a plugin behind has of the zone, in as many
//! messages as they need. There is no history: to IXFR (RFC 1995) the answer is one SOA where the
//! client's serial is the zone's, and else the whole zone. The other way, a plugin behind has
//! secondaries told that a zone changed (RFC 1996), by the [`Notifier`].

mod notify;
mod pack;
mod setup;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use hickory_proto::ProtoError;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

pub use notify::Notifier;
pub use pack::Messages;
pub use setup::setup;

use super::fast::Stance;
use super::{Failure, Next, Outcome, Plugin, Reply, Request, Transport};
use crate::zone::answer::Answer;

const NAME: &str = "transfer";

/// What a plugin says of the transfer of a zone.
pub enum Transferred {
    /// The name is in none of its zones.
    Elsewhere,
    /// The name is in one of its zones and is none itself.
    NoZone,
    /// Nothing is known yet.
    NotYet,
    /// There is no zone to give, for a reason that `errors` logs.
    Failed(&'static str),
    Zone(Box<Contents>),
}

/// A zone to transfer.
pub struct Contents {
    pub serial: u32,
    /// Whether a client with a greater serial has it, too, as RFC 1995 §2 says; else only one with the same.
    pub newer_is_known: bool,
    /// The SOA alone, with which a transfer begins and ends.
    pub soa: Answer,
    /// All other records of the answer section, in pieces.
    pub records: Box<dyn Iterator<Item = Answer> + Send>,
}

impl Contents {
    /// Whether a client with this serial has the zone as it is. 0 is the serial of a secondary that has nothing
    /// (plugin/transfer/transfer.go).
    fn is_known(&self, serial: u32) -> bool {
        let is_newer = self.newer_is_known && serial > self.serial;
        serial != 0 && (serial == self.serial || is_newer)
    }
}

/// Some records, as a piece of a zone.
///
/// # Errors
/// A record that does not fit the wire.
pub fn piece(records: Vec<Record>) -> Result<Answer, ProtoError> {
    let mut message = Message::query();
    message.answers = records;
    Answer::from_message(&message)
}

/// The plugin.
#[derive(Debug)]
pub struct Transfer {
    rules: Rules,
}

/// All `transfer` of a server block.
type Rules = Arc<[Rule]>;

/// One `transfer`.
#[derive(Debug)]
struct Rule {
    zones: Vec<Name>,
    /// Who may have the zones, and is told when they change; `None` for `*`, which is nobody to tell.
    to: Vec<Option<SocketAddr>>,
    /// The address that those who are told see.
    source: Option<IpAddr>,
}

#[async_trait]
impl Plugin for Transfer {
    fn name(&self) -> &'static str {
        NAME
    }

    fn stance(&self) -> Stance {
        Stance::Aside
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        if !matches!(request.qtype(), RecordType::AXFR | RecordType::IXFR) {
            return next.run(NAME, request).await;
        }
        if request.transport != Transport::Tcp {
            return Err(Failure::code(ResponseCode::Refused));
        }
        let Some(rule) = rule(&self.rules, request.qname()) else {
            return next.run(NAME, request).await;
        };
        let client = request.client.ip().to_canonical();
        if !rule.to.iter().any(|to| to.is_none_or(|address| address.ip() == client)) {
            let mut message = request.reply();
            message.metadata.response_code = ResponseCode::Refused;
            return Reply::message(message);
        }
        let serial = match request.qtype() {
            RecordType::AXFR => None,
            _ => Some(serial(request).ok_or_else(|| Failure::code(ResponseCode::ServFail))?),
        };
        for plugin in next.plugins() {
            let contents = match plugin.transfer(request).await {
                Transferred::Elsewhere => continue,
                Transferred::NoZone => return Err(Failure::code(ResponseCode::NotAuth)),
                Transferred::NotYet => return Err(Failure::code(ResponseCode::ServFail)),
                Transferred::Failed(cause) => {
                    let cause = Some(cause.to_owned());
                    return Err(Failure { code: ResponseCode::ServFail, cause });
                }
                Transferred::Zone(contents) => contents,
            };
            let (zone, now) = (request.qname().to_ascii(), contents.serial);
            if serial.is_some_and(|serial| contents.is_known(serial)) {
                tracing::info!(
                    "Outgoing noop, incremental transfer for up to date zone {zone:?} to {client} for \
                     {now} SOA serial"
                );
                return Reply::message(contents.soa.message(request.reply()));
            }
            return Ok(Reply::Messages(Box::new(Messages::new(request, *contents))));
        }
        next.run(NAME, request).await
    }
}

/// The rule with the longest zone that the name is in.
fn rule<'r>(rules: &'r [Rule], name: &Name) -> Option<&'r Rule> {
    let longest = |rule: &Rule| {
        let zones = rule.zones.iter().filter(|zone| zone.zone_of(name));
        zones.map(|zone| zone.iter().len()).max()
    };
    let matching = rules.iter().filter_map(|rule| Some((longest(rule)?, rule)));
    // Of equals the first.
    matching.rev().max_by_key(|(labels, _)| *labels).map(|(_, rule)| rule)
}

/// The serial that the client of an IXFR has, from the only SOA of its authority section.
fn serial(request: &Request) -> Option<u32> {
    match request.message.authorities.as_slice() {
        [only] => match &only.data {
            RData::SOA(soa) => Some(soa.serial),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests;
