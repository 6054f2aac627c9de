//! `whoami`: tells clients by which address, port and transport they come (CoreDNS, plugin/whoami).
//!
//! In: any question. Out: no answer, and in the additional section the client's address and its port, as
//! an SRV record at `_TRANSPORT.NAME`.

use std::net::IpAddr;

use async_trait::async_trait;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::SRV;
use hickory_proto::rr::{Name, RData, Record};

use super::explain::Told;
use super::setup::Setup;
use super::{Failure, Next, Outcome, Plugin, Reply, Request};
use crate::corefile::{Diagnostic, Directive};
use crate::zone::explain::Steps;

const NAME: &str = "whoami";

/// The plugin.
struct Whoami;

/// Reads `whoami`.
///
/// # Errors
/// It has an argument or a block.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    for directive in directives {
        directive.no_args()?;
        directive.no_block()?;
    }
    setup.push(Whoami);
    Ok(())
}

#[async_trait]
impl Plugin for Whoami {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, _next: Next<'_>) -> Outcome {
        let mut reply = request.reply();
        reply.metadata.authoritative = true;
        let name = request.qname();
        let Ok(service) = name.prepend_label(format!("_{}", request.transport.label())) else {
            // The name is too long; CoreDNS then writes nothing at all.
            return Err(Failure::code(ResponseCode::ServFail));
        };
        let address = match request.client.ip().to_canonical() {
            IpAddr::V4(address) => RData::A(address.into()),
            IpAddr::V6(address) => RData::AAAA(address.into()),
        };
        let port = RData::SRV(SRV::new(0, 0, request.client.port(), Name::root()));
        for (owner, data) in [(name.clone(), address), (service, port)] {
            let mut record = Record::from_rdata(owner, 0, data);
            record.dns_class = request.query().query_class();
            reply.additionals.push(record);
        }
        Reply::message(reply)
    }

    fn explain(&self, _request: &Request, _steps: &mut Steps) -> Told {
        Told::Answers
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::RecordType;

    use super::*;
    use crate::plugin::Transport;
    use crate::plugin::testing::{self, request};

    #[test]
    fn reads_its_words() {
        for (lines, expected) in [
            ("whoami", Ok("1")),
            ("whoami\nwhoami", Ok("1")),
            ("whoami x", Err("'whoami' has the argument 'x'; write `whoami`")),
            ("whoami {\nx\n}", Err("'whoami' takes no block")),
        ] {
            testing::check(lines, NAME, setup, expected, |chain, _| {
                chain.plugins.len().to_string()
            });
        }
    }

    #[tokio::test]
    async fn tells_address_port_and_transport() {
        let (mut chain, _) = testing::setup("whoami", NAME, setup).unwrap();
        let mut over_tcp = request("A.example", RecordType::TXT);
        over_tcp.transport = Transport::Tcp;
        over_tcp.client = "[2001:db8::1]:5353".parse().unwrap();
        let long = "a".repeat(63) + "." + &format!("{}.", "a".repeat(61)).repeat(3);
        for (asked, expected) in [
            (
                request("a.example", RecordType::A),
                "a.example. 0 A 192.0.2.1, _udp.a.example. 0 SRV 0 0 40000 .",
            ),
            (request(".", RecordType::NS), ". 0 A 192.0.2.1, _udp. 0 SRV 0 0 40000 ."),
            (over_tcp, "A.example. 0 AAAA 2001:db8::1, _tcp.A.example. 0 SRV 0 0 5353 ."),
            (request(&long, RecordType::A), "failed ServFail"),
        ] {
            let shown = match testing::ask(&mut chain, &asked).await {
                Ok(Reply::Message(message)) => {
                    assert!(message.metadata.authoritative && message.answers.is_empty());
                    let show = |record: &Record| {
                        let (name, ttl) = (&record.name, record.ttl);
                        format!("{name} {ttl} {} {}", record.record_type(), record.data)
                    };
                    message.additionals.iter().map(show).collect::<Vec<_>>().join(", ")
                }
                outcome => testing::shown(&outcome),
            };
            assert_eq!(shown, expected);
        }
    }
}
