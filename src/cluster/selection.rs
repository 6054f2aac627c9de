//! What is watched of a cluster.

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
}

impl Default for Selection {
    /// What every cluster is watched for.
    fn default() -> Self {
        Selection {
            labels: LabelSelector::default(),
            namespace_labels: LabelSelector::default(),
            endpoints: true,
        }
    }
}
