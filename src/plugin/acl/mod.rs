//! `acl`: who may ask for what (CoreDNS, plugin/acl).
//!
//! In: a question. Out: REFUSED, an empty answer or silence where a rule of one of its zones says so, and
//! what the next plugin says otherwise.
//!
//! What is blocked or filtered says so by an Extended DNS Error (RFC 8914) in an OPT record, which goes to
//! clients without EDNS too, as in CoreDNS.

mod policy;
mod setup;

use std::sync::Arc;

use async_trait::async_trait;
use hickory_proto::op::{Edns, Message, ResponseCode};

use super::names::Zones;
use super::{Next, Outcome, Plugin, Reply, Request, explain};
use crate::telemetry::Metrics;
use crate::telemetry::acl::Verdict;
use crate::telemetry::mnemonic;
use policy::{Action, Policy};
pub use setup::setup;

const NAME: &str = "acl";
/// The OPT record's size of a reply to a client that gives none.
const PAYLOAD: u16 = 4096;
/// Extended DNS Errors (RFC 8914 §4.16, §4.18).
const BLOCKED: u16 = 15;
const FILTERED: u16 = 17;

/// The plugin: all its directives, in the order of the Corefile.
#[derive(Debug)]
pub struct Acl {
    rules: Vec<Rule>,
    metrics: Arc<Metrics>,
}

/// One directive.
#[derive(Debug)]
struct Rule {
    zones: Zones,
    policies: Vec<Policy>,
}

impl Acl {
    /// What the first policy that speaks of the question says, and for which zone. A rule that says
    /// nothing leaves the question to the next one.
    fn action(&self, request: &Request) -> Option<(Action, &Arc<str>)> {
        self.rules.iter().find_map(|rule| {
            let zone = rule.zones.longest(request.qname())?;
            let policy = rule.policies.iter().find(|policy| policy.matches(request))?;
            Some((policy.action, zone))
        })
    }
}

#[async_trait]
impl Plugin for Acl {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let count = |verdict| {
            self.metrics.acl.count(verdict, &request.server, request.view.as_ref());
        };
        match self.action(request) {
            None | Some((Action::Allow, _)) => {
                count(Verdict::Allowed);
                match next.name() {
                    Some(_) => next.run(NAME, request).await,
                    // As in CoreDNS, where the name of the question stands for that of the plugin.
                    None => next.run(&mnemonic::name(request.qname()), request).await,
                }
            }
            Some((Action::Block, zone)) => {
                count(Verdict::Blocked(zone));
                Reply::message(explained(request, ResponseCode::Refused, BLOCKED))
            }
            Some((Action::Filter, zone)) => {
                count(Verdict::Filtered(zone));
                Reply::message(explained(request, ResponseCode::NoError, FILTERED))
            }
            Some((Action::Drop, zone)) => {
                count(Verdict::Dropped(zone));
                Ok(Reply::Silence)
            }
        }
    }
}

/// A reply without records that says by an Extended DNS Error why.
fn explained(request: &Request, code: ResponseCode, error: u16) -> Message {
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD).set_dnssec_ok(true);
    edns.options_mut().insert(explain::option(error, ""));
    let mut reply = request.reply();
    reply.metadata.response_code = code;
    reply.edns = Some(edns);
    reply
}

#[cfg(test)]
mod tests;
