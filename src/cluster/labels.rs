//! Label selectors, as `kubectl -l` writes them.
//!
//! In: the words of a Corefile. Out: a checked [`LabelSelector`], to be sent to an API server or to be
//! asked about the labels of a manifest. The grammar is that of Kubernetes
//! (k8s.io/apimachinery/pkg/labels/selector.go, `Parse`), which kube can print but not read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use kube::core::{Expression, Selector, SelectorExt};
use thiserror::Error;

/// What must hold for the labels of an object; the empty one selects every object.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LabelSelector(Selector);

/// Why a text is no selector.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum LabelError {
    #[error("{expected} is expected where {found} stands")]
    Unexpected { expected: &'static str, found: String },
    #[error("'{0}' is no key of a label")]
    Key(String),
    #[error("'{0}' is no value of a label")]
    Value(String),
    #[error("labels cannot be compared by '{0}'")]
    Order(char),
    #[error("{key} cannot be both '{first}' and '{second}'")]
    Contradiction { key: String, first: String, second: String },
}

impl LabelSelector {
    pub fn is_empty(&self) -> bool {
        self.0.selects_all()
    }

    /// Whether an object with these labels is selected.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.matches(labels)
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// Equal selectors print the same.
impl Hash for LabelSelector {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_string().hash(state);
    }
}

impl FromStr for LabelSelector {
    type Err = LabelError;

    /// The order of the requirements is of no matter to the selector.
    fn from_str(text: &str) -> Result<Self, LabelError> {
        let mut words = Words::of(text);
        let mut requirements = BTreeSet::new();
        while *words.next() != Word::End {
            requirements.insert(words.requirement()?);
            match words.take() {
                Word::End => break,
                Word::Sign(",") if *words.next() != Word::End => {}
                Word::Sign(",") => return Err(words.next().unexpected("another label after ','")),
                other => return Err(other.unexpected("',' or the end")),
            }
        }
        contradiction(&requirements).map_or(Ok(()), Err)?;
        Ok(LabelSelector(requirements.into_iter().collect()))
    }
}

/// A label that would have to be two things at once: nothing would ever be selected.
fn contradiction(requirements: &BTreeSet<Expression>) -> Option<LabelError> {
    let mut wanted: BTreeMap<&str, &str> = BTreeMap::new();
    requirements.iter().find_map(|requirement| {
        let Expression::Equal(key, value) = requirement else { return None };
        let first = wanted.insert(key, value)?;
        let (key, first, second) = (key.clone(), first.to_owned(), value.clone());
        Some(LabelError::Contradiction { key, first, second })
    })
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Word {
    Text(String),
    Sign(&'static str),
    End,
}

impl Word {
    fn unexpected(&self, expected: &'static str) -> LabelError {
        let found = match self {
            Word::Text(text) => format!("'{text}'"),
            Word::Sign(sign) => format!("'{sign}'"),
            Word::End => "the end".to_owned(),
        };
        LabelError::Unexpected { expected, found }
    }
}

/// The words of a selector, from the left.
struct Words {
    all: Vec<Word>,
    at: usize,
}

impl Words {
    const SIGNS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", "<", ">"];

    fn of(text: &str) -> Self {
        let blank = [' ', '\t', '\r', '\n'];
        let mut all = Vec::new();
        let mut rest = text.trim_start_matches(blank);
        while !rest.is_empty() {
            let sign = Self::SIGNS.into_iter().find(|sign| rest.starts_with(sign));
            let length = match sign {
                Some(sign) => sign.len(),
                None => {
                    let end = |c: char| blank.contains(&c) || "=!(),<>".contains(c);
                    rest.find(end).unwrap_or(rest.len())
                }
            };
            let (word, after) = rest.split_at(length);
            all.push(sign.map_or_else(|| Word::Text(word.to_owned()), Word::Sign));
            rest = after.trim_start_matches(blank);
        }
        all.push(Word::End);
        Words { all, at: 0 }
    }

    fn next(&self) -> &Word {
        // The last one is the end, which is never left behind.
        &self.all[self.at]
    }

    fn take(&mut self) -> Word {
        let word = self.next().clone();
        self.at = (self.at + 1).min(self.all.len() - 1);
        word
    }

    /// `KEY`, `!KEY`, `KEY = VALUE`, `KEY in (VALUE, ...)` and their like.
    fn requirement(&mut self) -> Result<Expression, LabelError> {
        let is_absent = *self.next() == Word::Sign("!");
        if is_absent {
            self.take();
        }
        let key = match self.take() {
            Word::Text(key) if is_key(&key) => key,
            Word::Text(key) => return Err(LabelError::Key(key)),
            other => return Err(other.unexpected("the key of a label")),
        };
        if is_absent {
            return Ok(Expression::DoesNotExist(key));
        }
        match self.next() {
            Word::End | Word::Sign(",") => return Ok(Expression::Exists(key)),
            Word::Sign("<") => return Err(LabelError::Order('<')),
            Word::Sign(">") => return Err(LabelError::Order('>')),
            _ => {}
        }
        match self.take() {
            Word::Sign("=" | "==") => Ok(Expression::Equal(key, self.value()?)),
            Word::Sign("!=") => Ok(Expression::NotEqual(key, self.value()?)),
            Word::Text(word) if word == "in" => Ok(Expression::In(key, self.values()?)),
            Word::Text(word) if word == "notin" => Ok(Expression::NotIn(key, self.values()?)),
            other => Err(other.unexpected("=, !=, in, notin or ','")),
        }
    }

    /// A value, which may be empty: whoever asks for it then looks at what follows.
    fn value(&mut self) -> Result<String, LabelError> {
        match self.next() {
            Word::End | Word::Sign("," | ")") => Ok(String::new()),
            Word::Text(value) if is_value(value) => {
                let value = value.clone();
                self.take();
                Ok(value)
            }
            Word::Text(value) => Err(LabelError::Value(value.clone())),
            other => Err(other.unexpected("a value")),
        }
    }

    fn values(&mut self) -> Result<BTreeSet<String>, LabelError> {
        let open = self.take();
        if open != Word::Sign("(") {
            return Err(open.unexpected("'('"));
        }
        let mut values = BTreeSet::new();
        loop {
            values.insert(self.value()?);
            match self.take() {
                Word::Sign(",") => {}
                Word::Sign(")") => return Ok(values),
                other => return Err(other.unexpected("',' or ')'")),
            }
        }
    }
}

/// `[PREFIX/]NAME`, where the prefix is a DNS subdomain.
fn is_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let is_label = |label: &str| {
        let edge = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        fits(label, edge, |c| edge(c) || c == b'-')
    };
    let is_domain = |prefix: &str| prefix.len() <= 253 && prefix.split('.').all(is_label);
    !name.is_empty() && is_value(name) && prefix.is_none_or(is_domain)
}

fn is_value(value: &str) -> bool {
    let edge = |c: u8| c.is_ascii_alphanumeric();
    value.is_empty()
        || value.len() <= 63 && fits(value, edge, |c| edge(c) || matches!(c, b'-' | b'_' | b'.'))
}

/// Whether the first and last characters are such as `edge` and the others such as `inner` allows.
fn fits(text: &str, edge: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|c| edge(*c))
        && bytes.last().is_some_and(|c| edge(*c))
        && bytes.iter().all(|c| inner(*c))
}

#[cfg(test)]
#[path = "labels_tests.rs"]
mod tests;
