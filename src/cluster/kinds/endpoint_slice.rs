//! The slim EndpointSlice.

use std::borrow::Cow;
use std::net::IpAddr;

use k8s_openapi::api::discovery::v1::EndpointSlice as ApiEndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::{ObjectKey, Port, PortObject, key_of};

/// The label that says which Service a slice belongs to.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// What DNS needs of an EndpointSlice: its ready endpoints only.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndpointSlice {
    pub key: ObjectKey,
    /// Label `kubernetes.io/service-name`; a slice without it belongs to no Service.
    pub service: Option<Box<str>>,
    pub endpoints: Vec<Endpoint>,
    pub ports: Vec<Port>,
}

/// One ready endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    pub addresses: Vec<IpAddr>,
    pub hostname: Option<Box<str>>,
}

impl Endpoint {
    /// The first label of the endpoint's name: its hostname, else its address with dashes, where an
    /// IPv6 address that ends in one gets a `0` (CoreDNS, plugin/kubernetes/kubernetes.go,
    /// `endpointHostname`).
    pub fn label(&self, address: IpAddr) -> Cow<'_, str> {
        if let Some(hostname) = &self.hostname {
            return Cow::Borrowed(hostname);
        }
        let mut dashed = address.to_string().replace(['.', ':'], "-");
        if dashed.ends_with('-') {
            dashed.push('0');
        }
        Cow::Owned(dashed)
    }
}

/// An EndpointSlice as the API writes it, less what DNS does not need.
#[derive(kube::Resource, Deserialize, Serialize, Clone, Debug)]
#[resource(inherit = ApiEndpointSlice)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSliceObject {
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
    conditions: Option<ConditionsObject>,
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
}

impl From<EndpointSliceObject> for EndpointSlice {
    fn from(object: EndpointSliceObject) -> Self {
        let endpoints = object.endpoints.unwrap_or_default().into_iter();
        EndpointSlice {
            key: key_of(&object.metadata),
            service: object
                .metadata
                .labels
                .and_then(|mut labels| labels.remove(SERVICE_NAME))
                .map(Into::into),
            endpoints: endpoints
                .filter(EndpointObject::ready)
                .map(|endpoint| Endpoint {
                    addresses: endpoint
                        .addresses
                        .unwrap_or_default()
                        .iter()
                        .filter_map(|text| text.parse().ok())
                        .collect(),
                    hostname: endpoint.hostname.filter(|hostname| !hostname.is_empty()),
                })
                .collect(),
            ports: object.ports.unwrap_or_default().into_iter().map(Port::from).collect(),
        }
    }
}
