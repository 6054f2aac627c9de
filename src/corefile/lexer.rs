//! Text to words. A word ends at white space; a word that begins with a quote ends at the next quote.
//!
//! The rules are CoreDNS's, odd as some are:
//! - a quote inside a word is an ordinary letter, and a quoted word ends at its quote (`"a"b` is two
//!   words); in quotes only `\"` is an escape, and lines may break;
//! - `#` begins a comment to the end of the line, but one that is glued to a word (`errors# a b`)
//!   ends at the first blank (which is warned about);
//! - a byte order mark and carriage returns are dropped, any Unicode white space separates.
//!
//! An open quote would swallow the rest of the file in CoreDNS; here it is an error.

use std::{path::Path, sync::Arc};

use super::{Diagnostic, Position, Token, diagnostics::quote};

/// A word as written, and whether it is the first one of its line.
#[derive(Clone, Debug)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) starts_line: bool,
}

impl Lexeme {
    /// Whether this is the structural word `word` (`{`, `}`, `import`); quotes make no difference.
    pub(super) fn is(&self, word: &str) -> bool {
        self.token.text == word
    }
}

/// Splits `text`, the content of `file`.
pub(super) fn lex(
    file: &Arc<Path>,
    text: &str,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Vec<Lexeme>, Diagnostic> {
    let mut lexer = Lexer {
        file,
        line: 1,
        fresh_line: true,
        comment: Comment::None,
        word: String::new(),
        words: Vec::new(),
        warnings,
    };
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text).chars();
    while let Some(c) = rest.next() {
        if c == '"' && lexer.word.is_empty() && !lexer.in_comment() {
            lexer.quoted(&mut rest)?;
        } else {
            lexer.plain(c);
        }
    }
    lexer.end_word(lexer.line);
    Ok(lexer.words)
}

#[derive(PartialEq)]
enum Comment {
    None,
    /// To the end of the line.
    Line,
    /// To the next blank, because it is glued to a word.
    Glued,
    /// A glued comment has ended at a blank in this line.
    GluedBefore,
}

struct Lexer<'a> {
    file: &'a Arc<Path>,
    line: u32,
    fresh_line: bool,
    comment: Comment,
    word: String,
    words: Vec<Lexeme>,
    warnings: &'a mut Vec<Diagnostic>,
}

impl Lexer<'_> {
    /// Takes one letter outside quotes.
    fn plain(&mut self, c: char) {
        match c {
            '\r' => {}
            '\n' => {
                self.end_word(self.line);
                self.line += 1;
                self.fresh_line = true;
                self.comment = Comment::None;
            }
            c if c.is_whitespace() => {
                self.end_word(self.line);
                if self.comment == Comment::Glued {
                    self.comment = Comment::GluedBefore;
                }
            }
            _ if self.in_comment() => {}
            '#' if self.word.is_empty() => self.comment = Comment::Line,
            '#' => self.comment = Comment::Glued,
            c => self.word.push(c),
        }
    }

    fn in_comment(&self) -> bool {
        matches!(self.comment, Comment::Line | Comment::Glued)
    }

    /// Takes a quoted word; the opening quote is read already.
    fn quoted(&mut self, rest: &mut std::str::Chars<'_>) -> Result<(), Diagnostic> {
        let opened = self.line;
        let mut escaped = false;
        for c in rest {
            self.line += u32::from(c == '\n');
            match c {
                '"' if escaped => self.word.push('"'),
                '"' => {
                    self.push(opened);
                    return Ok(());
                }
                '\\' if !escaped => {
                    escaped = true;
                    continue;
                }
                c => {
                    if escaped {
                        self.word.push('\\');
                    }
                    self.word.push(c);
                }
            }
            escaped = false;
        }
        let begin = self.word.lines().next().unwrap_or_default();
        Err(Diagnostic::new(
            Position::new(self.file.clone(), opened),
            format!("the quote before {} is never closed", quote(begin)),
            "put a \" at the end of the quoted words",
        ))
    }

    fn end_word(&mut self, line: u32) {
        if !self.word.is_empty() {
            self.push(line);
        }
    }

    fn push(&mut self, line: u32) {
        let at = Position::new(self.file.clone(), line);
        let text = std::mem::take(&mut self.word);
        if self.comment == Comment::GluedBefore {
            self.comment = Comment::None;
            self.warnings.push(Diagnostic::new(
                at.clone(),
                format!(
                    "{} is read as a word: a comment that is glued to a word ends at the first blank",
                    quote(&text)
                ),
                "put a blank before the #",
            ));
        }
        let starts_line = std::mem::take(&mut self.fresh_line);
        self.words.push(Lexeme { token: Token { text, at }, starts_line });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words, each with its line, `^` before the first of a line.
    fn words(text: &str) -> String {
        let file: Arc<Path> = Path::new("Corefile").into();
        match lex(&file, text, &mut Vec::new()) {
            Err(error) => error.to_string(),
            Ok(words) => words
                .iter()
                .map(|w| {
                    let mark = if w.starts_line { "^" } else { "" };
                    format!("{mark}{}@{}", w.token.text, w.token.at.line)
                })
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    #[test]
    fn splits_as_coredns_does() {
        for (text, expected) in [
            ("", ""),
            (" \t\r\n\u{a0}\u{3000}\n", ""),
            ("a b\nc", "^a@1 b@1 ^c@2"),
            ("\u{feff}a", "^a@1"),
            ("a\r\nb\r\n", "^a@1 ^b@2"),
            ("a\rb", "^ab@1"),
            ("a\u{a0}b\u{2003}c", "^a@1 b@1 c@1"),
            ("# all\n # of it \"\nb", "^b@3"),
            ("errors# hello world\nlog", "^errors@1 hello@1 world@1 ^log@2"),
            ("whoami#x", "^whoami@1"),
            ("whoami#x\nlog", "^whoami@1 ^log@2"),
            ("whoami # x # y", "^whoami@1"),
            ("whoami#x # y", "^whoami@1"),
            ("\"a\"b", "^a@1 b@1"),
            ("\"a\"#b c", "^a@1"),
            ("a\"b c\"", "^a\"b@1 c\"@1"),
            ("\"\" a", "^@1 a@1"),
            (r#""a \" b" "#, "^a \" b@1"),
            (r#""a\nb\\" c"#, r"^a\nb\\@1 c@1"),
            ("\"a # b\" c", "^a # b@1 c@1"),
            ("\"a\nb\" c\nd", "^a\nb@1 c@2 ^d@3"),
            ("\"a\r\n\"", "^a\r\n@1"),
            ("{$X}{ }", "^{$X}{@1 }@1"),
            (
                "a\n\"b\nc",
                "Corefile:2 - the quote before 'b' is never closed; put a \" at the end of the quoted words",
            ),
        ] {
            assert_eq!(words(text), expected, "{text:?}");
        }
    }

    #[test]
    fn warns_of_words_after_a_glued_comment() {
        let file: Arc<Path> = Path::new("Corefile").into();
        for (text, count) in [
            ("errors# hello world\n", 1),
            ("errors# # hello world\n", 0),
            ("errors#x\nlog", 0),
            ("errors # x\n", 0),
        ] {
            let mut warnings = Vec::new();
            lex(&file, text, &mut warnings).unwrap();
            assert_eq!(warnings.len(), count, "{text:?}");
        }
    }
}
