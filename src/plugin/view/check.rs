//! Whether an expression can be true: the library says only when it runs that a name is unknown, where
//! CoreDNS's own (expr-lang of Go) says it at the start.
//!
//! In: the text. Out: a program whose functions and variables are known, with as many arguments as they
//! take, which compares what functions give with what it can equal, and which does not fail on a sample.

use std::collections::BTreeSet;

use expr::{Context, Program, Value};

use super::facts::{ENVIRONMENT, Function, Kind, parse_network};
use super::scope::Scope;
use super::words::{Word, words};
use crate::corefile::nearest;

/// Words of the language that stand where a name could.
const KEYWORDS: [&str; 14] = [
    "and",
    "contains",
    "else",
    "endsWith",
    "false",
    "if",
    "in",
    "let",
    "matches",
    "nil",
    "not",
    "or",
    "startsWith",
    "true",
];
/// Operators that the language knows with a `not` before them, and the library does not.
const NEGATED: [&str; 4] = ["contains", "endsWith", "matches", "startsWith"];
const COMPARISONS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];

/// What is wrong with an expression, and what would be right.
#[derive(Debug)]
pub struct Wrong {
    pub problem: String,
    pub remedy: String,
}

fn wrong(problem: impl Into<String>, remedy: impl Into<String>) -> Wrong {
    Wrong { problem: problem.into(), remedy: remedy.into() }
}

/// Reads an expression about a question alone.
///
/// # Errors
/// It is none, or it can never be true.
pub fn compile(text: &str) -> Result<Program, Wrong> {
    compile_in(text, &Scope::default())
}

/// Reads an expression that knows what is in `scope`.
///
/// # Errors
/// It is none, or it always fails.
pub fn compile_in(text: &str, scope: &Scope) -> Result<Program, Wrong> {
    let words = words(text);
    literal_maps(&words)?;
    let program = expr::compile(text).map_err(|_| {
        let negated = words.windows(2).find_map(|pair| match pair {
            [Word::Name("not"), Word::Name(name)] if NEGATED.contains(name) => Some(*name),
            _ => None,
        });
        let remedy = match negated {
            Some(name) => format!("write `not (... {name} ...)`"),
            None => {
                "write e.g. `expr incidr(client_ip(), '10.0.0.0/8')`, with text in single quotes"
                    .to_owned()
            }
        };
        wrong(format!("'{text}' is no expression"), remedy)
    })?;
    let bound: BTreeSet<&str> = words
        .windows(2)
        .filter_map(|pair| match pair {
            [Word::Name("let"), Word::Name(name)] => Some(*name),
            _ => None,
        })
        .collect();
    for (at, word) in words.iter().enumerate() {
        let Word::Name(name) = word else { continue };
        let (before, after) = words.split_at(at);
        let after = &after[1..];
        let field = matches!(before.last(), Some(Word::Sign("." | "?.")));
        if field {
            continue;
        }
        if *name == "matches" {
            pattern(after)?;
        }
        if KEYWORDS.contains(name) {
            continue;
        }
        match after.first() {
            Some(Word::Sign("(")) => call(name, before, after, scope)?,
            // A key of a map; what stands before the colon of a condition follows its question mark.
            Some(Word::Sign(":")) if matches!(before.last(), Some(Word::Sign("{" | ","))) => {}
            _ if bound.contains(name) || scope.has(name) => {}
            _ => return Err(unknown_variable(name, scope)),
        }
    }
    match scope.try_on_sample(&program) {
        Some(Err(error)) if is_of_kinds(&error.to_string()) => Err(wrong(
            format!("the expression fails: {error}"),
            "give operators and functions what they take: text, a number, or true or false",
        )),
        _ => Ok(program),
    }
}

/// Whether an error is about kinds of values, which are the same for every question.
fn is_of_kinds(error: &str) -> bool {
    error.starts_with("Invalid operand")
        || error.starts_with("Invalid condition")
        || error.contains(" takes ")
}

/// The library ends in a panic at maps that hold anything else.
fn literal_maps(words: &[Word<'_>]) -> Result<(), Wrong> {
    for (at, word) in words.iter().enumerate() {
        let begins = matches!(word, Word::Sign("{" | ","));
        let [Word::Name(_) | Word::Text(_), Word::Sign(":"), rest @ ..] = &words[at + 1..] else {
            continue;
        };
        let literal = matches!(rest, [value, Word::Sign("," | "}"), ..] if kind(value).is_some());
        if begins && !literal {
            return Err(wrong(
                "a map of the expression holds what is to be computed",
                "write a condition for each of its keys",
            ));
        }
    }
    Ok(())
}

fn unknown_variable(name: &str, scope: &Scope) -> Wrong {
    let problem = format!("the expression names an unknown variable '{name}'");
    match scope.functions().find(|function| function.name == name) {
        Some(function) => wrong(problem, format!("write {}", usage(&function))),
        None => wrong(problem, "text stands in single quotes, and functions have parentheses"),
    }
}

/// Checks a call: `after` begins with its parenthesis.
fn call(name: &str, before: &[Word<'_>], after: &[Word<'_>], scope: &Scope) -> Result<(), Wrong> {
    let Some(function) = scope.functions().find(|function| function.name == name) else {
        return of_language(name, scope);
    };
    let (arguments, behind) = arguments(after);
    let piped = usize::from(matches!(before.last(), Some(Word::Sign("|"))));
    if arguments.len() + piped != function.parameters.len() {
        let count = arguments.len() + piped;
        return Err(wrong(
            format!("'{name}' of the expression has {count} arguments"),
            format!("write {}", usage(&function)),
        ));
    }
    if let ("incidr", Some([Word::Text(text)])) = (name, arguments.last())
        && let Ok(Value::String(network)) = ENVIRONMENT.eval(text, &Context::default())
        && parse_network(&network).is_none()
    {
        return Err(wrong(
            format!("'{network}' of the expression is no network"),
            "write e.g. 10.0.0.0/8 or 2001:db8::/32",
        ));
    }
    let compared = match (before, behind) {
        ([.., literal, Word::Sign(sign)], _) if COMPARISONS.contains(sign) => kind(literal),
        (_, [Word::Sign(sign), literal, ..]) if COMPARISONS.contains(sign) => kind(literal),
        _ => None,
    };
    match compared {
        Some(literal) if literal != function.gives => Err(wrong(
            format!(
                "'{name}' is {}, and the expression compares it with {}",
                shown(function.gives),
                shown(literal)
            ),
            match function.gives {
                Kind::Text => "put what it is compared with in single quotes",
                Kind::Number => "compare it with a number, without quotes",
                Kind::Truth => "compare it with true or false, or with nothing",
            },
        )),
        _ => Ok(()),
    }
}

/// Checks that the language has a function: the library knows best.
fn of_language(name: &str, scope: &Scope) -> Result<(), Wrong> {
    let said = called(name);
    let known: Vec<&str> = scope.functions().map(|function| function.name).collect();
    if said.starts_with(UNKNOWN) {
        let remedy = match nearest(name, &known) {
            Some(meant) => format!("did you mean '{meant}'?"),
            None => format!("a question has: {}", known.join(", ")),
        };
        return Err(wrong(format!("the expression calls an unknown function '{name}'"), remedy));
    }
    Ok(())
}

/// Whether a variable may not be called so: it is a word of the language, or a function.
pub fn is_reserved(name: &str, scope: &Scope) -> bool {
    KEYWORDS.contains(&name)
        || scope.functions().any(|function| function.name == name)
        || !called(name).starts_with(UNKNOWN)
}

/// What the library says of a function without arguments.
fn called(name: &str) -> String {
    let said = ENVIRONMENT.eval(&format!("{name}()"), &Context::default());
    said.err().map(|error| error.to_string()).unwrap_or_default()
}

const UNKNOWN: &str = "Unknown function";

/// Checks the pattern behind `matches`, if it is spelled out.
fn pattern(after: &[Word<'_>]) -> Result<(), Wrong> {
    let Some(Word::Text(text)) = after.first() else { return Ok(()) };
    match ENVIRONMENT.eval(&format!("'' matches {text}"), &Context::default()) {
        Ok(_) => Ok(()),
        Err(_) => Err(wrong(
            format!("{text} of the expression is no regular expression"),
            "write one such as '^www[.]'",
        )),
    }
}

/// The arguments of a call, whose parenthesis is the first word, and what is behind it.
fn arguments<'w, 't>(words: &'w [Word<'t>]) -> (Vec<&'w [Word<'t>]>, &'w [Word<'t>]) {
    let mut arguments = Vec::new();
    let (mut depth, mut start) = (0_usize, 1);
    for (at, word) in words.iter().enumerate() {
        match word {
            Word::Sign("(" | "[" | "{") => depth += 1,
            Word::Sign(")" | "]" | "}") if depth > 1 => depth -= 1,
            Word::Sign(")" | "]" | "}") => {
                if at > start {
                    arguments.push(&words[start..at]);
                }
                return (arguments, &words[at + 1..]);
            }
            Word::Sign(",") if depth == 1 => {
                arguments.push(&words[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    // What compiles closes its parentheses.
    (arguments, &[])
}

fn kind(literal: &Word<'_>) -> Option<Kind> {
    match literal {
        Word::Text(_) => Some(Kind::Text),
        Word::Number => Some(Kind::Number),
        Word::Name("true" | "false") => Some(Kind::Truth),
        _ => None,
    }
}

fn shown(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Number => "a number",
        Kind::Truth => "true or false",
    }
}

fn usage(function: &Function) -> String {
    format!("{}({})", function.name, function.parameters.join(", "))
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
