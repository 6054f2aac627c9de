//! `printf`: a format with verbs (Go, package fmt).
//!
//! What does not fit a verb is written in Go's words for it, such as `%!d(string=a)`. Not built in are the
//! `#` of `%v` and of fractions, and hexadecimal fractions.

use std::fmt::Write as _;

use super::value::{Value, general, go_exponent, infinite, quote};

/// What stands between the percent sign and the verb.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Longest width and precision.
const LONGEST: usize = 1_000_000;

/// The format with the arguments in the places of its verbs.
pub fn sprintf(format: &str, arguments: &[Value]) -> String {
    let mut printer = Printer { rest: format, arguments, next: 0, reordered: false, good: true };
    let mut out = String::new();
    while let Some((before, behind)) = printer.rest.split_once('%') {
        out.push_str(before);
        printer.rest = behind;
        printer.verb(&mut out);
    }
    out.push_str(printer.rest);
    if !printer.reordered && printer.next < arguments.len() {
        let extra: Vec<String> = arguments[printer.next..].iter().map(typed).collect();
        // Writing to a String cannot fail.
        let _ = write!(out, "%!(EXTRA {})", extra.join(", "));
    }
    out
}

/// `TYPE=VALUE`.
fn typed(value: &Value) -> String {
    match value {
        Value::Missing => "<nil>".to_owned(),
        value => format!("{}={}", value.type_name(), value.text()),
    }
}

struct Printer<'t> {
    rest: &'t str,
    arguments: &'t [Value],
    next: usize,
    /// Whether an argument was named by its number.
    reordered: bool,
    /// Whether the last number of an argument was one.
    good: bool,
}

impl Printer<'_> {
    fn take(&mut self, letter: char) -> bool {
        match self.rest.strip_prefix(letter) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn verb(&mut self, out: &mut String) {
        self.good = true;
        let mut flags = Flags::default();
        loop {
            let flag = match self.rest.chars().next() {
                Some('+') => &mut flags.plus,
                Some('-') => &mut flags.minus,
                Some('#') => &mut flags.sharp,
                Some(' ') => &mut flags.space,
                Some('0') => &mut flags.zero,
                _ => break,
            };
            *flag = true;
            self.rest = &self.rest[1..];
        }
        let mut named = self.argument();
        if self.take('*') {
            match self.number_of_argument() {
                Some(width) => {
                    flags.minus |= width < 0;
                    flags.zero &= width >= 0;
                    flags.width = usize::try_from(width.unsigned_abs()).ok();
                }
                None => out.push_str("%!(BADWIDTH)"),
            }
            named = false;
        } else {
            flags.width = self.number();
            self.good &= !(named && flags.width.is_some());
        }
        if self.rest.len() > 1 && self.take('.') {
            self.good &= !named;
            named = self.argument();
            if self.take('*') {
                flags.precision = self.number_of_argument().and_then(|n| usize::try_from(n).ok());
                if flags.precision.is_none() {
                    out.push_str("%!(BADPREC)");
                }
                named = false;
            } else {
                flags.precision = Some(self.number().unwrap_or(0));
            }
        }
        if !named {
            self.argument();
        }
        let Some(verb) = self.rest.chars().next() else {
            out.push_str("%!(NOVERB)");
            return;
        };
        self.rest = &self.rest[verb.len_utf8()..];
        // Writing to a String cannot fail.
        let _ = match self.arguments.get(self.next) {
            _ if verb == '%' => write!(out, "%"),
            _ if !self.good => write!(out, "%!{verb}(BADINDEX)"),
            None => write!(out, "%!{verb}(MISSING)"),
            Some(argument) => {
                self.next += 1;
                write!(out, "{}", shown(argument, verb, flags))
            }
        };
    }

    /// Reads `[N]`, which names the next argument; whether it was there.
    fn argument(&mut self) -> bool {
        let Some(behind) = self.rest.strip_prefix('[') else { return false };
        self.reordered = true;
        let Some((number, behind)) = behind.split_once(']') else {
            self.good = false;
            self.rest = &self.rest[1..];
            return false;
        };
        self.rest = behind;
        match number.parse::<usize>() {
            Ok(number) if (1..=self.arguments.len()).contains(&number) => {
                self.next = number - 1;
                true
            }
            _ => {
                self.good = false;
                true
            }
        }
    }

    fn number(&mut self) -> Option<usize> {
        let length = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, behind) = self.rest.split_at(length);
        let number = digits.parse().ok().filter(|number| *number <= LONGEST)?;
        self.rest = behind;
        Some(number)
    }

    fn number_of_argument(&mut self) -> Option<i64> {
        let argument = self.arguments.get(self.next)?;
        self.next += 1;
        let number = match argument {
            Value::Int(number) => *number,
            Value::Uint(number, _) => i64::try_from(*number).ok()?,
            _ => return None,
        };
        (number.unsigned_abs() <= LONGEST as u64).then_some(number)
    }
}

fn shown(value: &Value, verb: char, flags: Flags) -> String {
    if verb == 'T' {
        return pad(&value.type_name(), flags);
    }
    let shown = match value {
        Value::Missing if verb == 'v' => Some(pad("<nil>", flags)),
        Value::Missing => return format!("%!{verb}(<nil>)"),
        Value::Bool(truth) => matches!(verb, 't' | 'v').then(|| pad(&truth.to_string(), flags)),
        Value::Int(number) => integer(number.unsigned_abs(), *number < 0, verb, flags),
        Value::Uint(number, _) => integer(*number, false, verb, flags),
        Value::Float(number) => float(*number, verb, flags),
        Value::Text(text) => string(text, verb, flags),
        Value::Object(object) => object.text().and_then(|text| string(&text, verb, flags)),
        Value::List(list) => {
            let parts: Vec<String> =
                list.values.iter().map(|value| shown(value, verb, flags)).collect();
            return format!("[{}]", parts.join(" "));
        }
        Value::Map(map) => {
            let parts: Vec<String> = map
                .values
                .iter()
                .map(|(name, value)| {
                    let name = shown(&name.as_str().into(), verb, flags);
                    format!("{name}:{}", shown(value, verb, flags))
                })
                .collect();
            return format!("map[{}]", parts.join(" "));
        }
    };
    shown.unwrap_or_else(|| format!("%!{verb}({})", typed(value)))
}

/// A whole number by its amount and sign; `None` for a verb that is not for it.
fn integer(amount: u64, negative: bool, verb: char, flags: Flags) -> Option<String> {
    let mut digits = match verb {
        'd' | 'v' => amount.to_string(),
        'b' => format!("{amount:b}"),
        'o' | 'O' => format!("{amount:o}"),
        'x' => format!("{amount:x}"),
        'X' => format!("{amount:X}"),
        'c' | 'q' | 'U' => {
            let code = u32::try_from(amount).ok().filter(|_| !negative);
            let letter = code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
            return Some(match verb {
                'c' => pad(&letter.to_string(), flags),
                'q' => {
                    let quoted = quote(&letter.to_string()).replace("\\\"", "\"");
                    let inner = quoted[1..quoted.len() - 1].replace('\'', "\\'");
                    pad(&format!("'{inner}'"), flags)
                }
                _ => pad(&format!("U+{amount:04X}"), Flags { zero: false, ..flags }),
            });
        }
        _ => return None,
    };
    let sign = match (negative, flags) {
        (true, _) => "-",
        (_, Flags { plus: true, .. }) if verb != 'v' => "+",
        (_, Flags { space: true, .. }) => " ",
        _ => "",
    };
    let least = match flags {
        Flags { precision: Some(0), .. } if amount == 0 => {
            return Some(pad("", Flags { zero: false, ..flags }));
        }
        Flags { precision: Some(precision), .. } => precision,
        Flags { zero: true, minus: false, width: Some(width), .. } => {
            width.saturating_sub(sign.len())
        }
        _ => 0,
    };
    if digits.len() < least {
        digits.insert_str(0, &"0".repeat(least - digits.len()));
    }
    let prefix = match verb {
        'b' if flags.sharp => "0b",
        'o' if flags.sharp && !digits.starts_with('0') => "0",
        'O' => "0o",
        'x' if flags.sharp => "0x",
        'X' if flags.sharp => "0X",
        _ => "",
    };
    Some(pad(&format!("{sign}{prefix}{digits}"), Flags { zero: false, ..flags }))
}

fn float(number: f64, verb: char, flags: Flags) -> Option<String> {
    let precision = flags.precision.unwrap_or(6);
    let amount = number.abs();
    let digits = match verb {
        _ if !number.is_finite() && "eEfFgGv".contains(verb) => {
            return Some(pad(infinite(number), Flags { zero: false, ..flags }));
        }
        'f' | 'F' => format!("{amount:.precision$}"),
        'e' => go_exponent(&format!("{amount:.precision$e}")),
        'E' => go_exponent(&format!("{amount:.precision$e}")).to_uppercase(),
        'g' | 'G' | 'v' => {
            let text = match flags.precision {
                None => general(amount),
                Some(precision) => significant(amount, precision.max(1)),
            };
            if verb == 'G' { text.to_uppercase() } else { text }
        }
        _ => return None,
    };
    let sign = match (number.is_sign_negative(), flags) {
        (true, _) => "-",
        (_, Flags { plus: true, .. }) if verb != 'v' => "+",
        (_, Flags { space: true, .. }) => " ",
        _ => "",
    };
    let length = sign.len() + digits.len();
    Some(match flags {
        Flags { zero: true, minus: false, width: Some(width), .. } if width > length => {
            format!("{sign}{}{digits}", "0".repeat(width - length))
        }
        _ => pad(&format!("{sign}{digits}"), flags),
    })
}

/// A number with so many digits that matter.
fn significant(number: f64, precision: usize) -> String {
    let exponential = format!("{number:.*e}", precision - 1);
    let (digits, exponent) = exponential.split_once('e').unwrap_or((&exponential, "0"));
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let trim = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    if exponent < -4 || exponent >= precision as i64 {
        return go_exponent(&format!("{}e{exponent}", trim(digits)));
    }
    let behind = usize::try_from(precision as i64 - 1 - exponent).unwrap_or(0);
    trim(&format!("{number:.behind$}"))
}

fn string(text: &str, verb: char, flags: Flags) -> Option<String> {
    let cut = |text: &str| match flags.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.to_owned(),
    };
    Some(match verb {
        's' | 'v' => pad(&cut(text), flags),
        'q' if flags.sharp && !text.contains('`') && !text.chars().any(char::is_control) => {
            pad(&format!("`{}`", cut(text)), flags)
        }
        'q' => pad(&quote(&cut(text)), flags),
        'x' | 'X' => {
            let octets = &text.as_bytes()[..flags.precision.unwrap_or(text.len()).min(text.len())];
            let prefix = if flags.sharp { "0x" } else { "" };
            let octets: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
            let hex = match (octets.is_empty(), flags.space) {
                (true, _) => String::new(),
                (_, true) => format!("{prefix}{}", octets.join(&format!(" {prefix}"))),
                _ => format!("{prefix}{}", octets.concat()),
            };
            pad(&if verb == 'X' { hex.to_uppercase() } else { hex }, flags)
        }
        _ => return None,
    })
}

/// The text in the width that is wanted.
fn pad(text: &str, flags: Flags) -> String {
    let missing = flags.width.unwrap_or(0).saturating_sub(text.chars().count());
    match flags {
        Flags { minus: true, .. } => format!("{text}{}", " ".repeat(missing)),
        Flags { zero: true, .. } => format!("{}{text}", "0".repeat(missing)),
        _ => format!("{}{text}", " ".repeat(missing)),
    }
}
