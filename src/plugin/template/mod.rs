//! `template`: records from templates (CoreDNS, plugin/template).
//!
//! In: a question whose class, type, zone and name a template takes, and whose conditions hold. Out: the
//! records that its texts make with AA, its response code, and an Extended DNS Error; where no pattern
//! matches or a condition does not hold, the next template or plugin (`fallthrough`), or SERVFAIL. The
//! target of a CNAME is asked of the server itself for A and AAAA questions.
//!
//! The texts are in the language of Go's templates ([`language`]).

mod data;
mod expressions;
pub mod language;
mod record;
mod setup;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use hickory_proto::op::{Edns, Message, ResponseCode};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::explain::Told;
use super::fast::{Now, Question, Stance};
use super::names::Zones;
use super::{Failure, Next, Outcome, Plugin, Reply, Request, explain, names};
use crate::corefile::Regexp;
use crate::telemetry::template::Match;
use crate::telemetry::{Metrics, mnemonic};
use crate::zone::answer::Answer;
use crate::zone::explain::Steps;
use crate::zone::name::WireName;
use data::Data;
use expressions::{Expressions, Found};

pub use setup::setup;

const NAME: &str = "template";
/// The OPT record's size of a reply with an Extended DNS Error to a client that gives none.
const PAYLOAD: u16 = 4096;

/// The plugin: all its directives, in the order of the Corefile.
#[derive(Debug)]
pub struct Templates {
    /// Those of all templates.
    zones: Vec<Name>,
    templates: Vec<Template>,
    metrics: Arc<Metrics>,
}

/// One directive.
#[derive(Debug)]
struct Template {
    zones: Zones,
    class: DNSClass,
    qtype: RecordType,
    /// The first that matches counts; there is at least one.
    patterns: Vec<Pattern>,
    expressions: Expressions,
    code: ResponseCode,
    answers: Vec<language::Template>,
    additionals: Vec<language::Template>,
    authorities: Vec<language::Template>,
    /// The code and text of an Extended DNS Error (RFC 8914).
    error: Option<(u16, String)>,
    fallthrough: Vec<Name>,
}

/// What a name is matched with.
#[derive(Debug)]
struct Pattern {
    text: String,
    regexp: Regexp,
}

/// What a template makes of a question.
enum Taken {
    /// It is for it.
    Yes(Box<Data>),
    /// The next one is to be asked.
    Next,
    /// It is for no one else.
    Refused,
}

#[async_trait]
impl Plugin for Templates {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        if !names::within(&self.zones, request.qname()) {
            return next.run(NAME, request).await;
        }
        for template in &self.templates {
            match template.takes(request) {
                Taken::Yes(data) => return self.reply(request, template, Arc::new(*data)).await,
                Taken::Next => {}
                Taken::Refused => return Err(Failure::code(ResponseCode::ServFail)),
            }
        }
        next.run(NAME, request).await
    }

    fn stance(&self) -> Stance {
        Stance::Chooses
    }

    fn answer_now(&self, question: &Question<'_>, _answer: &mut Answer) -> Now {
        let may_take = |template: &Template| template.may_take(question.name, question.qtype);
        if self.templates.iter().any(may_take) { Now::Unknown } else { Now::Passes }
    }

    fn explain(&self, request: &Request, steps: &mut Steps) -> Told {
        for template in &self.templates {
            match template.takes(request) {
                Taken::Yes(data) => {
                    steps
                        .add("match", format!("a template of {} with {}", data.zone, data.pattern));
                    return Told::Answers;
                }
                Taken::Next => {}
                Taken::Refused => {
                    steps
                        .add("fallthrough", "the name is in a template's zone and matches nothing");
                    return Told::Answers;
                }
            }
        }
        steps.add("match", "no template is for the question");
        Told::Passes
    }
}

impl Templates {
    async fn reply(&self, request: &Request, template: &Template, data: Arc<Data>) -> Outcome {
        let found = Match {
            class: data.class.clone(),
            server: request.server.clone(),
            r#type: data.rtype.clone(),
            view: request.view.clone(),
            zone: data.zone.clone(),
        };
        self.metrics.template.matched(&found);
        if template.code == ResponseCode::ServFail {
            return Err(Failure::code(template.code));
        }
        let mut reply = request.reply();
        reply.metadata.authoritative = true;
        reply.metadata.response_code = template.code;
        for answer in &template.answers {
            let record = self.record(answer, "answer", &data, &found)?;
            let target = match (&record.data, request.qtype()) {
                (RData::CNAME(target), RecordType::A | RecordType::AAAA) => Some(target.0.clone()),
                _ => None,
            };
            reply.answers.push(record);
            if let Some(target) = target
                && let Some(Message { metadata, answers, .. }) =
                    request.ask(target, request.qtype()).await
            {
                reply.metadata.truncation = metadata.truncation;
                reply.answers.extend(answers);
            }
        }
        for additional in &template.additionals {
            reply.additionals.push(self.record(additional, "additional", &data, &found)?);
        }
        for authority in &template.authorities {
            reply.authorities.push(self.record(authority, "authority", &data, &found)?);
        }
        if let Some((code, text)) = &template.error {
            let mut edns = Edns::new();
            edns.set_max_payload(PAYLOAD).set_dnssec_ok(true);
            edns.options_mut().insert(explain::option(*code, text));
            reply.edns = Some(edns);
        }
        Reply::message(reply)
    }

    /// The record that a template makes.
    fn record(
        &self,
        template: &language::Template,
        section: &'static str,
        data: &Arc<Data>,
        found: &Match,
    ) -> Result<Record, Failure> {
        let failed = |cause| Failure { code: ResponseCode::ServFail, cause: Some(cause) };
        let text = template.execute(language::Value::Object(data.clone())).map_err(|error| {
            self.metrics.template.template_failed(found, section, template.spelled());
            failed(error.to_string())
        })?;
        record::read(&text).map_err(|error| {
            self.metrics.template.record_failed(found, section, template.spelled());
            failed(error.to_string())
        })
    }
}

impl Template {
    /// Whether it may be for a question of class IN and one type, by all but its patterns and conditions.
    fn may_take(&self, name: &WireName, qtype: u16) -> bool {
        (self.class == DNSClass::ANY || self.class == DNSClass::IN)
            && (self.qtype == RecordType::ANY || u16::from(self.qtype) == qtype)
            && self.zones.contain(name)
    }

    /// Whether the template is for a question.
    fn takes(&self, request: &Request) -> Taken {
        let Some(zone) = self.zones.longest(request.qname()) else { return Taken::Next };
        let (class, qtype) = (request.query().query_class(), request.qtype());
        if self.class != DNSClass::ANY && class != DNSClass::ANY && class != self.class {
            return Taken::Next;
        }
        if self.qtype != RecordType::ANY && qtype != RecordType::ANY && qtype != self.qtype {
            return Taken::Next;
        }
        let name = mnemonic::name(request.qname());
        let matching =
            self.patterns.iter().find_map(|pattern| Some((pattern, pattern.regexp.groups(&name)?)));
        let Some((pattern, groups)) = matching else { return self.not_taken(request) };
        let matched: Vec<String> = groups.into_iter().map(str::to_owned).collect();
        let groups = pattern.groups(&matched);
        let metadata = || request.metadata.as_ref().map(|known| known.values()).unwrap_or_default();
        let variables = match self.expressions.find(request, &groups, &metadata) {
            Found::Holds(variables) => variables,
            Found::Fails => return self.not_taken(request),
            Found::Broken => return Taken::Refused,
        };
        // A question for any class or type is one for the template's.
        let class = if class == DNSClass::ANY { self.class } else { class };
        let rtype = if qtype == RecordType::ANY { self.qtype } else { qtype };
        Taken::Yes(Box::new(Data {
            zone: zone.clone(),
            pattern: pattern.text.clone(),
            matched,
            groups,
            class: named(mnemonic::class(class), "CLASS"),
            rtype: named(mnemonic::record_type(rtype), "TYPE"),
            message: request.message.clone(),
            remote: request.client.ip().to_canonical().to_string(),
            variables,
            metadata: request.metadata.clone(),
            name,
        }))
    }

    fn not_taken(&self, request: &Request) -> Taken {
        match names::within(&self.fallthrough, request.qname()) {
            true => Taken::Next,
            false => Taken::Refused,
        }
    }
}

impl Pattern {
    /// What its groups matched, by number and by name.
    fn groups(&self, matched: &[String]) -> BTreeMap<String, String> {
        let numbered = matched.iter().enumerate();
        let mut groups: BTreeMap<String, String> =
            numbered.map(|(number, text)| (number.to_string(), text.clone())).collect();
        let names = self.regexp.group_names().zip(matched);
        groups.extend(names.filter_map(|(name, text)| Some((name?.to_owned(), text.clone()))));
        groups
    }
}

/// The name of a class or type; nothing for one that has none.
fn named(name: std::borrow::Cow<'static, str>, unnamed: &str) -> String {
    let number = name.strip_prefix(unnamed).is_some_and(|rest| !rest.is_empty());
    if number { String::new() } else { name.into_owned() }
}

#[cfg(test)]
mod tests;
