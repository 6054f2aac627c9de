//! What ServiceEntries say of a name, as Istio's agent would to a client that sees them
//! (pkg/dns/server/name_table.go, pkg/dns/client/dns.go).
//!
//! The entry of the most specific host that gives an address counts, `NAME` before `*.PARENT`. Of several
//! clusters that declare a name the local one decides, otherwise the one whose entry is the oldest; what one
//! cluster declares several times is merged. An entry without addresses of its own has those that the control
//! plane gave it, in the local cluster alone: only its sidecars listen there.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use super::in_use::{Declared, Folded};
use super::{Rule, Sentinel};
use crate::cluster::ClusterId;
use crate::registry::{Declaration, Registry};
use crate::zone::name::WireName;
use crate::zone::schema::{self, Asked, Grammar};

/// Who asks, of what is declared.
#[derive(Clone, Copy)]
pub struct Viewer<'a> {
    pub registry: &'a Registry,
    pub local: &'a ClusterId,
    pub eyes: Eyes<'a>,
    /// Whether the local cluster's Services are known.
    pub knows_services: bool,
}

/// Which entries are seen.
#[derive(Clone, Copy)]
pub enum Eyes<'a> {
    /// Those that are exported to one of a client's namespaces, or to all.
    Namespaces(&'a [Box<str>]),
    All,
}

/// What is declared of a name.
#[derive(Debug)]
pub struct Given {
    /// Each once, the oldest entry's first. Never empty.
    pub addresses: Vec<IpAddr>,
    /// How many labels stand left of the host's name: none where it is the host itself.
    pub left: usize,
}

/// What one cluster declares.
struct Found {
    cluster: ClusterId,
    /// When its oldest entry was made.
    created: i64,
    given: Given,
}

impl Viewer<'_> {
    /// The addresses of a name; `None` where no entry gives any.
    pub fn addresses(&self, name: &WireName) -> Option<Given> {
        if !self.registry.has_hosts() {
            return None;
        }
        let mut found: Vec<Found> = Vec::new();
        for left in 0..name.labels() {
            let Some(host) = self.registry.host(name.folded_suffix(left)) else { continue };
            let all = if left == 0 { &host.itself } else { &host.below };
            for group in all.chunk_by(|one, other| one.cluster == other.cluster) {
                self.add(group, left, &mut found);
            }
        }
        self.decide(found)
    }

    /// What counts of what clusters declare.
    fn decide(&self, mut found: Vec<Found>) -> Option<Given> {
        let of_local = found.iter().position(|found| found.cluster == *self.local);
        let has_any = |found: &Found| !found.given.addresses.is_empty();
        let deciding = match of_local {
            Some(index) => Some(found.swap_remove(index)).filter(has_any),
            None => found
                .into_iter()
                .filter(has_any)
                .min_by_key(|found| (found.created, found.cluster.clone())),
        };
        deciding.map(|found| found.given)
    }

    /// Adds what one cluster declares of one host, unless it has a more specific one with addresses.
    fn add(&self, group: &[Declaration], left: usize, found: &mut Vec<Found>) {
        let mut seen = group.iter().filter(|declaration| self.sees(declaration)).peekable();
        let Some(first) = seen.peek() else { return };
        let (cluster, created) = (first.cluster.clone(), first.entry.created);
        let known = found.iter().position(|found| found.cluster == cluster);
        if known.is_some_and(|index| !found[index].given.addresses.is_empty()) {
            return;
        }
        let mut once = HashSet::new();
        let all = seen.flat_map(|declaration| self.of(declaration));
        let addresses = all.filter(|address| once.insert(*address)).collect();
        let new = Found { cluster, created, given: Given { addresses, left } };
        match known {
            Some(index) => found[index] = new,
            None => found.push(new),
        }
    }

    /// The addresses that one declaration gives.
    fn of(&self, declaration: &Declaration) -> Vec<IpAddr> {
        match declaration.entry.is_addressed || declaration.cluster != *self.local {
            true => declaration.entry.addresses.clone(),
            false => declaration.allocated().collect(),
        }
    }

    fn sees(&self, declaration: &Declaration) -> bool {
        match self.eyes {
            Eyes::Namespaces(namespaces) => declaration.entry.exported.is_seen_by(namespaces),
            Eyes::All => true,
        }
    }

    /// Whether a name is for Kubernetes to answer, by one of its zones: a Service that is there, or a name
    /// that no Service could have.
    pub(super) fn is_kubernetes(&self, name: &WireName, zones: &[WireName]) -> bool {
        let Some(left) = zones.iter().filter_map(|zone| name.left_of(zone)).min() else {
            return false;
        };
        if !self.knows_services {
            return true;
        }
        match schema::read(name, left, Grammar::default()) {
            Asked::Service { key, .. } => {
                let registry = self.registry.pin();
                let name = registry.service(key);
                name.is_some_and(|name| name.owners().iter().any(|owner| owner.service.is_some()))
            }
            Asked::Nothing => false,
            _ => true,
        }
    }
}

impl Sentinel {
    /// The names that entries declare, each with the addresses that it has by them: their own, or else those
    /// of the pools of its suffix. Of `*.NAME` the name is written so.
    pub fn declared_names(&self, viewer: &Viewer<'_>) -> Vec<(Folded, Declared)> {
        let mut all = Vec::new();
        for (folded, host) in viewer.registry.all_hosts() {
            let Some((name, _)) = WireName::read(&folded) else { continue };
            for (of, is_itself) in [(&host.itself, true), (&host.below, false)] {
                let Some(first) = of.first() else { continue };
                let mut found = Vec::new();
                for group in of.chunk_by(|one, other| one.cluster == other.cluster) {
                    viewer.add(group, 0, &mut found);
                }
                let given = viewer.decide(found).into_iter().flat_map(|given| given.addresses);
                let mut addresses: BTreeSet<IpAddr> = given.collect();
                if addresses.is_empty() && is_itself {
                    addresses = self.pooled(&name);
                }
                let mut hasher = DefaultHasher::new();
                (&first.cluster, &first.entry.key).hash(&mut hasher);
                let name = if is_itself { folded.clone() } else { all_below(&folded) };
                all.push((name, Declared { addresses, by: hasher.finish() }));
            }
        }
        all
    }

    /// The addresses that a name has in the pools of its suffix.
    fn pooled(&self, name: &WireName) -> BTreeSet<IpAddr> {
        match self.giving(name).map(|suffix| (suffix, &suffix.rule)) {
            Some((suffix, Rule::Pools(pools))) if self.declares(suffix) => {
                pools.iter().map(|pool| pool.pool.address(name)).collect()
            }
            _ => BTreeSet::new(),
        }
    }
}

/// All names below one, as a name.
pub(super) fn all_below(folded: &[u8]) -> Folded {
    [super::ALL_BELOW, folded].concat().into()
}
