//! Reads the directives of `acl`.

use ipnet::IpNet;

use super::policy::{Action, Networks, Policy};
use super::{Acl, Rule};
use crate::corefile::{self, Diagnostic, Directive, Line, Token, parse_network};
use crate::plugin::names::Zones;
use crate::plugin::setup::Setup;
use crate::telemetry::mnemonic;

const USAGE: &str = "ACTION [type QTYPE...] [net SOURCE...]";
const ACTIONS: [(&str, Action); 4] = [
    ("allow", Action::Allow),
    ("block", Action::Block),
    ("filter", Action::Filter),
    ("drop", Action::Drop),
];
const SECTIONS: [&str; 2] = ["type", "net"];
/// What stands for all types, or all clients.
const ALL: &str = "*";

/// Reads all directives `acl [ZONE...] { ACTION [type QTYPE...] [net SOURCE...] }`. A section that stands
/// twice in a line is the union of both, as in CoreDNS.
///
/// # Errors
/// A word that is no zone, action, section, type or network.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let mut rules = Vec::new();
    for directive in directives {
        let zones = match directive.args.as_slice() {
            [] => Zones::new(&setup.zones()),
            words => {
                // That questions can be for them.
                crate::plugin::names::zones(words)?;
                Zones::new(&corefile::parse_zones(words)?)
            }
        };
        let policies = directive.lines().iter().map(policy).collect::<Result<_, _>>()?;
        rules.push(Rule { zones, policies });
    }
    let metrics = setup.process.metrics.clone();
    setup.push(Acl { rules, metrics });
    Ok(())
}

fn policy(line: &Line) -> Result<Policy, Diagnostic> {
    line.no_block()?;
    let word = line.name();
    let known = ACTIONS.iter().find(|(name, _)| word.text.eq_ignore_ascii_case(name));
    let Some((_, action)) = known else {
        return Err(word.unknown("action of acl", &ACTIONS.map(|(name, _)| name)));
    };
    let mut policy = Policy { action: *action, types: None, sources: None };
    let (mut types, mut networks) = (Vec::new(), Vec::new());
    let (mut all_types, mut all_networks) = (false, false);
    let mut rest = line.args();
    while let [section, tail @ ..] = rest {
        let Some(at) = position(section) else {
            return Err(section.error(
                format!("unknown section '{}' of acl", section.text),
                format!("write `{USAGE}`"),
            ));
        };
        let end = tail.iter().position(|word| position(word).is_some()).unwrap_or(tail.len());
        let (words, after) = tail.split_at(end);
        if words.is_empty() {
            return Err(section.error(
                format!("'{}' of acl has no words", section.text),
                format!("write `{USAGE}`, or take '{}' out for all", section.text),
            ));
        }
        for word in words {
            match (SECTIONS[at], word.text.as_str()) {
                ("type", ALL) => all_types = true,
                ("type", _) => types.push(record_type(word)?),
                (_, ALL) => all_networks = true,
                _ => networks.push(network(word)?),
            }
        }
        rest = after;
    }
    policy.types = (!all_types && !types.is_empty()).then_some(types);
    policy.sources = (!all_networks && !networks.is_empty()).then(|| Networks::new(&networks));
    Ok(policy)
}

/// Which section a word begins.
fn position(word: &Token) -> Option<usize> {
    SECTIONS.iter().position(|section| word.text.eq_ignore_ascii_case(section))
}

fn record_type(word: &Token) -> Result<hickory_proto::rr::RecordType, Diagnostic> {
    mnemonic::parse_record_type(&word.text).ok_or_else(|| {
        let upper = word.text.to_ascii_uppercase();
        let remedy = match mnemonic::parse_record_type(&upper) {
            Some(_) => format!("did you mean '{upper}'?"),
            None => "write e.g. A, AAAA, HTTPS or ANY, or * for all".to_owned(),
        };
        word.error(format!("unknown record type '{}'", word.text), remedy)
    })
}

/// A network that clients can be in: those of IPv4 have IPv4 addresses, on every socket.
fn network(word: &Token) -> Result<IpNet, Diagnostic> {
    let network = parse_network(word)?;
    match network {
        IpNet::V6(six) if six.prefix_len() >= 96 && six.network().to_ipv4_mapped().is_some() => {
            Err(word.error(
                format!("no client is in '{}'", word.text),
                "write the network of IPv4, e.g. 10.0.0.0/8",
            ))
        }
        network => Ok(network),
    }
}
