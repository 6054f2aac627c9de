//! The parameters of SVCB and HTTPS (RFC 9460 §2.1).

use std::net::{Ipv4Addr, Ipv6Addr};

use data_encoding::BASE64_MIME_PERMISSIVE;

use super::fields::Fields;
use super::lexer::{Kind, Token};
use super::values::number;
use super::{Bad, text};

/// Keys by name.
const KEYS: &[&str] = &[
    "mandatory",
    "alpn",
    "no-default-alpn",
    "port",
    "ipv4hint",
    "ech",
    "ipv6hint",
    "dohpath",
    "ohttp",
];

/// `KEY[=VALUE]...` to the end of the line. On the wire they stand in the order of their keys.
pub fn parameters(fields: &mut Fields<'_, '_>) -> Result<(), Bad> {
    let mut parameters: Vec<(u16, Vec<u8>)> = Vec::new();
    let mut after_blank = true;
    loop {
        let token = fields.lexer.next();
        match token.kind {
            Kind::Newline | Kind::End => break,
            Kind::Blank => after_blank = true,
            Kind::Quote => return Err(Bad::new("SVCB key can't contain double quotes", token)),
            Kind::Word if !after_blank => return Err(fields.bad("value quotation", token)),
            Kind::Word => {
                let (name, value) = match token.text.iter().position(|byte| *byte == b'=') {
                    Some(0) => return Err(fields.bad("key", token)),
                    Some(at) => (token.text[..at].to_vec(), Some(token.text[at + 1..].to_vec())),
                    None => (token.text.clone(), None),
                };
                let value = match value {
                    Some(value) if value.is_empty() => {
                        after_blank = fields.lexer.peek().kind != Kind::Quote;
                        quoted(fields)?
                    }
                    value => value.unwrap_or_default(),
                };
                let Some(key) = key(&name) else { return Err(fields.bad("key", token)) };
                let value = read(key, &value).map_err(|what| Bad::new(what, token.clone()))?;
                if parameters.iter().any(|(known, _)| *known == key) {
                    return Err(fields.bad("key", token));
                }
                parameters.push((key, value));
            }
            _ => return Err(fields.bad("values", token)),
        }
    }
    parameters.sort_by_key(|(key, _)| *key);
    for (key, value) in parameters {
        // What is longer than that is too long for the record as well, and is refused there.
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        fields.out.extend(key.to_be_bytes());
        fields.out.extend(length.to_be_bytes());
        fields.out.extend(value);
    }
    Ok(())
}

/// The value behind `KEY=`, if it is in quotes.
fn quoted(fields: &mut Fields<'_, '_>) -> Result<Vec<u8>, Bad> {
    if fields.lexer.peek().kind != Kind::Quote {
        return Ok(Vec::new());
    }
    fields.lexer.next();
    let token = fields.lexer.next();
    match token.kind {
        Kind::Quote => Ok(Vec::new()),
        Kind::Word => {
            let close: Token = fields.lexer.next();
            match close.kind {
                Kind::Quote => Ok(token.text),
                _ => Err(Bad::new("SVCB unterminated value", close)),
            }
        }
        _ => Err(fields.bad("value", token)),
    }
}

/// The number of a key, by name or as `keyNNNNN`.
fn key(name: &[u8]) -> Option<u16> {
    if let Some(known) = KEYS.iter().position(|key| key.as_bytes() == name) {
        return u16::try_from(known).ok();
    }
    let digits = name.strip_prefix(b"key").filter(|digits| !digits.starts_with(b"0"))?;
    let key = u16::try_from(number(digits, 2)?).ok()?;
    (usize::from(key) >= KEYS.len() && key != u16::MAX).then_some(key)
}

/// A value in wire form.
fn read(name: u16, value: &[u8]) -> Result<Vec<u8>, &'static str> {
    match name {
        0 => {
            let keys: Option<Vec<u16>> = list(value).map(key).collect();
            let mut keys = keys.ok_or("bad svcbmandatory")?;
            keys.sort_unstable();
            Ok(keys.into_iter().flat_map(u16::to_be_bytes).collect())
        }
        1 => protocols(value),
        2 if value.is_empty() => Ok(Vec::new()),
        2 => Err("bad svcbnodefaultalpn: no-default-alpn must have no value"),
        3 => {
            let port = number(value, 2).ok_or("bad svcbport: port out of range")?;
            Ok(port.to_be_bytes()[2..].to_vec())
        }
        4 | 6 if value.is_empty() => Err(match name {
            4 => "bad svcbipv4hint: empty hint",
            _ => "bad svcbipv6hint: empty hint",
        }),
        4 if value.contains(&b':') => Err("bad svcbipv4hint: expected ipv4, got ipv6"),
        4 => {
            let hints: Option<Vec<Ipv4Addr>> = list(value).map(address).collect();
            let hints = hints.ok_or("bad svcbipv4hint: bad ip")?;
            Ok(hints.iter().flat_map(Ipv4Addr::octets).collect())
        }
        5 => BASE64_MIME_PERMISSIVE.decode(value).map_err(|_| "bad svcbech: bad base64 ech"),
        6 => {
            let hints: Option<Vec<Ipv6Addr>> = list(value).map(address).collect();
            let hints = hints.ok_or("bad svcbipv6hint: bad ip")?;
            if hints.iter().any(|hint| hint.to_ipv4_mapped().is_some()) {
                return Err("bad svcbipv6hint: expected ipv6, got ipv4-mapped-ipv6");
            }
            Ok(hints.iter().flat_map(Ipv6Addr::octets).collect())
        }
        8 if !value.is_empty() => Err("bad svcbotthp: svcbotthp must have no value"),
        _ => Ok(text::octets(value)),
    }
}

/// What stands between commas; nothing behind a last one.
fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let value = value.strip_suffix(b",").unwrap_or(value);
    value.split(|byte| *byte == b',').filter(|_| !value.is_empty())
}

fn address<T: std::str::FromStr>(word: &[u8]) -> Option<T> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// Names of protocols with their length octets. A comma in a name has a backslash, after the escapes
/// of the file itself (RFC 9460 appendix A.1).
fn protocols(mut value: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    let mut name = Vec::new();
    if value.is_empty() {
        return Ok(Vec::new());
    }
    while !value.is_empty() {
        let (byte, rest) = text::octet(value).ok_or("bad svcbalpn: unterminated escape")?;
        value = rest;
        match byte {
            b',' if name.is_empty() => return Err("bad svcbalpn: empty protocol identifier"),
            b',' => all.push(std::mem::take(&mut name)),
            b'\\' => {
                let (byte, rest) = text::octet(value)
                    .ok_or("bad svcbalpn: unterminated escape decoding comma-separated list")?;
                if !matches!(byte, b',' | b'\\') {
                    return Err(
                        "bad svcbalpn: bad escaped character decoding comma-separated list",
                    );
                }
                name.push(byte);
                value = rest;
            }
            byte => name.push(byte),
        }
    }
    if name.is_empty() {
        return Err("bad svcbalpn: last protocol identifier empty");
    }
    all.push(name);
    let mut out = Vec::new();
    for name in all {
        let length = u8::try_from(name.len()).map_err(|_| "bad svcbalpn: alpn ID too long")?;
        out.push(length);
        out.extend(name);
    }
    Ok(out)
}
