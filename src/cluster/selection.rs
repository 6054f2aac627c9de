//! What is watched of a cluster.

use std::collections::BTreeSet;

use super::kinds::{Keep, ObjectKey};
use super::labels::LabelSelector;

/// Which kinds of objects, and which of each. Equal selections can share watches.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Selection {
    /// Of Services, EndpointSlices and Pods (CoreDNS, plugin/kubernetes/controller.go).
    pub labels: LabelSelector,
    /// Of Services alone, besides `labels`: those that a member exposes.
    pub exposed: LabelSelector,
    /// The namespaces that a member exposes, each of which is watched by itself; all where `None`.
    pub namespaces: Option<BTreeSet<String>>,
    /// Of Namespaces, one of which does not exist if it is not selected, and of ServiceImports, as in
    /// CoreDNS.
    pub namespace_labels: LabelSelector,
    /// Whether EndpointSlices are watched.
    pub endpoints: bool,
    /// What is kept of an endpoint.
    pub keep: Keep,
    /// Whether Pods are watched. Those of members never are: pod records are local.
    pub pods: bool,
    /// Whether ServiceImports are watched. Those of members never are.
    pub imports: bool,
    /// Whether ServiceExports are watched.
    pub exports: bool,
    /// Whether Services that are not exported, and their EndpointSlices, are let go.
    pub only_exported: bool,
    /// Whether Istio's ServiceEntries are watched.
    pub entries: bool,
    /// Whether ServiceCIDRs and Nodes are watched, for the ranges of Services and pods.
    pub ranges: bool,
    /// The Service whose load balancer leads into the cluster, if that is to be known.
    pub gateway: Option<ObjectKey>,
}

/// How many watches a member has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Number {
    pub all: usize,
    /// Those of Services, which stand first.
    pub of_services: usize,
}

/// A kind of object that is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Services,
    Namespaces,
    EndpointSlices,
    Pods,
    ServiceImports,
    ServiceExports,
    ServiceEntries,
    ServiceCidrs,
    Nodes,
    /// The one Service that is the gateway.
    Gateway,
}

impl Default for Selection {
    /// What every cluster is watched for.
    fn default() -> Self {
        Selection {
            labels: LabelSelector::default(),
            exposed: LabelSelector::default(),
            namespaces: None,
            namespace_labels: LabelSelector::default(),
            endpoints: true,
            keep: Keep::default(),
            pods: false,
            imports: false,
            exports: false,
            only_exported: false,
            entries: false,
            ranges: false,
            gateway: None,
        }
    }
}

impl Selection {
    /// The kinds that are watched; Services stand first.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        let wanted = [
            (Kind::Services, true),
            (Kind::Namespaces, true),
            (Kind::EndpointSlices, self.endpoints),
            (Kind::Pods, self.pods),
            (Kind::ServiceImports, self.imports),
            (Kind::ServiceExports, self.exports),
            (Kind::ServiceEntries, self.entries),
            (Kind::ServiceCidrs, self.ranges),
            (Kind::Nodes, self.ranges),
            (Kind::Gateway, self.gateway.is_some()),
        ];
        wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(kind, _)| kind)
    }

    /// The places of a kind's watches among all watches, each with the namespace that it is of, or `None`
    /// for all of them. There are none where the kind is not watched.
    pub fn places(&self, kind: Kind) -> Vec<(usize, Option<&str>)> {
        let before = self.kinds().take_while(|other| *other != kind);
        let first: usize = before.map(|kind| self.spaces(kind).len()).sum();
        if self.kinds().all(|other| other != kind) {
            return Vec::new();
        }
        (first..).zip(self.spaces(kind)).collect()
    }

    /// The kind that the watch at a place is of.
    pub fn kind_at(&self, place: usize) -> Option<Kind> {
        self.kinds().find(|kind| self.places(*kind).iter().any(|(other, _)| *other == place))
    }

    /// Whether the objects of a namespace are watched.
    pub fn has_namespace(&self, name: &str) -> bool {
        self.namespaces.as_ref().is_none_or(|names| names.contains(name))
    }

    /// How many watches there are.
    pub fn watches(&self) -> Number {
        let number = |kind| self.spaces(kind).len();
        Number { all: self.kinds().map(number).sum(), of_services: number(Kind::Services) }
    }

    fn spaces(&self, kind: Kind) -> Vec<Option<&str>> {
        let divided = matches!(
            kind,
            Kind::Services
                | Kind::Namespaces
                | Kind::EndpointSlices
                | Kind::ServiceExports
                | Kind::ServiceEntries
        );
        match &self.namespaces {
            Some(namespaces) if divided => namespaces.iter().map(|name| Some(&**name)).collect(),
            _ => vec![None],
        }
    }
}

impl Kind {
    /// The plural that the log uses.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Services => "Services",
            Kind::Namespaces => "Namespaces",
            Kind::EndpointSlices => "EndpointSlices",
            Kind::Pods => "Pods",
            Kind::ServiceImports => "ServiceImports",
            Kind::ServiceExports => "ServiceExports",
            Kind::ServiceEntries => "ServiceEntries",
            Kind::ServiceCidrs => "ServiceCIDRs",
            Kind::Nodes => "Nodes",
            Kind::Gateway => "the gateway's Service",
        }
    }

    /// The resource and its group, as a role that allows it names them.
    pub fn rule(self) -> &'static str {
        match self {
            Kind::Services | Kind::Gateway => "services",
            Kind::Namespaces => "namespaces",
            Kind::EndpointSlices => "endpointslices.discovery.k8s.io",
            Kind::Pods => "pods",
            Kind::ServiceImports => "serviceimports.multicluster.x-k8s.io",
            Kind::ServiceExports => "serviceexports.multicluster.x-k8s.io",
            Kind::ServiceEntries => "serviceentries.networking.istio.io",
            Kind::ServiceCidrs => "servicecidrs.networking.k8s.io",
            Kind::Nodes => "nodes",
        }
    }
}
