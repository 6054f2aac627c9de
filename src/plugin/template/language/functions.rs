//! The functions of templates: Go's own (text/template/funcs.go), and `parseInt` of CoreDNS.
//!
//! `call` is missing, for there is no value that could be called. `and` and `or` ask for their arguments
//! one by one, and are with those who evaluate ([`super::run`]).

use std::cmp::Ordering;

use super::number::{NoNumber, parse_uint};
use super::value::{List, Value, quote};
use super::verbs::sprintf;

/// What a function takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parameter {
    Text,
    Int,
    Any,
}

/// A function.
pub struct Function {
    pub name: &'static str,
    pub fixed: &'static [Parameter],
    /// Whether any number of values may follow.
    pub variadic: bool,
    pub run: fn(&[Value]) -> Result<Value, String>,
}

use Parameter::{Any, Int, Text};

const fn function(
    name: &'static str,
    fixed: &'static [Parameter],
    variadic: bool,
    run: fn(&[Value]) -> Result<Value, String>,
) -> Function {
    Function { name, fixed, variadic, run }
}

static FUNCTIONS: [Function; 19] = [
    function("and", &[Any], true, lazy),
    function("or", &[Any], true, lazy),
    function("not", &[Any], false, |args| Ok((!args[0].truth()).into())),
    function("len", &[Any], false, |args| len(&args[0])),
    function("index", &[Any], true, |args| index(&args[0], &args[1..])),
    function("slice", &[Any], true, |args| slice(&args[0], &args[1..])),
    function("print", &[], true, |args| Ok(print(args).into())),
    function("println", &[], true, |args| Ok(format!("{}\n", texts(args).join(" ")).into())),
    function("printf", &[Text], true, |args| Ok(sprintf(&args[0].text(), &args[1..]).into())),
    function("html", &[], true, |args| Ok(html(&print(args)).into())),
    function("js", &[], true, |args| Ok(js(&print(args)).into())),
    function("urlquery", &[], true, |args| {
        let text = print(args);
        // Both leave letters, digits and `-_.` alone and make a plus sign of a blank.
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        Ok(encoded.replace('*', "%2A").replace("%7E", "~").into())
    }),
    function("eq", &[Any], true, |args| eq(&args[0], &args[1..]).map(Value::Bool)),
    function("ne", &[Any, Any], false, |args| eq(&args[0], &args[1..]).map(|is| (!is).into())),
    function("lt", &[Any, Any], false, |args| compare(args).map(|is| is.is_lt().into())),
    function("le", &[Any, Any], false, |args| compare(args).map(|is| is.is_le().into())),
    function("gt", &[Any, Any], false, |args| compare(args).map(|is| is.is_gt().into())),
    function("ge", &[Any, Any], false, |args| compare(args).map(|is| is.is_ge().into())),
    function("parseInt", &[Text, Int, Int], false, parse_int),
];

/// The function of that name.
pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

fn lazy(args: &[Value]) -> Result<Value, String> {
    Ok(args.last().cloned().unwrap_or(Value::Missing))
}

fn texts(values: &[Value]) -> Vec<String> {
    values.iter().map(Value::text).collect()
}

/// The texts one behind the other, with a blank between two that are no strings.
pub fn print(values: &[Value]) -> String {
    let mut out = String::new();
    for (at, value) in values.iter().enumerate() {
        let strings = |value: &Value| matches!(value, Value::Text(_));
        if at > 0 && !strings(value) && !strings(&values[at - 1]) {
            out.push(' ');
        }
        out.push_str(&value.text());
    }
    out
}

/// CoreDNS's function, strconv.ParseUint: a text, its base and how many bits it may take.
fn parse_int(args: &[Value]) -> Result<Value, String> {
    let [Value::Text(text), Value::Int(base), Value::Int(bits)] = args else {
        return Err("parseInt takes a text, a base and a number of bits".to_owned());
    };
    let failed = |why: &str| format!("strconv.ParseUint: parsing {}: {why}", quote(text));
    if text.is_empty() {
        return Err(failed("invalid syntax"));
    }
    let base = u32::try_from(*base).ok().filter(|base| matches!(base, 0 | 2..=36));
    let base = base.ok_or_else(|| failed(&format!("invalid base {}", args[1].text())))?;
    let most = match bits {
        0 | 64 => u64::MAX,
        1..64 => (1 << bits) - 1,
        _ => return Err(failed(&format!("invalid bit size {bits}"))),
    };
    match parse_uint(text, base) {
        Ok(number) if number <= most => Ok(Value::Uint(number, "uint64")),
        Ok(_) => Err(failed(&NoNumber::Range.to_string())),
        Err(why) => Err(failed(&why.to_string())),
    }
}

fn len(of: &Value) -> Result<Value, String> {
    let length = match of {
        Value::Text(text) => text.len(),
        Value::List(list) => list.values.len(),
        Value::Map(map) => map.values.len(),
        Value::Missing => return Err("len of nil pointer".to_owned()),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// A place in something that has `length` of them.
fn place(index: &Value, length: usize) -> Result<usize, String> {
    let number = match index {
        Value::Int(number) => *number,
        Value::Uint(number, _) => *number as i64,
        Value::Missing => return Err("cannot index slice/array with nil".to_owned()),
        other => {
            return Err(format!("cannot index slice/array with type {}", other.type_name()));
        }
    };
    let place = usize::try_from(number).ok().filter(|place| *place <= length);
    place.ok_or_else(|| format!("index out of range: {number}"))
}

fn index(of: &Value, indexes: &[Value]) -> Result<Value, String> {
    if matches!(of, Value::Missing) {
        return Err("index of untyped nil".to_owned());
    }
    let mut item = of.clone();
    for index in indexes {
        item = match &item {
            Value::List(list) => {
                let value = list.values.get(place(index, list.values.len())?);
                value.cloned().ok_or("reflect: slice index out of range")?
            }
            Value::Text(text) => {
                let octet = text.as_bytes().get(place(index, text.len())?);
                let octet = octet.ok_or("reflect: string index out of range")?;
                Value::Uint((*octet).into(), "uint8")
            }
            Value::Map(map) => match index {
                Value::Text(name) => {
                    map.values.get(&**name).cloned().unwrap_or_else(|| Value::zero(map.of))
                }
                Value::Missing => return Err("value is nil; should be of type string".to_owned()),
                other => {
                    let name = other.type_name();
                    return Err(format!("value has type {name}; should be string"));
                }
            },
            Value::Missing => return Err("index of nil pointer".to_owned()),
            other => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(item)
}

fn slice(of: &Value, indexes: &[Value]) -> Result<Value, String> {
    let length = match of {
        Value::Text(_) if indexes.len() == 3 => {
            return Err("cannot 3-index slice a string".to_owned());
        }
        Value::Text(text) => text.len(),
        Value::List(list) => list.values.len(),
        Value::Missing => return Err("slice of untyped nil".to_owned()),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()));
    }
    let mut bounds = [0, length, length];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = place(index, length)?;
    }
    let [from, to, most] = bounds;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    if to > most {
        return Err(format!("invalid slice index: {to} > {most}"));
    }
    Ok(match of {
        Value::Text(text) => String::from_utf8_lossy(&text.as_bytes()[from..to]).as_ref().into(),
        Value::List(list) => {
            Value::List(List { values: list.values[from..to].into(), of: list.of })
        }
        other => other.clone(),
    })
}

/// How two values stand to each other; `None` for values of two kinds.
fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Uint(a, _), Value::Uint(b, _)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Uint(b, _)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Value::Uint(a, _), Value::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        // What is no number is greater than none and less than none; Go says that it is not less.
        (Value::Float(a), Value::Float(b)) => Some(a.partial_cmp(b).unwrap_or(Ordering::Greater)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn incompatible(a: &Value, b: &Value) -> String {
    format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name())
}

fn is_basic(value: &Value) -> bool {
    !matches!(value, Value::Missing | Value::List(_) | Value::Map(_) | Value::Object(_))
}

/// Whether the first is one of the others.
fn eq(first: &Value, others: &[Value]) -> Result<bool, String> {
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        let equal = match (first, other) {
            (Value::Missing, Value::Missing) => true,
            (Value::Missing, _) | (_, Value::Missing) => false,
            (Value::Object(a), Value::Object(b)) => std::sync::Arc::ptr_eq(a, b),
            _ if is_basic(first) || is_basic(other) => {
                let order = order(first, other).ok_or_else(|| incompatible(first, other))?;
                order.is_eq()
            }
            _ => {
                let (text, name) = (other.text(), other.type_name());
                return Err(format!("non-comparable type {text}: {name}"));
            }
        };
        if equal {
            return Ok(true);
        }
    }
    Ok(false)
}

fn compare(args: &[Value]) -> Result<Ordering, String> {
    let (a, b) = (&args[0], &args[1]);
    let bools = matches!((a, b), (Value::Bool(_), Value::Bool(_)));
    if !is_basic(a) || !is_basic(b) || bools {
        return Err("invalid type for comparison".to_owned());
    }
    order(a, b).ok_or_else(|| incompatible(a, b))
}

fn html(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            _ => out.push(letter),
        }
    }
    out
}

fn js(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '\\' | '\'' | '"' => out.extend(['\\', letter]),
            '<' | '>' | '&' | '=' => out.push_str(&format!("\\u{:04X}", u32::from(letter))),
            _ if letter.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(letter))),
            _ => out.push(letter),
        }
    }
    out
}
