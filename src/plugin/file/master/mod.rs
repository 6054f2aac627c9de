//! Master files: the text of a zone (RFC 1035 §5), with the directives and liberties that miekg/dns
//! (scan.go) has.
//!
//! In: the octets of a file and the zone. Out: [`Entry`] by entry, in the order of the file.
//!
//! hickory-proto's parser does not serve: it sorts and merges records, and has no `$GENERATE`, no
//! origin of `$INCLUDE`, no generic types (RFC 3597), no DNAME and none of the types of DNSSEC.

mod address;
mod directives;
mod fields;
mod generate;
mod lexer;
mod location;
mod rdata;
mod service;
mod text;
mod values;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use hickory_proto::rr::Name;
use thiserror::Error;

use lexer::{Kind, Lexer, Place, Token};

/// One record, as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub owner: Name,
    pub rtype: u16,
    pub class: u16,
    /// Seconds.
    pub ttl: u32,
    /// In wire form, names uncompressed and as spelled.
    pub rdata: Vec<u8>,
}

/// What is wrong in a file, in the words of miekg/dns.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{}dns: {what}: {} at line: {}:{}", prefix(file), text::quoted(token), at.line, at.column)]
pub struct Mistake {
    file: String,
    what: String,
    token: Vec<u8>,
    at: Place,
}

/// The file before its mistake; a text that is no file's has none.
fn prefix(file: &str) -> String {
    if file.is_empty() { String::new() } else { format!("{file}: ") }
}

/// Reads a file's text, and gives every record to `each` until that breaks. Names without a final dot are
/// below `origin`, and files that are included lie beside `file`.
///
/// # Errors
/// The first thing that cannot be understood, or a file that cannot be included.
pub fn read(
    text: &[u8],
    file: &Path,
    origin: &Name,
    each: &mut dyn FnMut(Entry) -> ControlFlow<()>,
) -> Result<(), Mistake> {
    let source = Source {
        lexer: Lexer::new(text),
        file: file.to_owned(),
        origin: origin.clone(),
        default: None,
        includes: 0,
        generated: false,
        head: Head::default(),
    };
    source.read(each).map(drop)
}

/// Reads one record of a text that is no file's, for which `ttl` is the TTL where it says none. Names
/// without a final dot are below the root.
///
/// # Errors
/// The first thing that cannot be understood.
pub fn read_record(text: &[u8], ttl: u32) -> Result<Option<Entry>, Mistake> {
    let mut first = None;
    let source = Source {
        lexer: Lexer::new(text),
        file: PathBuf::new(),
        origin: Name::root(),
        default: Some(Ttl { seconds: ttl, by_directive: false }),
        includes: 0,
        generated: false,
        head: Head::default(),
    };
    let read = source.read(&mut |entry| {
        first = Some(entry);
        ControlFlow::Break(())
    });
    read.map(|_| first)
}

/// Why reading a line ended early.
enum Stop {
    /// The text is at its end.
    End,
    /// Nobody wants more.
    Broken,
    Wrong(Mistake),
}

/// What a word is none of.
struct Bad {
    what: String,
    token: Token,
}

impl Bad {
    fn new(what: impl Into<String>, token: Token) -> Self {
        Bad { what: what.into(), token }
    }
}

/// The TTL of records that have none.
#[derive(Clone, Copy)]
struct Ttl {
    seconds: u32,
    /// Whether `$TTL` said it: then a record's own TTL does not change it.
    by_directive: bool,
}

/// What a line says before its rdata. What is not said is that of the line before.
#[derive(Default)]
struct Head {
    owner: Option<Name>,
    class: u16,
    ttl: u32,
}

struct Source<'a> {
    lexer: Lexer<'a>,
    file: PathBuf,
    origin: Name,
    default: Option<Ttl>,
    /// How many files include this one.
    includes: u8,
    /// Whether it is what `$GENERATE` made.
    generated: bool,
    head: Head,
}

impl Source<'_> {
    fn read(
        mut self,
        each: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Mistake> {
        loop {
            match self.line(each) {
                Ok(()) => {}
                Err(Stop::End) => return Ok(ControlFlow::Continue(())),
                Err(Stop::Broken) => return Ok(ControlFlow::Break(())),
                Err(Stop::Wrong(mistake)) => return Err(mistake),
            }
        }
    }

    /// Reads what the next token begins: nothing, a directive or a record.
    fn line(&mut self, each: &mut dyn FnMut(Entry) -> ControlFlow<()>) -> Result<(), Stop> {
        if let Some(default) = self.default {
            self.head.ttl = default.seconds;
        }
        self.head.class = 1;
        let first = self.next()?;
        let rtype = match first.kind {
            Kind::Newline | Kind::Blank => return Ok(()),
            Kind::Owner => match first.text.to_ascii_uppercase().as_slice() {
                b"$TTL" => return self.ttl_directive(),
                b"$ORIGIN" => return self.origin_directive(),
                b"$INCLUDE" => return self.include(each),
                b"$GENERATE" => return self.generate(each),
                _ => {
                    let owner = text::name(&first.text, &self.origin);
                    self.head.owner =
                        Some(owner.ok_or_else(|| self.wrong("bad owner name", first))?);
                    self.blank("no blank after owner")?;
                    self.after_owner()?
                }
            },
            Kind::Type(rtype) => rtype,
            Kind::Class(class) => self.after_class(class)?,
            Kind::Word => self.after_ttl(first)?,
            _ => return Err(self.wrong("syntax error at beginning", first)),
        };
        let Some(owner) = self.head.owner.clone() else {
            let token = self.next()?;
            return Err(self.wrong("bad owner name", token));
        };
        let rdata = self.rdata(rtype)?;
        let Head { class, ttl, .. } = self.head;
        match each(Entry { owner, rtype, class, ttl, rdata }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stop::Broken),
        }
    }

    /// TTL, class and type in any order of the first two, each once.
    fn after_owner(&mut self) -> Result<u16, Stop> {
        let token = self.next()?;
        match token.kind {
            Kind::Type(_) if self.default.is_none() => {
                Err(self.wrong("missing TTL with no previous value", token))
            }
            Kind::Type(rtype) => Ok(rtype),
            Kind::Class(class) => self.after_class(class),
            Kind::Word => self.after_ttl(token),
            _ => Err(self.wrong("expecting RR type, TTL or class, not this...", token)),
        }
    }

    fn after_class(&mut self, class: u16) -> Result<u16, Stop> {
        self.head.class = class;
        self.blank("no blank before class")?;
        let token = self.next()?;
        match token.kind {
            Kind::Type(rtype) => Ok(rtype),
            Kind::Word => {
                self.ttl(token)?;
                self.only_type()
            }
            _ => Err(self.wrong("expecting RR type or TTL, not this...", token)),
        }
    }

    fn after_ttl(&mut self, ttl: Token) -> Result<u16, Stop> {
        self.ttl(ttl)?;
        self.blank("no blank before TTL")?;
        let token = self.next()?;
        match token.kind {
            Kind::Type(rtype) => Ok(rtype),
            Kind::Class(class) => {
                self.head.class = class;
                self.only_type()
            }
            _ => Err(self.wrong("expecting RR type or class, not this...", token)),
        }
    }

    fn only_type(&mut self) -> Result<u16, Stop> {
        self.blank("no blank before RR type")?;
        let token = self.next()?;
        match token.kind {
            Kind::Type(rtype) => Ok(rtype),
            _ => Err(self.wrong("unknown RR type", token)),
        }
    }

    /// The TTL of a record, which becomes that of those behind it unless `$TTL` says theirs.
    fn ttl(&mut self, token: Token) -> Result<(), Stop> {
        let seconds = text::seconds(&token.text).ok_or_else(|| self.wrong("not a TTL", token))?;
        self.head.ttl = seconds;
        if !self.default.is_some_and(|default| default.by_directive) {
            self.default = Some(Ttl { seconds, by_directive: false });
        }
        Ok(())
    }

    fn rdata(&mut self, rtype: u16) -> Result<Vec<u8>, Stop> {
        let before = self.next()?;
        if before.kind == Kind::Newline || self.lexer.peek().kind == Kind::End {
            return Err(self.wrong("unexpected newline", before));
        }
        let rdata =
            rdata::read(rtype, &mut self.lexer, &self.origin).map_err(|Bad { what, token }| {
                let end = token.kind == Kind::End;
                self.wrong(what, if end { before.clone() } else { token })
            })?;
        match u16::try_from(rdata.len()) {
            Ok(_) => Ok(rdata),
            Err(_) => Err(self.wrong("rdata is too long", before)),
        }
    }

    fn blank(&mut self, missing: &str) -> Result<(), Stop> {
        let token = self.next()?;
        if token.kind == Kind::Blank { Ok(()) } else { Err(self.wrong(missing, token)) }
    }

    fn next(&mut self) -> Result<Token, Stop> {
        let token = self.lexer.next();
        match token.kind {
            Kind::End => Err(Stop::End),
            Kind::Wrong(what) => Err(self.wrong(what, token)),
            _ => Ok(token),
        }
    }

    fn wrong(&self, what: impl Into<String>, token: Token) -> Stop {
        let file = self.file.display().to_string();
        Stop::Wrong(Mistake { file, what: what.into(), token: token.text, at: token.at })
    }
}

#[cfg(test)]
mod tests;
