//! `rewrite`: changes questions before the plugins behind see them, and replies so that clients do not
//! (CoreDNS, plugin/rewrite).
//!
//! In: a question. Out: what the next plugin says to what the rules made of it, with what they changed undone
//! in the reply. Names are changed as text, as CoreDNS spells them.
//!
//! A reply always has the client's question, also where CoreDNS leaves the changed one in it, which clients
//! do not take.

mod cname;
mod draft;
mod edns;
mod pattern;
mod rule;
mod setup;
mod transfer;
mod undo;

use std::sync::Arc;

use async_trait::async_trait;
use dashmap::DashSet;
use hickory_proto::op::{Message, ResponseCode};

use super::explain::Told;
use super::fast::{Now, Question, Stance};
use super::{Failure, Next, Outcome, Plugin, Reply, Request};
use crate::telemetry::mnemonic;
use crate::zone::answer::Answer;
use crate::zone::explain::Steps;
use crate::zone::name::MAX_NAME;
use cname::Answers;
use draft::{BadName, Draft};
use rule::Rule;
pub use setup::setup;
use transfer::Undone;
use undo::Undo;

const NAME: &str = "rewrite";

/// The plugin: the rules in the order of the Corefile.
#[derive(Debug)]
pub struct Rewrite {
    rules: Vec<Rule>,
    /// The options of questions that replies mirror.
    mirrored: Arc<DashSet<u16>>,
}

#[async_trait]
impl Plugin for Rewrite {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let Rewritten { message, undos, stopped } =
            self.apply(request).map_err(|BadName(name)| {
                let cause = format!("invalid name after rewrite: {name}");
                Failure { code: ResponseCode::ServFail, cause: Some(cause) }
            })?;
        let changed = message.map(|message| request.changed(message));
        let changed = changed.as_ref().unwrap_or(request);
        let outcome = next.run(NAME, changed).await;
        if !stopped && undos.is_empty() {
            return outcome;
        }
        let reply = match outcome {
            Ok(Reply::Message(reply)) => *reply,
            // Nobody behind wrote a reply, to which rules may be.
            Err(failure) => self.written(changed, failure),
            Ok(Reply::Messages(messages)) => {
                let undone = Undone::new(messages, undos, request, changed);
                return Ok(Reply::Messages(Box::new(undone)));
            }
            silence => return silence,
        };
        Reply::message(undo(reply, &undos, request, changed).await?)
    }

    fn stance(&self) -> Stance {
        Stance::Chooses
    }

    fn answer_now(&self, question: &Question<'_>, _answer: &mut Answer) -> Now {
        match question.name.plain_text(&mut [0; MAX_NAME]) {
            Some(name) if !self.rules.iter().any(|rule| rule.may_be_for(name, question.qtype)) => {
                Now::Passes
            }
            _ => Now::Unknown,
        }
    }

    fn explain(&self, request: &Request, steps: &mut Steps) -> Told {
        match self.apply(request) {
            Ok(Rewritten { message: Some(message), .. }) => {
                let query = &message.queries[0];
                let (name, qtype) = (mnemonic::name(query.name()), query.query_type());
                steps.add("question", format!("becomes {name} {}", mnemonic::record_type(qtype)));
                Told::Passes
            }
            Ok(_) => {
                steps.add("question", "no rule changes it");
                Told::Passes
            }
            Err(BadName(name)) => {
                steps.add("question", format!("becomes {name}, which is no name"));
                Told::Answers
            }
        }
    }

    fn hands_on(&self, request: &Request) -> Option<Request> {
        let message = self.apply(request).ok()?.message?;
        Some(request.apart(message))
    }
}

/// What the rules make of a question.
struct Rewritten {
    /// The message that is handed on, where it is another.
    message: Option<Message>,
    undos: Vec<Undo>,
    /// Whether a rule was the last.
    stopped: bool,
}

impl Rewrite {
    fn apply(&self, request: &Request) -> Result<Rewritten, BadName> {
        let mut draft = Draft::new(request);
        let (mut undos, mut stopped) = (Vec::new(), false);
        for rule in &self.rules {
            let Some(more) = rule.apply(&mut draft)? else { continue };
            undos.extend(more);
            if rule.stop {
                stopped = true;
                break;
            }
        }
        Ok(Rewritten { message: draft.finish(), undos, stopped })
    }

    /// The reply to a question that none was written to; why is noted for `errors`.
    fn written(&self, changed: &Request, failure: Failure) -> Message {
        if let Some(cause) = failure.cause {
            changed.changes.failed(cause);
        }
        let mut reply = changed.reply();
        reply.metadata.response_code = failure.code;
        reply.edns = changed.message.edns.clone().map(|mut edns| {
            draft::change_options(&mut edns, |options| {
                options.retain(|(code, _)| self.mirrored.contains(&u16::from(*code)));
            });
            edns
        });
        reply
    }
}

/// The reply with all changes of it made: for each record in turn, the last rule's first.
async fn undo(
    mut reply: Message,
    undos: &[Undo],
    request: &Request,
    changed: &Request,
) -> Result<Message, Failure> {
    reply.queries = vec![request.query().clone()];
    let bad = |BadName(name)| {
        let cause = format!("invalid name in the reply after rewrite: {name}");
        Failure { code: ResponseCode::ServFail, cause: Some(cause) }
    };
    let mut answers = Answers::new(std::mem::take(&mut reply.answers));
    let Message { metadata, authorities, additionals, edns, .. } = &mut reply;
    let mut records = 0;
    for record in authorities {
        for undo in undos.iter().rev() {
            undo.record(record).map_err(bad)?;
            undo.message(metadata, edns.as_mut());
        }
        records += 1;
    }
    for index in 0..answers.old.len() {
        for undo in undos.iter().rev() {
            match undo {
                Undo::Cname(rule) => rule.apply(&mut answers, index, changed).await,
                undo => undo.record(&mut answers.old[index]).map_err(bad)?,
            }
            undo.message(metadata, edns.as_mut());
        }
        records += 1;
    }
    for record in additionals {
        for undo in undos.iter().rev() {
            undo.record(record).map_err(bad)?;
            undo.message(metadata, edns.as_mut());
        }
        records += 1;
    }
    // The OPT record is one more; without any, what is not of records is changed once.
    if edns.is_some() || records == 0 {
        undos.iter().rev().for_each(|undo| undo.message(metadata, edns.as_mut()));
    }
    if let Some(truncated) = answers.truncated {
        metadata.truncation = truncated;
    }
    reply.answers = answers.finish();
    mirror(undos, changed);
    Ok(reply)
}

/// Undoes what was done to the options of the question, as a reply mirrors them.
fn mirror(undos: &[Undo], changed: &Request) {
    if !undos.iter().any(Undo::is_of_options) {
        return;
    }
    if let Some(mut edns) = changed.message.edns.clone() {
        undos.iter().rev().for_each(|undo| undo.options(&mut edns));
        changed.changes.mirrors(edns);
    }
}

#[cfg(test)]
mod tests;
