//! The language of templates: Go's text/template, as far as it goes on text, numbers and what a question
//! says.
//!
//! In: a text with actions between `{{` and `}}`, and the value of its dot. Out: text. The values, their
//! types' names, the functions, the spelling of a template and the errors of one that fails are Go's, for
//! CoreDNS shows them in metrics and log lines. Not built in: complex numbers and `call`.
//!
//! No crate of templates for Rust speaks this language whole: gtmpl had no release for years, compares and
//! prints otherwise than Go, and says errors in its own words.

mod functions;
mod lexer;
mod node;
mod number;
mod parser;
mod run;
mod value;
mod verbs;

pub use value::{List, Map, Method, Object, Value, quote};

/// A template that has been read.
#[derive(Debug)]
pub struct Template {
    /// What errors call it.
    name: &'static str,
    text: String,
    parsed: parser::Parsed,
}

/// What is wrong with a template.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{problem}, behind {at} letters")]
pub struct Wrong {
    /// Octets before it.
    at: usize,
    problem: String,
}

impl Wrong {
    fn new(at: usize, problem: impl Into<String>) -> Self {
        Wrong { at, problem: problem.into() }
    }
}

/// A template that did not become text, in Go's words.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failed(String);

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(name: &'static str, text: &str) -> Result<Self, Wrong> {
        let parsed = parser::parse(name, text)?;
        Ok(Template { name, text: text.to_owned(), parsed })
    }

    /// Writes it with its data.
    ///
    /// # Errors
    /// A field is not there, a function fails, or values have the wrong types.
    pub fn execute(&self, dot: Value) -> Result<String, Failed> {
        run::Runner::run(self, dot)
    }

    /// The template as Go spells it: without needless white space within actions.
    pub fn spelled(&self) -> String {
        self.parsed.root.to_string()
    }
}

#[cfg(test)]
mod tests;
