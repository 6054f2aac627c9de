//! Reads what stands behind `edns0`.

use super::{is_label, wrong_count};
use crate::corefile::{Diagnostic, Token};
use crate::plugin::rewrite::edns::{Action, EdnsRule, Kind, Variable};

const LOCAL: &str = "edns0 local set|append|replace CODE DATA [revert]";
const LOCAL_UNSET: &str = "edns0 local unset CODE";
const NSID: &str = "edns0 nsid set|append|replace [revert]";
const NSID_UNSET: &str = "edns0 nsid unset";
const SUBNET: &str = "edns0 subnet set|append|replace V4-BITS V6-BITS [revert]";
const SUBNET_UNSET: &str = "edns0 subnet unset";
const OPTIONS: [&str; 3] = ["local", "nsid", "subnet"];
const ACTIONS: [(&str, Action); 4] = [
    ("set", Action::Set),
    ("append", Action::Append),
    ("replace", Action::Replace),
    ("unset", Action::Unset),
];
const VARIABLES: [(&str, Variable); 7] = [
    ("{qname}", Variable::Qname),
    ("{qtype}", Variable::Qtype),
    ("{client_ip}", Variable::ClientIp),
    ("{client_port}", Variable::ClientPort),
    ("{protocol}", Variable::Protocol),
    ("{server_ip}", Variable::ServerIp),
    ("{server_port}", Variable::ServerPort),
];

impl EdnsRule {
    /// The option that replies mirror because of this rule, if it is one (CoreDNS, `SetSupportedOption`).
    pub(super) fn mirrored(&self) -> Option<u16> {
        match self.kind {
            Kind::Local { code, .. } | Kind::Variable { code, .. } => Some(code),
            Kind::Nsid | Kind::Subnet { .. } => None,
        }
    }
}

/// # Errors
/// A word that is no option, action, code, data, variable or number of bits.
pub(super) fn rule(field: &Token, args: &[&Token]) -> Result<EdnsRule, Diagnostic> {
    let [option, action, rest @ ..] = args else {
        let usage = format!("edns0 {} set|append|replace|unset ...", OPTIONS.join("|"));
        return Err(wrong_count(field, args, &usage));
    };
    let known = ACTIONS.iter().find(|(name, _)| action.eq_ignore_ascii_case(name));
    let Some((_, does)) = known else {
        return Err(action.unknown("action of edns0", &ACTIONS.map(|(name, _)| name)));
    };
    let is_unset = *does == Action::Unset;
    let (revert, rest) = match rest {
        [rest @ .., last] if last.text == "revert" && !is_unset => (true, rest),
        rest => (false, rest),
    };
    let wrong = |usage| Err(wrong_count(field, args, usage));
    let kind = match (option.to_ascii_lowercase().as_str(), is_unset, rest) {
        ("local", true, [word]) => Kind::Local { code: code(word)?, data: Vec::new() },
        ("local", true, _) => return wrong(LOCAL_UNSET),
        ("local", false, [word, data]) => match variable(data)? {
            Some(variable) => Kind::Variable { code: code(word)?, variable },
            None => Kind::Local { code: code(word)?, data: bytes(data)? },
        },
        ("local", false, _) => return wrong(LOCAL),
        ("nsid", _, []) => Kind::Nsid,
        ("nsid", _, _) => return wrong(if is_unset { NSID_UNSET } else { NSID }),
        ("subnet", true, []) => Kind::Subnet { v4: 0, v6: 0 },
        ("subnet", true, _) => return wrong(SUBNET_UNSET),
        ("subnet", false, [v4, v6]) => Kind::Subnet { v4: bits(v4, 32)?, v6: bits(v6, 128)? },
        ("subnet", false, _) => return wrong(SUBNET),
        _ => return Err(option.unknown("option of edns0", &OPTIONS)),
    };
    Ok(EdnsRule { action: *does, kind, revert })
}

fn code(word: &Token) -> Result<u16, Diagnostic> {
    integer(word).ok_or_else(|| {
        word.error(
            format!("'{word}' is no code of an option"),
            "write a number from 0 to 65535, e.g. 0xffee",
        )
    })
}

fn bits(word: &Token, most: u8) -> Result<u8, Diagnostic> {
    let number = integer(word).and_then(|number| u8::try_from(number).ok());
    number.filter(|number| *number <= most).ok_or_else(|| {
        word.error(
            format!("'{word}' is no number of bits of the address"),
            format!("write a whole number from 0 to {most}"),
        )
    })
}

/// A number as Go reads it with base 0: `65518`, `0xffee`, `0o17`, `017`, `0b11`, with `_` between digits.
fn integer(text: &str) -> Option<u16> {
    let lower = text.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    // An underscore stands between digits, or behind the prefix.
    if lower.contains("__") || lower.starts_with('_') || lower.ends_with('_') {
        return None;
    }
    if lower.contains('_') && base == 10 && lower.starts_with('0') || digits.starts_with('+') {
        return None;
    }
    let has_underscores = digits.contains('_');
    let digits = if has_underscores { digits.replace('_', "") } else { digits.to_owned() };
    u16::from_str_radix(&digits, base).ok()
}

/// Data is hexadecimal behind `0x`, and else itself.
fn bytes(word: &Token) -> Result<Vec<u8>, Diagnostic> {
    let Some(digits) = word.strip_prefix("0x") else { return Ok(word.as_bytes().to_vec()) };
    let octet = |pair: &[u8]| {
        let [high, low] = pair else { return None };
        let digit = |letter: u8| char::from(letter).to_digit(16);
        u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
    };
    digits.as_bytes().chunks(2).map(octet).collect::<Option<_>>().ok_or_else(|| {
        word.error(
            format!("'{word}' is no hexadecimal data"),
            "write two digits for each octet, e.g. 0x61ff",
        )
    })
}

/// A word in braces; `None` for data.
fn variable(word: &Token) -> Result<Option<Variable>, Diagnostic> {
    let Some(label) = word.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
        return Ok(None);
    };
    if let Some((_, variable)) = VARIABLES.iter().find(|(name, _)| **name == **word) {
        return Ok(Some(variable.clone()));
    }
    if is_label(label) {
        return Ok(Some(Variable::Metadata(label.to_owned())));
    }
    Err(word.unknown("variable of edns0", &VARIABLES.map(|(name, _)| name)))
}
