//! From the zones of a Corefile to names that a question's name is compared with.

use std::sync::Arc;

use hickory_proto::rr::Name;

use crate::corefile::{self, Diagnostic, Token};
use crate::zone::name::WireName;

/// The name that `text` spells, absolute with or without its final dot. `\DDD` (decimal) and `\X` are
/// one byte each. `None` for a name that no question can have.
pub fn parse(text: &str) -> Option<Name> {
    let mut labels: Vec<Vec<u8>> = vec![Vec::new()];
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let label = labels.last_mut()?;
        match (first, tail) {
            (b'.', _) => labels.push(Vec::new()),
            (b'\\', [a, b, c, after @ ..]) if [a, b, c].iter().all(|d| d.is_ascii_digit()) => {
                let code =
                    [a, b, c].iter().fold(0_u16, |code, d| code * 10 + u16::from(**d - b'0'));
                label.push(u8::try_from(code).ok()?);
                rest = after;
            }
            (b'\\', [byte, after @ ..]) => {
                label.push(*byte);
                rest = after;
            }
            (byte, _) => label.push(*byte),
        }
    }
    if labels.last().is_some_and(Vec::is_empty) {
        labels.pop();
    }
    if text == "." {
        labels.clear();
    }
    if text.is_empty() || labels.iter().any(Vec::is_empty) {
        return None;
    }
    Name::from_labels(labels.iter().map(Vec::as_slice)).ok()
}

/// The zones that the words of a directive mean; a network gives its reverse zones.
///
/// # Errors
/// A word is no zone.
pub fn zones(words: &[Token]) -> Result<Vec<Name>, Diagnostic> {
    let mut all = Vec::new();
    for word in words {
        for zone in corefile::parse_zone(word)? {
            all.push(parse(&zone).ok_or_else(|| {
                word.error(
                    format!("{} is no zone that a question can be for", word.text),
                    "write a domain name, e.g. example.org",
                )
            })?);
        }
    }
    Ok(all)
}

/// The zones of a line `NAME [ZONES...]`, where none means all.
///
/// # Errors
/// As [`zones`].
pub fn zones_or_all(words: &[Token]) -> Result<Vec<Name>, Diagnostic> {
    if words.is_empty() { Ok(vec![Name::root()]) } else { zones(words) }
}

/// Zones with their spelling, for those who say which of them a name is in.
#[derive(Debug)]
pub struct Zones {
    /// Longest first.
    zones: Vec<(Name, Arc<str>)>,
    /// The same as the zone reads them.
    wire: Vec<WireName>,
}

impl Zones {
    /// The zones that are so spelled; what no question can be for is left out.
    pub fn new(zones: &[String]) -> Self {
        let mut zones: Vec<(Name, Arc<str>)> = zones
            .iter()
            .filter_map(|zone| Some((parse(zone)?, Arc::from(zone.as_str()))))
            .collect();
        zones.sort_by_key(|(name, _)| std::cmp::Reverse(name.iter().len()));
        let wire = zones.iter().map(|(name, _)| wire(name)).collect();
        Zones { zones, wire }
    }

    /// Whether a name is in one of them.
    pub fn contain(&self, name: &WireName) -> bool {
        wire_within(&self.wire, name)
    }

    /// All of them, the longest first.
    pub fn all(&self) -> Vec<(WireName, Arc<str>)> {
        let texts = self.zones.iter().map(|(_, text)| text.clone());
        self.wire.iter().cloned().zip(texts).collect()
    }

    /// The longest zone that the name is in.
    pub fn longest(&self, name: &Name) -> Option<&Arc<str>> {
        self.zones.iter().find(|(zone, _)| zone.zone_of(name)).map(|(_, zone)| zone)
    }
}

/// Whether `name` is in one of the zones.
pub fn within(zones: &[Name], name: &Name) -> bool {
    zones.iter().any(|zone| zone.zone_of(name))
}

/// The same of names as the zone reads them.
pub fn wire_within(zones: &[WireName], name: &WireName) -> bool {
    zones.iter().any(|zone| name.left_of(zone).is_some())
}

/// The name as the zone reads it.
pub fn wire(name: &Name) -> WireName {
    // Both types hold every name of at most 255 octets, and nothing else.
    WireName::from_labels(name.iter()).unwrap_or_else(WireName::root)
}

/// The name as the codec reads it.
pub fn name(wire: &WireName) -> Name {
    let mut name = Name::from_labels(wire.labels_spelled()).unwrap_or_default();
    name.set_fqdn(true);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_as_coredns_spells_them() {
        for (text, expected) in [
            (".", Some(".")),
            ("example.org", Some("example.org.")),
            ("example.org.", Some("example.org.")),
            ("0/25.2.0.192.in-addr.arpa", Some("0\\/25.2.0.192.in-addr.arpa.")),
            ("_dns.*.x", Some("_dns.*.x.")),
            ("a\\.b.c", Some("a\\.b.c.")),
            ("a\\065.c", Some("aA.c.")),
            ("", None),
            ("..", None),
            ("a..b", None),
            ("a\\999.c", None),
        ] {
            assert_eq!(parse(text).map(|name| name.to_ascii()).as_deref(), expected, "{text}");
        }
        assert!(parse(&"a".repeat(64)).is_none());
    }

    #[test]
    fn matches_at_the_borders_of_labels_and_in_any_case() {
        let zones = [parse("Example.org").unwrap(), parse("x").unwrap()];
        for (name, expected) in [
            ("example.ORG", true),
            ("a.example.org", true),
            ("myexample.org", false),
            ("org", false),
            ("a.b.x", true),
        ] {
            assert_eq!(within(&zones, &parse(name).unwrap()), expected, "{name}");
        }
    }
}
