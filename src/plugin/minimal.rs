//! `minimal`: leaves out of an answer what nobody asked for (CoreDNS, plugin/minimal).
//!
//! In: what the plugins behind answer. Out: of a positive answer the answer section alone. Denials,
//! failures and delegations stay whole: they say nothing without their other sections.

use async_trait::async_trait;
use hickory_proto::op::Message;

use super::fast::Stance;
use super::response::Kind;
use super::setup::Setup;
use super::{Next, Outcome, Plugin, Reply, Request};
use crate::corefile::{Diagnostic, Directive};

const NAME: &str = "minimal";

/// The plugin.
#[derive(Debug)]
pub struct Minimal;

/// Reads `minimal`.
///
/// # Errors
/// It stands twice, or has an argument or a block.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    directive.no_args()?;
    directive.no_block()?;
    setup.push(Minimal);
    Ok(())
}

#[async_trait]
impl Plugin for Minimal {
    fn name(&self) -> &'static str {
        NAME
    }

    fn stance(&self) -> Stance {
        Stance::Trims
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let outcome = next.run(NAME, request).await;
        match outcome {
            Ok(Reply::Message(message)) => Reply::message(minimal(*message)),
            outcome => outcome,
        }
    }
}

/// EDNS, which hickory keeps apart, is of the additional section too.
fn minimal(mut message: Message) -> Message {
    let dnssec_ok = message.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok);
    if Kind::of(&message, dnssec_ok) == Kind::NoError {
        message.authorities.clear();
        message.additionals.clear();
        message.edns = None;
    }
    message
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{Edns, ResponseCode};
    use hickory_proto::rr::rdata::{A, NS, SOA};
    use hickory_proto::rr::{Name, RData, Record, RecordType};

    use super::*;
    use crate::plugin::testing::{self, request};

    #[test]
    fn reads_its_line() {
        for (lines, expected) in [
            ("minimal", Ok("1")),
            ("minimal x", Err("'minimal' has the argument 'x'")),
            ("minimal {\nx\n}", Err("'minimal' takes no block")),
            ("minimal\nminimal", Err("used twice")),
        ] {
            testing::check(lines, NAME, setup, expected, |chain, _| {
                chain.plugins.len().to_string()
            });
        }
    }

    #[test]
    fn leaves_the_answer_of_positive_answers_alone() {
        let record = |data| Record::from_rdata(Name::root(), 30, data);
        let address = record(RData::A(A::new(192, 0, 2, 1)));
        let servers = record(RData::NS(NS(Name::root())));
        let soa = SOA::new(Name::root(), Name::root(), 1, 2, 3, 4, 5);
        let soa = record(RData::SOA(soa));
        let reply = |code, answers: &[&Record], authority: &Record| {
            let mut message = request("a.test", RecordType::A).reply();
            message.metadata.response_code = code;
            message.answers = answers.iter().map(|record| (*record).clone()).collect();
            message.authorities = vec![authority.clone()];
            message.additionals = vec![address.clone()];
            message.edns = Some(Edns::new());
            message
        };
        let positive = minimal(reply(ResponseCode::NoError, &[&address], &servers));
        assert_eq!(positive.answers.len(), 1);
        assert!(positive.authorities.is_empty() && positive.additionals.is_empty());
        assert!(positive.edns.is_none());
        for whole in [
            reply(ResponseCode::NoError, &[], &servers),
            reply(ResponseCode::NoError, &[], &soa),
            reply(ResponseCode::NXDomain, &[], &soa),
            reply(ResponseCode::ServFail, &[&address], &soa),
        ] {
            assert_eq!(minimal(whole.clone()), whole);
        }
    }
}
