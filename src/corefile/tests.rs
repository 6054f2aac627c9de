//! The grammar as tables: a Corefile and what it is read as, or what is wrong with it.

mod directives;
mod grammar;
mod imports;
mod never_panics;

use std::{fmt::Write, path::Path};

use super::{Corefile, Line, ParseOptions, Token, parse};

/// Parses `text` as `Corefile`, with port 1053 and the variables that the tables use.
fn parsed(text: &str) -> Result<Corefile, String> {
    parsed_at(Path::new("Corefile"), text)
}

fn parsed_at(path: &Path, text: &str) -> Result<Corefile, String> {
    let env = |name: &str| match name {
        "ZONE" => Some("env.test".to_owned()),
        "TWO" => Some("a b".to_owned()),
        "BRACE" => Some("{".to_owned()),
        "IMPORT" => Some("import".to_owned()),
        "PLUGIN" => Some("whoami".to_owned()),
        "SNIPPET" => Some("s".to_owned()),
        _ => None,
    };
    let options = ParseOptions { default_port: 1053, env: &env };
    parse(path, text, &options).map_err(|error| error.to_string())
}

/// All of `corefile` on one line: `KEY KEY { DIRECTIVE; DIRECTIVE { LINE; } }`, words with white space
/// in quotes.
fn shown(corefile: &Corefile) -> String {
    let mut out = String::new();
    for block in &corefile.blocks {
        for key in &block.keys {
            write!(out, "{key} ").unwrap();
        }
        out.push('{');
        for directive in &block.directives {
            let words = std::iter::once(&directive.name).chain(&directive.args);
            show_line(&mut out, words, directive.block.as_deref());
        }
        out.push_str(" } ");
    }
    out.trim_end().to_owned()
}

fn show_line<'a>(out: &mut String, words: impl Iterator<Item = &'a Token>, block: Option<&[Line]>) {
    for word in words {
        let quoted = word.text.is_empty() || word.text.contains(char::is_whitespace);
        match quoted {
            true => write!(out, " {:?}", word.text).unwrap(),
            false => write!(out, " {}", word.text).unwrap(),
        }
    }
    if let Some(lines) = block {
        out.push_str(" {");
        for line in lines {
            show_line(out, line.words.iter(), line.block.as_deref());
        }
        out.push_str(" }");
    }
    out.push(';');
}
