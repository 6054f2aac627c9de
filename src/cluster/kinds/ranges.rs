//! The ranges of addresses that a cluster uses, of its ServiceCIDRs and Nodes.

use ipnet::IpNet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::{ObjectKey, key_of, needed, served_as};

/// What one object says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ranges {
    pub key: ObjectKey,
    pub networks: Vec<IpNet>,
}

/// A ServiceCIDR (KEP-1880) as the API writes it: the range of ClusterIPs.
#[derive(Deserialize, Serialize, Clone, Debug)]
pub struct ServiceCidrObject {
    #[serde(deserialize_with = "needed")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: ServiceCidrSpec,
}

#[derive(Deserialize, Serialize, Clone, Debug, Default)]
struct ServiceCidrSpec {
    #[serde(default)]
    cidrs: Option<Vec<Box<str>>>,
}

/// A Node as the API writes it, less what does not concern its pods' addresses.
#[derive(Deserialize, Serialize, Clone, Debug)]
pub struct NodeObject {
    #[serde(deserialize_with = "needed")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: NodeSpec,
}

#[derive(Deserialize, Serialize, Clone, Debug, Default)]
struct NodeSpec {
    #[serde(default, rename = "podCIDR")]
    pod_cidr: Option<Box<str>>,
    #[serde(default, rename = "podCIDRs")]
    pod_cidrs: Option<Vec<Box<str>>>,
}

served_as!(ServiceCidrObject);
served_as!(NodeObject);

impl From<ServiceCidrObject> for Ranges {
    fn from(object: ServiceCidrObject) -> Self {
        let cidrs = object.spec.cidrs.unwrap_or_default();
        Ranges { key: key_of(&object.metadata), networks: networks(&cidrs) }
    }
}

impl From<NodeObject> for Ranges {
    fn from(object: NodeObject) -> Self {
        let cidrs = object.spec.pod_cidrs.filter(|cidrs| !cidrs.is_empty());
        let cidrs = cidrs.unwrap_or_else(|| object.spec.pod_cidr.into_iter().collect());
        Ranges { key: key_of(&object.metadata), networks: networks(&cidrs) }
    }
}

fn networks(cidrs: &[Box<str>]) -> Vec<IpNet> {
    cidrs.iter().filter_map(|text| text.parse::<IpNet>().ok()).map(|net| net.trunc()).collect()
}
