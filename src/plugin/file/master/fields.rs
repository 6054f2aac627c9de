//! The fields of rdata, one after the other.
//!
//! Each reader takes the words that it needs and appends octets; what is wrong is said as
//! `bad TYPE FIELD`, with the word.

use data_encoding::{BASE64_MIME_PERMISSIVE, HEXLOWER_PERMISSIVE};
use hickory_proto::rr::Name;
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder};

use super::lexer::{self, Kind, Lexer, Token};
use super::values::{date, number};
use super::{Bad, text};

/// Octets of one text (RFC 1035 §3.3).
const TEXT: usize = 255;

/// Where the fields of one record are read from.
pub struct Fields<'l, 'a> {
    pub lexer: &'l mut Lexer<'a>,
    pub origin: &'l Name,
    /// The type, as mistakes name it.
    pub of: &'static str,
    pub out: Vec<u8>,
    /// The word that was read last.
    last: Option<Token>,
}

/// What is still to come of a line that should be at its end.
pub fn end_of_line(lexer: &mut Lexer<'_>) -> Result<(), Bad> {
    let mut token = lexer.next();
    if token.kind == Kind::Blank {
        token = lexer.next();
    }
    match token.kind {
        Kind::Newline | Kind::End => Ok(()),
        _ => Err(Bad::new("garbage after rdata", token)),
    }
}

impl<'l, 'a> Fields<'l, 'a> {
    pub fn new(lexer: &'l mut Lexer<'a>, origin: &'l Name, of: &'static str) -> Self {
        Fields { lexer, origin, of, out: Vec::new(), last: None }
    }

    pub fn bad(&self, field: &str, token: Token) -> Bad {
        Bad::new(format!("bad {} {field}", self.of), token)
    }

    /// The next word. What stands before it is taken for a blank, whatever it is, as in miekg/dns.
    pub fn word(&mut self) -> Token {
        if self.last.is_some() {
            self.lexer.next();
        }
        let token = self.lexer.next();
        self.last = Some(token.clone());
        token
    }

    /// The next token that is no blank; `None` at the end of the line.
    pub fn more(&mut self) -> Option<Token> {
        let mut token = self.lexer.next();
        if token.kind == Kind::Blank {
            token = self.lexer.next();
        }
        Some(token).filter(|token| !matches!(token.kind, Kind::Newline | Kind::End))
    }

    /// The word that was read last, for mistakes about what follows it.
    pub fn last(&mut self) -> Token {
        let next = self.lexer.peek();
        self.last.clone().unwrap_or_else(|| next.clone())
    }

    pub fn name(&mut self, field: &str) -> Result<(), Bad> {
        let token = self.word();
        let name = text::name(&token.text, self.origin);
        let name = name.filter(|_| !matches!(token.kind, Kind::Wrong(_)));
        let Some(name) = name else { return Err(self.bad(field, token)) };
        self.push_name(&name);
        Ok(())
    }

    pub fn push_name(&mut self, name: &Name) {
        let mut wire = Vec::new();
        // Every name fits into a message of its own, uncompressed for want of others.
        let _ = name.emit(&mut BinEncoder::new(&mut wire));
        self.out.extend(wire);
    }

    /// A decimal number of so many octets.
    pub fn number(&mut self, octets: usize, field: &str) -> Result<u32, Bad> {
        let token = self.word();
        match number(&token.text, octets) {
            Some(value) => {
                self.push_number(value, octets);
                Ok(value)
            }
            None => Err(self.bad(field, token)),
        }
    }

    pub fn push_number(&mut self, value: u32, octets: usize) {
        self.out.extend_from_slice(&value.to_be_bytes()[4 - octets..]);
    }

    /// A number, or a word that stands for one.
    pub fn named(&mut self, octets: usize, names: &[(u32, &str)], field: &str) -> Result<(), Bad> {
        let token = self.word();
        let known = names.iter().find(|(_, name)| token.text == name.as_bytes());
        match known.map(|(value, _)| *value).or_else(|| number(&token.text, octets)) {
            Some(value) => {
                self.push_number(value, octets);
                Ok(())
            }
            None => Err(self.bad(field, token)),
        }
    }

    /// A time span with units, or its seconds.
    pub fn seconds(&mut self, field: &str) -> Result<(), Bad> {
        let token = self.word();
        match text::seconds(&token.text) {
            Some(seconds) => {
                self.push_number(seconds, 4);
                Ok(())
            }
            None => Err(self.bad(field, token)),
        }
    }

    /// A moment: `YYYYMMDDHHMMSS` or seconds since 1970 (RFC 4034 §3.2).
    pub fn moment(&mut self, field: &str) -> Result<(), Bad> {
        let token = self.word();
        match date(&token.text).or_else(|| number(&token.text, 4)) {
            Some(seconds) => {
                self.push_number(seconds, 4);
                Ok(())
            }
            None => Err(self.bad(field, token)),
        }
    }

    pub fn rtype(&mut self, field: &str) -> Result<(), Bad> {
        let token = self.word();
        match lexer::rtype(&token.text) {
            Some(Ok(rtype)) => {
                self.push_number(rtype.into(), 2);
                Ok(())
            }
            _ => Err(self.bad(field, token)),
        }
    }

    /// The types of a name, to the end of the line (RFC 4034 §4.1.2).
    pub fn types(&mut self, field: &str) -> Result<(), Bad> {
        let mut types = Vec::new();
        while let Some(token) = self.more() {
            match lexer::rtype(&token.text).filter(|_| token.kind == Kind::Word) {
                Some(Ok(rtype)) => types.push(rtype),
                _ => return Err(self.bad(field, token)),
            }
        }
        types.sort_unstable();
        for window in types.chunk_by(|a, b| a >> 8 == b >> 8) {
            let mut bits = Vec::new();
            for rtype in window {
                let [_, low] = rtype.to_be_bytes();
                bits.resize(usize::from(low / 8) + 1, 0);
                bits[usize::from(low / 8)] |= 0x80_u8 >> (low % 8);
            }
            // A window has at most 32 octets.
            self.out.extend([window[0].to_be_bytes()[0], bits.len() as u8]);
            self.out.extend(bits);
        }
        Ok(())
    }

    /// What is left of the line, without blanks.
    pub fn rest(&mut self, field: &str) -> Result<Vec<u8>, Bad> {
        let mut all = Vec::new();
        while let Some(token) = self.more() {
            match token.kind {
                Kind::Word => all.extend(token.text),
                _ => return Err(self.bad(field, token)),
            }
        }
        Ok(all)
    }

    pub fn hex(&mut self, field: &str) -> Result<(), Bad> {
        let (last, rest) = (self.last(), self.rest(field)?);
        let octets = HEXLOWER_PERMISSIVE.decode(&rest);
        self.out.extend(octets.map_err(|_| self.bad(field, last))?);
        Ok(())
    }

    pub fn base64(&mut self, field: &str) -> Result<(), Bad> {
        let (last, rest) = (self.last(), self.rest(field)?);
        let octets = BASE64_MIME_PERMISSIVE.decode(&rest);
        self.out.extend(octets.map_err(|_| self.bad(field, last))?);
        Ok(())
    }

    /// Texts to the end of the line, each with a length octet. One that is too long is several.
    pub fn texts(&mut self, field: &str) -> Result<(), Bad> {
        for text in self.strings(field)? {
            self.push_text(&text, field)?;
        }
        Ok(())
    }

    /// The one text to the end of the line, without a length.
    pub fn only_text(&mut self, field: &str) -> Result<(), Bad> {
        let last = self.last();
        match self.strings(field)?.as_slice() {
            [only] => {
                self.out.extend(text::octets(only));
                Ok(())
            }
            _ => Err(self.bad(field, last)),
        }
    }

    /// A text in quotes, which may be empty.
    pub fn quoted(&mut self, field: &str) -> Result<(), Bad> {
        let open = self.word();
        if open.kind != Kind::Quote {
            return Err(self.bad(field, open));
        }
        let token = self.lexer.next();
        let text = match token.kind {
            Kind::Quote => Vec::new(),
            Kind::Word => {
                let close = self.lexer.next();
                if close.kind != Kind::Quote {
                    return Err(self.bad(field, close));
                }
                token.text
            }
            _ => return Err(self.bad(field, token)),
        };
        self.push_text(&text, field)
    }

    /// A word as a text.
    pub fn text(&mut self, field: &str) -> Result<(), Bad> {
        let token = self.word();
        match token.kind {
            Kind::Word => self.push_text(&token.text, field),
            _ => Err(self.bad(field, token)),
        }
    }

    pub fn push_text(&mut self, text: &[u8], field: &str) -> Result<(), Bad> {
        let octets = text::octets(text);
        match u8::try_from(octets.len()) {
            Ok(length) => {
                self.out.push(length);
                self.out.extend(octets);
                Ok(())
            }
            Err(_) => {
                let token = self.last();
                Err(self.bad(field, Token { text: text.to_vec(), ..token }))
            }
        }
    }

    /// The texts to the end of the line, with their escapes.
    pub fn strings(&mut self, field: &str) -> Result<Vec<Vec<u8>>, Bad> {
        let (mut all, mut open, mut empty) = (Vec::new(), false, false);
        loop {
            let token = self.lexer.next();
            match token.kind {
                Kind::Newline | Kind::End if open => return Err(self.bad(field, token)),
                Kind::Newline | Kind::End => return Ok(all),
                Kind::Blank => {}
                Kind::Quote => {
                    if empty && open {
                        all.push(Vec::new());
                    }
                    open = !open;
                    empty = true;
                }
                Kind::Word => {
                    empty = false;
                    let parts = parts(&token.text);
                    all.extend(parts.ok_or_else(|| self.bad(field, token))?);
                }
                _ => return Err(self.bad(field, token)),
            }
        }
    }

    pub fn end(&mut self) -> Result<(), Bad> {
        end_of_line(self.lexer)
    }
}

/// A text in pieces that each fit a length octet. `None` where it ends in a backslash.
fn parts(word: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut all, mut piece, mut rest) = (Vec::new(), Vec::new(), word);
    let mut octets = 0;
    while !rest.is_empty() {
        let (_, after) = text::octet(rest)?;
        if octets == TEXT {
            all.push(std::mem::take(&mut piece));
            octets = 0;
        }
        piece.extend_from_slice(&rest[..rest.len() - after.len()]);
        octets += 1;
        rest = after;
    }
    all.push(piece);
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_several() {
        let pieces = parts(&[b'x'; 300]).unwrap();
        assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [255, 45]);
        assert_eq!(parts(&b"\\065".repeat(255)).unwrap().len(), 1);
        assert!(parts(b"a\\").is_none());
    }
}
