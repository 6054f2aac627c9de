//! The slim Namespace.

use k8s_openapi::api::core::v1::Namespace as ApiNamespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::{ObjectKey, key_of, needed};

/// A Namespace: that it exists is all that DNS asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Namespace {
    /// Its `namespace` is empty, its `name` the Namespace's.
    pub key: ObjectKey,
}

/// A Namespace as the API writes it, less what DNS does not need.
#[derive(kube::Resource, Deserialize, Serialize, Clone, Debug)]
#[resource(inherit = ApiNamespace)]
pub struct NamespaceObject {
    #[serde(deserialize_with = "needed")]
    pub metadata: ObjectMeta,
}

impl From<NamespaceObject> for Namespace {
    fn from(object: NamespaceObject) -> Self {
        Namespace { key: key_of(&object.metadata) }
    }
}
