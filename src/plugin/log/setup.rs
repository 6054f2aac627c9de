//! Reads `log`.

use std::sync::Arc;

use hickory_proto::rr::Name;

use super::format::Format;
use super::{Log, NAME, Rule};
use crate::corefile::{Diagnostic, Directive, Line, Token};
use crate::plugin::names;
use crate::plugin::response::Class;
use crate::plugin::setup::Setup;

/// The class that is no class: all of them.
const ALL: &str = "all";

/// Reads all lines `log [NAME... [FORMAT]] { class CLASS... }`.
///
/// # Errors
/// A format without a name, which CoreDNS takes for one, a name that no question can have, or a class that
/// is none.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let mut rules = Vec::new();
    for directive in directives {
        let (scopes, format) = scopes(&directive.args)?;
        let mut classes = Vec::new();
        for line in directive.lines() {
            classes.extend(read_classes(line)?);
        }
        // One of all is all.
        let classes: Option<Vec<Class>> = classes.into_iter().collect();
        rules.push(Arc::new(Rule {
            scopes,
            format,
            classes: classes.unwrap_or_default(),
            mirrored: setup.process.mirrored.clone(),
            nsid: !setup.directives("nsid").is_empty(),
        }));
    }
    setup.push(Log { rules });
    Ok(())
}

fn scopes(words: &[Token]) -> Result<(Vec<Name>, Format), Diagnostic> {
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
    let format = format.map(|word| Format::read(&word.text)).unwrap_or_default();
    let scopes: Vec<Name> = scopes.iter().map(scope).collect::<Result<_, _>>()?;
    Ok((if scopes.is_empty() { vec![Name::root()] } else { scopes }, format))
}

/// A name, whatever its letters: networks and ports are none here.
fn scope(word: &Token) -> Result<Name, Diagnostic> {
    names::parse(&word.text).ok_or_else(|| {
        word.error(
            format!("no question can have the name '{}'", word.text),
            "write a domain name, e.g. example.org",
        )
    })
}

/// The classes of a line; `None` for all.
fn read_classes(line: &Line) -> Result<Vec<Option<Class>>, Diagnostic> {
    if line.name().text != "class" {
        return Err(line.unknown(NAME, &["class"]));
    }
    let read = |word: &Token| {
        let named = Class::NAMES.iter().find(|(name, _)| *name == word.text);
        match named {
            Some((_, class)) => Ok(Some(*class)),
            None if word.text == ALL => Ok(None),
            None => {
                let known = Class::NAMES.map(|(name, _)| name);
                Err(word.unknown("class of log", &[&[ALL], &known[..]].concat()))
            }
        }
    };
    line.args_within(1.., "class all|denial|error|success...")?.iter().map(read).collect()
}
