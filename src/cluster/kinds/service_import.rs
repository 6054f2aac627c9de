//! The slim ServiceImport (KEP-1645).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::{ObjectKey, Port, PortObject, ServiceKind, key_of, needed, served_as};

/// What DNS needs of a ServiceImport.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceImport {
    pub key: ObjectKey,
    /// A ClusterSetIP, with `spec.ips`, or headless.
    pub kind: ServiceKind,
    pub ports: Box<[Port]>,
}

/// A ServiceImport as the API writes it, less what DNS does not need. Which version it is, its API knows.
#[derive(Deserialize, Serialize, Clone, Debug)]
pub struct ServiceImportObject {
    #[serde(deserialize_with = "needed")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: SpecObject,
}

#[derive(Deserialize, Serialize, Clone, Debug, Default)]
struct SpecObject {
    #[serde(default, rename = "type")]
    kind: Option<Box<str>>,
    #[serde(default)]
    ips: Option<Vec<Box<str>>>,
    #[serde(default)]
    ports: Option<Vec<PortObject>>,
}

served_as!(ServiceImportObject);

impl From<ServiceImportObject> for ServiceImport {
    fn from(object: ServiceImportObject) -> Self {
        let spec = object.spec;
        let ips = spec.ips.unwrap_or_default();
        ServiceImport {
            key: key_of(&object.metadata),
            // Whatever is not headless has addresses, as in CoreDNS
            // (plugin/kubernetes/object/serviceimport.go).
            kind: match spec.kind.as_deref() {
                Some("Headless") => ServiceKind::Headless,
                _ => ServiceKind::ClusterIp(ips.iter().filter_map(|ip| ip.parse().ok()).collect()),
            },
            ports: spec.ports.unwrap_or_default().into_iter().map(Port::from).collect(),
        }
    }
}
