//! Reads what stands behind `answer`: `auto`, `name FROM TO`, `value FROM TO`, any number of them.

use std::sync::Arc;

use super::{groups, normal, regexp};
use crate::corefile::{Diagnostic, Token};
use crate::plugin::rewrite::pattern::Renaming;
use crate::plugin::rewrite::undo::Undo;

const USAGE: &str = "answer auto|name FROM TO|value FROM TO";
const KINDS: [&str; 3] = ["auto", "name", "value"];

/// What becomes of the names of a reply.
#[derive(Default)]
pub(super) struct Answers {
    pub auto: bool,
    pub undo: Vec<Undo>,
}

/// The word `answer` may be left out but before the first.
///
/// # Errors
/// A word that is none of these, or `auto` beside a `name`.
pub(super) fn read(words: &[&Token]) -> Result<Answers, Diagnostic> {
    let mut answers = Answers::default();
    let mut named = None;
    let mut rest = words;
    let mut is_first = true;
    while let [word, tail @ ..] = rest {
        rest = tail;
        let kind = match (word.text.as_str(), tail) {
            ("answer", [kind, tail @ ..]) => {
                rest = tail;
                *kind
            }
            ("answer", []) => {
                return Err(word.error("'answer' has no argument", format!("write `{USAGE}`")));
            }
            _ if is_first => {
                return Err(word.error(
                    format!("'{word}' stands where 'answer' was expected"),
                    format!("take it out, or write `{USAGE}`"),
                ));
            }
            _ => *word,
        };
        is_first = false;
        match kind.text.as_str() {
            "auto" => answers.auto = true,
            "name" | "value" => {
                let [from, to, tail @ ..] = rest else {
                    return Err(kind.error(
                        format!("'{kind}' of answer has not two arguments"),
                        format!("write `answer {kind} FROM TO`, FROM a regular expression"),
                    ));
                };
                rest = tail;
                let from = regexp(from)?;
                groups(to, &from)?;
                let renaming = Arc::new(Renaming::Regex { from, to: normal(to) });
                answers.undo.push(match kind.text.as_str() {
                    "name" => {
                        named = Some(kind);
                        Undo::Owner(renaming)
                    }
                    _ => Undo::Value(renaming),
                });
            }
            _ => return Err(kind.unknown("rewrite of answers", &KINDS)),
        }
    }
    match named {
        Some(name) if answers.auto => Err(name
            .error("answer auto rewrites names, and so does answer name", "take one of them out")),
        _ => Ok(answers),
    }
}
