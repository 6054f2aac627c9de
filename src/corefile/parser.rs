//! Words to server blocks.
//!
//! ```text
//! corefile  = { snippet | server }
//! snippet   = "(NAME)" "{" lines "}"
//! server    = KEY... "{" { directive } "}"        the "{" may stand on the next line
//!           | KEY... newline { directive }        without braces, to the end of the file
//! directive = NAME WORD... [ "{" { line } "}" ]   the "{" must stand on the same line
//! line      = WORD... [ "{" { line } "}" ]
//! ```
//!
//! `import` may begin any of these lines. A server block's directives need lines of their own; in
//! a plugin's block words may also stand beside its braces.

use std::{collections::HashSet, path::Path};

use super::{
    Corefile, Diagnostic, Directive, Key, Line, ParseOptions, Position, ServerBlock, Token,
    braces::{stray_brace, unclosed},
    diagnostics::quote,
    heading::Heading,
    import::Source,
    key::parse_key,
};

/// Blocks in blocks: no plugin needs more than three; the bound keeps the stack safe.
const DEEPEST: usize = 32;

/// Reads one Corefile.
pub(super) struct Parser<'o> {
    source: Source<'o>,
    default_port: u16,
}

impl<'o> Parser<'o> {
    pub(super) fn new(
        path: &Path,
        text: &str,
        options: &'o ParseOptions<'o>,
    ) -> Result<Self, Diagnostic> {
        Ok(Self { source: Source::new(path, text, options)?, default_port: options.default_port })
    }

    /// Reads it all.
    pub(super) fn corefile(mut self) -> Result<Corefile, Diagnostic> {
        let mut blocks = Vec::new();
        while let Some(heading) = Heading::read(&mut self.source)? {
            match heading.snippet_name()? {
                Some(name) => self.snippet(&name, heading.open)?,
                None => blocks.push(self.server(&heading.words, heading.open)?),
            }
        }
        // A snippet that is imported twice is odd in the same way twice.
        let mut seen = HashSet::new();
        let mut warnings = self.source.warnings;
        warnings.retain(|warning| seen.insert(warning.clone()));
        Ok(Corefile { blocks, warnings, files: self.source.files })
    }

    /// Reads the words of a snippet, as they are: they are looked at where it is imported.
    fn snippet(&mut self, name: &Token, open: Option<Position>) -> Result<(), Diagnostic> {
        let Some(open) = open else {
            return Err(Diagnostic::new(
                name.at.clone(),
                format!("the snippet ({}) has no block", name.text),
                format!("write `({}) {{`, its lines, and a '}}'", name.text),
            ));
        };
        let mut words = Vec::new();
        let mut depth = 0_usize;
        loop {
            let word = self.source.take().ok_or_else(|| unclosed(&open))?;
            if word.is("{") {
                depth += 1;
            } else if word.is("}") {
                match depth.checked_sub(1) {
                    Some(outer) => depth = outer,
                    None => return self.source.define_snippet(name, words),
                }
            }
            words.push(word);
        }
    }

    /// Reads what follows the keys of a server block.
    fn server(
        &mut self,
        words: &[Token],
        open: Option<Position>,
    ) -> Result<ServerBlock, Diagnostic> {
        let mut keys: Vec<Key> = Vec::new();
        for word in words {
            keys.extend(parse_key(word, self.default_port, &mut self.source.warnings)?);
        }
        let mut directives = Vec::new();
        loop {
            let Some(word) = self.source.peek() else {
                match open {
                    Some(open) => return Err(unclosed(&open)),
                    None => break,
                }
            };
            if word.is("}") {
                if open.is_none() {
                    return Err(stray_brace(&word.token.at));
                }
                self.source.take();
                break;
            }
            if word.is("{") {
                return Err(Diagnostic::new(
                    word.token.at.clone(),
                    "a block without a plugin name before it",
                    "put the '{' on the line of its plugin",
                ));
            }
            match word.is("import") {
                true => self.source.import()?,
                false => directives.push(self.directive()?),
            }
        }
        Ok(ServerBlock {
            at: words[0].at.clone(), // a heading has at least one
            keys,
            directives,
        })
    }

    fn directive(&mut self) -> Result<Directive, Diagnostic> {
        let mut args = self.words()?;
        let name = args.remove(0); // `server` peeked at it
        plausible_name(&name)?;
        let block = self.block(1)?;
        if let Some(word) = self.source.peek_same_line() {
            let (word, at) = (quote(&word.token.text), word.token.at.clone());
            return Err(Diagnostic::new(
                at,
                format!("{word} on the line where {} ends", quote(&name.text)),
                "begin a new line: a server block needs one for each plugin and for its '}'",
            ));
        }
        if let Some(brace) = self.source.peek().filter(|word| word.is("{")) {
            return Err(Diagnostic::new(
                brace.token.at.clone(),
                format!("the '{{' of {} stands on another line", quote(&name.text)),
                format!("write `{} {{`", name.text),
            ));
        }
        Ok(Directive { name, args, block })
    }

    /// Takes words up to a brace or the end of the line.
    fn words(&mut self) -> Result<Vec<Token>, Diagnostic> {
        let mut words = Vec::new();
        // The first word of a line begins it, so `peek` and not `peek_same_line`.
        let mut next = self.source.peek().cloned();
        while let Some(word) = next.filter(|word| !word.is("{") && !word.is("}")) {
            self.source.take();
            words.push(self.source.expand(&word.token)?);
            next = self.source.peek_same_line().cloned();
        }
        Ok(words)
    }

    /// Reads `{ line... }` if the next word of this line opens one.
    fn block(&mut self, depth: usize) -> Result<Option<Vec<Line>>, Diagnostic> {
        let Some(open) = self.source.peek_same_line().filter(|word| word.is("{")) else {
            return Ok(None);
        };
        let open = open.token.at.clone();
        self.source.take();
        if depth > DEEPEST {
            return Err(Diagnostic::new(
                open,
                format!("more than {DEEPEST} blocks in one another"),
                "close the blocks before with a '}'",
            ));
        }
        let mut lines = Vec::new();
        loop {
            let word = self.source.peek().ok_or_else(|| unclosed(&open))?;
            if word.is("}") {
                self.source.take();
                return Ok(Some(lines));
            }
            if word.is("{") {
                return Err(Diagnostic::new(
                    word.token.at.clone(),
                    "a block without a word before it",
                    "put the '{' at the end of the line that it belongs to",
                ));
            }
            if word.is("import") {
                self.source.import()?;
                continue;
            }
            let words = self.words()?;
            let block = self.block(depth + 1)?;
            let follows = self.source.peek_same_line();
            if let Some(word) = follows.filter(|word| block.is_some() && !word.is("}")) {
                return Err(Diagnostic::new(
                    word.token.at.clone(),
                    format!("{} on the line where a block ends", quote(&word.token.text)),
                    "begin a new line after the '}'",
                ));
            }
            lines.push(Line { words, block });
        }
    }
}

/// A brace that is glued to a plugin's name would otherwise show far away, as a brace too many.
fn plausible_name(name: &Token) -> Result<(), Diagnostic> {
    let (problem, remedy) = match name.text.as_str() {
        "" => (
            "a plugin name is empty".to_owned(),
            "write the plugin's name, or take the line out".to_owned(),
        ),
        text if text.len() > 1 && text.ends_with(['{', '}']) => {
            let (start, brace) = text.split_at(text.len() - 1);
            let remedy = match brace {
                "{" => format!("write `{start} {{`"),
                _ => "put the '}' on a line of its own".to_owned(),
            };
            (format!("a brace is glued to {}", quote(start)), remedy)
        }
        _ => return Ok(()),
    };
    Err(Diagnostic::new(name.at.clone(), problem, remedy))
}
