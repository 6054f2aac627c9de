//! Why a name of a Kubernetes zone is answered as it is.
//!
//! In: a question, and what is known. Out: the rules in the order in which [`super::Kubernetes::complete`]
//! goes by them, each with what it says. What they say is found by the same functions that answer.

mod pointer;
mod set;

use k8s_openapi::jiff::Timestamp;

use super::alias::Elsewhere;
use super::{Known, Kubernetes, Look, Made, Notes, Pods, UNKNOWN_TTL};
use crate::cluster::ClusterId;
use crate::cluster::kinds::{Merge, ObjectKey, Service, ServiceKind};
use crate::registry::{Owner, ServiceName};
use crate::zone::choice::{Chosen, Reach};
use crate::zone::explain::{Steps, list};
use crate::zone::gateway::Missing;
use crate::zone::name::WireName;
use crate::zone::overlap::{Overlap, Overlapped};
use crate::zone::reverse;
use crate::zone::schema::{Asked, Below};

impl Kubernetes {
    /// Explains a name with `left` labels left of its zone.
    pub fn explain(
        &self,
        registry: &crate::registry::Registry,
        known: Known,
        name: &WireName,
        left: usize,
        steps: &mut Steps,
    ) {
        let (elsewhere, notes) = (Elsewhere::default(), Notes::default());
        let registry = &registry.pin();
        let whole = self.look(registry, known, &elsewhere, (name, left));
        let whole = Look { notes: Some(&notes), ..whole };
        steps.add("zone", format!("the name is in the zone {}", whole.spelled_zone()));
        if reverse::is_reverse(name) {
            return whole.explain_pointer(steps);
        }
        let per_cluster = self.is_per_cluster(name, left) && !whole.is_of_server();
        let Some(inner) = left.checked_sub(1).filter(|_| per_cluster) else {
            return whole.explain_name(steps);
        };
        let label = String::from_utf8_lossy(name.label(inner)).into_owned();
        match registry.cluster(name.label(inner)) {
            Some(cluster) => {
                steps.of("per_cluster", &cluster, "this cluster alone is asked");
                whole.inside(inner, &cluster).explain_name(steps);
            }
            None => steps.add("per_cluster", format!("no known cluster has the ID {label}")),
        }
    }
}

impl Look<'_> {
    fn explain_name(&self, steps: &mut Steps) {
        let text = |label: &[u8]| String::from_utf8_lossy(label).into_owned();
        match self.asked {
            Asked::Container | Asked::NameServerParent => {
                steps.add("name", "it is there because of the names below it");
            }
            Asked::DnsVersion => steps.add("name", "the version of the schema, in a TXT record"),
            Asked::NameServer => steps.add("name", "this server"),
            Asked::Nothing => steps.add("name", "no name of the schema has this form"),
            Asked::Namespace { namespace } => {
                steps.add("name", format!("it asks for the namespace {}", text(namespace)));
                if self.explain_namespaces(namespace, steps) {
                    self.explain_homes(namespace, steps);
                }
            }
            Asked::PodNamespace { namespace } => {
                let says = format!("it asks for the namespace {}, of pods", text(namespace));
                steps.add("name", says);
                self.explain_pods(namespace, steps);
            }
            Asked::Pod { pod, namespace } => {
                let says = format!("it asks for the pod {} of {}", text(pod), text(namespace));
                steps.add("name", says);
                self.explain_pods(namespace, steps);
            }
            Asked::Service { key, namespace, below } => {
                let service = spelled(key);
                steps.add("name", format!("it asks for {}the Service {service}", part(below)));
                let made = self.made;
                if made == Made::Imports {
                    steps.add("multicluster", "answered from the local cluster's ServiceImports");
                } else if self.explain_namespaces(namespace, steps) {
                    match self.registry.service(key) {
                        Some(name) if made == Made::Exports => {
                            self.explain_exported(namespace, name, below, steps);
                        }
                        Some(name) => self.explain_service(namespace, name, below, steps),
                        None => steps.add(
                            "services",
                            "no cluster that is known has this Service, or exposes it",
                        ),
                    }
                }
            }
        }
    }

    /// Whether a namespace is answered for.
    fn explain_namespaces(&self, namespace: &[u8], steps: &mut Steps) -> bool {
        let exposes = self.zone.exposes(namespace);
        if self.zone.namespaces.is_some() {
            let not = if exposes { "" } else { "not " };
            steps.add("namespaces", format!("its namespace is {not}answered for"));
        }
        exposes
    }

    /// Which clusters have a namespace.
    fn explain_homes(&self, namespace: &[u8], steps: &mut Steps) {
        let homes = self.registry.namespace(namespace);
        let homes = homes.unwrap_or_default();
        let is_asked = |cluster: &&ClusterId| self.only.is_none_or(|only| only == *cluster);
        let asked: Vec<_> = homes.iter().filter(is_asked).collect();
        if asked.is_empty() {
            return steps.add("clusters", "no known cluster that is asked has it");
        }
        let fleet = &self.zone.fleet;
        let namespace = fleet.namespace(namespace, homes);
        for cluster in asked {
            // Where the name says which cluster is meant, nobody is taken for the Internet.
            let hidden = self.only.is_none()
                && self.made == Made::Services
                && fleet.hides(cluster, namespace);
            steps.of("clusters", cluster, if hidden { HIDDEN } else { "has it" });
        }
    }

    /// Whether names of pods of a namespace exist.
    fn explain_pods(&self, namespace: &[u8], steps: &mut Steps) {
        let local = &self.zone.fleet.local;
        steps.add(
            "pods",
            match self.zone.pods {
                Pods::Disabled => "disabled: names of pods do not exist",
                Pods::Insecure => {
                    "insecure: pods have the address in their name, whether there is such a pod or not"
                }
                Pods::Verified => {
                    "verified: pods have the address in their name, if a running Pod of the namespace has it"
                }
            },
        );
        let here = self.namespace_exists_here(namespace);
        steps.of(
            "local",
            local,
            match here {
                true => "has the namespace",
                false => "does not have the namespace, or is not asked: names of pods are local",
            },
        );
    }

    fn explain_service(
        &self,
        namespace: &[u8],
        name: &ServiceName,
        below: Below<'_>,
        steps: &mut Steps,
    ) {
        self.explain_owners(namespace, name, steps);
        let Some(chosen) = self.choose(namespace, name) else {
            return steps.add("choice", "no cluster may answer: the name does not exist");
        };
        self.explain_choice(&chosen, name, steps);
        if self.zone.ignore_empty && chosen.is_empty() {
            let says = "no endpoint is ready: the name does not exist";
            return steps.add("ignore empty_service", says);
        }
        if !matches!(chosen.kind(), ServiceKind::ExternalName(_)) {
            let answering: Vec<_> = chosen.owners().collect();
            answering.iter().for_each(|owner| self.explain_reach(owner, below, steps));
            for owner in &answering {
                self.explain_overlap(owner, chosen.kind(), steps);
            }
        }
        match self.entries(|_| {}) {
            true => self.explain_ttl(&chosen.owners().collect::<Vec<_>>(), steps),
            false => steps.add("name", "the Service has no ready endpoint or port of this name"),
        }
    }

    /// What each cluster that may be asked has of a Service.
    fn explain_owners(&self, namespace: &[u8], name: &ServiceName, steps: &mut Steps) {
        let fleet = &self.zone.fleet;
        let homes = self.registry.namespace(namespace);
        let homes = homes.unwrap_or_default();
        let is_asked = |cluster: &ClusterId| self.only.is_none_or(|only| only == cluster);
        let (mine, others): (Vec<_>, Vec<_>) = name
            .owners()
            .iter()
            .filter(|owner| is_asked(&owner.cluster))
            .partition(|owner| owner.cluster == fleet.local);
        if !self.known.local {
            let says = "is not known yet: members are not asked before it";
            steps.of("local", &fleet.local, says);
        } else if mine.is_empty() && is_asked(&fleet.local) {
            steps.of("local", &fleet.local, "does not have this Service");
        }
        for owner in mine {
            steps.of("local", &owner.cluster, self.has(owner, homes));
            let merge = owner.service.as_ref().map(|service| service.annotations.merge);
            if self.only.is_none() {
                steps.add("merge", self.merges(merge.flatten()));
            }
        }
        for owner in others {
            steps.of("members", &owner.cluster, self.has(owner, homes));
        }
        let is_absent =
            |id: &&ClusterId| **id != fleet.local && is_asked(id) && name.owner(id).is_none();
        let all = self.registry.clusters();
        let absent: Vec<_> = all.iter().filter(is_absent).collect();
        if !absent.is_empty() {
            let says = format!("do not have it, or do not expose it: {}", list(absent));
            steps.add("members", says);
        }
    }

    /// What a cluster has of a Service, and whether it may answer.
    fn has(&self, owner: &Owner, homes: &[ClusterId]) -> String {
        let Some(service) = &owner.service else {
            return "has endpoints, and not the Service that they are of".to_owned();
        };
        let fleet = &self.zone.fleet;
        let is_replaced = matches!(fleet.reach(&owner.cluster), Reach::Instead(_));
        let knows_endpoints = fleet.knows_endpoints && !is_replaced;
        let mut says = format!("has it: {}", described(service, owner, knows_endpoints));
        let namespace = fleet.namespace(owner.key.namespace.as_bytes(), homes);
        if !homes.contains(&owner.cluster) {
            says.push_str("; its namespace does not exist there, so it is not answered");
        } else if owner.cluster != fleet.local && service.annotations.is_hidden {
            says.push_str("; the annotation fleetdns.io/expose hides it");
        } else if self.only.is_none() && fleet.hides(&owner.cluster, namespace) {
            says.push_str("; ");
            says.push_str(HIDDEN);
        }
        if self.registry.is_lost(&owner.cluster) {
            says.push_str("; out of reach, so it is the last choice");
        }
        says
    }

    fn merges(&self, annotated: Option<Merge>) -> String {
        let (merge, whose) = match annotated {
            Some(merge) => (merge, "the annotation of the local Service"),
            None => (self.zone.fleet.merge, "the Corefile"),
        };
        let what = match merge {
            Merge::LocalFirst => "local-first: the local cluster alone answers",
            Merge::Union => "union: if it is headless, the endpoints of all are answered",
            Merge::Failover => "failover: members answer while it has no ready endpoint here",
        };
        format!("{what} ({whose})")
    }

    fn explain_choice(&self, chosen: &Chosen<'_>, name: &ServiceName, steps: &mut Steps) {
        let owners: Vec<&ClusterId> = chosen.owners().map(|owner| &owner.cluster).collect();
        let lead = chosen.cluster();
        let local = &self.zone.fleet.local;
        let is_local = lead == local;
        let has_local = name.owner(local).is_some_and(|owner| {
            let homes = self.registry.namespace(owner.key.namespace.as_bytes());
            owner.service.is_some() && homes.is_some_and(|homes| homes.contains(local))
        });
        let why = if self.only.is_some() {
            "it is the one that the name says"
        } else if is_local {
            "the local cluster comes first"
        } else if has_local {
            "the local one has no ready endpoint, and of the others it is the oldest"
        } else if name.owners().len() == 1 {
            "nobody else has it"
        } else {
            "its Service is the oldest of those that may answer, or of equals its ID the first"
        };
        steps.of("choice", lead, format!("answers: {why}"));
        if owners.len() > 1 {
            steps.add("choice", format!("the endpoints of {} are joined", list(owners)));
        }
    }

    fn explain_reach(&self, owner: &Owner, below: Below<'_>, steps: &mut Steps) {
        if owner.cluster == self.zone.fleet.local {
            return;
        }
        let says = match self.zone.fleet.reach(&owner.cluster) {
            Reach::Direct => "direct: by its own addresses".to_owned(),
            Reach::Endpoints => "endpoints: by the addresses of its ready endpoints".to_owned(),
            Reach::Instead(gateway) => {
                let found = self.zone.fleet.lead(self.registry, &owner.cluster, gateway);
                let mut says = format!("by {} in place of its own", list(&found.addresses));
                match found.missing {
                    Some(Missing::Host(host)) => {
                        says.push_str(&format!("; {host} has no known address"))
                    }
                    Some(Missing::Service(key)) => {
                        says.push_str(&format!("; {key} has no load balancer"))
                    }
                    None => {}
                }
                if matches!(below, Below::Endpoint { .. } | Below::Topology { .. }) {
                    says.push_str("; endpoints have no names");
                }
                says
            }
        };
        steps.of("reach", &owner.cluster, says);
    }

    /// The addresses that are left out.
    fn explain_overlap(&self, owner: &Owner, kind: &ServiceKind, steps: &mut Steps) {
        let fleet = &self.zone.fleet;
        if owner.cluster == fleet.local || matches!(fleet.reach(&owner.cluster), Reach::Instead(_))
        {
            return;
        }
        let ips = match kind {
            ServiceKind::ClusterIp(ips) if *fleet.reach(&owner.cluster) == Reach::Direct => {
                ips.clone()
            }
            _ => owner.endpoints().map(|(endpoint, _)| endpoint.address).collect(),
        };
        let mut is_out = false;
        for address in ips {
            if let Some(clash) = fleet.clash(self.registry, owner, address) {
                let (cluster, service) = (owner.cluster.clone(), ObjectKey::clone(&owner.key));
                let overlapped = Overlapped { cluster, service, address, clash };
                steps.of("overlap", &owner.cluster, overlapped.to_string());
                is_out = true;
            }
        }
        match &fleet.overlap {
            Overlap::Sentinel(addresses) if is_out => {
                steps.add("overlap", format!("where none is left, {} answers", list(addresses)));
            }
            Overlap::NoData if is_out => {
                steps.add("overlap", "where none is left, there is no data")
            }
            _ => {}
        }
    }

    fn explain_ttl(&self, answering: &[&Owner], steps: &mut Steps) {
        for owner in answering {
            self.answers(&owner.cluster);
            self.leads(&owner.cluster);
        }
        let why = match self.ttl() {
            _ if self.notes.is_some_and(|notes| notes.missing.get().is_some()) => {
                return steps
                    .add("ttl", format!("{UNKNOWN_TTL} seconds: the gateway is not known"));
            }
            ttl if ttl == self.zone.ttl => "",
            _ => {
                ": less than that of the zone, as a cluster is out of reach or a gateway's name says so"
            }
        };
        steps.add("ttl", format!("{} seconds{why}", self.ttl()));
    }
}

const HIDDEN: &str =
    "hidden: a namespace that only members have and that is named like a top-level domain";

fn described(service: &Service, owner: &Owner, knows_endpoints: bool) -> String {
    let mut says = match &service.kind {
        ServiceKind::ClusterIp(ips) => format!("ClusterIP {}", list(ips)),
        ServiceKind::Headless => "headless".to_owned(),
        ServiceKind::ExternalName(target) => format!("an alias of {target}"),
    };
    if knows_endpoints && !matches!(service.kind, ServiceKind::ExternalName(_)) {
        says.push_str(&format!(", ready endpoints: {}", owner.endpoints().count()));
    }
    if let Some(created) = Some(service.created).filter(|created| *created != 0)
        && let Ok(time) = Timestamp::from_second(created)
    {
        says.push_str(&format!(", created {time}"));
    }
    says
}

/// Wire labels of a Service as `namespace/name`.
fn spelled(key: &[u8]) -> String {
    let (length, rest) =
        key.split_first().map_or((0, key), |(length, rest)| (usize::from(*length), rest));
    let (name, rest) = rest.split_at(length.min(rest.len()));
    let namespace = rest.get(1..).unwrap_or_default();
    format!("{}/{}", String::from_utf8_lossy(namespace), String::from_utf8_lossy(name))
}

fn part(below: Below<'_>) -> String {
    let text = |label: &[u8]| String::from_utf8_lossy(label).into_owned();
    match below {
        Below::Itself => String::new(),
        Below::Endpoint { name, cluster: b"" } => format!("the endpoint {} of ", text(name)),
        Below::Endpoint { name, cluster } => {
            format!("the endpoint {} in {} of ", text(name), text(cluster))
        }
        Below::Port { name, protocol } => {
            format!("the port _{}._{} of ", text(name), text(protocol))
        }
        Below::Topology { prefer: true, .. } => {
            "the endpoints in a topology zone, or all, of ".into()
        }
        Below::Topology { .. } => "the endpoints in a topology zone of ".into(),
    }
}
