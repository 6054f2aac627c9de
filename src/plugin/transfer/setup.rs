//! The words of `transfer`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::{NAME, Notifier, Rule, Transfer};
use crate::corefile::{Diagnostic, Directive, Line, Token, parse_ip};
use crate::plugin::names;
use crate::plugin::setup::Setup;

/// Port of addresses without one.
const PORT: u16 = 53;

/// Reads every `transfer [ZONE...] { to ADDRESS|*...; source ADDRESS }`.
///
/// # Errors
/// A zone or address that is none, no `to`, or two `source`.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let mut rules = Vec::new();
    for directive in directives {
        let mut zones = names::zones(&directive.args)?;
        if zones.is_empty() {
            zones = setup.zones().iter().filter_map(|zone| names::parse(zone)).collect();
        }
        let mut rule = Rule { zones, to: Vec::new(), source: None };
        for line in directive.lines() {
            read(line, &mut rule)?;
        }
        if rule.to.is_empty() {
            return Err(directive.name.error(
                "transfer does not say to whom",
                "add `to *`, or `to ADDRESS...` with the addresses of the secondaries",
            ));
        }
        rules.push(rule);
    }
    let rules: super::Rules = rules.into();
    setup.chain.notifier = Some(Arc::new(Notifier::new(rules.clone())));
    setup.push(Transfer { rules });
    Ok(())
}

fn read(line: &Line, rule: &mut Rule) -> Result<(), Diagnostic> {
    match line.name().text.as_str() {
        "to" => {
            for word in line.args_within(1.., "to ADDRESS|*...")? {
                rule.to.push(if word.text == "*" { None } else { Some(address(word)?) });
            }
            Ok(())
        }
        "source" => {
            let word = line.one_arg("source ADDRESS")?;
            if rule.source.is_some() {
                return Err(line.name().error("source is said twice", "say it once"));
            }
            rule.source = Some(parse_ip(word)?);
            Ok(())
        }
        _ => Err(line.unknown(NAME, &["to", "source"])),
    }
}

/// An address with or without a port.
fn address(word: &Token) -> Result<SocketAddr, Diagnostic> {
    if let Ok(address) = word.text.parse::<SocketAddr>() {
        return Ok(address);
    }
    let ip: IpAddr = parse_ip(word)?;
    Ok(SocketAddr::new(ip, PORT))
}
