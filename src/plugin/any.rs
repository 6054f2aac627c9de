//! `any`: a short answer to questions for all types of a name (CoreDNS, plugin/any; RFC 8482).
//!
//! In: a question. Out: for ANY one HINFO record, whatever the name; what the next plugin says otherwise.

use async_trait::async_trait;
use hickory_proto::rr::rdata::HINFO;
use hickory_proto::rr::{RData, Record, RecordType};

use super::explain::Told;
use super::fast::Stance;
use super::setup::Setup;
use super::{Next, Outcome, Plugin, Reply, Request};
use crate::corefile::{Diagnostic, Directive};
use crate::zone::explain::Steps;

const NAME: &str = "any";
/// The record, as in CoreDNS; its TTL is the number of the RFC.
const TTL: u32 = 8482;
const CPU: &str = "ANY obsoleted";
const OS: &str = "See RFC 8482";

/// The plugin.
#[derive(Debug)]
pub struct Any;

/// Reads `any`.
///
/// # Errors
/// It stands twice, or has an argument or a block.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    directive.no_args()?;
    directive.no_block()?;
    setup.push(Any);
    Ok(())
}

#[async_trait]
impl Plugin for Any {
    fn name(&self) -> &'static str {
        NAME
    }

    fn stance(&self) -> Stance {
        Stance::Aside
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        if request.qtype() != RecordType::ANY {
            return next.run(NAME, request).await;
        }
        let data = RData::HINFO(HINFO::new(CPU.into(), OS.into()));
        let mut reply = request.reply();
        reply.answers = vec![Record::from_rdata(request.qname().clone(), TTL, data)];
        Reply::message(reply)
    }

    fn explain(&self, request: &Request, steps: &mut Steps) -> Told {
        if request.qtype() != RecordType::ANY {
            return Told::Passes;
        }
        steps.add("any", "all types at once are not told");
        Told::Answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing::{self, request, shown};

    #[test]
    fn reads_its_line() {
        for (lines, expected) in [
            ("any", Ok("1")),
            ("any x", Err("'any' has the argument 'x'")),
            ("any {\nx\n}", Err("'any' takes no block")),
            ("any\nany", Err("used twice")),
        ] {
            testing::check(lines, NAME, setup, expected, |chain, _| {
                chain.plugins.len().to_string()
            });
        }
    }

    #[tokio::test]
    async fn answers_any_alone() {
        let (mut chain, _) = testing::setup("any", NAME, setup).unwrap();
        let any = testing::ask(&mut chain, &request("A.test", RecordType::ANY)).await;
        assert!(shown(&any).starts_with("NoError: A.test. 8482 HINFO"), "{}", shown(&any));
        let other = testing::ask(&mut chain, &request("A.test", RecordType::A)).await;
        assert_eq!(shown(&other), "failed NotImp");
    }
}
