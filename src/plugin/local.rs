//! `local`: answers for names that are this machine's to everyone (CoreDNS, plugin/local).
//!
//! In: a question for `localhost`, a name below or, by an old habit, one that begins with it, or for a name
//! in the reverse zones of 0/8, 127/8 and 255/8. Out: the loopback addresses and `localhost`; for the rest
//! of these zones NODATA or NXDOMAIN, so that nobody asks others for them.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use async_trait::async_trait;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{NS, PTR, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::explain::Told;
use super::fast::{Now, Question, Stance};
use super::setup::Setup;
use super::{Next, Outcome, Plugin, Reply, Request};
use crate::corefile::{Diagnostic, Directive};
use crate::telemetry::{Metrics, mnemonic};
use crate::zone::answer::Answer;
use crate::zone::explain::Steps;
use crate::zone::name::MAX_NAME;

const NAME: &str = "local";
/// Of all records and of negative answers, in seconds.
const TTL: u32 = 604_800;
const LOCALHOST: &str = "localhost.";
/// The zones beside `localhost`.
const REVERSE: [&str; 3] = ["0.in-addr.arpa.", "127.in-addr.arpa.", "255.in-addr.arpa."];
/// How many labels each of them has.
const LABELS: usize = 3;

/// The plugin.
struct Local {
    /// Whether names count that begin with `localhost`.
    prefix: bool,
    metrics: Arc<Metrics>,
}

/// What a name is here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Below `localhost`, or beginning with it.
    Special,
    Localhost,
    /// A reverse zone's own.
    Apex,
    /// `1.0.0.127.in-addr.arpa`.
    One,
    /// In a reverse zone, which has no such name.
    Nothing,
}

/// Reads `local { localhost_prefix on|off }`.
///
/// # Errors
/// It has an argument, or a line is none of these.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let mut prefix = true;
    for directive in directives {
        directive.no_args()?;
        for line in directive.lines() {
            if line.name().text != "localhost_prefix" {
                return Err(line.unknown(NAME, &["localhost_prefix"]));
            }
            let word = line.one_arg("localhost_prefix on|off")?;
            prefix = match word.text.as_str() {
                "on" => true,
                "off" => false,
                _ => return Err(word.unknown("value of localhost_prefix", &["on", "off"])),
            };
        }
    }
    let metrics = setup.process.metrics.clone();
    setup.push(Local { prefix, metrics });
    Ok(())
}

#[async_trait]
impl Plugin for Local {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let name = mnemonic::name(request.qname());
        let Some(kind) = self.kind(&name) else { return next.run(NAME, request).await };
        if kind == Kind::Special {
            let (rtype, client) =
                (mnemonic::record_type(request.qtype()), request.client.ip().to_canonical());
            tracing::debug!("Intercepting localhost query for {name:?} {rtype}, from {client}");
            self.metrics.local.intercepted();
        }
        Reply::message(reply(request, kind))
    }

    fn stance(&self) -> Stance {
        Stance::Chooses
    }

    fn answer_now(&self, question: &Question<'_>, _answer: &mut Answer) -> Now {
        match question.name.plain_text(&mut [0; MAX_NAME]) {
            Some(name) if self.kind(name).is_none() => Now::Passes,
            _ => Now::Unknown,
        }
    }

    fn explain(&self, request: &Request, steps: &mut Steps) -> Told {
        match self.kind(&mnemonic::name(request.qname())) {
            Some(_) => Told::Answers,
            None => {
                steps.add("zone", "the name is none of every machine's own");
                Told::Passes
            }
        }
    }
}

impl Local {
    /// What a name in lower case is; `None` for one that is none of this plugin's.
    fn kind(&self, name: &str) -> Option<Kind> {
        if name == LOCALHOST {
            return Some(Kind::Localhost);
        }
        let begins = self.prefix && name.starts_with(LOCALHOST);
        if begins || name.ends_with(".localhost.") {
            return Some(Kind::Special);
        }
        let below = |zone: &&&str| {
            name.strip_suffix(**zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let zone = REVERSE.iter().find(below)?;
        Some(match name {
            "1.0.0.127.in-addr.arpa." => Kind::One,
            name if name == *zone => Kind::Apex,
            _ => Kind::Nothing,
        })
    }
}

fn reply(request: &Request, kind: Kind) -> Message {
    let name = request.qname().clone();
    let data = match (kind, request.qtype()) {
        (Kind::Special | Kind::Localhost, RecordType::A) => {
            Some(RData::A(Ipv4Addr::LOCALHOST.into()))
        }
        (Kind::Special | Kind::Localhost, RecordType::AAAA) => {
            Some(RData::AAAA(Ipv6Addr::LOCALHOST.into()))
        }
        (Kind::Localhost | Kind::Apex, RecordType::SOA) => Some(soa()),
        (Kind::Localhost | Kind::Apex, RecordType::NS) => Some(RData::NS(NS(localhost()))),
        (Kind::One, RecordType::PTR) => Some(RData::PTR(PTR(localhost()))),
        _ => None,
    };
    let mut reply = request.reply();
    match data {
        Some(data) => reply.answers.push(Record::from_rdata(name, TTL, data)),
        None => {
            // A name that has other types has its own SOA, but for that with the PTR record.
            let owner = match kind {
                Kind::One | Kind::Nothing => name.trim_to(LABELS),
                _ => name,
            };
            reply.authorities.push(Record::from_rdata(owner, TTL, soa()));
            if kind == Kind::Nothing {
                reply.metadata.response_code = ResponseCode::NXDomain;
            }
        }
    }
    reply
}

fn soa() -> RData {
    let mut mailbox = localhost();
    // It is a name of two short labels.
    mailbox = mailbox.prepend_label("root").unwrap_or(mailbox);
    RData::SOA(SOA::new(localhost(), mailbox, 1, 0, 0, 0, TTL))
}

fn localhost() -> Name {
    let mut name = Name::from_labels(["localhost".as_bytes()]).unwrap_or_default();
    name.set_fqdn(true);
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing::{self, request};

    #[test]
    fn reads_its_words() {
        for (lines, expected) in [
            ("local", Ok("1")),
            ("local {\nlocalhost_prefix off\n}", Ok("1")),
            ("local x", Err("'local' has the argument 'x'")),
            ("local {\nlocalhost_prefix\n}", Err("write `localhost_prefix on|off`")),
            ("local {\nlocalhost_prefix yes\n}", Err("unknown value of localhost_prefix 'yes'")),
            ("local {\nprefix off\n}", Err("unknown property of local 'prefix'")),
        ] {
            testing::check(lines, NAME, setup, expected, |chain, _| {
                chain.plugins.len().to_string()
            });
        }
    }

    #[tokio::test]
    async fn answers_for_this_machine() {
        let soa = "604800 SOA localhost. root.localhost. 1 0 0 0 604800";
        for (lines, name, qtype, expected) in [
            (
                "local",
                "LocalHost",
                RecordType::A,
                "NoError LocalHost. 604800 A 127.0.0.1 |".to_owned(),
            ),
            ("local", "localhost", RecordType::AAAA, "NoError localhost. 604800 AAAA ::1 |".into()),
            (
                "local",
                "localhost",
                RecordType::NS,
                "NoError localhost. 604800 NS localhost. |".into(),
            ),
            ("local", "localhost", RecordType::SOA, format!("NoError localhost. {soa} |")),
            ("local", "localhost", RecordType::MX, format!("NoError | localhost. {soa}")),
            (
                "local",
                "a.b.localhost",
                RecordType::A,
                "NoError a.b.localhost. 604800 A 127.0.0.1 |".into(),
            ),
            ("local", "a.localhost", RecordType::TXT, format!("NoError | a.localhost. {soa}")),
            (
                "local",
                "localhost.example",
                RecordType::A,
                "NoError localhost.example. 604800 A 127.0.0.1 |".into(),
            ),
            ("local {\nlocalhost_prefix off\n}", "localhost.example", RecordType::A, "next".into()),
            ("local", "notlocalhost", RecordType::A, "next".into()),
            (
                "local",
                "1.0.0.127.in-addr.arpa",
                RecordType::PTR,
                "NoError 1.0.0.127.in-addr.arpa. 604800 PTR localhost. |".into(),
            ),
            (
                "local",
                "1.0.0.127.IN-ADDR.arpa",
                RecordType::A,
                format!("NoError | 127.IN-ADDR.arpa. {soa}"),
            ),
            (
                "local",
                "2.0.0.127.in-addr.arpa",
                RecordType::PTR,
                format!("NXDomain | 127.in-addr.arpa. {soa}"),
            ),
            (
                "local",
                "127.in-addr.arpa",
                RecordType::A,
                format!("NoError | 127.in-addr.arpa. {soa}"),
            ),
            (
                "local",
                "0.in-addr.arpa",
                RecordType::NS,
                "NoError 0.in-addr.arpa. 604800 NS localhost. |".into(),
            ),
            (
                "local",
                "9.255.in-addr.arpa",
                RecordType::SOA,
                format!("NXDomain | 255.in-addr.arpa. {soa}"),
            ),
            ("local", "10.in-addr.arpa", RecordType::NS, "next".into()),
        ] {
            let (mut chain, process) = testing::setup(lines, NAME, setup).unwrap();
            let shown = match testing::ask(&mut chain, &request(name, qtype)).await {
                Ok(Reply::Message(message)) => {
                    assert!(!message.metadata.authoritative);
                    let show = |records: &[Record]| {
                        let texts = records.iter().map(|record| {
                            let (name, ttl) = (&record.name, record.ttl);
                            format!("{name} {ttl} {} {}", record.record_type(), record.data)
                        });
                        texts.collect::<Vec<_>>().join(", ")
                    };
                    let code = message.metadata.response_code;
                    format!("{code:?} {} | {}", show(&message.answers), show(&message.authorities))
                }
                _ => "next".to_owned(),
            };
            let shown = shown.trim().replace("  ", " ");
            assert_eq!(shown, expected, "{name} {qtype}");
            let special = name.ends_with(".localhost") || name.starts_with("localhost.");
            let counted = u8::from(special && shown != "next");
            let page = process.metrics.page();
            let line = "coredns_local_localhost_requests_total";
            assert!(page.contains(&format!("\n{line} {counted}\n")), "{name}: {page}");
        }
    }
}
