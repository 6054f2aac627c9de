//! The slim EndpointSlice.

use std::collections::HashMap;
use std::net::IpAddr;

use k8s_openapi::api::discovery::v1::EndpointSlice as ApiEndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::{Label, ObjectKey, Port, PortObject, key_of, needed};

/// The label that says which Service a slice belongs to.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// The label that says which ServiceImport a slice belongs to (KEP-1645).
const IMPORT_NAME: &str = "multicluster.kubernetes.io/service-name";
/// The label that says which cluster the endpoints of such a slice are in.
const SOURCE_CLUSTER: &str = "multicluster.kubernetes.io/source-cluster";
/// Names of pods are names of endpoints up to this many octets: those of a label.
const LONGEST_POD_NAME: usize = 63;

/// What DNS needs of an EndpointSlice: its ready endpoints only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndpointSlice {
    pub key: ObjectKey,
    /// Label `kubernetes.io/service-name`; a slice without it belongs to no Service.
    pub service: Option<Box<str>>,
    /// Whether it belongs to a ServiceImport, and which.
    pub import: Option<Box<Imported>>,
    pub endpoints: Box<[Endpoint]>,
    /// Endpoints that are names, of slices of address type `FQDN`.
    pub aliases: Box<[Alias]>,
    pub ports: Box<[Port]>,
}

/// That a slice was written by a multi-cluster controller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Imported {
    /// The ServiceImport, of the slice's namespace.
    pub service: Box<str>,
    /// Where the endpoints are; empty where the slice does not say.
    pub cluster: Box<str>,
}

/// One address of a ready endpoint; most have one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    pub address: IpAddr,
    /// What else is said, which is seldom anything.
    said: Option<Box<Said>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Said {
    hostname: Option<Box<str>>,
    zone: Option<Box<str>>,
}

/// A ready endpoint that is known by a domain name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alias {
    pub target: Box<str>,
    /// As of an [`Endpoint`].
    pub hostname: Option<Box<str>>,
    /// As of an [`Endpoint`].
    pub zone: Option<Box<str>>,
}

/// What of an endpoint is kept beside its addresses and hostname.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Keep {
    /// An endpoint without a hostname is called by its pod's name (`endpoint_pod_names`).
    pub pod_names: bool,
    /// The topology zone (`zonal`).
    pub zones: bool,
}

impl EndpointSlice {
    /// Whether nothing in it is ready.
    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty() && self.aliases.is_empty()
    }
}

impl Endpoint {
    pub fn new(address: IpAddr, hostname: Option<Box<str>>, zone: Option<Box<str>>) -> Self {
        let is_said = hostname.is_some() || zone.is_some();
        Endpoint { address, said: is_said.then(|| Box::new(Said { hostname, zone })) }
    }

    /// Its hostname, or with [`Keep::pod_names`] else the name of its pod.
    pub fn hostname(&self) -> Option<&str> {
        self.said.as_ref()?.hostname.as_deref()
    }

    /// Its topology zone in lower case, with [`Keep::zones`].
    pub fn zone(&self) -> Option<&str> {
        self.said.as_ref()?.zone.as_deref()
    }

    /// The first label of the endpoint's name: its hostname, else its address with dashes.
    pub fn label(&self) -> Label<'_> {
        Label::of_endpoint(self.hostname(), self.address)
    }
}

impl Alias {
    /// The first label of the endpoint's name: its hostname, else its target with dashes.
    pub fn label(&self) -> Label<'_> {
        match &self.hostname {
            Some(hostname) => Label::Text(hostname),
            None => Label::Name(self.target.replace('.', "-")),
        }
    }
}

/// An EndpointSlice as the API writes it, less what DNS does not need.
#[derive(kube::Resource, Deserialize, Serialize, Clone, Debug)]
#[resource(inherit = ApiEndpointSlice)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSliceObject {
    #[serde(deserialize_with = "needed")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    endpoints: Option<Vec<EndpointObject>>,
    #[serde(default)]
    ports: Option<Vec<PortObject>>,
}

#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
struct EndpointObject {
    #[serde(default)]
    addresses: Option<Vec<Box<str>>>,
    #[serde(default)]
    hostname: Option<Box<str>>,
    #[serde(default)]
    target_ref: Option<TargetObject>,
    #[serde(default)]
    zone: Option<Box<str>>,
    #[serde(default)]
    conditions: Option<ConditionsObject>,
}

#[derive(Deserialize, Serialize, Clone, Debug)]
struct TargetObject {
    #[serde(default)]
    name: Option<Box<str>>,
}

#[derive(Deserialize, Serialize, Clone, Debug)]
struct ConditionsObject {
    #[serde(default)]
    ready: Option<bool>,
}

impl EndpointObject {
    /// Only `conditions.ready` counts, and a missing value means ready, as in CoreDNS
    /// (plugin/kubernetes/object/endpoint.go) and the EndpointSlice API.
    fn ready(&self) -> bool {
        self.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true)
    }

    /// What it is called, if not by its address. A target of any kind counts as a pod, as in CoreDNS.
    fn take_name(&mut self, keep: Keep) -> Option<Box<str>> {
        let hostname = self.hostname.take().filter(|name| !name.is_empty());
        let target = self.target_ref.take().filter(|_| keep.pod_names);
        hostname.or_else(|| {
            target?.name.filter(|name| !name.is_empty() && name.len() <= LONGEST_POD_NAME)
        })
    }
}

impl EndpointSliceObject {
    /// The slim slice.
    pub fn slim(self, keep: Keep) -> EndpointSlice {
        let key = key_of(&self.metadata);
        let mut labels = self.metadata.labels.unwrap_or_default();
        let mut label = |name| labels.remove(name).map(Box::<str>::from);
        let service = label(SERVICE_NAME);
        let import = label(IMPORT_NAME).map(|service| {
            Box::new(Imported { service, cluster: label(SOURCE_CLUSTER).unwrap_or_default() })
        });
        let (mut endpoints, mut aliases) = (Vec::new(), Vec::<Alias>::new());
        let all = self.endpoints.unwrap_or_default();
        for mut object in all.into_iter().filter(EndpointObject::ready) {
            let hostname = object.take_name(keep);
            let zone = object.zone.filter(|_| keep.zones).map(|zone| zone.to_lowercase().into());
            for text in object.addresses.unwrap_or_default() {
                let (hostname, zone) = (hostname.clone(), zone.clone());
                match text.parse() {
                    Ok(address) => endpoints.push(Endpoint::new(address, hostname, zone)),
                    Err(_) => aliases.push(Alias { target: text, hostname, zone }),
                }
            }
        }
        if keep.zones {
            zone_by_address(&mut endpoints);
            let said: HashMap<_, _> = aliases
                .iter()
                .filter_map(|alias| Some((alias.target.clone(), alias.zone.clone()?)))
                .collect();
            aliases.iter_mut().for_each(|alias| alias.zone = said.get(&alias.target).cloned());
        }
        let ports = self.ports.unwrap_or_default().into_iter().map(Port::from).collect();
        let (endpoints, aliases) = (endpoints.into(), aliases.into());
        EndpointSlice { key, service, import, endpoints, aliases, ports }
    }
}

/// An address that stands twice in a slice is in the zone that was said last, as in CoreDNS, which keeps zones
/// by address.
fn zone_by_address(endpoints: &mut [Endpoint]) {
    let of = |endpoint: &Endpoint| Some((endpoint.address, Box::from(endpoint.zone()?)));
    let zones: HashMap<IpAddr, Box<str>> = endpoints.iter().filter_map(of).collect();
    for endpoint in endpoints {
        let hostname = endpoint.hostname().map(Box::from);
        *endpoint =
            Endpoint::new(endpoint.address, hostname, zones.get(&endpoint.address).cloned());
    }
}

impl From<EndpointSliceObject> for EndpointSlice {
    fn from(object: EndpointSliceObject) -> Self {
        object.slim(Keep::default())
    }
}
