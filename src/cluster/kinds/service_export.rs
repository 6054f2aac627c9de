//! The slim ServiceExport (KEP-1645): that the Service of its name is for all clusters of the set.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::{ObjectKey, key_of, needed, served_as};

/// What DNS needs of a ServiceExport.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceExport {
    /// That of the Service, too.
    pub key: ObjectKey,
    /// `metadata.creationTimestamp` in seconds since 1970; 0 where a manifest has none. Of clusters that
    /// export a Service in different ways, the oldest export wins.
    pub created: i64,
}

/// A ServiceExport as the API writes it, less what DNS does not need. Which version it is, its API knows.
#[derive(Deserialize, Serialize, Clone, Debug)]
pub struct ServiceExportObject {
    #[serde(deserialize_with = "needed")]
    pub metadata: ObjectMeta,
}

served_as!(ServiceExportObject);

impl From<ServiceExportObject> for ServiceExport {
    fn from(object: ServiceExportObject) -> Self {
        ServiceExport {
            key: key_of(&object.metadata),
            created: object.metadata.creation_timestamp.map_or(0, |time| time.0.as_second()),
        }
    }
}
