//! Why an answer is what it is, as Extended DNS Errors say it (RFC 8914).

use std::fmt;

use super::gateway::Missing;
use super::overlap::Overlapped;
use crate::cluster::ClusterId;

/// A reason that is not plain from the answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why {
    /// An address is left out.
    Overlap(Overlapped),
    /// The cluster is out of reach, and this is what it said last.
    Stale(ClusterId),
    /// Something of the gateway that answers for the cluster is not known.
    NoGateway(ClusterId, Missing),
    /// These clusters are not known yet.
    NotReady(Vec<ClusterId>),
}

impl Why {
    /// The INFO-CODE (RFC 8914 §4): Other Error, Stale Answer, or Not Ready.
    pub fn code(&self) -> u16 {
        match self {
            Why::Overlap(_) => 0,
            Why::Stale(_) => 3,
            Why::NoGateway(..) | Why::NotReady(_) => 14,
        }
    }
}

/// The EXTRA-TEXT.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Overlap(overlapped) => overlapped.fmt(f),
            Why::Stale(cluster) => write!(f, "{cluster} is out of reach; it said this last"),
            Why::NoGateway(cluster, Missing::Host(host)) => {
                write!(f, "the gateway {host} of {cluster} has no known address")
            }
            Why::NoGateway(cluster, Missing::Service(service)) => {
                write!(f, "the gateway's Service {service} in {cluster} has no load balancer")
            }
            Why::NotReady(clusters) => {
                let names: Vec<&str> = clusters.iter().map(ClusterId::as_str).collect();
                write!(f, "not known yet: {}", names.join(", "))
            }
        }
    }
}
