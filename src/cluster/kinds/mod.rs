//! Slim objects: of each only what a DNS answer needs, decoded straight from the API's JSON or a manifest's YAML. A field that is added here is held once for
//! every object of every cluster.

mod endpoint_slice;
mod endpoints;
mod label;
mod load_balancer;
mod metadata;
mod namespace;
pub(super) mod pod;
mod ranges;
mod service;
mod service_entry;
mod service_export;
mod service_import;

pub(in crate::cluster) use endpoint_slice::SERVICE_NAME;
pub use endpoint_slice::{Alias, Endpoint, EndpointSlice, EndpointSliceObject, Imported, Keep};
pub use endpoints::EndpointsObject;
pub use label::Label;
pub use load_balancer::{LoadBalancer, LoadBalancerObject, Point};
pub(in crate::cluster) use metadata::needed;
pub use namespace::{Namespace, NamespaceObject};
pub use pod::{Pod, PodObject};
pub use ranges::{NodeObject, Ranges, ServiceCidrObject};
pub use service::{ClusterIps, FleetAnnotations, Merge, Service, ServiceKind, ServiceObject};
pub use service_entry::{Exported, ServiceEntry, ServiceEntryObject};
pub use service_export::{ServiceExport, ServiceExportObject};
pub use service_import::{ServiceImport, ServiceImportObject};

use std::fmt;

/// Namespace and name of an object. The namespace of a cluster-scoped object is empty.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ObjectKey {
    pub namespace: Box<str>,
    pub name: Box<str>,
}

impl ObjectKey {
    pub fn new(namespace: impl Into<Box<str>>, name: impl Into<Box<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

/// A port of a Service or EndpointSlice.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Port {
    /// Empty for an unnamed port.
    pub name: Box<str>,
    pub protocol: Protocol,
    /// `None` where a slice's port has no number ("all ports"): such a port has no SRV record.
    pub number: Option<u16>,
}

/// The transport protocol of a port.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    /// The label of SRV names, without the underscore.
    pub fn label(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        }
    }
}

/// The port as the API writes it.
#[derive(serde::Deserialize, serde::Serialize, Clone, Debug, Default)]
pub(super) struct PortObject {
    #[serde(default)]
    name: Option<Box<str>>,
    #[serde(default)]
    protocol: Option<Box<str>>,
    #[serde(default)]
    port: Option<u16>,
}

impl From<PortObject> for Port {
    fn from(port: PortObject) -> Self {
        Port {
            name: port.name.unwrap_or_default(),
            // The API defaults to TCP and admits nothing but these three.
            protocol: match port.protocol.as_deref() {
                Some("UDP") => Protocol::Udp,
                Some("SCTP") => Protocol::Sctp,
                _ => Protocol::Tcp,
            },
            number: port.port,
        }
    }
}

/// An object of a kind that is served in one of several versions, which its API is told.
macro_rules! served_as {
    ($object:ty) => {
        impl kube::Resource for $object {
            type DynamicType = kube::core::ApiResource;
            // Whoever reads them says whether those of one namespace or all.
            type Scope = kube::core::DynamicResourceScope;

            fn kind(api: &Self::DynamicType) -> std::borrow::Cow<'_, str> {
                api.kind.as_str().into()
            }

            fn group(api: &Self::DynamicType) -> std::borrow::Cow<'_, str> {
                api.group.as_str().into()
            }

            fn version(api: &Self::DynamicType) -> std::borrow::Cow<'_, str> {
                api.version.as_str().into()
            }

            fn plural(api: &Self::DynamicType) -> std::borrow::Cow<'_, str> {
                api.plural.as_str().into()
            }

            fn meta(&self) -> &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &self.metadata
            }

            fn meta_mut(
                &mut self,
            ) -> &mut k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &mut self.metadata
            }
        }
    };
}
use served_as;

/// The key that the registry files an API object under.
pub(in crate::cluster) fn key_of(
    meta: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
) -> ObjectKey {
    ObjectKey::new(
        meta.namespace.clone().unwrap_or_default(),
        meta.name.clone().unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests;
