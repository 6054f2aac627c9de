//! What is read of an object's metadata.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::{Deserialize, Deserializer};

/// Reads what is asked of metadata anywhere here. Of most objects the rest of it, such as which program set
/// which field, is longer than all else.
///
/// # Errors
/// It is no metadata.
pub fn needed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let needed = Needed::deserialize(deserializer)?;
    Ok(ObjectMeta {
        name: needed.name,
        namespace: needed.namespace,
        resource_version: needed.resource_version,
        labels: needed.labels,
        annotations: needed.annotations,
        creation_timestamp: needed.creation_timestamp,
        deletion_timestamp: needed.deletion_timestamp,
        ..ObjectMeta::default()
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Needed {
    name: Option<String>,
    namespace: Option<String>,
    /// kube's watcher goes on from it.
    resource_version: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
}
