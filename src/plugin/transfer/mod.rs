//! `transfer`: whole zones over TCP, to those who may have them (CoreDNS, plugin/transfer; RFC 5936).
//!
//! In: AXFR and IXFR questions. Out: the records that a plugin behind has of the zone, in as many
//! messages as they need. There is no history: to IXFR (RFC 1995) the answer is one SOA where the
//! client's serial is the zone's, and else the whole zone.

mod pack;

use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RData, RecordType};

pub use pack::Messages;

use super::setup::Setup;
use super::{Failure, Next, Outcome, Plugin, Reply, Request, Transport, names};
use crate::corefile::{Diagnostic, Directive, Line, parse_ip};
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
    Zone(Box<Contents>),
}

/// A zone to transfer.
pub struct Contents {
    pub serial: u32,
    /// The SOA alone, with which a transfer begins and ends.
    pub soa: Answer,
    /// All other records of the answer section, in pieces.
    pub records: Box<dyn Iterator<Item = Answer> + Send>,
}

/// The plugin.
#[derive(Debug)]
pub struct Transfer {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    zones: Vec<Name>,
    /// `None` for `*`.
    to: Vec<Option<IpAddr>>,
}

/// Reads every `transfer [ZONE...] { to ADDRESS|*... }`.
///
/// # Errors
/// A zone or address that is none, no `to`, or `source`, which is for the NOTIFY of plugins that are
/// not built in.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let mut rules = Vec::new();
    for directive in directives {
        let mut zones = names::zones(&directive.args)?;
        if zones.is_empty() {
            zones = setup.zones().iter().filter_map(|zone| names::parse(zone)).collect();
        }
        let mut to = Vec::new();
        for line in directive.lines() {
            read(line, &mut to)?;
        }
        if to.is_empty() {
            return Err(directive.name.error(
                "transfer does not say to whom",
                "add `to *`, or `to ADDRESS...` with the addresses of the secondaries",
            ));
        }
        rules.push(Rule { zones, to });
    }
    setup.push(Transfer { rules });
    Ok(())
}

fn read(line: &Line, to: &mut Vec<Option<IpAddr>>) -> Result<(), Diagnostic> {
    match line.name().text.as_str() {
        "to" => {
            for word in line.args_within(1.., "to ADDRESS|*...")? {
                let address = match word.text.as_str() {
                    "*" => None,
                    text => Some(match text.parse::<SocketAddr>() {
                        // Only NOTIFY would need the port.
                        Ok(address) => address.ip(),
                        Err(_) => parse_ip(word)?,
                    }),
                };
                to.push(address);
            }
            Ok(())
        }
        "source" => Err(line.name().error(
            "transfer option source is not supported: nothing is sent that it is for",
            "take the line out; Kubernetes zones send no NOTIFY, in CoreDNS either",
        )),
        _ => Err(line.unknown(NAME, &["to"])),
    }
}

#[async_trait]
impl Plugin for Transfer {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        if !matches!(request.qtype(), RecordType::AXFR | RecordType::IXFR) {
            return next.run(NAME, request).await;
        }
        if request.transport != Transport::Tcp {
            return Err(Failure::code(ResponseCode::Refused));
        }
        let Some(rule) = self.rule(request.qname()) else { return next.run(NAME, request).await };
        let client = request.client.ip().to_canonical();
        if !rule.to.iter().any(|to| to.is_none_or(|address| address == client)) {
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
                Transferred::Zone(contents) => contents,
            };
            let (name, serial_now) = (request.qname(), contents.serial);
            // Serial 0 is that of a secondary that has nothing (plugin/transfer/transfer.go).
            if serial.is_some_and(|serial| serial != 0 && serial == serial_now) {
                tracing::info!(%name, %client, serial = serial_now, "the zone is up to date there");
                return Reply::message(contents.soa.message(request.reply()));
            }
            tracing::info!(%name, %client, serial = serial_now, "the zone is transferred");
            return Ok(Reply::Messages(Box::new(Messages::new(request, *contents))));
        }
        next.run(NAME, request).await
    }
}

impl Transfer {
    /// The rule with the longest zone that the name is in.
    fn rule(&self, name: &Name) -> Option<&Rule> {
        let longest = |rule: &Rule| {
            let zones = rule.zones.iter().filter(|zone| zone.zone_of(name));
            zones.map(|zone| zone.iter().len()).max()
        };
        let matching = self.rules.iter().filter_map(|rule| Some((longest(rule)?, rule)));
        // Of equals the first.
        matching.rev().max_by_key(|(labels, _)| *labels).map(|(_, rule)| rule)
    }
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
