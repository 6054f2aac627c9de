//! The words of a master file: blanks, quotes, ends of lines, and what stands between them.
//!
//! In: the octets of a file. Out: [`Token`]s with their place. Which word is a type or a class is said here,
//! because it depends on where the word stands: the first of a line is an owner, and after a type there
//! is none (miekg/dns, scan.go). Braces are no words; within them a line does not end.

use std::collections::VecDeque;

use crate::telemetry::mnemonic;

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Blank,
    Quote,
    Newline,
    /// The first word of a line that does not begin with a blank.
    Owner,
    Word,
    Type(u16),
    Class(u16),
    /// Nothing can be read from here on.
    Wrong(&'static str),
    /// The text is at its end.
    End,
}

/// Where the last octet of a token was read; both count from 1.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

/// One token. Escapes stand in its text as they were written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    pub kind: Kind,
    pub text: Vec<u8>,
    pub at: Place,
}

/// Reads tokens.
#[derive(Debug)]
pub struct Lexer<'a> {
    rest: std::slice::Iter<'a, u8>,
    at: Place,
    /// Whether the last octet ended a line: the next one begins another.
    ended: bool,
    /// Braces that are open.
    depth: usize,
    in_quotes: bool,
    in_comment: bool,
    /// Whether the last thing was a blank.
    after_blank: bool,
    /// Whether the line has its type.
    has_type: bool,
    /// Whether the next word is an owner.
    at_owner: bool,
    queue: VecDeque<Token>,
    wrong: bool,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Lexer {
            rest: text.iter(),
            at: Place { line: 1, column: 0 },
            ended: false,
            depth: 0,
            in_quotes: false,
            in_comment: false,
            after_blank: false,
            has_type: false,
            at_owner: true,
            queue: VecDeque::new(),
            wrong: false,
        }
    }

    /// The next token; [`Kind::End`] for ever at the end.
    pub fn next(&mut self) -> Token {
        if let Some(token) = self.queue.pop_front() {
            return token;
        }
        if self.wrong {
            return end();
        }
        self.read();
        let token = self.queue.pop_front().unwrap_or_else(end);
        if let Kind::Wrong(what) = token.kind {
            self.wrong = true;
            self.queue.clear();
            return Token { text: what.into(), ..token };
        }
        token
    }

    /// The token that is next.
    pub fn peek(&mut self) -> &Token {
        if self.queue.is_empty() {
            let token = self.next();
            self.queue.push_front(token);
        }
        // It was just put there if there was none.
        &self.queue[0]
    }

    /// Reads until there is at least one token, or the end.
    fn read(&mut self) {
        let mut text = Vec::new();
        let mut escaped = false;
        while self.queue.is_empty() {
            let Some(byte) = self.byte() else { return self.finish(text) };
            if self.in_comment {
                if byte == b'\n' {
                    self.in_comment = false;
                    self.has_type = false;
                    if self.depth == 0 {
                        self.newline();
                    }
                }
                continue;
            }
            let literal = escaped || self.in_quotes;
            match byte {
                b' ' | b'\t' | b';' | b'(' | b')' if literal => {
                    text.push(byte);
                    escaped = false;
                }
                b' ' | b'\t' => self.blank(std::mem::take(&mut text)),
                b';' => {
                    self.in_comment = true;
                    self.word(std::mem::take(&mut text));
                }
                b'(' => self.depth += 1,
                b')' => match self.depth.checked_sub(1) {
                    Some(depth) => self.depth = depth,
                    None => self.push(Kind::Wrong("extra closing brace"), Vec::new()),
                },
                b'\n' | b'\r' if self.in_quotes => {
                    text.push(byte);
                    escaped = false;
                }
                b'\r' => escaped = false,
                b'\n' => {
                    escaped = false;
                    if self.depth == 0 {
                        self.last_word(std::mem::take(&mut text));
                        self.newline();
                    }
                }
                b'\\' | b'"' if escaped => {
                    text.push(byte);
                    escaped = false;
                }
                b'\\' => {
                    text.push(byte);
                    escaped = true;
                }
                b'"' => {
                    self.after_blank = false;
                    self.word(std::mem::take(&mut text));
                    self.push(Kind::Quote, b"\"".to_vec());
                    self.in_quotes = !self.in_quotes;
                }
                _ => {
                    text.push(byte);
                    escaped = false;
                    self.after_blank = false;
                }
            }
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.rest.next()?;
        if self.ended {
            self.at = Place { line: self.at.line + 1, column: 0 };
        }
        self.ended = byte == b'\n';
        if !self.ended {
            self.at.column += 1;
        }
        Some(byte)
    }

    /// The text is at its end.
    fn finish(&mut self, text: Vec<u8>) {
        self.word(text);
        if self.in_comment {
            self.in_comment = false;
            self.push(Kind::Newline, b"\n".to_vec());
        } else if self.queue.is_empty() && self.depth > 0 {
            self.push(Kind::Wrong("unbalanced brace"), Vec::new());
        }
    }

    /// A blank, and the word that it ends.
    fn blank(&mut self, text: Vec<u8>) {
        if !text.is_empty() {
            let kind = if self.at_owner { Kind::Owner } else { self.kind(&text) };
            self.push(kind, text);
        }
        self.at_owner = false;
        if !self.after_blank {
            self.after_blank = true;
            self.push(Kind::Blank, b" ".to_vec());
        }
    }

    /// A word that a quote, a comment or the end of the text ends.
    fn word(&mut self, text: Vec<u8>) {
        if !text.is_empty() {
            self.push(Kind::Word, text);
        }
    }

    /// The last word of a line: it may be a type by name, and no class.
    fn last_word(&mut self, text: Vec<u8>) {
        if text.is_empty() {
            return;
        }
        let kind = match named_type(&text).filter(|_| !self.has_type) {
            Some(rtype) => Kind::Type(rtype),
            None => Kind::Word,
        };
        self.push(kind, text);
    }

    /// What a word in the middle of a line is.
    fn kind(&mut self, text: &[u8]) -> Kind {
        if self.has_type {
            return Kind::Word;
        }
        let mut kind = Kind::Word;
        if let Some(rtype) = rtype(text) {
            let Ok(rtype) = rtype else { return Kind::Wrong("unknown RR type") };
            self.has_type = true;
            kind = Kind::Type(rtype);
        }
        match class(text) {
            Some(Ok(class)) => Kind::Class(class),
            Some(Err(())) => Kind::Wrong("unknown class"),
            None => kind,
        }
    }

    fn newline(&mut self) {
        self.has_type = false;
        self.at_owner = true;
        self.push(Kind::Newline, b"\n".to_vec());
    }

    fn push(&mut self, kind: Kind, text: Vec<u8>) {
        self.queue.push_back(Token { kind, text, at: self.at });
    }
}

fn end() -> Token {
    Token { kind: Kind::End, text: Vec::new(), at: Place::default() }
}

/// The type that a word means, in any case: by name, or as `TYPE` with a number (RFC 3597 §5).
pub fn rtype(text: &[u8]) -> Option<Result<u16, ()>> {
    match named_type(text) {
        Some(rtype) => Some(Ok(rtype)),
        None => numbered(text, b"TYPE"),
    }
}

fn named_type(text: &[u8]) -> Option<u16> {
    let name = std::str::from_utf8(text).ok()?.to_ascii_uppercase();
    mnemonic::parse_record_type(&name).map(u16::from)
}

fn class(text: &[u8]) -> Option<Result<u16, ()>> {
    let code = match text.to_ascii_uppercase().as_slice() {
        b"IN" => 1,
        b"CS" => 2,
        b"CH" => 3,
        b"HS" => 4,
        b"NONE" => 254,
        b"ANY" => 255,
        _ => return numbered(text, b"CLASS"),
    };
    Some(Ok(code))
}

/// The number behind a prefix, in any case.
fn numbered(text: &[u8], prefix: &[u8]) -> Option<Result<u16, ()>> {
    let (head, number) = text.split_at_checked(prefix.len())?;
    let number = head.eq_ignore_ascii_case(prefix).then_some(number)?;
    let digits = number.iter().all(u8::is_ascii_digit);
    let value = std::str::from_utf8(number).ok().filter(|_| digits).and_then(|n| n.parse().ok());
    Some(value.ok_or(()))
}

#[cfg(test)]
#[path = "lexer_tests.rs"]
mod tests;
