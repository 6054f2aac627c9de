//! Words as names, octets and seconds.

use hickory_proto::rr::Name;

/// The name that a word spells (RFC 1035 §5.1): `@` is the origin, and without a final dot it is below
/// that. `None` for what is no name.
pub fn name(word: &[u8], origin: &Name) -> Option<Name> {
    match word {
        b"@" => return Some(origin.clone()),
        b"." => return Some(Name::root()),
        b"" | b"\n" => return None,
        _ => {}
    }
    let mut labels: Vec<Vec<u8>> = vec![Vec::new()];
    let mut rest = word;
    while !rest.is_empty() {
        if rest[0] == b'.' {
            // A label that ends has something in it.
            labels.last().filter(|label| !label.is_empty())?;
            labels.push(Vec::new());
            rest = &rest[1..];
        } else {
            let (byte, after) = octet(rest)?;
            labels.last_mut()?.push(byte);
            rest = after;
        }
    }
    if labels.last().is_some_and(Vec::is_empty) {
        labels.pop();
        return absolute(&labels, &[]);
    }
    let below: Vec<Vec<u8>> = origin.iter().map(<[u8]>::to_vec).collect();
    absolute(&labels, &below)
}

fn absolute(labels: &[Vec<u8>], below: &[Vec<u8>]) -> Option<Name> {
    let mut name = Name::from_labels(labels.iter().chain(below).map(Vec::as_slice)).ok()?;
    name.set_fqdn(true);
    Some(name)
}

/// The first octet of a text, `\DDD` (decimal) and `\X` being one each, and what is behind it. `None` at the
/// end, and for a backslash there.
pub fn octet(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [b'\\', a, b, c, rest @ ..] if [a, b, c].iter().all(|digit| digit.is_ascii_digit()) => {
            let code = [a, b, c].iter().fold(0_u16, |sum, d| sum * 10 + u16::from(**d - b'0'));
            // What is no octet wraps, as in miekg/dns.
            Some((code.to_le_bytes()[0], rest))
        }
        [b'\\', byte, rest @ ..] => Some((*byte, rest)),
        [b'\\'] | [] => None,
        [byte, rest @ ..] => Some((*byte, rest)),
    }
}

/// All octets of a text. A backslash at the end means nothing.
pub fn octets(mut text: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    while let Some((byte, rest)) = octet(text) {
        octets.push(byte);
        text = rest;
    }
    octets
}

/// Seconds, written as a number or as `1w2d3h4m5s` in any order and case.
pub fn seconds(word: &[u8]) -> Option<u32> {
    let (mut sum, mut number) = (0_u64, 0_u64);
    for byte in word {
        let unit = match byte.to_ascii_lowercase() {
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => 86_400,
            b'w' => 604_800,
            digit @ b'0'..=b'9' => {
                number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
                continue;
            }
            _ => return None,
        };
        sum = sum.checked_add(number.checked_mul(unit)?)?;
        number = 0;
    }
    u32::try_from(sum.checked_add(number)?).ok()
}

/// A word in quotes, with what is not printable ASCII escaped as Go does it.
pub fn quoted(word: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in word.utf8_chunks() {
        chunk.valid().chars().for_each(|c| escape(c, &mut out));
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    out.push('"');
    out
}

fn escape(c: char, out: &mut String) {
    let short = match c {
        '"' | '\\' => Some(c),
        '\u{7}' => Some('a'),
        '\u{8}' => Some('b'),
        '\u{c}' => Some('f'),
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        '\u{b}' => Some('v'),
        _ => None,
    };
    match (short, u32::from(c)) {
        (Some(letter), _) => out.extend(['\\', letter]),
        (None, 0x20..=0x7e) => out.push(c),
        (None, code @ (..0x20 | 0x7f)) => out.push_str(&format!("\\x{code:02x}")),
        (None, code @ ..=0xffff) => out.push_str(&format!("\\u{code:04x}")),
        (None, code) => out.push_str(&format!("\\U{code:08x}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_below_the_origin_unless_they_end_in_a_dot() {
        let origin = Name::from_ascii("Example.org.").unwrap();
        for (word, expected) in [
            ("@", Some("Example.org.")),
            ("www", Some("www.Example.org.")),
            ("www.", Some("www.")),
            (".", Some(".")),
            ("a\\.b", Some("a\\.b.Example.org.")),
            ("a\\046b", Some("a\\.b.Example.org.")),
            ("", None),
            ("\n", None),
            (".a", None),
            ("a..b", None),
            ("a..", None),
            ("a\\", None),
        ] {
            let found = name(word.as_bytes(), &origin).map(|name| name.to_ascii());
            assert_eq!(found.as_deref(), expected, "{word}");
        }
        assert!(name(&[b'a'; 64], &origin).is_none());
    }

    #[test]
    fn seconds_have_units() {
        for (word, expected) in [
            ("3600", Some(3600)),
            ("1h", Some(3600)),
            ("1W2d3H4m5s", Some(788_645)),
            ("1m30", Some(90)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("1y", None),
            ("-1", None),
        ] {
            assert_eq!(seconds(word.as_bytes()), expected, "{word}");
        }
    }

    #[test]
    fn words_are_quoted_as_go_does() {
        for (word, expected) in [
            (&b"a"[..], "\"a\""),
            (b"a\"\\\n\x01", "\"a\\\"\\\\\\n\\x01\""),
            ("\u{e9}\u{1f600}".as_bytes(), "\"\\u00e9\\U0001f600\""),
            (b"\xff", "\"\\xff\""),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }
}
