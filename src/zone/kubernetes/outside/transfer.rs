//! The records of a whole zone of names outside, for its transfer (CoreDNS, plugin/k8s_external/transfer.go).
//!
//! In: the zone's name and a Service's. Out: the records of the Service, of its endpoints and of its ports,
//! each once. Host names of load balancers are aliases, and nobody asks for what they lead to.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use super::{Wanted, Way, is_headless, ways};
use crate::cluster::kinds::{ObjectKey, Point, Port};
use crate::registry::{Owner, Registry, ServiceName};
use crate::zone::answer::{Answer, Section};
use crate::zone::kubernetes::transfer::in_order;
use crate::zone::kubernetes::{Kubernetes, records};
use crate::zone::name::WireName;
use crate::zone::rtype;

/// The weight of what stands alone, and what all endpoints of a name share.
const WEIGHT: usize = 100;
const EVERYTHING: Wanted<'static> = Wanted { endpoint: b"", port: b"", protocol: b"" };

/// A zone of names outside.
#[derive(Clone, Debug)]
pub struct Outside {
    pub zone: WireName,
    /// Seconds that addresses are kept; records of ports and aliases have the TTL of the clusters' zones.
    pub ttl: u32,
    /// Whether endpoints of headless Services have names.
    pub headless: bool,
}

impl Kubernetes {
    /// All names of Services, in the order of a transfer.
    pub fn outside_names(&self, registry: &Registry) -> Vec<ServiceName> {
        in_order(registry.pin().all_services())
    }

    /// The records of one of these names.
    pub fn outside_name(
        &self,
        registry: &Registry,
        outside: &Outside,
        name: &ServiceName,
        out: &mut Answer,
    ) {
        let Some(key) = name.owners().first().map(|owner| &owner.key) else { return };
        let namespace = key.namespace.as_bytes();
        if !self.exposes(namespace) {
            return;
        }
        let registry = &registry.pin();
        let chosen = self.fleet.choose(registry, namespace, name, true);
        let owners: Vec<&Owner> = chosen.iter().flat_map(|chosen| chosen.owners()).collect();
        let mut list = List { outside, ttl: self.ttl, key, out };
        let found = |wanted: &Wanted<'_>| -> Vec<Way> {
            owners.iter().flat_map(|owner| ways(owner, wanted, outside.headless)).collect()
        };
        let all = found(&EVERYTHING);
        if let Some(name) = list.name(&[]) {
            list.points(&name, &all);
            list.ports(&name, &all, shared(&all));
        }
        let ports = owners.iter().flat_map(|owner| named(owner, outside.headless));
        for (port, protocol) in ports.collect::<BTreeSet<_>>() {
            let labels = [format!("_{}", port.to_lowercase()), format!("_{protocol}")];
            let wanted =
                Wanted { endpoint: b"", port: port.as_bytes(), protocol: protocol.as_bytes() };
            if let Some(name) = list.name(&[&labels[0], &labels[1]]) {
                let ways = found(&wanted);
                list.ports(&name, &ways, shared(&ways));
            }
        }
        let endpoints = all.iter().map(|way| &*way.endpoint).filter(|label| !label.is_empty());
        for endpoint in endpoints.collect::<BTreeSet<_>>() {
            let of_it: Vec<Way> =
                all.iter().filter(|way| *way.endpoint == *endpoint).cloned().collect();
            if let Some(name) = list.name(&[endpoint]) {
                list.points(&name, &of_it);
                list.ports(&name, &of_it, WEIGHT);
            }
        }
    }
}

/// The weight of each endpoint of a name.
fn shared(ways: &[Way]) -> usize {
    WEIGHT / ways.iter().filter(|way| !way.endpoint.is_empty()).count().max(1)
}

/// The ports that have names of their own: name, which may be empty outside of slices, and protocol.
fn named(owner: &Owner, headless: bool) -> impl Iterator<Item = (&str, &'static str)> {
    let service = owner.service.as_ref();
    let outside = service.filter(|service| !service.external.is_empty());
    let of_service = outside.iter().flat_map(|service| service.ports.iter());
    let is_listed = outside.is_none() && headless && is_headless(owner);
    let slices = owner.slices.iter().filter(move |_| is_listed);
    let of_slices = slices.flat_map(|slice| &slice.ports).filter(|port| !port.name.is_empty());
    let of_service: Vec<&Port> = of_service.collect();
    of_service.into_iter().chain(of_slices).map(|port| (&*port.name, port.protocol.label()))
}

/// The records of a Service while they are written.
struct List<'a> {
    outside: &'a Outside,
    /// Seconds that ports and aliases are kept.
    ttl: u32,
    key: &'a ObjectKey,
    out: &'a mut Answer,
}

impl List<'_> {
    /// The name of the Service, or one below it; `None` for one that is too long. An endpoint's may have dots.
    fn name(&self, below: &[&str]) -> Option<WireName> {
        let below = below.iter().flat_map(|text| text.split('.')).filter(|text| !text.is_empty());
        let service = [&*self.key.name, &*self.key.namespace];
        let labels = below.chain(service).map(str::as_bytes);
        let mut name = WireName::from_labels(labels)?;
        name.extend(&self.outside.zone)?;
        Some(name)
    }

    /// The addresses and aliases of a name.
    fn points(&mut self, name: &WireName, ways: &[Way]) {
        let (mut addresses, mut hosts): (HashSet<IpAddr>, HashSet<&str>) = Default::default();
        for way in ways {
            match &way.to {
                Point::Address(address) if addresses.insert(*address) => {
                    self.out.address(Section::Answer, name.wire(), self.outside.ttl, *address);
                }
                Point::Host(host) if hosts.insert(host) => {
                    if let Some(host) = WireName::parse(host) {
                        let (owner, target) = (name.wire(), host.wire());
                        self.out.name(Section::Answer, owner, rtype::CNAME, self.ttl, target);
                    }
                }
                _ => {}
            }
        }
    }

    /// The SRV records of a name, of which those of endpoints have a weight of `weight`.
    fn ports(&mut self, name: &WireName, ways: &[Way], weight: usize) {
        let mut written = HashSet::new();
        for way in ways {
            let target = match &way.to {
                Point::Host(host) => WireName::parse(host),
                Point::Address(_) => self.name(&[&way.endpoint]),
            };
            let (Some(port), Some(target)) = (way.port, target) else { continue };
            if written.insert((target.folded().to_vec(), port)) {
                let weight = if way.endpoint.is_empty() { WEIGHT } else { weight };
                let weight = u16::try_from(weight).unwrap_or_default().max(1);
                records::srv(self.out, name.wire(), self.ttl, weight, port, target.wire());
            }
        }
    }
}
