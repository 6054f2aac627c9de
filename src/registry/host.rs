//! The hosts of ServiceEntries, and who declares them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;

use crate::cluster::ClusterId;
use crate::cluster::kinds::ServiceEntry;

/// The mark of a host that stands for all names below it.
const ALL_BELOW: &str = "*.";

/// What all clusters declare of one name, in the order of clusters, and of each the oldest entry first.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// `NAME`
    pub itself: Vec<Declaration>,
    /// `*.NAME`
    pub below: Vec<Declaration>,
}

/// One host of one entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Declaration {
    pub cluster: ClusterId,
    pub entry: Arc<ServiceEntry>,
    /// As written.
    pub host: Box<str>,
}

impl Declaration {
    /// The addresses that the control plane of its cluster gave to this host.
    pub fn allocated(&self) -> impl Iterator<Item = IpAddr> {
        let is_mine = |host: &Option<Box<str>>| host.as_ref().is_none_or(|host| *host == self.host);
        self.entry.allocated.iter().filter(move |(host, _)| is_mine(host)).map(|(_, ip)| *ip)
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct Hosts {
    /// By the folded wire form of the name, with the root.
    by_name: DashMap<Box<[u8]>, Arc<Host>>,
    /// How many there are, to be read at each question.
    count: AtomicUsize,
}

impl Hosts {
    pub fn get(&self, name: &[u8]) -> Option<Arc<Host>> {
        self.by_name.get(name).map(|entry| entry.value().clone())
    }

    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    pub fn all(&self) -> Vec<(Box<[u8]>, Arc<Host>)> {
        self.by_name.iter().map(|entry| (entry.key().clone(), entry.value().clone())).collect()
    }

    /// Moves the hosts of an entry from what it had to what it has. One that it keeps is there
    /// throughout.
    pub fn change(
        &self,
        cluster: &ClusterId,
        old: Option<&Arc<ServiceEntry>>,
        new: Option<&Arc<ServiceEntry>>,
    ) {
        // By name, as which the new one declares it: itself, all below it, or no more.
        let mut names: HashMap<Box<[u8]>, [Option<&Box<str>>; 2]> = HashMap::new();
        for text in old.iter().flat_map(|entry| &entry.hosts) {
            names.extend(wire_host(text).map(|(name, _)| (name, [None; 2])));
        }
        for text in new.iter().flat_map(|entry| &entry.hosts) {
            if let Some((name, is_below)) = wire_host(text) {
                names.entry(name).or_default()[usize::from(is_below)].get_or_insert(text);
            }
        }
        for (name, hosts) in names {
            let known = self.get(&name);
            let mut host = known.as_deref().cloned().unwrap_or_default();
            for (all, text) in [&mut host.itself, &mut host.below].into_iter().zip(hosts) {
                let is_mine = |other: &Declaration| {
                    let mut mine = old.into_iter().chain(new);
                    other.cluster == *cluster && mine.any(|entry| entry.key == other.entry.key)
                };
                all.retain(|other| !is_mine(other));
                if let (Some(entry), Some(host)) = (new, text) {
                    let (cluster, entry, host) = (cluster.clone(), entry.clone(), host.clone());
                    all.push(Declaration { cluster, entry, host });
                }
                all.sort_by(|a, b| {
                    let key = |of: &Declaration| (of.entry.created, of.entry.key.clone());
                    a.cluster.cmp(&b.cluster).then_with(|| key(a).cmp(&key(b)))
                });
            }
            let is_empty = host.itself.is_empty() && host.below.is_empty();
            match (known.is_some(), is_empty) {
                (true, true) => {
                    self.by_name.remove(&name);
                    self.count.fetch_sub(1, Ordering::Relaxed);
                }
                (false, true) => {}
                (is_known, false) => {
                    self.by_name.insert(name, Arc::new(host));
                    self.count.fetch_add(usize::from(!is_known), Ordering::Relaxed);
                }
            }
        }
    }
}

/// The name of a host in folded wire form, with the root, and whether the host stands for all names below
/// it. `None` where it is no name.
fn wire_host(host: &str) -> Option<(Box<[u8]>, bool)> {
    let (name, is_below) = match host.strip_prefix(ALL_BELOW) {
        Some(name) => (name, true),
        None => (host, false),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut wire = Vec::with_capacity(name.len() + 2);
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        wire.push(length);
        wire.extend(label.bytes().map(|octet| octet.to_ascii_lowercase()));
    }
    wire.push(0);
    (wire.len() <= 255).then(|| (wire.into(), is_below))
}
