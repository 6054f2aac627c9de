//! What ServiceEntries say of a name, as Istio's agent would to a client that sees them
//! (pilot/pkg/networking/core/listener.go, pkg/dns/server/name_table.go).
//!
//! The entry of the most specific host counts, `NAME` before `*.PARENT`. Of several clusters that declare
//! a name the local one decides, otherwise the one whose entry is the oldest; what one cluster declares
//! several times is merged. An entry's own addresses come first, and those that the control plane
//! gave it are answered of the local cluster alone: only its sidecars listen there.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::Rule;
use super::in_use::{Folded, InUse};
use crate::cluster::ClusterId;
use crate::registry::{Declaration, Registry};
use crate::zone::name::WireName;

/// Who asks, of what is declared.
#[derive(Clone, Copy)]
pub struct Viewer<'a> {
    pub registry: &'a Registry,
    pub local: &'a ClusterId,
    pub eyes: Eyes<'a>,
}

/// Which entries are seen.
#[derive(Clone, Copy)]
pub enum Eyes<'a> {
    /// Those that are exported to one of a client's namespaces, or to all.
    Namespaces(&'a [Box<str>]),
    All,
}

impl Viewer<'_> {
    /// The addresses of a name, each once, the oldest entry's first; `None` where no entry gives any.
    pub fn addresses(&self, name: &WireName) -> Option<Vec<IpAddr>> {
        if !self.registry.has_hosts() {
            return None;
        }
        let (cluster, declarations) = self.deciding(name)?;
        let own = declarations.iter().flat_map(|declaration| &declaration.entry.addresses).copied();
        let mut addresses: Vec<IpAddr> = own.collect();
        if addresses.is_empty() && cluster == *self.local {
            let unaddressed = declarations.iter().filter(|found| !found.entry.is_addressed);
            addresses.extend(unaddressed.flat_map(Declaration::allocated));
        }
        let mut seen = HashSet::new();
        addresses.retain(|address| seen.insert(*address));
        (!addresses.is_empty()).then_some(addresses)
    }

    /// The declarations that count, and their cluster.
    fn deciding(&self, name: &WireName) -> Option<(ClusterId, Vec<Declaration>)> {
        let mut found: Vec<(ClusterId, Vec<Declaration>)> = Vec::new();
        for left in 0..name.labels() {
            let Some(host) = self.registry.host(name.folded_suffix(left)) else { continue };
            let all = if left == 0 { &host.itself } else { &host.below };
            let seen = all.iter().filter(|declaration| self.sees(declaration));
            let mut here: Vec<(ClusterId, Vec<Declaration>)> = Vec::new();
            for declaration in seen {
                match here.iter_mut().find(|(cluster, _)| *cluster == declaration.cluster) {
                    Some((_, declarations)) => declarations.push(declaration.clone()),
                    None => here.push((declaration.cluster.clone(), vec![declaration.clone()])),
                }
            }
            // Of each cluster the most specific host is found first.
            here.retain(|(cluster, _)| found.iter().all(|(other, _)| other != cluster));
            found.extend(here);
        }
        let oldest = |declarations: &[Declaration]| declarations.first().map(|of| of.entry.created);
        found.into_iter().min_by(|(a, of_a), (b, of_b)| {
            let key = |cluster: &ClusterId, of: &[Declaration]| {
                (cluster != self.local, oldest(of), cluster.clone())
            };
            key(a, of_a).cmp(&key(b, of_b))
        })
    }

    fn sees(&self, declaration: &Declaration) -> bool {
        match self.eyes {
            Eyes::Namespaces(namespaces) => declaration.entry.exported.is_seen_by(namespaces),
            Eyes::All => true,
        }
    }
}

impl super::Sentinel {
    /// The names of pools that entries declare, each with its addresses in the pool: those that the
    /// entries give it, or else its own.
    pub fn pooled(&self, viewer: &Viewer<'_>) -> Vec<(Arc<InUse>, Folded, BTreeSet<IpAddr>)> {
        let mut all = Vec::new();
        for (folded, host) in viewer.registry.all_hosts() {
            let Some((name, _)) = WireName::read(&folded) else { continue };
            let Some(suffix) = self.giving(&name).filter(|_| !host.itself.is_empty()) else {
                continue;
            };
            let Rule::Pools(pools) = &suffix.rule else { continue };
            if !self.declares(suffix) {
                continue;
            }
            let given = viewer.addresses(&name);
            for pool in pools {
                let addresses: BTreeSet<IpAddr> = match &given {
                    Some(given) => {
                        given.iter().copied().filter(|ip| pool.pool.contains(*ip)).collect()
                    }
                    None => BTreeSet::from([pool.pool.address(&name)]),
                };
                if !addresses.is_empty() {
                    all.push((pool.clone(), folded.clone(), addresses));
                }
            }
        }
        all
    }
}
