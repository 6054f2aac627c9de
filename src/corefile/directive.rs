//! How a plugin reads its directive: each helper says what is wrong at the word that is wrong.
//!
//! `usage` is the line as it should be written, e.g. `ttl SECONDS`; it becomes the remedy.

use std::ops::RangeBounds;

use super::{
    Diagnostic, Directive, Line, Position, Token,
    diagnostics::{nearest, quote},
};

impl Token {
    /// That this word is wrong.
    pub fn error(&self, problem: impl Into<String>, remedy: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.at.clone(), problem, remedy)
    }

    /// That this word is none of `known`, with the one that was probably meant. `what` says what it
    /// should be, e.g. `policy`.
    pub fn unknown(&self, what: &str, known: &[&str]) -> Diagnostic {
        let remedy = match nearest(&self.text, known) {
            Some(meant) => format!("did you mean '{meant}'?"),
            None if known.len() == 1 => format!("write '{}'", known[0]),
            None => format!("use one of: {}", known.join(", ")),
        };
        self.error(format!("unknown {what} {}", quote(&self.text)), remedy)
    }
}

impl AsRef<str> for Token {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl std::ops::Deref for Token {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Directive {
    /// Where it begins.
    pub fn at(&self) -> &Position {
        &self.name.at
    }

    /// The lines of its block; none where it has no block.
    pub fn lines(&self) -> &[Line] {
        self.block.as_deref().unwrap_or_default()
    }

    /// That the plugin takes no block.
    pub fn no_block(&self) -> Result<(), Diagnostic> {
        no_block(&self.name, self.block.is_some())
    }

    /// That the plugin takes no arguments.
    pub fn no_args(&self) -> Result<(), Diagnostic> {
        self.args_within(0..=0, &self.name.text).map(|_| ())
    }

    /// The only argument.
    pub fn one_arg(&self, usage: &str) -> Result<&Token, Diagnostic> {
        one_arg(&self.name, &self.args, usage)
    }

    /// The only argument, which may be left out.
    pub fn optional_arg(&self, usage: &str) -> Result<Option<&Token>, Diagnostic> {
        Ok(self.args_within(0..=1, usage)?.first())
    }

    /// The arguments, whose number is within `count`.
    pub fn args_within(
        &self,
        count: impl RangeBounds<usize>,
        usage: &str,
    ) -> Result<&[Token], Diagnostic> {
        args_within(&self.name, &self.args, count, usage)
    }

    /// Whether both say the same, wherever they stand: two blocks that do can share what they set up.
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.name.text == other.name.text
            && same_words(&self.args, &other.args)
            && same_block(&self.block, &other.block)
    }
}

impl Line {
    /// The first word, a property's name in most plugins.
    ///
    /// # Panics
    /// If the line was made by hand without words; the parser makes none.
    pub fn name(&self) -> &Token {
        &self.words[0]
    }

    /// The words after the first.
    pub fn args(&self) -> &[Token] {
        self.words.get(1..).unwrap_or_default()
    }

    /// Where it begins.
    pub fn at(&self) -> &Position {
        &self.name().at
    }

    /// The lines of its own block; none where it has no block.
    pub fn lines(&self) -> &[Line] {
        self.block.as_deref().unwrap_or_default()
    }

    /// That the property takes no block.
    pub fn no_block(&self) -> Result<(), Diagnostic> {
        no_block(self.name(), self.block.is_some())
    }

    /// That the property takes no arguments, and no block.
    pub fn no_args(&self) -> Result<(), Diagnostic> {
        self.args_within(0..=0, self.name()).map(|_| ())
    }

    /// The only argument; the property takes no block.
    pub fn one_arg(&self, usage: &str) -> Result<&Token, Diagnostic> {
        self.no_block()?;
        one_arg(self.name(), self.args(), usage)
    }

    /// The only argument, which may be left out; the property takes no block.
    pub fn optional_arg(&self, usage: &str) -> Result<Option<&Token>, Diagnostic> {
        Ok(self.args_within(0..=1, usage)?.first())
    }

    /// The arguments, whose number is within `count`; the property takes no block.
    pub fn args_within(
        &self,
        count: impl RangeBounds<usize>,
        usage: &str,
    ) -> Result<&[Token], Diagnostic> {
        self.no_block()?;
        args_within(self.name(), self.args(), count, usage)
    }

    /// That the plugin `plugin` has no such property, but those that are `known`.
    pub fn unknown(&self, plugin: &str, known: &[&str]) -> Diagnostic {
        match known {
            [] => self.name().error(
                format!("{plugin} has no property {}", quote(self.name())),
                format!("{plugin} takes no properties: take the line out"),
            ),
            _ => self.name().unknown(&format!("property of {plugin}"), known),
        }
    }
}

fn no_block(name: &Token, has_block: bool) -> Result<(), Diagnostic> {
    if has_block {
        return Err(name.error(
            format!("{} takes no block", quote(name)),
            "take the braces and what is between them out",
        ));
    }
    Ok(())
}

fn one_arg<'a>(name: &Token, args: &'a [Token], usage: &str) -> Result<&'a Token, Diagnostic> {
    match args {
        [only] => Ok(only),
        _ => Err(wrong_count(name, args, usage)),
    }
}

fn args_within<'a>(
    name: &Token,
    args: &'a [Token],
    count: impl RangeBounds<usize>,
    usage: &str,
) -> Result<&'a [Token], Diagnostic> {
    match count.contains(&args.len()) {
        true => Ok(args),
        false => Err(wrong_count(name, args, usage)),
    }
}

fn wrong_count(name: &Token, args: &[Token], usage: &str) -> Diagnostic {
    let count = match args {
        [] => "no argument".to_owned(),
        [only] => format!("the argument {}", quote(only)),
        [.., last] => format!("{} arguments, the last {}", args.len(), quote(last)),
    };
    let problem = format!("{} has {count}", quote(name));
    name.error(problem, format!("write `{usage}`"))
}

fn same_words(a: &[Token], b: &[Token]) -> bool {
    a.iter().map(|word| &word.text).eq(b.iter().map(|word| &word.text))
}

fn same_block(a: &Option<Vec<Line>>, b: &Option<Vec<Line>>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(a, b)| same_words(&a.words, &b.words) && same_block(&a.block, &b.block))
        }
        _ => false,
    }
}
