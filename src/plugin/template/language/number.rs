//! Numbers, letters and strings as Go spells them (strconv).

use super::node::Number;

/// The number that `text` spells: whole in several bases with underscores, a fraction, or a letter in
/// single quotes. Complex numbers are not built in.
///
/// # Errors
/// It is none, or it is too large.
pub fn number(text: &str) -> Result<Number, String> {
    if let Some(letters) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        let text_of = unquote_letters(letters).filter(|letters| letters.chars().count() == 1);
        let code = text_of.and_then(|letters| letters.chars().next()).map(u32::from);
        let code = code.ok_or_else(|| format!("{text} is no letter"))?;
        return Ok(Number {
            text: text.to_owned(),
            int: Some(code.into()),
            float: Some(code.into()),
        });
    }
    let (int, uint) = (parse_int(text, 0), parse_uint(text, 0));
    let number =
        |int: Option<i64>, float| Ok(Number { text: text.to_owned(), int, float: Some(float) });
    match (int, uint) {
        (Ok(int), _) => number(Some(int), int as f64),
        (_, Ok(uint)) => number(None, uint as f64),
        _ => {
            if text.ends_with('i') {
                return Err(format!("{text} is a complex number, which is not built in"));
            }
            let fraction = text.contains(['.', 'e', 'E', 'p', 'P']);
            let float = text.replace('_', "").parse::<f64>().ok().filter(|float| float.is_finite());
            let float = float
                .filter(|_| fraction)
                .ok_or_else(|| format!("{text} is no number, or too large a one"))?;
            let whole = float.fract() == 0.0;
            // Both bounds are powers of two, so floats themselves.
            let int = (whole && float >= -(2f64.powi(63)) && float < 2f64.powi(63))
                .then_some(float as i64);
            number(int, float)
        }
    }
}

/// Why a text is no whole number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoNumber {
    #[error("invalid syntax")]
    Syntax,
    #[error("value out of range")]
    Range,
}

/// A whole number without a sign in a base from 2 to 36; base 0 is what the prefix says, and allows
/// underscores.
///
/// # Errors
/// It is none, or more than 64 bits.
pub fn parse_uint(text: &str, base: u32) -> Result<u64, NoNumber> {
    let (digits, base) = match base {
        0 => {
            let lower = text.to_ascii_lowercase();
            let by_prefix = [("0x", 16), ("0o", 8), ("0b", 2)]
                .into_iter()
                .find(|(prefix, _)| lower.starts_with(prefix) && text.len() > 2);
            let (rest, base) = match by_prefix {
                Some((_, base)) => (&text[2..], base),
                None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
                None => (text, 10),
            };
            // An underscore stands between digits, or behind the prefix.
            let prefixed = rest.len() < text.len();
            let starts_wrong = rest.starts_with('_') && !prefixed;
            if starts_wrong || rest.ends_with('_') || rest.contains("__") {
                return Err(NoNumber::Syntax);
            }
            (rest.replace('_', ""), base)
        }
        base => (text.to_owned(), base),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return Err(NoNumber::Syntax);
    }
    u64::from_str_radix(&digits, base).map_err(|_| NoNumber::Range)
}

fn parse_int(text: &str, base: u32) -> Result<i64, NoNumber> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let number = i128::from(parse_uint(digits, base)?);
    i64::try_from(if negative { -number } else { number }).map_err(|_| NoNumber::Range)
}

/// The text of a string with its quotes; `None` for a backslash that escapes nothing.
pub fn unquote(quoted: &str) -> Option<String> {
    let inner = quoted.get(1..quoted.len().checked_sub(1)?)?;
    match quoted.starts_with('`') {
        true => Some(inner.replace('\r', "")),
        false => unquote_letters(inner),
    }
}

/// Octets that are no UTF-8 become its replacement character: a template is text.
fn unquote_letters(text: &str) -> Option<String> {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        if letter != '\\' {
            out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let escape = rest.chars().next()?;
        let behind = &rest[escape.len_utf8()..];
        let (digits, base) = match escape {
            'x' => (2, 16),
            'u' => (4, 16),
            'U' => (8, 16),
            '0'..='7' => (3, 8),
            _ => (0, 10),
        };
        if digits == 0 {
            out.push(match escape {
                'a' => 7,
                'b' => 8,
                'f' => 12,
                'n' => b'\n',
                'r' => b'\r',
                't' => b'\t',
                'v' => 11,
                '\\' | '"' | '\'' => escape as u8,
                _ => return None,
            });
            rest = behind;
            continue;
        }
        let from = if base == 8 { rest } else { behind };
        let code = u32::from_str_radix(from.get(..digits)?, base).ok()?;
        match escape {
            'u' | 'U' => {
                out.extend_from_slice(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => out.push(u8::try_from(code).ok()?),
        }
        rest = &from[digits..];
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}
