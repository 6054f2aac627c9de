//! The values that plugins read: durations, numbers, addresses. What they accept is what Go's standard
//! library accepts, because CoreDNS reads them with it.

use std::{
    fmt::Display,
    net::{IpAddr, Ipv6Addr},
    ops::RangeInclusive,
    str::FromStr,
    time::Duration,
};

use ipnet::IpNet;

use super::{Diagnostic, Token, diagnostics::quote};

/// A duration as Go writes it: `5s`, `1h30m`, `1.5h`, `500ms`, `0`.
///
/// # Errors
/// If it is no duration, negative, or longer than Go can count (292 years).
pub fn parse_duration(word: &Token) -> Result<Duration, Diagnostic> {
    let wrong = |problem: &str| {
        let remedy = match word.text.parse::<u64>() {
            Ok(number) => format!("add a unit, e.g. {number}s"),
            Err(_) => "write e.g. 5s, 500ms or 1h30m".to_owned(),
        };
        word.error(format!("{} {problem}", quote(word)), remedy)
    };
    let (negative, text) = match word.text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, word.text.strip_prefix('+').unwrap_or(&word.text)),
    };
    let nanoseconds = match text {
        "0" => 0,
        text => nanoseconds(text).ok_or_else(|| wrong("is no duration"))?,
    };
    if negative && nanoseconds > 0 {
        return Err(wrong("is a negative duration"));
    }
    match u64::try_from(nanoseconds) {
        Ok(count) if i64::try_from(count).is_ok() => Ok(Duration::from_nanos(count)),
        _ => Err(wrong("is too long")),
    }
}

/// The sum of `NUMBER UNIT` pairs.
fn nanoseconds(text: &str) -> Option<u128> {
    const UNITS: [(&str, u128); 8] = [
        ("ns", 1),
        ("us", 1_000),
        ("\u{b5}s", 1_000),
        ("\u{3bc}s", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let mut rest = text;
    let mut sum = 0_u128;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c| !is_number(c))?);
        let (unit, after) = after.split_at(after.find(is_number).unwrap_or(after.len()));
        let (_, scale) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        sum = sum.checked_add(whole.checked_mul(scale)?)?;
        // No unit has more than 13 digits, so what follows them is less than a nanosecond.
        let digits = &fraction[..fraction.len().min(15)];
        if !digits.is_empty() {
            let power = 10_u128.checked_pow(u32::try_from(digits.len()).ok()?)?;
            sum = sum.checked_add(digits.parse::<u128>().ok()?.checked_mul(scale)? / power)?;
        }
        rest = after;
    }
    (!text.is_empty()).then_some(sum)
}

/// A whole number within `range`. `what` says what it counts, e.g. `TTL in seconds`.
///
/// # Errors
/// If it is none.
pub fn parse_number<T>(word: &Token, what: &str, range: RangeInclusive<T>) -> Result<T, Diagnostic>
where
    T: FromStr + PartialOrd + Display,
{
    let number = word.text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        word.error(
            format!("{} is no {what}", quote(word)),
            format!("write a whole number from {} to {}", range.start(), range.end()),
        )
    })
}

/// `true` or `false`, in the spellings that Go knows.
///
/// # Errors
/// If it is neither.
pub fn parse_bool(word: &Token) -> Result<bool, Diagnostic> {
    match word.text.as_str() {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => {
            Err(word
                .error(format!("{} is neither true nor false", quote(word)), "write true or false"))
        }
    }
}

/// An IPv4 or IPv6 address.
///
/// # Errors
/// If it is none.
pub fn parse_ip(word: &Token) -> Result<IpAddr, Diagnostic> {
    word.text.parse().map_err(|_| {
        word.error(
            format!("{} is no IP address", quote(word)),
            "write e.g. 192.0.2.1 or 2001:db8::1",
        )
    })
}

/// A network `ADDRESS/PREFIX`, or an address alone for a network of one; bits behind the prefix are
/// dropped.
///
/// # Errors
/// If it is none.
pub fn parse_network(word: &Token) -> Result<IpNet, Diagnostic> {
    let network = word.text.parse::<IpNet>().map(|net| net.trunc());
    let network = network.or_else(|_| word.text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| {
        word.error(
            format!("{} is no network", quote(word)),
            "write e.g. 10.0.0.0/8 or 2001:db8::/32",
        )
    })
}

/// The address of an endpoint (`health`, `ready`, `prometheus`): `HOST:PORT`, `[IPV6]:PORT`, or `:PORT`
/// for all addresses, where the host is empty.
///
/// # Errors
/// If there is no port, or the host is no address and no name.
pub fn parse_listen_address(word: &Token) -> Result<(String, u16), Diagnostic> {
    let wrong = |problem: &str| {
        word.error(
            format!("{} is no address to listen on: {problem}", quote(word)),
            "write HOST:PORT, or :PORT for all addresses",
        )
    };
    let (host, port) = word.text.rsplit_once(':').ok_or_else(|| wrong("it has no port"))?;
    let port = port.parse().map_err(|_| wrong("its port is not from 0 to 65535"))?;
    let in_brackets = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if let Some(host) = in_brackets {
        let address = host.split('%').next().unwrap_or(host);
        return match address.parse::<Ipv6Addr>() {
            Ok(_) => Ok((host.to_owned(), port)),
            Err(_) => Err(wrong("what is in brackets is no IPv6 address")),
        };
    }
    if host.contains(':') {
        return Err(wrong("an IPv6 address needs brackets"));
    }
    if host.contains(['[', ']', '/']) || host.contains(char::is_whitespace) {
        return Err(wrong("its host is no name"));
    }
    Ok((host.to_owned(), port))
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
