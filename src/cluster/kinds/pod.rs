//! The slim Pod.

use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod as ApiPod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::{ObjectKey, key_of, needed};

/// The phases of pods that have no records; the API server leaves them out of lists
/// (CoreDNS, plugin/kubernetes/controller.go, `podListFunc`).
pub(in crate::cluster) const FIELD_SELECTOR: &str =
    "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown";

/// What DNS needs of a Pod.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pod {
    pub key: ObjectKey,
    /// `status.podIPs`, of both families; `status.podIP` is not read, as in CoreDNS
    /// (plugin/kubernetes/object/pod.go).
    pub addresses: Vec<IpAddr>,
    /// For the metadata of a question that it asks.
    pub labels: Arc<[(Box<str>, Box<str>)]>,
}

/// A Pod as the API writes it, less what DNS does not need.
#[derive(kube::Resource, Deserialize, Serialize, Clone, PartialEq, Debug)]
#[resource(inherit = ApiPod)]
pub struct PodObject {
    #[serde(deserialize_with = "needed")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    status: StatusObject,
}

#[derive(Deserialize, Serialize, Clone, PartialEq, Debug, Default)]
struct StatusObject {
    #[serde(default)]
    phase: Option<Box<str>>,
    #[serde(default, rename = "podIPs")]
    addresses: Option<Vec<AddressObject>>,
}

#[derive(Deserialize, Serialize, Clone, PartialEq, Debug)]
struct AddressObject {
    #[serde(default)]
    ip: Option<Box<str>>,
}

impl PodObject {
    /// Whether it is about to end.
    pub fn is_terminating(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    /// Whether it has ended, or nobody knows: API servers leave it out, manifests do not.
    pub fn is_over(&self) -> bool {
        matches!(self.status.phase.as_deref(), Some("Succeeded" | "Failed" | "Unknown"))
    }
}

impl From<PodObject> for Pod {
    fn from(object: PodObject) -> Self {
        let addresses = object.status.addresses.unwrap_or_default();
        let labels = object.metadata.labels.iter().flatten();
        let texts = addresses.iter().filter_map(|address| address.ip.as_deref());
        Pod {
            key: key_of(&object.metadata),
            addresses: texts.filter_map(|text| text.parse().ok()).collect(),
            labels: labels
                .map(|(name, value)| (name.as_str().into(), value.as_str().into()))
                .collect(),
        }
    }
}
