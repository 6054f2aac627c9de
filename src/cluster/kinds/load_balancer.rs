//! What a Service says of the load balancer in front of it.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::Service as ApiService;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::{ObjectKey, key_of, needed};

/// What is believed of a member at most.
const MOST: usize = 64;

/// Where clients reach a Service from outside of its cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadBalancer {
    pub key: ObjectKey,
    /// `status.loadBalancer.ingress`; empty while it has none.
    pub points: Vec<Point>,
}

/// One way in. Some clouds give addresses, others a host name whose addresses change.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Point {
    Address(IpAddr),
    /// In lower case, without a final dot.
    Host(Box<str>),
}

/// A Service as the API writes it, less all but its status.
#[derive(kube::Resource, Deserialize, Serialize, Clone, Debug)]
#[resource(inherit = ApiService)]
pub struct LoadBalancerObject {
    #[serde(deserialize_with = "needed")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    status: Option<StatusObject>,
}

#[derive(Deserialize, Serialize, Clone, Debug, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatusObject {
    #[serde(default)]
    load_balancer: Option<IngressObject>,
}

#[derive(Deserialize, Serialize, Clone, Debug, Default)]
struct IngressObject {
    #[serde(default)]
    ingress: Option<Vec<PointObject>>,
}

#[derive(Deserialize, Serialize, Clone, Debug, Default)]
struct PointObject {
    #[serde(default)]
    ip: Option<Box<str>>,
    #[serde(default)]
    hostname: Option<Box<str>>,
}

impl Point {
    /// A host by its name, with or without a final dot.
    pub fn host(name: &str) -> Point {
        Point::Host(name.trim_end_matches('.').to_ascii_lowercase().into())
    }
}

impl StatusObject {
    /// The ways in, in their order; what is neither an address nor a name is none.
    pub(super) fn points(self) -> impl Iterator<Item = Point> {
        let ingress = self.load_balancer.and_then(|load_balancer| load_balancer.ingress);
        ingress.into_iter().flatten().filter_map(|point| {
            let address = point.ip.as_deref().and_then(|ip| ip.parse().ok()).map(Point::Address);
            let is_host = |name: &&str| !name.trim_end_matches('.').is_empty();
            address.or_else(|| point.hostname.as_deref().filter(is_host).map(Point::host))
        })
    }
}

impl From<LoadBalancerObject> for LoadBalancer {
    fn from(object: LoadBalancerObject) -> Self {
        let key = key_of(&object.metadata);
        let mut points: Vec<Point> =
            object.status.into_iter().flat_map(StatusObject::points).collect();
        if points.len() > MOST {
            warn!(service = %key, "a load balancer with {} ways in: the first {MOST} are taken", points.len());
            points.truncate(MOST);
        }
        LoadBalancer { key, points }
    }
}
