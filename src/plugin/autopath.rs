//! `autopath`: walks the client's search path on its behalf (CoreDNS, plugin/autopath).
//!
//! In: a question for a name below the first domain of the client's search path, which is what a client asks
//! first. Out: what the next plugins say of the first name on the path that exists, with a CNAME to it from the
//! name that was asked for; or where none exists what they say of that.

mod setup;

use std::sync::Arc;

use async_trait::async_trait;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::{Name, RData, Record};

use super::fast::{Now, Question, Stance};
use super::{Failure, Next, Outcome, Plugin, Reply, Request, names};
use crate::telemetry::{Metrics, mnemonic};
use crate::zone::answer::Answer;
use crate::zone::name::WireName;
pub use setup::{search_path, setup};

const NAME: &str = "autopath";

/// The plugin.
#[derive(Debug)]
pub struct Autopath {
    zones: Vec<WireName>,
    path: Path,
    metrics: Arc<Metrics>,
}

/// Where the search path is from.
#[derive(Debug)]
enum Path {
    /// The domains of a file, the root last; `None` for a word that is no name.
    Known(Vec<Option<Name>>),
    /// Another plugin of the block, which has one for each client.
    Of(&'static str),
}

impl Autopath {
    /// The client's search path, its domains in order and the root last.
    fn path(&self, request: &Request, next: Next<'_>) -> Option<Vec<Option<Name>>> {
        match &self.path {
            Path::Known(path) => Some(path.clone()),
            Path::Of(name) => {
                let plugin = next.plugins().find(|plugin| plugin.name() == *name)?;
                plugin.search_path(request)
            }
        }
    }
}

#[async_trait]
impl Plugin for Autopath {
    fn name(&self) -> &'static str {
        NAME
    }

    fn stance(&self) -> Stance {
        Stance::Chooses
    }

    fn answer_now(&self, question: &Question<'_>, _answer: &mut Answer) -> Now {
        if names::wire_within(&self.zones, question.name) { Now::Unknown } else { Now::Passes }
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let name = request.qname();
        let is_in_zones = names::wire_within(&self.zones, &names::wire(name));
        let path = is_in_zones.then(|| self.path(request, next)).flatten();
        let path = path.unwrap_or_default();
        let Some(Some(first)) = path.first().filter(|domain| is_below(domain.as_ref(), name))
        else {
            return next.run(NAME, request).await;
        };
        let Some(base) = name.num_labels().checked_sub(first.num_labels()).filter(|left| *left > 0)
        else {
            // The domain itself (plugin/pkg/dnsutil/zone.go).
            let cause = format!(
                "trimzone: overshot qname: {}for zone {}",
                mnemonic::spelled(name),
                mnemonic::spelled(first)
            );
            return Err(Failure { code: ResponseCode::ServFail, cause: Some(cause) });
        };
        let mut original = None;
        for domain in &path {
            // A name that is too long is not there.
            let Some(candidate) = domain.as_ref().and_then(|domain| join(name, base, domain))
            else {
                continue;
            };
            let mut message = (*request.message).clone();
            message.queries[0].set_name(candidate);
            let outcome = next.run(NAME, &request.apart(message)).await;
            let is_there = match &outcome {
                Err(Failure { cause: Some(_), .. }) => return outcome,
                Ok(Reply::Message(reply)) => reply.metadata.response_code != ResponseCode::NXDomain,
                Ok(Reply::Messages(_)) => return outcome,
                Ok(Reply::Silence) | Err(_) => false,
            };
            match outcome {
                Ok(Reply::Message(mut reply)) if is_there => {
                    self.metrics.autopath.succeeded(&request.server);
                    lead(&mut reply, request);
                    return Ok(Reply::Message(reply));
                }
                outcome => {
                    original.get_or_insert(outcome);
                }
            }
        }
        original.unwrap_or(Err(Failure::code(ResponseCode::ServFail)))
    }
}

/// Whether a name is in a domain; in the root, which ends every path, none is.
fn is_below(domain: Option<&Name>, name: &Name) -> bool {
    domain.is_some_and(|domain| !domain.is_root() && domain.zone_of(name))
}

/// The first labels of a name, in a domain.
fn join(name: &Name, labels: u8, domain: &Name) -> Option<Name> {
    Name::from_labels(name.iter().take(usize::from(labels)).chain(domain.iter())).ok()
}

/// Puts an alias before the answers, from the name that was asked for to the first that is another
/// (plugin/autopath/cname.go).
fn lead(reply: &mut Message, request: &Request) {
    let name = request.qname();
    if let Some(other) = reply.answers.iter().find(|record| record.name != *name) {
        let alias = RData::CNAME(CNAME(other.name.clone()));
        let alias = Record::from_rdata(name.clone(), other.ttl, alias);
        reply.answers.insert(0, alias);
    }
    reply.queries = vec![request.query().clone()];
}

#[cfg(test)]
mod tests;
