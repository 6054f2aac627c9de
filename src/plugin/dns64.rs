//! `dns64`: IPv6 addresses for names that have only IPv4 ones (RFC 6147; CoreDNS, plugin/dns64).
//!
//! In: AAAA questions from IPv6, or with `allow_ipv4` from all. Out: what the next plugin says, or where that
//! has no AAAA records what the whole server says of A, each address with the prefix before it (RFC 6052 §2.2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use async_trait::async_trait;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{DNSClass, RData, Record, RecordType};
use ipnet::{IpNet, Ipv6Net};

use super::fast::{Now, Question, Stance};
use super::setup::Setup;
use super::{Failure, Next, Outcome, Plugin, Reply, Request};
use crate::corefile::{Diagnostic, Directive, Token};
use crate::telemetry::Metrics;
use crate::zone::answer::Answer;
use crate::zone::rtype;

const NAME: &str = "dns64";
const USAGE: &str = "dns64 [PREFIX]";
const OPTIONS: [&str; 3] = ["prefix", "translate_all", "allow_ipv4"];
/// The well-known prefix (RFC 6052 §2.1).
const WELL_KNOWN: &str = "64:ff9b::/96";
/// How long a prefix is (RFC 6052 §2.2).
const LENGTHS: [u8; 6] = [32, 40, 48, 56, 64, 96];
/// Seconds that addresses are kept at most, where no SOA says it (RFC 6147 §5.1.7).
const UNKNOWN_TTL: u32 = 600;

/// The plugin.
#[derive(Debug)]
pub struct Dns64 {
    prefix: Ipv6Net,
    /// Whether names that have AAAA records are translated, too.
    translate_all: bool,
    allow_ipv4: bool,
    metrics: Arc<Metrics>,
}

/// Reads `dns64 [PREFIX]` and `dns64 { prefix PREFIX; translate_all; allow_ipv4 }`.
///
/// # Errors
/// It stands twice, has a prefix and a block, or a word is no option or prefix.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    let metrics = setup.process.metrics.clone();
    let prefix = match directive.optional_arg(USAGE)? {
        Some(word) if directive.block.is_some() => {
            return Err(word.error(
                "CoreDNS does not read the block behind a prefix",
                format!("put the prefix into the block: prefix {word}"),
            ));
        }
        Some(word) => prefix(word)?,
        None => well_known(),
    };
    let mut plugin = Dns64 { prefix, translate_all: false, allow_ipv4: false, metrics };
    for line in directive.lines() {
        match line.name().text.as_str() {
            "prefix" => plugin.prefix = self::prefix(line.one_arg("prefix PREFIX")?)?,
            "translate_all" => {
                line.no_args()?;
                plugin.translate_all = true;
            }
            "allow_ipv4" => {
                line.no_args()?;
                plugin.allow_ipv4 = true;
            }
            _ => return Err(line.unknown(NAME, &OPTIONS)),
        }
    }
    setup.push(plugin);
    Ok(())
}

fn well_known() -> Ipv6Net {
    // The constant is a network.
    WELL_KNOWN.parse().unwrap_or_default()
}

fn prefix(word: &Token) -> Result<Ipv6Net, Diagnostic> {
    let wrong = |problem: String| {
        word.error(
            problem,
            format!(
                "write one of IPv6 with a length of 32, 40, 48, 56, 64 or 96, e.g. {WELL_KNOWN}"
            ),
        )
    };
    match word.text.parse::<IpNet>() {
        Ok(IpNet::V6(net)) if LENGTHS.contains(&net.prefix_len()) => Ok(net.trunc()),
        Ok(IpNet::V6(_)) => Err(wrong(format!("'{word}' has no length that a prefix can have"))),
        Ok(IpNet::V4(_)) => Err(wrong(format!("'{word}' is no prefix of IPv6"))),
        Err(_) => Err(wrong(format!("'{word}' is no prefix"))),
    }
}

#[async_trait]
impl Plugin for Dns64 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn stance(&self) -> Stance {
        Stance::Chooses
    }

    fn answer_now(&self, question: &Question<'_>, _answer: &mut Answer) -> Now {
        if self.takes(question.client, question.qtype) { Now::Unknown } else { Now::Passes }
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let (client, qtype) = (request.client.ip().to_canonical(), request.qtype().into());
        if !self.takes(client, qtype) || request.query().query_class() != DNSClass::IN {
            return next.run(NAME, request).await;
        }
        let original = match next.run(NAME, request).await {
            Ok(Reply::Message(reply)) if self.translates(&reply) => reply,
            other => return other,
        };
        let Some(found) = request.ask(request.qname().to_lowercase(), RecordType::A).await else {
            let cause = "dns64: upstream returned no response".to_owned();
            return Err(Failure { code: ResponseCode::ServFail, cause: Some(cause) });
        };
        self.metrics.dns64.translated(&request.server);
        Reply::message(self.translated(request, &original, found))
    }
}

impl Dns64 {
    /// Whether a question of class IN is looked at.
    fn takes(&self, client: IpAddr, qtype: u16) -> bool {
        (self.allow_ipv4 || client.is_ipv6()) && qtype == rtype::AAAA
    }

    /// Whether a reply to it is replaced: all errors but NXDOMAIN are as good as no address (RFC 6147 §5.1.2).
    fn translates(&self, reply: &Message) -> bool {
        let is_missing = reply.metadata.response_code == ResponseCode::NXDomain;
        if is_missing && reply.answers.is_empty() {
            return false;
        }
        let has_address = |record: &Record| record.record_type() == RecordType::AAAA;
        self.translate_all || !reply.answers.iter().any(has_address)
    }

    /// The reply with the addresses that were found.
    fn translated(&self, request: &Request, original: &Message, found: Message) -> Message {
        let mut soas = original.authorities.iter().filter(|it| it.record_type() == RecordType::SOA);
        let most = soas.next_back().map_or(UNKNOWN_TTL, |soa| soa.ttl);
        let mut reply = request.reply();
        reply.metadata.response_code = found.metadata.response_code;
        reply.metadata.truncation = found.metadata.truncation;
        reply.authorities = found.authorities;
        reply.additionals = found.additionals;
        reply.edns = found.edns;
        reply.answers = found.answers;
        for record in &mut reply.answers {
            if let RData::A(address) = record.data {
                record.data = RData::AAAA(embed(&self.prefix, address.0).into());
                record.ttl = record.ttl.min(most);
            }
        }
        reply
    }
}

/// The address behind the prefix: octets 64 to 71 stay zero where it does not fit before them.
fn embed(prefix: &Ipv6Net, address: Ipv4Addr) -> Ipv6Addr {
    /// The octet that is skipped (RFC 6052 §2.2, `u`).
    const SKIPPED: usize = 8;
    let mut octets = prefix.network().octets();
    let mut at = usize::from(prefix.prefix_len() / 8);
    for octet in address.octets() {
        if at == SKIPPED {
            at += 1;
        }
        octets[at] = octet;
        at += 1;
    }
    octets.into()
}

#[cfg(test)]
#[path = "dns64_tests.rs"]
mod tests;
