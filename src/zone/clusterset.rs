//! The Services of the set: what the ServiceExports of all clusters make of a name, without a controller
//! (KEP-1645, "Constraints and Conflict Resolution").
//!
//! In: what each cluster says of a name. Out: its type and ports, who answers for it, and where clusters
//! do not agree. The oldest export wins, whether its cluster can be reached or not: a cluster that comes
//! and goes must not change what a name is.

use std::borrow::Cow;
use std::fmt;

use smallvec::SmallVec;

use super::choice::{Fleet, Reach};
use super::kubernetes::Kubernetes;
use super::schema::Below;
use crate::cluster::ClusterId;
use crate::cluster::kinds::{ObjectKey, Port, Service, ServiceKind};
use crate::registry::{Owner, Pinned, Registry, ServiceName};

/// A Service that one cluster exports at least. Those that a few export and agree on cost no allocation.
pub struct Exported<'a> {
    fleet: &'a Fleet,
    /// The oldest export first, and of equals that of the smaller ID.
    exporters: Owners<'a>,
    /// The whole set's.
    ports: Cow<'a, [Port]>,
}

/// Mostly a few.
pub type Owners<'a> = SmallVec<[&'a Owner; 8]>;

/// That a cluster exports another Service of a name than the set has.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Conflict {
    pub service: ObjectKey,
    pub cluster: ClusterId,
    /// Whose export is the oldest.
    pub oldest: ClusterId,
    pub what: Differs,
}

/// In what a Service differs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Differs {
    /// It is headless and the oldest is not, or the other way about.
    Type,
    /// It lacks ports that others have, or has some that clash with older ones.
    Ports,
}

impl Fleet {
    /// What clusters export of a Service name; `None` where none does. An ExternalName cannot be exported.
    pub fn exported<'a>(
        &'a self,
        registry: &Pinned<'_>,
        namespace: &[u8],
        name: &'a ServiceName,
    ) -> Option<Exported<'a>> {
        // Most names are exported by nobody.
        if name.owners().iter().all(|owner| owner.exported.is_none()) {
            return None;
        }
        let namespace = self.namespace(namespace, registry.namespace(namespace)?);
        let is_alias = |service: &Service| matches!(service.kind, ServiceKind::ExternalName(_));
        let is_exported = |owner: &&Owner| {
            owner.exported.is_some()
                && self.shows(owner, namespace)
                && !owner.service.as_ref().is_some_and(is_alias)
        };
        let mut exporters: Owners<'_> = name.owners().iter().filter(is_exported).collect();
        // They stand in the order of their IDs.
        exporters.sort_by_key(|owner| owner.exported);
        let ports = merged(exporters.iter().map(|owner| ports_of(owner)));
        (!exporters.is_empty()).then_some(Exported { fleet: self, exporters, ports })
    }
}

impl<'a> Exported<'a> {
    /// Namespace and name of the Service.
    pub fn key(&self) -> &'a ObjectKey {
        &self.first().key
    }

    /// Whose export is the oldest, which decides.
    pub fn oldest(&self) -> &'a ClusterId {
        &self.first().cluster
    }

    /// The ports of all exporters.
    pub fn ports(&self) -> &[Port] {
        &self.ports
    }

    /// Whether it is headless, as the oldest is; else it has a ClusterSetIP.
    pub fn is_headless(&self) -> bool {
        is_headless(self.first())
    }

    /// Whether it has a ClusterSetIP and no ready endpoint anywhere. Behind a gateway nobody can say so.
    pub fn is_empty(&self) -> bool {
        let is_idle = |owner: &&Owner| {
            !matches!(self.fleet.reach(&owner.cluster), Reach::Instead(_))
                && owner.slices.iter().all(|slice| slice.is_empty())
        };
        !self.is_headless() && self.exporters.iter().all(is_idle)
    }

    /// Those whose addresses are at the name or a name below: all for a headless Service, the one that the
    /// name of an endpoint says, and else the one whose address stands for the ClusterSetIP.
    pub fn answering(&self, registry: &Registry, below: Below<'_>) -> Owners<'a> {
        if let Below::Endpoint { cluster, .. } = below {
            let is_it = |owner: &&&Owner| {
                label_of(&owner.cluster)
                    .is_some_and(|label| label.as_bytes().eq_ignore_ascii_case(cluster))
            };
            return self.exporters.iter().filter(is_it).copied().collect();
        }
        if self.is_headless() {
            return self.exporters.clone();
        }
        // There is no address of the set's own. The local cluster's leads somewhere in any case; a member
        // that is out of reach is the last choice, and of equals the first is taken, which is the oldest.
        let with_address = self.exporters.iter().filter(|owner| !is_headless(owner));
        let first = with_address.min_by_key(|owner| {
            (owner.cluster != self.fleet.local, registry.is_lost(&owner.cluster))
        });
        first.copied().into_iter().collect()
    }

    /// The ports at a gateway of this cluster: those of the set, or of a headless Service those that the
    /// cluster itself has.
    pub fn ports_at(&self, owner: &Owner) -> Cow<'_, [Port]> {
        let has = |port: &&Port| !self.is_headless() || ports_of(owner).contains(port);
        if self.ports.iter().all(|port| has(&port)) {
            return Cow::Borrowed(&self.ports);
        }
        self.ports.iter().filter(has).cloned().collect()
    }

    /// In what the clusters do not agree.
    pub fn conflicts(&self) -> Vec<Conflict> {
        let mut all = Vec::new();
        for owner in &self.exporters {
            let mut add = |what| {
                let (service, cluster) = (ObjectKey::clone(&owner.key), owner.cluster.clone());
                all.push(Conflict { service, cluster, oldest: self.oldest().clone(), what });
            };
            if is_headless(owner) != self.is_headless() {
                add(Differs::Type);
            }
            let own = ports_of(owner);
            if own.len() != self.ports.len() || own.iter().any(|port| !self.ports.contains(port)) {
                add(Differs::Ports);
            }
        }
        all
    }

    fn first(&self) -> &'a Owner {
        // There is one at least.
        self.exporters[0]
    }
}

impl Kubernetes {
    /// Where clusters do not agree on the Services of the zones of `clusterset`, in order.
    pub fn conflicts(&self, registry: &Registry) -> Vec<Conflict> {
        let mut all = Vec::new();
        let registry = &registry.pin();
        for name in registry.all_services() {
            let Some(owner) = name.owners().first() else { continue };
            let namespace = owner.key.namespace.as_bytes();
            if self.exposes(namespace)
                && let Some(exported) = self.fleet.exported(registry, namespace, name)
            {
                all.extend(exported.conflicts());
            }
        }
        all.sort();
        all
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Conflict { service, cluster, oldest, what } = self;
        match what {
            Differs::Type => write!(
                f,
                "{cluster} exports {service} headless or not, and {oldest}, which exported it first, the \
                 other way"
            ),
            Differs::Ports => {
                write!(f, "{cluster} exports {service} with other ports than the set has")
            }
        }
    }
}

/// The label of a cluster in names; an ID that is no label (RFC 1123) has none.
pub fn label_of(cluster: &ClusterId) -> Option<&str> {
    let id = cluster.as_str();
    let is_inner = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
    let is_label = (1..=63).contains(&id.len())
        && id.bytes().all(is_inner)
        && !id.starts_with('-')
        && !id.ends_with('-');
    is_label.then_some(id)
}

fn is_headless(owner: &Owner) -> bool {
    owner.service.as_ref().is_some_and(|service| service.kind == ServiceKind::Headless)
}

/// The ports of the Service, as its cluster has them.
pub fn ports_of(owner: &Owner) -> &[Port] {
    owner.service.as_ref().map_or(&[], |service| &service.ports)
}

/// The union of ports: of two with one name, or with one protocol and number, the first is taken.
fn merged<'a>(all: impl Iterator<Item = &'a [Port]> + Clone) -> Cow<'a, [Port]> {
    let clash = |one: &Port, other: &Port| {
        one.name == other.name || one.protocol == other.protocol && one.number == other.number
    };
    // Mostly all have the same, and no two of them clash.
    let first = all.clone().next().unwrap_or_default();
    let is_one = |at: usize| !first[..at].iter().any(|other| clash(other, &first[at]));
    if all.clone().all(|ports| ports == first) && (0..first.len()).all(is_one) {
        return Cow::Borrowed(first);
    }
    let mut merged: Vec<Port> = Vec::new();
    for port in all.flatten() {
        if !merged.iter().any(|other| clash(other, port)) {
            merged.push(port.clone());
        }
    }
    Cow::Owned(merged)
}

#[cfg(test)]
#[path = "clusterset_tests.rs"]
mod tests;
