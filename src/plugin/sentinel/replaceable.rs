//! Templates that do by hand what a sentinel does: one address for all names of a zone. They leave other types
//! to the next plugin, answer nothing at the zone itself, and have no SOA, so that denials cannot be kept.

use std::fmt;
use std::net::IpAddr;

use crate::corefile::{Directive, Line, Position, ServerBlock};
use crate::plugin::setup::named;

/// Patterns that all names match.
const ALL: [&str; 5] = [".*", "^.*$", "(.*)", "^(.*)$", ".+"];

/// A `template` that a `sentinel` would replace.
#[derive(Debug)]
pub struct Hint {
    at: Position,
    zones: Vec<String>,
    addresses: Vec<IpAddr>,
    ttl: u32,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        write!(
            f,
            "{} - a sentinel would do this for all types, with the records that negative answers need:\n\
             sentinel {} {{\n    answer {}\n    ttl {}\n}}",
            self.at,
            self.zones.join(" "),
            addresses.join(" "),
            self.ttl
        )
    }
}

/// The templates of a block that a sentinel would replace.
pub fn replaceable(block: &ServerBlock) -> Vec<Hint> {
    named(block, "template").filter_map(hint).collect()
}

fn hint(template: &Directive) -> Option<Hint> {
    let [class, qtype, zones @ ..] = template.args.as_slice() else { return None };
    let class_fits = ["IN", "ANY"].iter().any(|known| class.text.eq_ignore_ascii_case(known));
    let type_fits = ["A", "AAAA", "ANY"].iter().any(|known| qtype.text.eq_ignore_ascii_case(known));
    let zones: Vec<String> = zones.iter().map(|zone| zone.text.clone()).collect();
    if !class_fits || !type_fits || zones.is_empty() || zones.iter().any(|zone| zone == ".") {
        return None;
    }
    let mut hint =
        Hint { at: template.name.at.clone(), zones, addresses: Vec::new(), ttl: u32::MAX };
    for line in template.lines() {
        match line.name().text.as_str() {
            "match" if line.args().iter().all(|word| ALL.contains(&word.text.as_str())) => {}
            "answer" => {
                let (address, ttl) = fixed(line)?;
                hint.addresses.push(address);
                hint.ttl = hint.ttl.min(ttl);
            }
            _ => return None,
        }
    }
    (!hint.addresses.is_empty()).then_some(hint)
}

/// The address and TTL of an answer for any name: `{{ .Name }} TTL IN A ADDRESS`.
fn fixed(line: &Line) -> Option<(IpAddr, u32)> {
    let text: Vec<&str> = line.args().iter().map(|word| word.text.as_str()).collect();
    let text = text.join(" ");
    let rest = text.trim().strip_prefix("{{")?;
    let (name, rest) = rest.split_once("}}")?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    let (ttl, words) = match words.as_slice() {
        [ttl, rest @ ..] if ttl.parse::<u32>().is_ok() => (ttl.parse().ok()?, rest),
        rest => (3600, rest),
    };
    let words = match words {
        [class, rest @ ..] if class.eq_ignore_ascii_case("IN") => rest,
        rest => rest,
    };
    let [qtype, address] = words else { return None };
    let address: IpAddr = address.parse().ok()?;
    let fits = qtype.eq_ignore_ascii_case(if address.is_ipv4() { "A" } else { "AAAA" });
    (name.trim() == ".Name" && fits).then_some((address, ttl))
}
