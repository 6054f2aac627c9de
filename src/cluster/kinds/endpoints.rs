//! Endpoints, the older form of EndpointSlices: read where those may not be.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::Endpoints as ApiEndpoints;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

use super::{Endpoint, EndpointSlice, Keep, ObjectKey, Port, PortObject, key_of, needed};

/// Names of pods are names of endpoints up to this many octets: those of a label.
const LONGEST_POD_NAME: usize = 63;

/// Endpoints as the API writes them, less what DNS does not need. Their name is the Service's.
#[derive(kube::Resource, Deserialize, Serialize, Clone, Debug)]
#[resource(inherit = ApiEndpoints)]
pub struct EndpointsObject {
    #[serde(deserialize_with = "needed")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    subsets: Option<Vec<SubsetObject>>,
}

/// Addresses that have the same ports. Those that are not ready stand apart and are not read.
#[derive(Deserialize, Serialize, Clone, Debug)]
struct SubsetObject {
    #[serde(default)]
    addresses: Option<Vec<AddressObject>>,
    #[serde(default)]
    ports: Option<Vec<PortObject>>,
}

#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
struct AddressObject {
    #[serde(default)]
    ip: Box<str>,
    #[serde(default)]
    hostname: Option<Box<str>>,
    #[serde(default)]
    target_ref: Option<TargetObject>,
}

#[derive(Deserialize, Serialize, Clone, Debug)]
struct TargetObject {
    #[serde(default)]
    name: Option<Box<str>>,
}

impl EndpointsObject {
    /// The same as slices: one for each set of ports, named by it, so that an address that comes or
    /// goes changes its slice and no other.
    pub fn slices(self, keep: Keep) -> Vec<EndpointSlice> {
        let service = key_of(&self.metadata);
        let mut slices: BTreeMap<String, (Box<[Port]>, Vec<Endpoint>)> = BTreeMap::new();
        for subset in self.subsets.unwrap_or_default() {
            let ports = subset.ports.unwrap_or_default().into_iter().map(Port::from);
            let ports: Box<[Port]> = ports.collect();
            let addresses = subset.addresses.unwrap_or_default().into_iter();
            let mut endpoints = addresses.filter_map(|address| address.slim(keep)).peekable();
            if endpoints.peek().is_some() {
                let name = slice_name(&service.name, &ports);
                slices.entry(name).or_insert((ports, Vec::new())).1.extend(endpoints);
            }
        }
        let slice = |(name, (ports, endpoints)): (String, (_, Vec<_>))| EndpointSlice {
            key: ObjectKey::new(service.namespace.clone(), name),
            service: Some(service.name.clone()),
            import: None,
            endpoints: endpoints.into(),
            aliases: Box::default(),
            ports,
        };
        slices.into_iter().map(slice).collect()
    }
}

impl AddressObject {
    fn slim(self, keep: Keep) -> Option<Endpoint> {
        let address: IpAddr = self.ip.parse().ok()?;
        let hostname = self.hostname.filter(|name| !name.is_empty());
        let pod = self.target_ref.filter(|_| keep.pod_names).and_then(|target| target.name);
        let pod = pod.filter(|name| !name.is_empty() && name.len() <= LONGEST_POD_NAME);
        // Endpoints say nothing of zones.
        Some(Endpoint::new(address, hostname.or(pod), None))
    }
}

/// A name that no EndpointSlice can have.
fn slice_name(service: &str, ports: &[Port]) -> String {
    let mut names: Vec<String> = ports
        .iter()
        .map(|port| {
            let number = port.number.map_or(0, u32::from);
            format!("{}/{number}/{}", port.protocol.label(), port.name)
        })
        .collect();
    names.sort();
    let mut name = service.to_owned();
    for port in names {
        // A String takes whatever is written to it.
        let _ = write!(name, ":{port}");
    }
    name
}
