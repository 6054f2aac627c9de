//! The slim ServiceImport (KEP-1645).

use super::{ObjectKey, Port, ServiceKind};

/// What DNS needs of a ServiceImport.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceImport {
    pub key: ObjectKey,
    /// A ClusterSetIP, with `spec.ips`, or headless.
    pub kind: ServiceKind,
    pub ports: Vec<Port>,
}
