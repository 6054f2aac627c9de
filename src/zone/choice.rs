//! Who answers for a Service: the local cluster first, otherwise the members, each by its reach.

use std::collections::BTreeSet;
use std::{ptr, slice};

use ipnet::IpNet;

use super::gateway::{Gateway, Resolutions};
use super::overlap::Overlap;
use super::top_level::is_top_level;
use crate::cluster::kinds::{Merge, ObjectKey, Port, Service, ServiceKind};
use crate::cluster::{ClusterId, PerMember};
use crate::registry::{Holder, Owner, Pinned, Registry, ServiceName};

/// Which cluster is local, and how the others are reached: the `fleet` plugin's lines, or the default
/// of a server that knows one cluster only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fleet {
    pub local: ClusterId,
    pub reach: PerMember<Reach>,
    /// Namespaces of members that are answered though they are named like top-level domains.
    pub top_level: PerMember<BTreeSet<Box<[u8]>>>,
    /// The addresses of gateways' host names.
    pub resolved: Resolutions,
    /// The ranges of the local cluster's Services and pods, as the Corefile says them.
    pub cidrs: Vec<IpNet>,
    pub overlap: Overlap,
    pub merge: Merge,
    /// Whether endpoints are known of Services, so that one without any can be told.
    pub knows_endpoints: bool,
}

/// A namespace, as the question or an object spells it, and where it is.
#[derive(Clone, Copy)]
pub struct Namespace<'a> {
    label: &'a [u8],
    /// The clusters that have it, in the order of their IDs.
    homes: &'a [ClusterId],
    /// Whether the local cluster is one of them.
    is_here: bool,
}

/// With what a member's Services are answered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Reach {
    /// Its ClusterIPs, and its endpoints where they are asked for.
    #[default]
    Direct,
    /// Its ready endpoints, as if all its Services were headless.
    Endpoints,
    /// The addresses of a gateway or a sentinel, whatever the Service's own are.
    Instead(Gateway),
}

impl Reach {
    /// Whether an address of the member that is held so is handed out.
    pub fn gives(&self, holder: &Holder) -> bool {
        match self {
            Reach::Direct => true,
            Reach::Endpoints => *holder != Holder::ClusterIp,
            Reach::Instead(_) => false,
        }
    }
}

impl Fleet {
    /// A server that knows one cluster only.
    pub fn alone(local: ClusterId) -> Self {
        Fleet {
            local,
            reach: PerMember::default(),
            top_level: PerMember::default(),
            resolved: Resolutions::default(),
            cidrs: Vec::new(),
            overlap: Overlap::default(),
            merge: Merge::default(),
            knows_endpoints: true,
        }
    }

    /// How a member is reached; the local cluster is always direct.
    pub fn reach(&self, cluster: &ClusterId) -> &Reach {
        if *cluster == self.local {
            return &Reach::Direct;
        }
        self.reach.get(cluster)
    }

    /// Who answers for a Service name. `remote` is false where members may not be asked: while the
    /// local cluster, which comes first, is not known yet.
    pub fn choose<'a>(
        &'a self,
        registry: &'a Pinned<'_>,
        namespace: &'a [u8],
        name: &'a ServiceName,
        remote: bool,
    ) -> Option<Chosen<'a>> {
        let namespace = self.namespace(namespace, registry.namespace(namespace)?);
        // It is not looked for among many owners where it cannot be.
        let local = namespace.is_here.then(|| name.owner(&self.local)).flatten();
        let local = local.filter(|owner| self.answers(owner, namespace));
        if let Some((lead, service)) = local.and_then(|lead| Some((lead, lead.service.as_ref()?))) {
            let merge = service.annotations.merge.unwrap_or(self.merge);
            // Where the endpoints are is not read for nothing: it is seldom near.
            let is_idle =
                || self.knows_endpoints && lead.slices.iter().all(|slice| slice.is_empty());
            let is_alias = || matches!(service.kind, ServiceKind::ExternalName(_));
            let fails_over = merge == Merge::Failover && remote && !is_alias() && is_idle();
            let instead = fails_over
                .then(|| self.member(registry, name, namespace, |owner| self.has_endpoints(owner)));
            let instead = instead.flatten();
            let union = merge == Merge::Union && remote || instead.is_some();
            let lead = instead.unwrap_or(lead);
            return Some(Chosen { fleet: self, lead, name, namespace, union });
        }
        let lead = self.member(registry, name, namespace, |_| remote)?;
        Some(Chosen { fleet: self, lead, name, namespace, union: true })
    }

    /// What one cluster says of a Service name, whoever else has it.
    pub fn choose_of<'a>(
        &'a self,
        registry: &'a Pinned<'_>,
        namespace: &'a [u8],
        name: &'a ServiceName,
        cluster: &ClusterId,
    ) -> Option<Chosen<'a>> {
        let namespace = self.namespace(namespace, registry.namespace(namespace)?);
        let lead = name.owner(cluster).filter(|owner| self.shows(owner, namespace))?;
        Some(Chosen { fleet: self, lead, name, namespace, union: false })
    }

    /// A namespace that these clusters have, in the order of their IDs.
    pub fn namespace<'a>(&self, label: &'a [u8], homes: &'a [ClusterId]) -> Namespace<'a> {
        Namespace { label, homes, is_here: homes.binary_search(&self.local).is_ok() }
    }

    /// Whether a member's namespace is not answered for, as it is named like a top-level domain.
    pub fn hides(&self, cluster: &ClusterId, namespace: Namespace<'_>) -> bool {
        !namespace.is_here
            && *cluster != self.local
            && is_top_level(namespace.label)
            && !self.top_level.get(cluster).contains(namespace.label)
    }

    /// Whether a cluster may answer with what it has of a name.
    fn answers(&self, owner: &Owner, namespace: Namespace<'_>) -> bool {
        self.shows(owner, namespace) && !self.hides(&owner.cluster, namespace)
    }

    /// The same where the name says which cluster is meant.
    pub(super) fn shows(&self, owner: &Owner, namespace: Namespace<'_>) -> bool {
        let is_shown =
            |service: &Service| owner.cluster == self.local || !service.annotations.is_hidden;
        owner.service.as_ref().is_some_and(is_shown)
            && namespace.homes.binary_search(&owner.cluster).is_ok()
    }

    /// Whether a member has something behind a Service, as far as one can know.
    fn has_endpoints(&self, owner: &Owner) -> bool {
        matches!(self.reach(&owner.cluster), Reach::Instead(_))
            || owner.slices.iter().any(|slice| !slice.is_empty())
    }

    /// The member that answers for a Service.
    fn member<'a>(
        &self,
        registry: &Registry,
        name: &'a ServiceName,
        namespace: Namespace<'_>,
        wanted: impl Fn(&Owner) -> bool,
    ) -> Option<&'a Owner> {
        let members = || {
            name.by_age().filter(|owner| {
                owner.cluster != self.local && self.answers(owner, namespace) && wanted(owner)
            })
        };
        // One that is out of reach is the last choice. Mostly the first one answers, however many there are.
        let near = members().find(|owner| !registry.is_lost(&owner.cluster));
        near.or_else(|| members().next())
    }
}

/// The cluster whose Service decides, and those that answer with it.
#[derive(Clone)]
pub struct Chosen<'a> {
    fleet: &'a Fleet,
    lead: &'a Owner,
    name: &'a ServiceName,
    namespace: Namespace<'a>,
    /// Whether the endpoints of all that have it headless are merged.
    union: bool,
}

impl<'a> Chosen<'a> {
    /// What the Service is.
    pub fn kind(&self) -> &'a ServiceKind {
        match &self.lead.service {
            Some(service) => &service.kind,
            // `choose` takes only owners that have the Service.
            None => &ServiceKind::Headless,
        }
    }

    /// The ports of the Service, as its cluster has them.
    pub fn ports(&self) -> &'a [Port] {
        self.lead.service.as_ref().map_or(&[], |service| &service.ports)
    }

    /// The cluster whose Service decides.
    pub fn cluster(&self) -> &'a ClusterId {
        &self.lead.cluster
    }

    /// Namespace and name of the Service.
    pub fn key(&self) -> &'a ObjectKey {
        &self.lead.key
    }

    /// Whether it has a ClusterIP and no ready endpoint to lead to. Where endpoints are not watched,
    /// behind a gateway, nobody can say so.
    pub fn is_empty(&self) -> bool {
        matches!(self.kind(), ServiceKind::ClusterIp(_))
            && *self.fleet.reach(&self.lead.cluster) == Reach::Direct
            && self.lead.slices.iter().all(|slice| slice.is_empty())
    }

    /// Those that answer: the one that was chosen, or all members that have it headless, whose
    /// endpoints are merged.
    pub fn owners(&self) -> impl Iterator<Item = &'a Owner> + use<'_, 'a> {
        let union = self.union && matches!(self.kind(), ServiceKind::Headless);
        let headless = |owner: &Owner| {
            owner.service.as_ref().is_some_and(|service| service.kind == ServiceKind::Headless)
        };
        let all = if union { self.name.owners() } else { slice::from_ref(self.lead) };
        all.iter().filter(move |owner| {
            ptr::eq(*owner, self.lead)
                || headless(owner) && self.fleet.answers(owner, self.namespace)
        })
    }

    /// Whether an address that a cluster holds so is handed out for this name.
    pub fn hands_out(&self, cluster: &ClusterId, holder: &Holder) -> bool {
        self.fleet.reach(cluster).gives(holder)
            && self.owners().any(|owner| owner.cluster == *cluster)
    }
}
