//! The slim Service.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::Service as ApiService;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::{ObjectKey, Port, PortObject, key_of};

/// What DNS needs of a Service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    pub key: ObjectKey,
    pub kind: ServiceKind,
    pub ports: Vec<Port>,
    /// `metadata.creationTimestamp` in seconds since 1970; 0 where a manifest has none.
    pub created: i64,
}

/// The three shapes of Services that DNS tells apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServiceKind {
    /// `spec.clusterIPs`, in their order; at most one of each family.
    ClusterIp(Vec<IpAddr>),
    /// `clusterIP: None`: the name answers with the ready endpoints.
    Headless,
    /// The target as written, with or without a trailing dot.
    ExternalName(Box<str>),
}

/// A Service as the API writes it, less what DNS does not need.
#[derive(kube::Resource, Deserialize, Serialize, Clone, Debug)]
#[resource(inherit = ApiService)]
#[serde(rename_all = "camelCase")]
pub struct ServiceObject {
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: SpecObject,
}

#[derive(Deserialize, Serialize, Clone, Debug, Default)]
#[serde(rename_all = "camelCase")]
struct SpecObject {
    #[serde(default, rename = "type")]
    kind: Option<Box<str>>,
    #[serde(default, rename = "clusterIP")]
    cluster_ip: Option<Box<str>>,
    #[serde(default, rename = "clusterIPs")]
    cluster_ips: Option<Vec<Box<str>>>,
    #[serde(default)]
    external_name: Option<Box<str>>,
    #[serde(default)]
    ports: Option<Vec<PortObject>>,
}

impl From<ServiceObject> for Service {
    fn from(object: ServiceObject) -> Self {
        let spec = object.spec;
        let kind = if spec.kind.as_deref() == Some("ExternalName") {
            ServiceKind::ExternalName(spec.external_name.unwrap_or_default())
        } else if spec.cluster_ip.as_deref() == Some("None") {
            ServiceKind::Headless
        } else {
            let listed = spec.cluster_ips.unwrap_or_default();
            let texts =
                if listed.is_empty() { spec.cluster_ip.into_iter().collect() } else { listed };
            ServiceKind::ClusterIp(texts.iter().filter_map(|text| text.parse().ok()).collect())
        };
        Service {
            key: key_of(&object.metadata),
            kind,
            ports: spec.ports.unwrap_or_default().into_iter().map(Port::from).collect(),
            created: object.metadata.creation_timestamp.map_or(0, |time| time.0.as_second()),
        }
    }
}
