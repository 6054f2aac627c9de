//! The lines that begin with a dollar: they change how others are read, or stand for others.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use super::lexer::{Kind, Lexer, Token};
use super::{Bad, Entry, Head, Mistake, Source, Stop, Ttl, fields, generate, text};
use crate::plugin::file::zone::{clean, words};

/// How deep files may include files.
const MAX_INCLUDES: u8 = 7;
/// The TTL of records that `$GENERATE` makes without one, whatever `$TTL` says.
const GENERATED_TTL: u32 = 3600;

impl Source<'_> {
    pub(super) fn ttl_directive(&mut self) -> Result<(), Stop> {
        const EXPECTED: &str = "expecting $TTL value, not this...";
        self.blank("no blank after $TTL-directive")?;
        let token = self.value(EXPECTED)?;
        let seconds = text::seconds(&token.text).ok_or_else(|| self.wrong(EXPECTED, token))?;
        self.default = Some(Ttl { seconds, by_directive: true });
        Ok(())
    }

    pub(super) fn origin_directive(&mut self) -> Result<(), Stop> {
        self.blank("no blank after $ORIGIN-directive")?;
        let token = self.value("expecting $ORIGIN value, not this...")?;
        let name = text::name(&token.text, &self.origin);
        self.origin = name.ok_or_else(|| self.wrong("bad origin name", token))?;
        Ok(())
    }

    /// The only word of a directive.
    fn value(&mut self, expected: &str) -> Result<Token, Stop> {
        let token = self.next()?;
        if token.kind != Kind::Word {
            return Err(self.wrong(expected, token));
        }
        match fields::end_of_line(&mut self.lexer) {
            Ok(()) => Ok(token),
            Err(Bad { what, token }) => Err(self.wrong(what, token)),
        }
    }

    /// `$INCLUDE FILE [ORIGIN]`: the file's own `$ORIGIN` and `$TTL` end with it.
    pub(super) fn include(
        &mut self,
        each: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), Stop> {
        self.blank("no blank after $INCLUDE-directive")?;
        let token = self.next()?;
        if token.kind != Kind::Word {
            return Err(self.wrong("expecting $INCLUDE value, not this...", token));
        }
        let mut origin = self.origin.clone();
        let behind = self.lexer.next();
        match behind.kind {
            Kind::Newline | Kind::End => {}
            Kind::Blank => {
                let word = self.lexer.next();
                if word.kind == Kind::Word {
                    let name = text::name(&word.text, &self.origin);
                    origin = name.ok_or_else(|| self.wrong("bad origin name", word))?;
                }
            }
            _ => return Err(self.wrong("garbage after $INCLUDE", behind)),
        }
        if self.includes >= MAX_INCLUDES {
            return Err(self.wrong("too deeply nested $INCLUDE", token));
        }
        let named = String::from_utf8_lossy(&token.text).into_owned();
        let folder = self.file.parent().unwrap_or(Path::new(""));
        let path = clean(&folder.join(&named));
        let content = fs::read(&path).map_err(|error| {
            let path = path.display();
            let why = words(&error);
            let shown = match path.to_string() == named {
                true => String::new(),
                false => format!(" as `{path}'"),
            };
            self.wrong(format!("failed to open `{named}'{shown}: open {path}: {why}"), token)
        })?;
        let source = Source {
            lexer: Lexer::new(&content),
            file: path,
            origin,
            default: self.default,
            includes: self.includes + 1,
            generated: false,
            head: Head::default(),
        };
        below(source.read(each))
    }

    /// `$GENERATE RANGE LINE`: the line for every number.
    pub(super) fn generate(
        &mut self,
        each: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), Stop> {
        self.blank("no blank after $GENERATE-directive")?;
        let token = self.next()?;
        if self.generated {
            return Err(self.wrong("nested $GENERATE directive not allowed", token));
        }
        if token.kind != Kind::Word {
            return Err(self.wrong("expecting $GENERATE value, not this...", token));
        }
        let made = generate::generate(&token, &mut self.lexer);
        let made = made.map_err(|Bad { what, token }| self.wrong(what, token))?;
        let source = Source {
            lexer: Lexer::new(&made),
            file: self.file.clone(),
            origin: self.origin.clone(),
            default: Some(Ttl { seconds: GENERATED_TTL, by_directive: false }),
            includes: self.includes,
            generated: true,
            head: Head::default(),
        };
        below(source.read(each))
    }
}

/// What the end of a source within another means for that.
fn below(read: Result<ControlFlow<()>, Mistake>) -> Result<(), Stop> {
    match read {
        Ok(ControlFlow::Continue(())) => Ok(()),
        Ok(ControlFlow::Break(())) => Err(Stop::Broken),
        Err(mistake) => Err(Stop::Wrong(mistake)),
    }
}
