//! `log`: one line a question, in CoreDNS's common format or another.
//!
//! In: a question and its outcome. Out: the same outcome, and a line. The flag `tc` is that of the
//! plugins behind, for the server truncates later. What `metadata` found is shown by `{/LABEL}`.

mod format;

use std::time::Instant;

use async_trait::async_trait;
use hickory_proto::rr::Name;
use tracing::info;

use super::setup::{Setup, refuse};
use super::{Next, Outcome, Plugin, Request, names};
use crate::corefile::{Diagnostic, Directive, Line, Token};
use crate::telemetry::log::QUERY_TARGET;
use format::{Format, Seen};

const NAME: &str = "log";
/// The classes of answers that can be asked for one day.
const CLASSES: [&str; 4] = ["all", "denial", "error", "success"];
/// A placeholder that cannot be filled yet: the address that was asked.
const LOCAL: &str = "{local}";

/// The plugin: the first rule that a question's name is in writes its line.
#[derive(Debug)]
pub struct Log {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    scopes: Vec<Name>,
    format: Format,
}

/// Reads all lines `log [NAMES... [FORMAT]] { class all }`.
///
/// # Errors
/// A format without a name, which CoreDNS takes for one, or a class other than `all`.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let mut rules = Vec::new();
    for directive in directives {
        rules.push(rule(&directive.args)?);
        directive.lines().iter().try_for_each(class)?;
    }
    setup.push(Log { rules });
    Ok(())
}

fn rule(words: &[Token]) -> Result<Rule, Diagnostic> {
    let (format, scopes) = match words.split_last() {
        Some((word, scopes)) if word.text.contains('{') => (Some(word), scopes),
        _ => (None, words),
    };
    if let (Some(word), []) = (format, scopes) {
        return Err(word.error(
            "the format of log has no name before it",
            format!("write `log . \"{}\"`, or another name than `.`", word.text),
        ));
    }
    let format = match format {
        None => Format::default(),
        Some(word) if word.text.contains(LOCAL) => {
            return Err(word.error(
                format!("the placeholder {LOCAL} of log is not supported yet"),
                "take it out",
            ));
        }
        Some(word) => Format::read(&word.text),
    };
    Ok(Rule { scopes: names::zones_or_all(scopes)?, format })
}

fn class(line: &Line) -> Result<(), Diagnostic> {
    if line.name().text != "class" {
        return Err(refuse(NAME, line, &["class"], &[]));
    }
    for word in line.args_within(1.., "class all")? {
        match word.text.as_str() {
            "all" => {}
            known if CLASSES.contains(&known) => {
                return Err(word.error(
                    format!("the class {known} of log is not supported yet"),
                    "take it out, or write `class all`",
                ));
            }
            _ => return Err(word.unknown("class of log", &["all"])),
        }
    }
    Ok(())
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
        let applies = |rule: &&Rule| names::within(&rule.scopes, request.qname());
        let Some(rule) = self.rules.iter().find(applies) else {
            return next.run(NAME, request).await;
        };
        let start = Instant::now();
        let outcome = next.run(NAME, request).await;
        let seen = Seen { request, outcome: &outcome, took: start.elapsed() };
        info!(target: QUERY_TARGET, "{}", rule.format.line(seen));
        outcome
    }
}

#[cfg(test)]
mod tests;
