//! What is watched of a cluster.

use super::kinds::Keep;
use super::labels::LabelSelector;

/// Which kinds of objects, and which of each. Equal selections can share watches.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Selection {
    /// Of Services, EndpointSlices and Pods (CoreDNS, plugin/kubernetes/controller.go).
    pub labels: LabelSelector,
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
    /// Whether Istio's ServiceEntries are watched.
    pub entries: bool,
    /// Whether ServiceCIDRs and Nodes are watched, for the ranges of Services and pods.
    pub ranges: bool,
}

/// A kind of object that is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Services,
    Namespaces,
    EndpointSlices,
    Pods,
    ServiceImports,
    ServiceEntries,
    ServiceCidrs,
    Nodes,
}

impl Default for Selection {
    /// What every cluster is watched for.
    fn default() -> Self {
        Selection {
            labels: LabelSelector::default(),
            namespace_labels: LabelSelector::default(),
            endpoints: true,
            keep: Keep::default(),
            pods: false,
            imports: false,
            entries: false,
            ranges: false,
        }
    }
}

impl Selection {
    /// The kinds that are watched.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        let wanted = [
            (Kind::Services, true),
            (Kind::Namespaces, true),
            (Kind::EndpointSlices, self.endpoints),
            (Kind::Pods, self.pods),
            (Kind::ServiceImports, self.imports),
            (Kind::ServiceEntries, self.entries),
            (Kind::ServiceCidrs, self.ranges),
            (Kind::Nodes, self.ranges),
        ];
        wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(kind, _)| kind)
    }

    /// The place of a kind among those that are watched; `None` if it is not.
    pub fn place(&self, kind: Kind) -> Option<usize> {
        self.kinds().position(|other| other == kind)
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
            Kind::ServiceEntries => "ServiceEntries",
            Kind::ServiceCidrs => "ServiceCIDRs",
            Kind::Nodes => "Nodes",
        }
    }

    /// The resource and its group, as a role that allows it names them.
    pub fn rule(self) -> &'static str {
        match self {
            Kind::Services => "services",
            Kind::Namespaces => "namespaces",
            Kind::EndpointSlices => "endpointslices.discovery.k8s.io",
            Kind::Pods => "pods",
            Kind::ServiceImports => "serviceimports.multicluster.x-k8s.io",
            Kind::ServiceEntries => "serviceentries.networking.istio.io",
            Kind::ServiceCidrs => "servicecidrs.networking.k8s.io",
            Kind::Nodes => "nodes",
        }
    }
}
