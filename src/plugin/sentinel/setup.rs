//! The lines of all `sentinel`s of a server block, and what must hold between them and the rest of the Corefile.

use std::sync::Arc;

use super::{Entries, Sentinel, lines};
use crate::corefile::{Diagnostic, Directive, Token};
use crate::plugin::setup::{Setup, named};
use crate::plugin::{fleet, kubernetes};
use crate::zone::name::WireName;
use crate::zone::pool::overlap;
use crate::zone::sentinel::{Rule, Sentinel as Zones};

/// Reads every `sentinel SUFFIX... { ... }` of a block.
///
/// # Errors
/// A line that is wrong, a suffix that is there twice, that no key of the block leads to, or that would
/// take names of a Kubernetes zone; a pool that a cluster or another pool has a part of.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let kubernetes = kubernetes_zones(setup)?;
    // The root says nothing of a name.
    let artefacts = kubernetes.iter().filter(|zone| !zone.is_root()).cloned().collect();
    let mut zones = Zones { suffixes: Vec::new(), artefacts };
    // Where each suffix stands.
    let mut words: Vec<&Token> = Vec::new();
    for directive in directives {
        let read = lines::read(directive)?;
        for (pool, word) in &read.pools {
            apart_from_clusters(setup, pool.network(), word)?;
        }
        for (word, suffix) in directive.args.iter().zip(read.suffixes(setup)?) {
            reachable(setup, word, &suffix.name)?;
            if !suffix.name.is_root() {
                apart_from_kubernetes(word, &suffix.name, &kubernetes)?;
            }
            let same = zones.suffixes.iter().position(|other| other.name == suffix.name);
            if let Some(before) = same.and_then(|index| words.get(index)) {
                return Err(word.error(
                    format!("the suffix {word} has a sentinel already, at {}", before.at),
                    "give each suffix one sentinel in a server block",
                ));
            }
            if let Rule::Answer(addresses) = &suffix.rule {
                setup.process.pools.answers(&suffix.name, addresses);
            }
            words.push(word);
            zones.suffixes.push(suffix);
        }
    }
    let zones = Arc::new(zones);
    let wanted = zones.suffixes.iter().position(|suffix| suffix.entries);
    let entries = wanted.and_then(|index| words.get(index)).map(|word| entries(setup, word));
    let entries = entries.transpose()?;
    if let Some(Entries { view, local }) = &entries {
        setup.process.pools.listen(zones.clone(), view.clone(), local.clone());
    }
    let pools = setup.process.pools.clone();
    setup.push(Sentinel { zones, entries, pools });
    Ok(())
}

/// The clusters whose ServiceEntries count: the block's own, or else the only ones of the Corefile.
fn entries(setup: &mut Setup<'_>, word: &Token) -> Result<Entries, Diagnostic> {
    let (own, blocks) = (setup.block, setup.blocks);
    let others = blocks.iter().filter(|block| !std::ptr::eq(*block, own));
    let mut found: Option<kubernetes::Clusters> = None;
    for block in std::iter::once(own).chain(others) {
        let Some(clusters) = kubernetes::clusters(setup, block)? else { continue };
        match &found {
            None if std::ptr::eq(block, own) => {
                found = Some(clusters);
                break;
            }
            None => found = Some(clusters),
            Some(before) if Arc::ptr_eq(&before.view, &clusters.view) => {}
            Some(_) => {
                return Err(word.error(
                    "serviceentries needs a kubernetes, and the other server blocks have different ones",
                    "add the right one to this server block",
                ));
            }
        }
    }
    let Some(clusters) = found else {
        return Err(word.error(
            "serviceentries needs a kubernetes, whose cluster has them",
            "add `kubernetes cluster.local` to this server block",
        ));
    };
    if !clusters.knows_pods {
        tracing::info!(
            "{}: ServiceEntries that are exported to some namespaces only are answered to nobody; \
             `pods verified` in kubernetes tells which namespace a client is of",
            word.at
        );
    }
    Ok(Entries { view: clusters.view, local: clusters.local })
}

/// A question for a name below the suffix must be able to come here.
fn reachable(setup: &Setup<'_>, word: &Token, suffix: &WireName) -> Result<(), Diagnostic> {
    let mut keys = setup.block.keys.iter().filter_map(|key| WireName::parse(&key.zone));
    let related = |key: WireName| suffix.left_of(&key).is_some() || key.left_of(suffix).is_some();
    if keys.any(related) {
        return Ok(());
    }
    Err(word.error(
        format!("no question for {word} comes to this server block"),
        format!("add {word} to the keys of the block, or move the sentinel to a block for it"),
    ))
}

/// The Kubernetes zones of all server blocks.
fn kubernetes_zones(setup: &Setup<'_>) -> Result<Vec<WireName>, Diagnostic> {
    let mut all: Vec<WireName> = Vec::new();
    for block in setup.blocks {
        all.extend(kubernetes::zones_of(block)?);
    }
    Ok(all)
}

/// A suffix must not be, contain or lie in the `svc` or `pod` of a Kubernetes zone.
fn apart_from_kubernetes(
    word: &Token,
    suffix: &WireName,
    zones: &[WireName],
) -> Result<(), Diagnostic> {
    for zone in zones.iter().filter(|zone| !crate::zone::reverse::is_reverse(zone)) {
        for part in ["svc", "pod"] {
            let Some(mut names) = WireName::parse(part) else { continue };
            if names.extend(zone).is_none() {
                continue;
            }
            if suffix.left_of(&names).is_some() || names.left_of(suffix).is_some() {
                return Err(word.error(
                    format!("the suffix {word} would take names of {names}, a Kubernetes zone"),
                    "choose a suffix that neither contains that zone nor lies in it",
                ));
            }
        }
    }
    Ok(())
}

/// A pool must not have addresses that a `fleet` says the cluster uses.
fn apart_from_clusters(
    setup: &Setup<'_>,
    network: ipnet::IpNet,
    word: &Token,
) -> Result<(), Diagnostic> {
    for directive in setup.blocks.iter().flat_map(|block| named(block, "fleet")) {
        let lines = fleet::read(directive)?;
        if let Some(range) = lines.cidrs.iter().find(|range| overlap(range, &network)) {
            return Err(word.error(
                format!(
                    "the pool {network} shares addresses with {range} in cidrs of the fleet at {}",
                    directive.at()
                ),
                "choose another network for the pool, one that no cluster uses",
            ));
        }
    }
    Ok(())
}
