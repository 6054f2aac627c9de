//! The values of a template, with the names that Go gives to their types.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;

/// A value.
#[derive(Clone, Debug)]
pub enum Value {
    /// None at all: what a map does not have, or Go's nil.
    Missing,
    Bool(bool),
    Int(i64),
    /// With its type, such as `uint16`.
    Uint(u64, &'static str),
    Float(f64),
    Text(Arc<str>),
    List(List),
    Map(Map),
    Object(Arc<dyn Object>),
}

/// Values by number.
#[derive(Clone, Debug)]
pub struct List {
    pub values: Arc<[Value]>,
    /// The type of each, such as `string`.
    pub of: &'static str,
}

/// Values by name.
#[derive(Clone, Debug)]
pub struct Map {
    pub values: Arc<BTreeMap<String, Value>>,
    /// The type of each, such as `string`.
    pub of: &'static str,
}

/// Something with fields and methods.
pub trait Object: fmt::Debug + Send + Sync {
    /// Such as `*dns.Question`.
    fn type_name(&self) -> &'static str;

    /// A field; `None` for one that it does not have.
    fn field(&self, name: &str) -> Option<Value>;

    /// A method; `None` for one that it does not have.
    fn method(&self, _name: &str) -> Option<Method<'_>> {
        None
    }

    /// What is written of it as a whole; `None` for what is never written.
    fn text(&self) -> Option<String> {
        None
    }
}

/// What is called by its name.
pub enum Method<'o> {
    /// Without an argument.
    Gives(Value),
    /// With a text.
    OfText(Box<dyn Fn(&str) -> Value + 'o>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text.into())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Bool(truth)
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Value::Uint(number.into(), "uint16")
    }
}

impl Value {
    pub fn texts(texts: impl IntoIterator<Item = String>) -> Self {
        Value::List(List { values: texts.into_iter().map(Value::from).collect(), of: "string" })
    }

    pub fn type_name(&self) -> String {
        match self {
            Value::Missing => "<nil>".to_owned(),
            Value::Bool(_) => "bool".to_owned(),
            Value::Int(_) => "int".to_owned(),
            Value::Uint(_, name) => (*name).to_owned(),
            Value::Float(_) => "float64".to_owned(),
            Value::Text(_) => "string".to_owned(),
            Value::List(list) => format!("[]{}", shown(list.of)),
            Value::Map(map) => format!("map[string]{}", shown(map.of)),
            Value::Object(object) => object.type_name().to_owned(),
        }
    }

    /// Whether a condition holds: what is empty, zero or none does not.
    pub fn truth(&self) -> bool {
        match self {
            Value::Missing => false,
            Value::Bool(truth) => *truth,
            Value::Int(number) => *number != 0,
            Value::Uint(number, _) => *number != 0,
            Value::Float(number) => *number != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::List(list) => !list.values.is_empty(),
            Value::Map(map) => !map.values.is_empty(),
            Value::Object(_) => true,
        }
    }

    /// The value as `%v` prints it.
    pub fn text(&self) -> String {
        match self {
            Value::Missing => "<nil>".to_owned(),
            Value::Bool(truth) => truth.to_string(),
            Value::Int(number) => number.to_string(),
            Value::Uint(number, _) => number.to_string(),
            Value::Float(number) => general(*number),
            Value::Text(text) => text.to_string(),
            Value::List(list) => {
                let texts: Vec<String> = list.values.iter().map(Value::text).collect();
                format!("[{}]", texts.join(" "))
            }
            Value::Map(map) => {
                let pairs = map.values.iter();
                let pairs: Vec<String> =
                    pairs.map(|(name, value)| format!("{name}:{}", value.text())).collect();
                format!("map[{}]", pairs.join(" "))
            }
            Value::Object(object) => object.text().unwrap_or_default(),
        }
    }

    /// What is there where a list or map of such values has none: only `any` can be nil.
    pub fn zero(of: &str) -> Self {
        match of {
            "string" => Value::from(""),
            _ => Value::Missing,
        }
    }
}

/// Go's own name for a type without one.
fn shown(of: &'static str) -> &'static str {
    if of == "any" { "interface {}" } else { of }
}

/// A number as Go prints it with `%v`: with as many digits as it takes, and an exponent where it is
/// small or large.
pub fn general(number: f64) -> String {
    if number.is_nan() || number.is_infinite() {
        return infinite(number).to_owned();
    }
    let exponential = format!("{number:e}");
    let exponent =
        exponential.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok());
    match exponent {
        Some(exponent) if !(-4..6).contains(&exponent) => go_exponent(&exponential),
        _ => number.to_string(),
    }
}

/// A number that is none.
pub fn infinite(number: f64) -> &'static str {
    match number {
        _ if number.is_nan() => "NaN",
        _ if number > 0.0 => "+Inf",
        _ => "-Inf",
    }
}

/// `1e7` of Rust as `1e+07`.
pub fn go_exponent(exponential: &str) -> String {
    let Some((digits, exponent)) = exponential.split_once('e') else {
        return exponential.to_owned();
    };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

/// The text in double quotes, as Go quotes it.
pub fn quote(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\u{b}' => quoted.push_str("\\v"),
            // Writing to a String cannot fail.
            _ if u32::from(letter) < 0x80 && letter.is_control() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(letter));
            }
            _ if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(letter));
            }
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
