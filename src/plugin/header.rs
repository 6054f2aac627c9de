//! `header`: sets and clears flags of questions and of replies (CoreDNS, plugin/header).
//!
//! In: a question. Out: what the next plugin says to it with the flags of `query`, with those of `response`.
//! A reply that only the server writes, to a question that nobody answered, has not those.

use std::sync::Arc;

use async_trait::async_trait;
use hickory_proto::op::Metadata;

use super::setup::Setup;
use super::{Next, Outcome, Plugin, Request};
use crate::corefile::{Diagnostic, Directive, Line, Token};

const NAME: &str = "header";
const USAGE: &str = "query|response set|clear aa|ra|rd...";
const SELECTORS: [&str; 2] = ["query", "response"];
const ACTIONS: [(&str, bool); 2] = [("set", true), ("clear", false)];
const FLAGS: [(&str, Flag); 3] =
    [("aa", Flag::Authoritative), ("ra", Flag::RecursionAvailable), ("rd", Flag::RecursionDesired)];

/// The plugin: what becomes of flags, in the order of the Corefile.
#[derive(Debug)]
pub struct Header {
    query: Vec<Rule>,
    response: Arc<[Rule]>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flag {
    Authoritative,
    RecursionAvailable,
    RecursionDesired,
}

/// What a flag is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Rule {
    flag: Flag,
    value: bool,
}

impl Rule {
    fn apply(self, header: &mut Metadata) {
        match self.flag {
            Flag::Authoritative => header.authoritative = self.value,
            Flag::RecursionAvailable => header.recursion_available = self.value,
            Flag::RecursionDesired => header.recursion_desired = self.value,
        }
    }
}

/// Reads `header { query|response set|clear FLAG... }`.
///
/// # Errors
/// It stands twice, has arguments or no line, or a word is no selector, action or flag.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    directive.no_args()?;
    let (mut query, mut response) = (Vec::new(), Vec::new());
    for line in directive.lines() {
        let (is_query, rules) = rules(line)?;
        if is_query { &mut query } else { &mut response }.extend(rules);
    }
    if query.is_empty() && response.is_empty() {
        return Err(directive.name.error(
            "header does not say which flags",
            format!("add lines `{USAGE}`, or take header out"),
        ));
    }
    setup.push(Header { query, response: response.into() });
    Ok(())
}

/// The rules of a line, and whether they are for questions.
fn rules(line: &Line) -> Result<(bool, Vec<Rule>), Diagnostic> {
    let selector = line.name();
    if !SELECTORS.iter().any(|known| selector.eq_ignore_ascii_case(known)) {
        return Err(selector.unknown("selector of header", &SELECTORS));
    }
    let [action, flags @ ..] = line.args_within(2.., USAGE)? else {
        // Two words are at least two.
        return Ok((false, Vec::new()));
    };
    let value = known(action, "action of header", &ACTIONS)?;
    let rule = |word| Ok(Rule { flag: known(word, "flag of header", &FLAGS)?, value });
    let rules = flags.iter().map(rule).collect::<Result<_, _>>()?;
    Ok((selector.eq_ignore_ascii_case("query"), rules))
}

/// What a word stands for, in any case.
fn known<T: Copy>(word: &Token, what: &str, all: &[(&str, T)]) -> Result<T, Diagnostic> {
    let found = all.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        word.unknown(what, &names)
    })
}

#[async_trait]
impl Plugin for Header {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let outcome = if self.query.is_empty() {
            next.run(NAME, request).await
        } else {
            let mut message = (*request.message).clone();
            self.query.iter().for_each(|rule| rule.apply(&mut message.metadata));
            next.run(NAME, &request.changed(message)).await
        };
        let rules = self.response.clone();
        outcome.map(|reply| {
            reply.each(move |message| {
                rules.iter().for_each(|rule| rule.apply(&mut message.metadata));
            })
        })
    }
}

#[cfg(test)]
#[path = "header_tests.rs"]
mod tests;
