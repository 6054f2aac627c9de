//! The hosts of ServiceEntries, and who declares them.

use std::net::IpAddr;
use std::sync::Arc;

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

/// By the folded wire form of the name, with the root.
#[derive(Default)]
pub(super) struct Hosts(DashMap<Box<[u8]>, Arc<Host>>);

impl Hosts {
    pub fn get(&self, name: &[u8]) -> Option<Arc<Host>> {
        self.0.get(name).map(|entry| entry.value().clone())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn all(&self) -> Vec<(Box<[u8]>, Arc<Host>)> {
        self.0.iter().map(|entry| (entry.key().clone(), entry.value().clone())).collect()
    }

    /// Moves the hosts of an entry from what it had to what it has. One that it keeps is there
    /// throughout.
    pub fn change(
        &self,
        cluster: &ClusterId,
        old: Option<&Arc<ServiceEntry>>,
        new: Option<&Arc<ServiceEntry>>,
    ) {
        let before = old.iter().flat_map(|entry| &entry.hosts);
        let after = new.iter().flat_map(|entry| &entry.hosts);
        for text in before.chain(after) {
            let Some((name, _)) = wire_host(text) else { continue };
            let mut host = self.get(&name).map(|host| (*host).clone()).unwrap_or_default();
            let is_of = |entry: &ServiceEntry| {
                [old, new].into_iter().flatten().any(|other| other.key == entry.key)
            };
            for all in [&mut host.itself, &mut host.below] {
                all.retain(|other| other.cluster != *cluster || !is_of(&other.entry));
            }
            for (entry, text) in
                new.iter().flat_map(|new| new.hosts.iter().map(move |text| (new, text)))
            {
                let Some((_, is_below)) = wire_host(text).filter(|(other, _)| *other == name)
                else {
                    continue;
                };
                let all = if is_below { &mut host.below } else { &mut host.itself };
                let (cluster, entry, text) = (cluster.clone(), (*entry).clone(), text.clone());
                if all.iter().all(|other| other.cluster != cluster || other.entry.key != entry.key)
                {
                    all.push(Declaration { cluster, entry, host: text });
                }
            }
            for all in [&mut host.itself, &mut host.below] {
                all.sort_by(|a, b| {
                    let key = |of: &Declaration| (of.entry.created, of.entry.key.clone());
                    a.cluster.cmp(&b.cluster).then_with(|| key(a).cmp(&key(b)))
                });
            }
            match host.itself.is_empty() && host.below.is_empty() {
                true => drop(self.0.remove(&name)),
                false => drop(self.0.insert(name, Arc::new(host))),
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
