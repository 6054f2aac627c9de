//! Reads `errors`.

use regex::Regex;

use super::consolidate::{Consolidated, Level};
use super::{Errors, NAME};
use crate::corefile::{Diagnostic, Directive, Line, Token, parse_duration};
use crate::plugin::setup::Setup;

const USAGE: &str = "consolidate DURATION REGEXP [LEVEL] [show_first]";
const SHOW_FIRST: &str = "show_first";
/// Octets of the longest pattern (plugin/errors/setup.go).
const LONGEST_PATTERN: usize = 10_000;

/// Reads `errors [stdout] { stacktrace; consolidate DURATION REGEXP [LEVEL] [show_first] }`.
///
/// # Errors
/// It stands twice, another argument or option, or a word of `consolidate` that is none.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    if let Some(word) = directive.optional_arg("errors")?
        && word.text != "stdout"
    {
        return Err(word.error(
            format!("errors cannot write to '{}'", word.text),
            "write `errors`: it writes to standard output",
        ));
    }
    let mut errors = Errors::default();
    for line in directive.lines() {
        match line.name().text.as_str() {
            "stacktrace" => {
                line.no_args()?;
                setup.chain.stacktrace = true;
            }
            "consolidate" => errors.consolidated.push(consolidate(line)?),
            _ => return Err(line.unknown(NAME, &["consolidate", "stacktrace"])),
        }
    }
    setup.push(errors);
    Ok(())
}

fn consolidate(line: &Line) -> Result<Consolidated, Diagnostic> {
    let [period, pattern, options @ ..] = line.args_within(2..=4, USAGE)? else {
        unreachable!("there are two at least")
    };
    let period = parse_duration(period)?;
    let pattern = regex(pattern)?;
    let (mut level, mut show_first) = (None, false);
    for word in options {
        let named = Level::NAMES.iter().find(|(name, _)| *name == word.text);
        match named {
            Some(_) if level.is_some() => {
                return Err(word.error("consolidate has two levels", format!("write `{USAGE}`")));
            }
            Some(_) if show_first => {
                return Err(word.error(
                    format!("the level {} stands behind {SHOW_FIRST}", word.text),
                    format!("write `{USAGE}`"),
                ));
            }
            Some((_, named)) => level = Some(*named),
            None if word.text == SHOW_FIRST => show_first = true,
            None => {
                let known = Level::NAMES.map(|(name, _)| name);
                let known = [&known[..], &[SHOW_FIRST]].concat();
                return Err(word.unknown("option of consolidate", &known));
            }
        }
    }
    Ok(Consolidated::new(period, pattern, level.unwrap_or(Level::Error), show_first))
}

fn regex(word: &Token) -> Result<Regex, Diagnostic> {
    if word.text.len() > LONGEST_PATTERN {
        return Err(word.error(
            format!("the pattern has {} octets", word.text.len()),
            format!("write one of at most {LONGEST_PATTERN}"),
        ));
    }
    Regex::new(&word.text).map_err(|_| {
        word.error(
            format!("'{}' is no regular expression", word.text),
            "write one such as '^.* timeout$'",
        )
    })
}
