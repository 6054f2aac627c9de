//! Where Services are reached from outside of their clusters, for `k8s_external`
//! (CoreDNS, plugin/kubernetes/{external,ns}.go).
//!
//! In: the labels of a name left of its zone, `SERVICE.NAMESPACE`, also with an endpoint or a port before
//! them. Out: addresses and host names, each with a port. Who answers for a Service is chosen as for its name
//! in a cluster's zone.

mod transfer;

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::alias::Elsewhere;
use super::{Known, Kubernetes};
use crate::cluster::ClusterId;
use crate::cluster::kinds::{ObjectKey, Point, Port, ServiceKind};
use crate::registry::{Owner, Registry};
use crate::zone::name::WireName;
use crate::zone::{rcode, schema};
pub use transfer::Outside;

/// One way to a Service, with one of its ports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    pub to: Point,
    /// `None` where there is no port to tell.
    pub port: Option<u16>,
    /// The name of the endpoint, which may have dots, or nothing.
    pub endpoint: Box<str>,
    pub service: ObjectKey,
}

/// What a name asks for.
struct Wanted<'a> {
    endpoint: &'a [u8],
    port: &'a [u8],
    protocol: &'a [u8],
}

impl Kubernetes {
    /// The ways that a name leads, whose labels left of its zone are these, in lower case; with the endpoints
    /// of headless Services if `headless`.
    ///
    /// # Errors
    /// The response code where there are none: NOERROR for a namespace.
    pub fn outside(
        &self,
        registry: &Registry,
        known: Known,
        labels: &[&[u8]],
        headless: bool,
    ) -> Result<Vec<Way>, u16> {
        let [before @ .., namespace] = labels else { return Err(rcode::SERVFAIL) };
        let registry = &registry.pin();
        if !self.exposes(namespace) || registry.namespace(namespace).is_none() {
            return Err(rcode::NXDOMAIN);
        }
        let [before @ .., service] = before else { return Err(rcode::NOERROR) };
        let nothing: &[u8] = b"";
        let wanted = match before {
            [] => Wanted { endpoint: nothing, port: nothing, protocol: nothing },
            [endpoint] => {
                Wanted { endpoint: schema::bare(endpoint), port: nothing, protocol: nothing }
            }
            [port, protocol] => Wanted {
                endpoint: nothing,
                port: schema::bare(port),
                protocol: schema::bare(protocol),
            },
            _ => return Err(rcode::NXDOMAIN),
        };
        let key = WireName::from_labels([*service, *namespace]).ok_or(rcode::NXDOMAIN)?;
        // The registry's key has no root behind it.
        let key = key.folded().split_last().map_or(nothing, |(_, labels)| labels);
        let name = registry.service(key).ok_or(rcode::NXDOMAIN)?;
        let chosen = self.fleet.choose(registry, namespace, name, known.local);
        let owners = chosen.iter().flat_map(|chosen| chosen.owners());
        let ways: Vec<Way> = owners.flat_map(|owner| ways(owner, &wanted, headless)).collect();
        if ways.is_empty() { Err(rcode::NXDOMAIN) } else { Ok(ways) }
    }

    /// The Services that are reached at an address from outside, each once.
    pub fn outside_pointers(
        &self,
        registry: &Registry,
        known: Known,
        address: IpAddr,
    ) -> BTreeSet<ObjectKey> {
        let registry = &registry.pin();
        let owners = registry.outside(address).into_iter().flatten();
        let is_shown = |key: &ObjectKey, cluster: &ClusterId| {
            let namespace = key.namespace.as_bytes();
            let is_exposed = self.namespaces.is_none()
                || self.exposes(namespace) && registry.namespace(namespace).is_some();
            let Some(name) = registry.service_of(key).filter(|_| is_exposed) else { return false };
            let chosen = self.fleet.choose(registry, namespace, name, known.local);
            chosen.is_some_and(|chosen| chosen.owners().any(|owner| owner.cluster == *cluster))
        };
        let shown = owners.filter(|owner| is_shown(&owner.key, &owner.cluster));
        shown.map(|owner| ObjectKey::clone(&owner.key)).collect()
    }

    /// The addresses at which this server is reached from outside: those of the local Services that it is an
    /// endpoint of, or else its own.
    pub fn outside_servers(&self, registry: &Registry, headless: bool) -> Vec<IpAddr> {
        let (elsewhere, zone) = (Elsewhere::default(), &self.primary);
        let registry = &registry.pin();
        let look = self.look(registry, Known::ALL, &elsewhere, (zone, 0));
        let mut all = Vec::new();
        let mut is_endpoint = false;
        for own in &self.own_addresses {
            for owner in look.services_of(*own) {
                let is_headless = is_headless(owner);
                for slice in &owner.slices {
                    let addresses = || slice.endpoints.iter().map(|endpoint| endpoint.address);
                    if !addresses().any(|address| address == *own) {
                        continue;
                    }
                    is_endpoint = true;
                    match &owner.service {
                        Some(_) if headless && is_headless => all.extend(addresses()),
                        Some(service) => all.extend(service.external.iter().filter_map(address)),
                        None => {}
                    }
                }
            }
        }
        if is_endpoint { all } else { self.own_addresses.clone() }
    }
}

fn address(point: &Point) -> Option<IpAddr> {
    match point {
        Point::Address(address) => Some(*address),
        Point::Host(_) => None,
    }
}

fn is_headless(owner: &Owner) -> bool {
    owner.service.as_ref().is_some_and(|service| service.kind == ServiceKind::Headless)
}

/// The ways to what one cluster has at a name. An endpoint is asked for where there is nothing else.
fn ways(owner: &Owner, wanted: &Wanted<'_>, headless: bool) -> Vec<Way> {
    let Some(service) = &owner.service else { return Vec::new() };
    let way = |to: Point, port, endpoint: &str| Way {
        to,
        port,
        endpoint: endpoint.into(),
        service: ObjectKey::clone(&owner.key),
    };
    let mut all = Vec::new();
    if headless
        && service.external.is_empty()
        && (is_headless(owner) || !wanted.endpoint.is_empty())
    {
        for slice in &owner.slices {
            let mut take = |to: Point, label: &str| {
                let is_meant = wanted.endpoint.is_empty()
                    || label.as_bytes().eq_ignore_ascii_case(wanted.endpoint);
                if is_meant {
                    all.extend(
                        ports(&slice.ports, wanted).map(|port| way(to.clone(), port, label)),
                    );
                }
            };
            for endpoint in &slice.endpoints {
                take(Point::Address(endpoint.address), &endpoint.label());
            }
            for alias in &slice.aliases {
                take(Point::host(&alias.target), &alias.label());
            }
        }
        return all;
    }
    for point in service.external.iter() {
        all.extend(ports(&service.ports, wanted).map(|port| way(point.clone(), port, "")));
    }
    all
}

/// The numbers of the ports that are asked for; one without a number where there are none at all.
fn ports<'a>(ports: &'a [Port], wanted: &'a Wanted<'_>) -> impl Iterator<Item = Option<u16>> + 'a {
    let is =
        |asked: &[u8], text: &str| asked.is_empty() || asked.eq_ignore_ascii_case(text.as_bytes());
    let all = wanted.port.is_empty() && wanted.protocol.is_empty();
    let none = (ports.is_empty() && all).then_some(None);
    let meant = move |port: &&Port| {
        is(wanted.port, &port.name) && is(wanted.protocol, port.protocol.label())
    };
    ports.iter().filter(meant).map(|port| port.number).chain(none)
}
