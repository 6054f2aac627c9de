//! `log`: one line a question, in CoreDNS's common format or another (CoreDNS, plugin/log).
//!
//! In: a question and its outcome. Out: the same outcome, and a line, behind the last message where
//! there are several. What `metadata` found is shown by `{/LABEL}`. With `-log-format json` the line has
//! the question and its answer beside, member by member.

mod format;
mod json;
mod setup;
mod written;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use dashmap::DashSet;
use hickory_proto::op::Edns;
use hickory_proto::rr::Name;
use hickory_proto::rr::rdata::opt::EdnsCode;

use super::passing::Passing;
use super::response::Class;
use super::{Next, Outcome, Plugin, Reply, Request, names};
use crate::telemetry::log;
use format::{Format, Seen};
use written::Written;

pub use setup::setup;

const NAME: &str = "log";

/// The plugin: the first rule that a question's name is in writes its line.
#[derive(Debug)]
pub struct Log {
    rules: Vec<Arc<Rule>>,
}

#[derive(Debug)]
struct Rule {
    scopes: Vec<Name>,
    format: Format,
    /// Which answers are written; all where there are none.
    classes: Vec<Class>,
    /// The EDNS options of questions that replies without options mirror.
    mirrored: Arc<DashSet<u16>>,
    /// Whether `nsid` before it answers questions with that option by an OPT record of its own.
    nsid: bool,
}

#[async_trait]
impl Plugin for Log {
    fn name(&self) -> &'static str {
        NAME
    }

    fn looks_on(&self) -> bool {
        true
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let applies = |rule: &&Arc<Rule>| names::within(&rule.scopes, request.qname());
        let Some(rule) = self.rules.iter().find(applies) else {
            return next.run(NAME, request).await;
        };
        let start = Instant::now();
        let outcome = next.run(NAME, request).await;
        match outcome {
            Ok(Reply::Messages(messages)) => {
                let (rule, request) = (rule.clone(), request.clone());
                let end = move |passed| rule.log(&request, &Written::transfer(passed), start);
                return Ok(Reply::Messages(Box::new(Passing::new(messages, end))));
            }
            Ok(ref reply) => rule.log(request, &Written::reply(request, reply), start),
            Err(ref failure) => {
                rule.log(request, &Written::failure(&asked(request), failure), start);
            }
        }
        outcome
    }
}

impl Rule {
    /// Writes the line of a question, if its answer is of a class that is written.
    fn log(&self, request: &Request, reply: &Written, start: Instant) {
        if self.classes.is_empty() || self.classes.contains(&reply.kind.class()) {
            let took = start.elapsed();
            let mut asked = asked(request);
            let options = asked.message.edns.as_ref().map(Edns::options);
            let nsid = self.nsid && options.is_some_and(|all| all.get(EdnsCode::NSID).is_some());
            if reply.mirrors && !nsid {
                let size = asked.size_mirrored(|code| self.mirrored.contains(&code));
                if size != asked.size {
                    asked.to_mut().size = size;
                }
            }
            let seen = Seen { request: &asked, reply, took };
            log::question(&self.format.line(seen), || json::members(seen));
        }
    }
}

/// The question as it was changed, but its name, which CoreDNS keeps (plugin/log/log.go).
fn asked(request: &Request) -> Cow<'_, Request> {
    let mut left = request.left();
    if left.qname() != request.qname() {
        let message = Arc::make_mut(&mut left.to_mut().message);
        message.queries[0].set_name(request.qname().clone());
    }
    left
}

#[cfg(test)]
mod tests;
