//! Keys of server blocks (`tls://example.org:853`, `10.0.0.0/8`) and zones in arguments of plugins.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Diagnostic, Key, Scheme, Token, diagnostics::quote};

/// The keys that `word` means: several where it is a network that lies off the borders of labels.
pub(super) fn parse_key(
    word: &Token,
    dns_port: u16,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Vec<Key>, Diagnostic> {
    if let Some(zone) = word.text.strip_suffix('{') {
        let problem = format!("a brace is glued to {}", quote(zone));
        return Err(word.error(problem, format!("write `{zone} {{`")));
    }
    let (scheme, rest) = split_scheme(word)?;
    let (zone, port) = split_port(word, rest)?;
    suspicious(word, zone, warnings);
    let port = port.unwrap_or(scheme.default_port(dns_port));
    let key = |zone| Key { scheme, zone, port, at: word.at.clone() };
    Ok(zones(word, zone)?.into_iter().map(key).collect())
}

/// The zones that `word`, an argument of a plugin, means: absolute and lower case; a network gives its
/// reverse zones, several where it lies off the borders of labels.
///
/// # Errors
/// If it is no domain name and no network, or has a scheme or port.
pub fn parse_zone(word: &Token) -> Result<Vec<String>, Diagnostic> {
    let (zone, port) = split_port(word, &word.text)?;
    if word.text.contains("://") || port.is_some() {
        return Err(word.error(
            format!("{} has a scheme or port", quote(&word.text)),
            "write the zone alone, e.g. example.org",
        ));
    }
    zones(word, zone)
}

/// The zones of all `words`, in their order.
///
/// # Errors
/// As [`parse_zone`].
pub fn parse_zones(words: &[Token]) -> Result<Vec<String>, Diagnostic> {
    let mut all = Vec::new();
    for word in words {
        all.extend(parse_zone(word)?);
    }
    Ok(all)
}

fn split_scheme(word: &Token) -> Result<(Scheme, &str), Diagnostic> {
    let Some((name, rest)) = word.text.split_once("://") else {
        return Ok((Scheme::Dns, &word.text));
    };
    let scheme = Scheme::ALL.into_iter().find(|scheme| scheme.name() == name);
    let scheme = scheme.ok_or_else(|| {
        let names = Scheme::ALL.map(|scheme| format!("{scheme}://")).join(", ");
        word.error(
            format!("{} has an unknown scheme", quote(&word.text)),
            format!("use one of {names}, or none for DNS over UDP and TCP"),
        )
    })?;
    Ok((scheme, rest))
}

/// Splits `ZONE[:PORT]`. A network in IPv6 has colons of its own, but never in front of digits only:
/// its last colon is before the `/`.
fn split_port<'a>(word: &Token, text: &'a str) -> Result<(&'a str, Option<u16>), Diagnostic> {
    let bad_port = |port: &str| {
        word.error(
            format!("{} is no port, in {}", quote(port), quote(&word.text)),
            "write ZONE:PORT with a port from 0 to 65535",
        )
    };
    let Some((zone, after)) = text.rsplit_once(':') else {
        return Ok((text, None));
    };
    if let Ok(port) = after.parse() {
        return Ok((zone, Some(port)));
    }
    match after.contains('/') {
        true => Ok((text, None)),
        false => Err(bad_port(after)),
    }
}

/// Things that are valid, but hardly meant.
fn suspicious(word: &Token, zone: &str, warnings: &mut Vec<Diagnostic>) {
    if zone.contains(',') {
        warnings.push(word.error(
            format!("{} is read as one zone with a comma in its name", quote(zone)),
            "put a blank after the comma to separate zones",
        ));
    }
    if zone.parse::<IpAddr>().is_ok() {
        warnings.push(word.error(
            format!("{} is read as the name of a zone, not as an address", quote(zone)),
            "use the plugin `bind` to listen on an address, or add a prefix length for a reverse zone",
        ));
    }
}

/// The zones of `zone`, a domain name or a network; `word` is where it stands.
fn zones(word: &Token, zone: &str) -> Result<Vec<String>, Diagnostic> {
    match network(word, zone)? {
        Some(net) => Ok(reverse_zones(net)),
        None => Ok(vec![absolute(word, zone)?]),
    }
}

/// The network that `zone` is, if it looks like one. Names may have a `/` as well (RFC 2317).
fn network(word: &Token, zone: &str) -> Result<Option<IpNet>, Diagnostic> {
    let Some((address, prefix)) = zone.split_once('/') else {
        return Ok(None);
    };
    let v6 = address.contains(':');
    let v4 = address.chars().all(|c| c.is_ascii_digit() || c == '.')
        && prefix.chars().all(|c| c.is_ascii_digit());
    if !v4 && !v6 {
        return Ok(None);
    }
    // CoreDNS refuses IPv6 networks that begin so too: they are no unicast addresses.
    let refused = v6 && address.starts_with([':', '0']);
    match zone.parse::<IpNet>() {
        Ok(net) if !refused => Ok(Some(net.trunc())),
        _ => Err(word.error(
            format!("{} is no network", quote(zone)),
            "write all of the address and a prefix length, e.g. 10.0.0.0/8 or 2001:db8::/32",
        )),
    }
}

/// The reverse zones that `net` is made of. A label is 8 bits in IPv4 and 4 in IPv6, so there are at most
/// 128.
fn reverse_zones(net: IpNet) -> Vec<String> {
    let bits = match net {
        IpNet::V4(_) => 8,
        IpNet::V6(_) => 4,
    };
    let labels = net.prefix_len().div_ceil(bits);
    let subnets = net.subnets(labels * bits);
    // It cannot fail: the new prefix is not shorter, nor longer than the address.
    let subnets = subnets.into_iter().flatten();
    subnets.map(|subnet| reverse_zone(subnet.network(), usize::from(labels))).collect()
}

/// The reverse zone of the first `labels` octets or nibbles of `address`.
fn reverse_zone(address: IpAddr, labels: usize) -> String {
    let (parts, apex): (Vec<String>, _) = match address {
        IpAddr::V4(v4) => (v4.octets().iter().map(u8::to_string).collect(), "in-addr.arpa."),
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().flat_map(|octet| [octet >> 4, octet & 15]);
            (nibbles.map(|n| format!("{n:x}")).collect(), "ip6.arpa.")
        }
    };
    let mut name = String::new();
    for part in parts.iter().take(labels).rev() {
        name.push_str(part);
        name.push('.');
    }
    name + apex
}

/// `name` as an absolute domain name in lower case.
fn absolute(word: &Token, name: &str) -> Result<String, Diagnostic> {
    let wrong = |problem: &str, remedy: &str| {
        Err(word.error(format!("{} is no zone: {problem}", quote(name)), remedy))
    };
    if name == "." {
        return Ok(name.to_owned());
    }
    if name.is_empty() {
        return wrong("it is empty", "write a domain name, or . for the root");
    }
    if name.contains("://") || name.contains(':') {
        return wrong(
            "a colon stands before a port or in an IPv6 network",
            "write e.g. example.org:53 or 2001:db8::/32",
        );
    }
    if let Some(bad) = name.chars().find(|c| !c.is_ascii_graphic()) {
        return match bad.is_ascii() {
            true => wrong("white space or a control character", "write a domain name"),
            false => wrong(
                "it is not ASCII, so no query can ask for it",
                "write its ASCII form (xn--...)",
            ),
        };
    }
    let labels = label_lengths(name);
    if labels.contains(&0) {
        return wrong("a label is empty", "take the dot before or after it out");
    }
    if labels.iter().any(|length| *length > 63) {
        return wrong("a label has more than 63 bytes", "shorten it");
    }
    // On the wire each label has a length byte, and the root ends the name.
    if labels.iter().map(|length| length + 1).sum::<usize>() + 1 > 255 {
        return wrong("it has more than 255 bytes", "shorten it");
    }
    let mut name = name.to_ascii_lowercase();
    if !ends_with_dot(&name) {
        name.push('.');
    }
    Ok(name)
}

/// The length of each label; `\.` and `\032` are one byte.
fn label_lengths(name: &str) -> Vec<usize> {
    let mut lengths = vec![0];
    let mut rest = name.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'.', []) => return lengths,
            (b'.', _) => {
                lengths.push(0);
                continue;
            }
            (b'\\', [a, b, c, after @ ..]) if [a, b, c].iter().all(|d| d.is_ascii_digit()) => {
                rest = after;
            }
            (b'\\', [_, after @ ..]) => rest = after,
            _ => {}
        }
        if let Some(last) = lengths.last_mut() {
            *last += 1;
        }
    }
    lengths
}

/// Whether the last dot is one between labels, and not an escaped one.
fn ends_with_dot(name: &str) -> bool {
    name.strip_suffix('.').is_some_and(|start| {
        let backslashes = start.len() - start.trim_end_matches('\\').len();
        backslashes % 2 == 0
    })
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
