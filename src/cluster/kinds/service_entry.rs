//! The slim ServiceEntry (Istio, networking/v1).

use std::net::IpAddr;

use ipnet::IpNet;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ObjectKey, key_of, needed, served_as};

/// What DNS needs of a ServiceEntry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceEntry {
    pub key: ObjectKey,
    /// As written: `db.mesh`, or `*.db.mesh` for all names below.
    pub hosts: Vec<Box<str>>,
    /// The addresses of `spec.addresses`, without its CIDRs.
    pub addresses: Vec<IpAddr>,
    /// Whether `spec.addresses` names any, be it CIDRs only: then the control plane gives it none.
    pub is_addressed: bool,
    /// `status.addresses`, given by the control plane, and of which host; of all where it does not say.
    pub allocated: Vec<(Option<Box<str>>, IpAddr)>,
    pub exported: Exported,
    /// `metadata.creationTimestamp` in seconds since 1970; 0 where a manifest has none.
    pub created: i64,
}

/// Which namespaces see an entry (`spec.exportTo`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Exported {
    All,
    To(Vec<Box<str>>),
}

impl Exported {
    /// Whether clients of one of these namespaces see it.
    pub fn is_seen_by(&self, namespaces: &[Box<str>]) -> bool {
        match self {
            Exported::All => true,
            Exported::To(named) => named.iter().any(|name| namespaces.contains(name)),
        }
    }
}

/// A ServiceEntry as the API writes it, less what DNS does not need. Which version it is, its API knows.
#[derive(Deserialize, Serialize, Clone, Debug)]
pub struct ServiceEntryObject {
    #[serde(deserialize_with = "needed")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: SpecObject,
    /// The CRD has no schema for it.
    #[serde(default)]
    status: Value,
}

#[derive(Deserialize, Serialize, Clone, Debug, Default)]
#[serde(rename_all = "camelCase")]
struct SpecObject {
    #[serde(default)]
    hosts: Option<Vec<Box<str>>>,
    #[serde(default)]
    addresses: Option<Vec<Box<str>>>,
    #[serde(default)]
    export_to: Option<Vec<Box<str>>>,
}

served_as!(ServiceEntryObject);

impl From<ServiceEntryObject> for ServiceEntry {
    fn from(object: ServiceEntryObject) -> Self {
        let (key, spec) = (key_of(&object.metadata), object.spec);
        let mut given = spec.addresses.unwrap_or_default();
        // An entry for any address is one without.
        given.retain(|text| address(text).is_none_or(|address| !address.is_unspecified()));
        let allocated = object.status.pointer("/addresses").and_then(Value::as_array);
        let allocated = allocated.into_iter().flatten().filter_map(|allocated| {
            let host =
                allocated.get("host").and_then(Value::as_str).filter(|host| !host.is_empty());
            let address = allocated.get("value").and_then(Value::as_str)?.parse().ok()?;
            Some((host.map(Into::into), address))
        });
        ServiceEntry {
            exported: exported(spec.export_to.unwrap_or_default(), &key.namespace),
            hosts: spec.hosts.unwrap_or_default(),
            addresses: given.iter().filter_map(|text| address(text)).collect(),
            is_addressed: !given.is_empty(),
            allocated: allocated.collect(),
            created: object.metadata.creation_timestamp.map_or(0, |time| time.0.as_second()),
            key,
        }
    }
}

/// An address, also where it is written as a network of one (Istio, serviceentry/conversion.go).
fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| {
        let network: IpNet = text.parse().ok()?;
        (network.prefix_len() == network.max_prefix_len()).then(|| network.addr())
    })
}

/// `.` is the entry's own namespace, `~` is none.
fn exported(words: Vec<Box<str>>, own: &str) -> Exported {
    if words.is_empty() || words.iter().any(|word| **word == *"*") {
        return Exported::All;
    }
    let own = |word: Box<str>| if *word == *"." { own.into() } else { word };
    Exported::To(words.into_iter().map(own).filter(|word| **word != *"~").collect())
}
