//! From the text of a template to its words.
//!
//! In: a text with actions between `{{` and `}}`. Out: what stands between the actions, as it is, and the
//! words of the actions. White space within an action is a word, for it ends an operand. `{{- ` and ` -}}`
//! take the white space before and behind the action with them (Go, text/template/parse/lex.go).

use super::Wrong;

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const LEFT_COMMENT: &str = "/*";
const RIGHT_COMMENT: &str = "*/";
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// What a word is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// What stands outside of actions.
    Text,
    Left,
    Right,
    Space,
    /// `break`, `if` and the like, and `nil`.
    Keyword,
    /// The name of a function.
    Name,
    /// `.Name`, one step.
    Field,
    /// `$` or `$name`.
    Variable,
    Dot,
    Bool,
    /// A number, or a letter in single quotes.
    Number,
    /// A string in double quotes or backquotes.
    Quoted,
    /// One of `|`, `(`, `)`, `=`, `:=`, `,`, or a letter that is no word.
    Sign,
    End,
}

/// A word, and at which octet it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token<'t> {
    pub kind: Kind,
    pub at: usize,
    pub text: &'t str,
}

const KEYWORDS: [&str; 11] = [
    "block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with",
];

/// All words of a template; the last is [`Kind::End`].
///
/// # Errors
/// An action, a comment or a string does not end, or a letter begins no word.
pub fn tokens(text: &str) -> Result<Vec<Token<'_>>, Wrong> {
    let mut lexer = Lexer { text, at: 0, depth: 0, tokens: Vec::new() };
    lexer.outside()?;
    Ok(lexer.tokens)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// How many parentheses of the action are open.
    depth: usize,
    tokens: Vec<Token<'t>>,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn push(&mut self, kind: Kind, length: usize) {
        let text = &self.rest()[..length];
        self.tokens.push(Token { kind, at: self.at, text });
        self.at += length;
    }

    fn wrong(&self, problem: impl Into<String>) -> Wrong {
        Wrong::new(self.at, problem)
    }

    /// Reads all of the template.
    fn outside(&mut self) -> Result<(), Wrong> {
        loop {
            let Some(length) = self.rest().find(LEFT) else {
                if !self.rest().is_empty() {
                    self.push(Kind::Text, self.rest().len());
                }
                self.push(Kind::End, 0);
                return Ok(());
            };
            let trims = trims_left(&self.rest()[length + LEFT.len()..]);
            let kept = match trims {
                true => self.rest()[..length].trim_end_matches(SPACE).len(),
                false => length,
            };
            if kept > 0 {
                self.push(Kind::Text, kept);
            }
            self.at += length - kept;
            let marker = if trims { 2 } else { 0 };
            if self.rest()[LEFT.len() + marker..].starts_with(LEFT_COMMENT) {
                self.at += LEFT.len() + marker;
                self.comment()?;
            } else {
                self.push(Kind::Left, LEFT.len());
                self.at += marker;
                self.inside()?;
            }
        }
    }

    /// Skips a comment, at its beginning, and the end of the action that it is.
    fn comment(&mut self) -> Result<(), Wrong> {
        let Some(length) = self.rest().find(RIGHT_COMMENT) else {
            return Err(self.wrong("a comment does not end"));
        };
        self.at += length + RIGHT_COMMENT.len();
        let Some(trims) = self.right() else {
            return Err(self.wrong("a comment is not all of its action"));
        };
        self.end(trims);
        Ok(())
    }

    /// Whether the action ends here, and if so, whether it takes the white space behind with it.
    fn right(&self) -> Option<bool> {
        let rest = self.rest();
        if rest.starts_with(RIGHT) {
            return Some(false);
        }
        let behind = rest.strip_prefix(SPACE)?.strip_prefix('-')?;
        behind.starts_with(RIGHT).then_some(true)
    }

    /// Goes behind the end of the action.
    fn end(&mut self, trims: bool) {
        self.at += if trims { 2 } else { 0 } + RIGHT.len();
        if trims {
            self.at += self.rest().len() - self.rest().trim_start_matches(SPACE).len();
        }
    }

    /// Reads the words of an action and its end.
    fn inside(&mut self) -> Result<(), Wrong> {
        self.depth = 0;
        loop {
            if let Some(trims) = self.right() {
                if self.depth > 0 {
                    return Err(self.wrong("a parenthesis is not closed"));
                }
                let at = self.at + if trims { 2 } else { 0 };
                self.tokens.push(Token { kind: Kind::Right, at, text: RIGHT });
                self.end(trims);
                return Ok(());
            }
            self.word()?;
        }
    }

    fn word(&mut self) -> Result<(), Wrong> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Err(self.wrong("an action does not end"));
        };
        match first {
            first if SPACE.contains(&first) => self.space(),
            ':' if !rest.starts_with(":=") => return Err(self.wrong("a ':' stands without '='")),
            ':' => self.push(Kind::Sign, 2),
            '"' | '\'' | '`' => self.quoted(first)?,
            '$' => self.name(Kind::Variable, 1)?,
            '.' if !rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                self.name(Kind::Field, 1)?;
            }
            '.' | '+' | '-' | '0'..='9' => self.number()?,
            first if is_of_name(first) => self.name(Kind::Name, 0)?,
            '(' => {
                self.depth += 1;
                self.push(Kind::Sign, 1);
            }
            ')' if self.depth == 0 => return Err(self.wrong("a parenthesis was not opened")),
            ')' => {
                self.depth -= 1;
                self.push(Kind::Sign, 1);
            }
            ' '..='~' => self.push(Kind::Sign, 1),
            other => return Err(self.wrong(format!("{other:?} begins no word"))),
        }
        Ok(())
    }

    fn space(&mut self) {
        let rest = self.rest();
        let mut length = rest.len() - rest.trim_start_matches(SPACE).len();
        // The last of it belongs to ` -}}`.
        if rest[length..].strip_prefix('-').is_some_and(|rest| rest.starts_with(RIGHT)) {
            length -= 1;
        }
        if length > 0 {
            self.push(Kind::Space, length);
        }
    }

    /// A string or a letter, with its quotes.
    fn quoted(&mut self, quote: char) -> Result<(), Wrong> {
        let mut letters = self.rest().char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            let escaped = match letter {
                _ if letter == quote => {
                    let kind = if quote == '\'' { Kind::Number } else { Kind::Quoted };
                    self.push(kind, at + 1);
                    return Ok(());
                }
                '\\' if quote != '`' => letters.next().map(|(_, letter)| letter),
                letter => Some(letter),
            };
            if quote != '`' && matches!(escaped, None | Some('\n')) {
                break;
            }
        }
        Err(self.wrong("a string does not end"))
    }

    /// A name behind `prefix` octets.
    fn name(&mut self, kind: Kind, prefix: usize) -> Result<(), Wrong> {
        let rest = &self.rest()[prefix..];
        let length = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(length);
        let ends = behind.is_empty()
            || behind.starts_with(RIGHT)
            || behind.starts_with([' ', '\t', '\r', '\n', '.', ',', '|', ':', ')', '(']);
        if !ends {
            let letter = behind.chars().next().unwrap_or_default();
            return Err(Wrong::new(
                self.at + prefix + length,
                format!("{letter:?} stands in a name"),
            ));
        }
        let kind = match kind {
            Kind::Field if name.is_empty() => Kind::Dot,
            Kind::Name if KEYWORDS.contains(&name) => Kind::Keyword,
            Kind::Name if matches!(name, "true" | "false") => Kind::Bool,
            kind => kind,
        };
        self.push(kind, prefix + length);
        Ok(())
    }

    /// Whatever looks like a number; whether it is one is seen when it is read.
    fn number(&mut self) -> Result<(), Wrong> {
        let rest = self.rest();
        let mut before = ' ';
        let length = rest.find(|c: char| {
            let sign = matches!(c, '+' | '-') && matches!(before, ' ' | 'e' | 'E' | 'p' | 'P');
            before = c;
            !(sign || c == '.' || is_of_name(c))
        });
        self.push(Kind::Number, length.unwrap_or(rest.len()));
        Ok(())
    }
}

/// Whether what is behind `{{` takes the white space before with it.
fn trims_left(behind: &str) -> bool {
    behind.strip_prefix('-').is_some_and(|rest| rest.starts_with(SPACE))
}

fn is_of_name(letter: char) -> bool {
    letter == '_' || letter.is_alphanumeric()
}
