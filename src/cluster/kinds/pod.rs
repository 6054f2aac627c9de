//! The slim Pod.

use std::net::IpAddr;

use super::ObjectKey;

/// What DNS needs of a Pod.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pod {
    pub key: ObjectKey,
    /// `status.podIPs`, in their order.
    pub addresses: Vec<IpAddr>,
}
