//! Reads the directives of `rewrite`.

mod answers;
mod edns;

use std::sync::Arc;

use hickory_proto::rr::{DNSClass, RecordType};

use super::cname::CnameRule;
use super::pattern::{Pattern, Renaming, groups_used};
use super::rule::{Change, NameRule, Part, Rule, Template};
use super::undo::Undo;
use super::{NAME, Rewrite};
use crate::corefile::{Diagnostic, Directive, Regexp, Token, parse_regexp};
use crate::plugin::setup::Setup;
use crate::telemetry::mnemonic;

/// The longest regular expression, in octets (CoreDNS, plugin/rewrite/name.go).
const LONGEST: usize = 10_000;
const FIELDS: [&str; 7] = ["name", "class", "type", "edns0", "ttl", "cname", "rcode"];
const KINDS: [&str; 5] = ["exact", "prefix", "suffix", "substring", "regex"];
const CLASSES: [(&str, u16); 6] =
    [("IN", 1), ("CS", 2), ("CH", 3), ("HS", 4), ("NONE", 254), ("ANY", 255)];
const USAGE: &str = "rewrite [continue|stop] FIELD [TYPE] FROM TO [OPTIONS]";
const NAME_USAGE: &str =
    "name [exact|prefix|suffix|substring|regex] FROM TO [metadata] [answer ...]";

/// Reads all directives `rewrite [continue|stop] FIELD ...`, whose words may stand in a block.
///
/// # Errors
/// A word that is no field, kind, name, type, class, code, TTL, option or regular expression, or one too
/// many or few.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let mirrored = setup.process.mirrored.clone();
    let mut rules = Vec::new();
    for directive in directives {
        let rule = rule(directive)?;
        if let Change::Edns(rule) = &rule.change
            && let Some(code) = rule.mirrored()
        {
            mirrored.insert(code);
        }
        rules.push(rule);
    }
    setup.push(Rewrite { rules, mirrored });
    Ok(())
}

fn rule(directive: &Directive) -> Result<Rule, Diagnostic> {
    let words = words(directive)?;
    let (stop, rest) = match words.as_slice() {
        [first, rest @ ..] if first.eq_ignore_ascii_case("continue") => (false, rest),
        [first, rest @ ..] if first.eq_ignore_ascii_case("stop") => (true, rest),
        rest => (true, rest),
    };
    let [field, args @ ..] = rest else {
        let problem = format!("{NAME} does not say what is rewritten");
        return Err(directive.name.error(problem, format!("write `{USAGE}`")));
    };
    let change = match field.to_ascii_lowercase().as_str() {
        "name" => Change::Name(name(field, args)?),
        "class" => {
            let [from, to] = two(field, args)?;
            Change::Class { from: class(from)?, to: class(to)? }
        }
        "type" => {
            let [from, to] = two(field, args)?;
            Change::Type { from: record_type(from)?, to: record_type(to)? }
        }
        "edns0" => Change::Edns(edns::rule(field, args)?),
        "ttl" => ttl(field, args)?,
        "cname" => Change::Cname(Arc::new(cname(field, args)?)),
        "rcode" => rcode(field, args)?,
        "answer" => {
            return Err(field.error(
                "answers are rewritten with a name alone",
                format!("write `{NAME_USAGE}`"),
            ));
        }
        _ => return Err(field.unknown("field of rewrite", &FIELDS)),
    };
    Ok(Rule { stop, change })
}

/// The words of the line, and those of the block, whose lines are one.
fn words(directive: &Directive) -> Result<Vec<&Token>, Diagnostic> {
    let mut words: Vec<&Token> = directive.args.iter().collect();
    if words.len() > 1 {
        directive.no_block()?;
    }
    for line in directive.lines() {
        line.no_block()?;
        words.extend(&line.words);
    }
    Ok(words)
}

fn two<'a>(field: &Token, args: &[&'a Token]) -> Result<[&'a Token; 2], Diagnostic> {
    match args {
        [from, to] => Ok([from, to]),
        _ => Err(wrong_count(field, args, &format!("{field} FROM TO"))),
    }
}

/// That a field has the wrong number of words behind it.
fn wrong_count(field: &Token, args: &[&Token], usage: &str) -> Diagnostic {
    let count = match args {
        [] => "no argument".to_owned(),
        [only] => format!("the argument '{only}'"),
        [.., last] => format!("{} arguments, the last '{last}'", args.len()),
    };
    field.error(
        format!("the {field} of rewrite has {count}"),
        format!("write `rewrite [continue|stop] {usage}`"),
    )
}

fn name(field: &Token, args: &[&Token]) -> Result<NameRule, Diagnostic> {
    let (kind, from, to, rest) = match args {
        [from, to] => (None, *from, *to, &[][..]),
        [kind, from, to, rest @ ..] => (Some(*kind), *from, *to, rest),
        _ => return Err(wrong_count(field, args, NAME_USAGE)),
    };
    let mut names = pattern(kind, from)?;
    let mut text = normal(to);
    if let Pattern::Exact(from) | Pattern::Suffix(from) = &mut names {
        close(from);
        close(&mut text);
    }
    let (metadata, rest) = match rest {
        [word, rest @ ..] if word.text == "metadata" => (Some(word), rest),
        rest => (None, rest),
    };
    let answers = answers::read(rest)?;
    let (mut auto, mut undo) = (answers.auto, answers.undo);
    match &names {
        // Its names are always what they were, in the reply.
        Pattern::Exact(_) => auto = true,
        // So are all that end like it.
        Pattern::Suffix(from) if auto => {
            let renaming = Arc::new(Renaming::Suffix { from: text.clone(), to: from.clone() });
            undo.splice(0..0, [Undo::Owner(renaming.clone()), Undo::Value(renaming)]);
            auto = false;
        }
        _ => {}
    }
    let to = match (metadata, &names) {
        (None, Pattern::Regex(regexp)) => {
            groups(to, regexp)?;
            Template::Text(text)
        }
        (None, _) => Template::Text(text),
        (Some(_), Pattern::Regex(regexp)) => {
            let mut text = to.text.clone();
            close(&mut text);
            Template::Parts(regexp.clone(), parts(to, &text, regexp.group_count())?)
        }
        (Some(word), _) => {
            return Err(word.error(
                "metadata is for names that a regular expression finds",
                "write `name regex FROM TO metadata`, or take 'metadata' out",
            ));
        }
    };
    Ok(NameRule { names, to, auto, undo })
}

/// The names that a rule is for, by the word before them if there is one.
fn pattern(kind: Option<&Token>, from: &Token) -> Result<Pattern, Diagnostic> {
    let Some(kind) = kind else { return Ok(Pattern::Exact(normal(from))) };
    Ok(match kind.to_ascii_lowercase().as_str() {
        "exact" => Pattern::Exact(normal(from)),
        "prefix" => Pattern::Prefix(normal(from)),
        "suffix" => Pattern::Suffix(normal(from)),
        "substring" => Pattern::Substring(normal(from)),
        "regex" => Pattern::Regex(regexp(from)?),
        _ => return Err(kind.unknown("kind of names", &KINDS)),
    })
}

fn regexp(word: &Token) -> Result<Regexp, Diagnostic> {
    if word.len() > LONGEST {
        return Err(word.error(
            format!("a regular expression of {} octets is too long", word.len()),
            format!("write one of at most {LONGEST}"),
        ));
    }
    parse_regexp(word)
}

/// That a template has no more groups than the expression.
fn groups(template: &Token, regexp: &Regexp) -> Result<(), Diagnostic> {
    let (used, there) = (groups_used(template), regexp.group_count());
    if used > there {
        return Err(template.error(
            format!("'{template}' uses {used} groups, and the regular expression has {there}"),
            "put what is to be taken over in parentheses",
        ));
    }
    Ok(())
}

/// The parts of a name with labels of metadata.
fn parts(word: &Token, text: &str, groups: usize) -> Result<Vec<Part>, Diagnostic> {
    let wrong = |problem: String| {
        word.error(problem, "write e.g. {1}.{kubernetes/client-namespace}.example.org")
    };
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (literal, after) = match rest.split_once('{') {
            Some((literal, after)) => (literal, Some(after)),
            None => (rest, None),
        };
        if literal.contains('}') {
            return Err(wrong(format!("'{word}' has a brace that was not opened")));
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.to_lowercase()));
        }
        let Some(after) = after else { break };
        let Some((label, after)) = after.split_once('}') else {
            return Err(wrong(format!("'{word}' has a brace that is not closed")));
        };
        parts.push(match label.parse::<usize>() {
            Ok(group) if group <= groups => Part::Group(group),
            Ok(_) => return Err(wrong(format!("the regular expression has no group {label}"))),
            Err(_) if is_label(label) && !label.contains('{') => Part::Metadata(label.to_owned()),
            Err(_) => return Err(wrong(format!("'{{{label}}}' is no label of metadata"))),
        });
        rest = after;
    }
    Ok(parts)
}

/// `PLUGIN/NAME` (CoreDNS, plugin/metadata/provider.go).
fn is_label(text: &str) -> bool {
    text.split_once('/').is_some_and(|(plugin, name)| !plugin.is_empty() && !name.is_empty())
}

fn class(word: &Token) -> Result<DNSClass, Diagnostic> {
    let found = CLASSES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
    found
        .map(|(_, code)| DNSClass::from(*code))
        .ok_or_else(|| word.unknown("class", &CLASSES.map(|(name, _)| name)))
}

fn record_type(word: &Token) -> Result<RecordType, Diagnostic> {
    mnemonic::parse_record_type(&word.to_ascii_uppercase()).ok_or_else(|| {
        word.error(format!("unknown record type '{word}'"), "write e.g. A, AAAA, HTTPS or ANY")
    })
}

fn ttl(field: &Token, args: &[&Token]) -> Result<Change, Diagnostic> {
    let (kind, from, seconds) = match args {
        [from, seconds] => (None, *from, *seconds),
        [kind, from, seconds] => (Some(*kind), *from, *seconds),
        _ => return Err(wrong_count(field, args, "ttl [KIND] NAME SECONDS|LEAST-MOST")),
    };
    let (least, most) = range(seconds).ok_or_else(|| {
        seconds.error(
            format!("'{seconds}' is no TTL"),
            "write seconds, e.g. 30, or at least and at most so many: 30-300, 30- or -300",
        )
    })?;
    Ok(Change::Reply { names: pattern(kind, from)?, undo: Undo::Ttl { least, most } })
}

/// `30`, `30-300`, `30-` or `-300`.
fn range(text: &str) -> Option<(u32, u32)> {
    /// What TTLs are at most (RFC 2181 §8).
    const MOST: u32 = i32::MAX as u32;
    let number = |text: &str| {
        let plain = text.bytes().all(|digit| digit.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| plain)
    };
    match text.split_once('-') {
        None => number(text).map(|seconds| (seconds, seconds)),
        Some(("", "")) => None,
        Some(("", most)) => Some((0, number(most)?)),
        Some((least, "")) => Some((number(least)?, MOST)).filter(|(least, most)| least <= most),
        Some((least, most)) => {
            Some((number(least)?, number(most)?)).filter(|(least, most)| least <= most)
        }
    }
}

fn rcode(field: &Token, args: &[&Token]) -> Result<Change, Diagnostic> {
    let (kind, names, from, to) = match args {
        [names, from, to] => (None, *names, *from, *to),
        [kind, names, from, to] => (Some(*kind), *names, *from, *to),
        _ => return Err(wrong_count(field, args, "rcode [KIND] NAME FROM TO")),
    };
    let undo = Undo::Rcode { from: code(from)?, to: code(to)? };
    Ok(Change::Reply { names: pattern(kind, names)?, undo })
}

/// A response code by its name or number.
fn code(word: &Token) -> Result<u16, Diagnostic> {
    /// The last that has a name.
    const LAST: u16 = 23;
    let plain = word.bytes().all(|digit| digit.is_ascii_digit());
    let number = word.parse().ok().filter(|number| plain && *number <= LAST);
    let named = || mnemonic::parse_rcode(&word.to_ascii_uppercase()).map(u16::from);
    number.or_else(named).ok_or_else(|| {
        word.error(
            format!("unknown response code '{word}'"),
            "write e.g. NOERROR, NXDOMAIN or SERVFAIL, or a number up to 23",
        )
    })
}

fn cname(field: &Token, args: &[&Token]) -> Result<CnameRule, Diagnostic> {
    let (kind, from, to) = match args {
        [from, to] => (None, *from, *to),
        [kind, from, to] => (Some(*kind), *from, *to),
        _ => return Err(wrong_count(field, args, "cname [KIND] FROM TO")),
    };
    // CoreDNS folds expressions, too.
    let folded = Token { text: from.to_lowercase(), ..from.clone() };
    let mut rule = CnameRule { from: pattern(kind, &folded)?, to: to.to_lowercase() };
    match &mut rule.from {
        Pattern::Exact(_) => close(&mut rule.to),
        // These are taken as they stand, without a final dot.
        Pattern::Prefix(text) | Pattern::Suffix(text) | Pattern::Substring(text) => {
            text.clone_from(&folded.text);
        }
        Pattern::Regex(_) => {}
    }
    Ok(rule)
}

/// A name in lower case with its final dot.
fn normal(word: &Token) -> String {
    let mut text = word.to_lowercase();
    if !is_closed(&text) {
        text.push('.');
    }
    text
}

/// Adds the final dot.
fn close(text: &mut String) {
    if !text.ends_with('.') {
        text.push('.');
    }
}

/// Whether a name ends with a dot that is no letter of it.
fn is_closed(text: &str) -> bool {
    text.strip_suffix('.').is_some_and(|rest| {
        let backslashes = rest.bytes().rev().take_while(|byte| *byte == b'\\').count();
        backslashes % 2 == 0
    })
}
