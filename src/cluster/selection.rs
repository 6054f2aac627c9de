//! What is watched of a cluster.

use super::kinds::Keep;
use super::labels::LabelSelector;

/// Which kinds of objects, and which of each. Equal selections can share watches.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Selection {
    /// Of Services, EndpointSlices and Pods (CoreDNS, plugin/kubernetes/controller.go).
    pub labels: LabelSelector,
    /// Of Namespaces. One that is not selected does not exist.
    pub namespace_labels: LabelSelector,
    /// Whether EndpointSlices are watched.
    pub endpoints: bool,
    /// What is kept of an endpoint.
    pub keep: Keep,
    /// Whether Pods are watched. Those of members never are: pod records are local.
    pub pods: bool,
}

/// A kind of object that is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Services,
    Namespaces,
    EndpointSlices,
    Pods,
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
        }
    }

    /// The resource and its group, as a role that allows it names them.
    pub fn rule(self) -> &'static str {
        match self {
            Kind::Services => "services",
            Kind::Namespaces => "namespaces",
            Kind::EndpointSlices => "endpointslices.discovery.k8s.io",
            Kind::Pods => "pods",
        }
    }
}
