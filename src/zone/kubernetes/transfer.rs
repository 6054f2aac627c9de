//! The records of a whole zone, for its transfer (CoreDNS, plugin/kubernetes/xfr.go).
//!
//! In: the zone's name and a registry. Out: records in pieces, of which no more than one Service's are
//! held at a time. Not in a transfer, as in CoreDNS: pods, pointers, names of topology zones,
//! `dns-version`, and the endpoints of Services that have a ClusterIP.

use std::net::IpAddr;

use super::alias::Elsewhere;
use super::entries::{Place, alias};
use super::{Known, Kubernetes, Look, Made, records};
use crate::cluster::kinds::{Endpoint, EndpointSlice, Port, ServiceKind};
use crate::registry::{Owner, Registry, ServiceName};
use crate::zone::answer::{Answer, Section};
use crate::zone::choice::Reach;
use crate::zone::clusterset::{Exported, label_of};
use crate::zone::name::WireName;
use crate::zone::overlap::Overlap;
use crate::zone::rtype;
use crate::zone::schema::Below;

/// What CoreDNS writes for a port that has no number.
const NO_NUMBER: u16 = u16::MAX;

impl Kubernetes {
    /// The zone that this name is, in lower case; `None` for a name that is none.
    pub fn zone(&self, name: &WireName) -> Option<WireName> {
        let mut all = self.zones.iter().chain(&self.clusterset);
        let zone = all.find(|zone| *zone == name)?;
        WireName::read(zone.folded()).map(|(zone, _)| zone)
    }

    /// The SOA, which begins and ends a transfer.
    pub fn transfer_soa(&self, registry: &Registry, zone: &WireName, out: &mut Answer) {
        self.soa(registry, false, (zone, 0), Section::Answer, out);
    }

    /// The name servers and their addresses, which have a TTL of 0.
    pub fn transfer_servers(&self, registry: &Registry, zone: &WireName, out: &mut Answer) {
        let (elsewhere, registry) = (Elsewhere::default(), &registry.pin());
        let look = self.look(registry, Known::ALL, &elsewhere, (zone, 0));
        look.name_servers((Section::Answer, 0), out);
    }

    /// All names of Services, or of ServiceImports where the zone has those, in the order of a transfer:
    /// by name alone, as in CoreDNS, and then by namespace.
    pub fn transfer_names(&self, registry: &Registry, zone: &WireName) -> Vec<ServiceName> {
        let registry = registry.pin();
        in_order(match self.made_of(zone, 0) {
            Made::Services | Made::Exports => registry.all_services(),
            Made::Imports => registry.all_imports(),
        })
    }

    /// The records of one of these names.
    pub fn transfer_name(
        &self,
        registry: &Registry,
        zone: &WireName,
        name: &ServiceName,
        out: &mut Answer,
    ) {
        let (elsewhere, registry) = (Elsewhere::default(), &registry.pin());
        let look = self.look(registry, Known::ALL, &elsewhere, (zone, 0));
        let Some(key) = name.owners().first().map(|owner| &owner.key) else { return };
        if !self.exposes(key.namespace.as_bytes()) {
            return;
        }
        let namespace = key.namespace.as_bytes();
        match self.made_of(zone, 0) {
            Made::Services => {
                let chosen = self.fleet.choose(registry, namespace, name, true);
                for owner in chosen.iter().flat_map(|chosen| chosen.owners()) {
                    look.list(owner, self.fleet.reach(&owner.cluster), out);
                }
            }
            Made::Imports => {
                let here = look.namespace_exists_here(namespace);
                if let Some(owner) = name.owner(&self.fleet.local).filter(|_| here) {
                    look.list(owner, &Reach::Direct, out);
                }
            }
            Made::Exports => {
                if let Some(set) = self.fleet.exported(registry, namespace, name) {
                    look.list_exported(&set, out);
                }
            }
        }
    }
}

/// By name, and then by namespace.
pub(super) fn in_order(names: Vec<&ServiceName>) -> Vec<ServiceName> {
    let mut names: Vec<_> = names.into_iter().cloned().collect();
    names.sort_by_cached_key(|name| {
        name.owners().first().map(|owner| (owner.key.name.clone(), owner.key.namespace.clone()))
    });
    names
}

impl Look<'_> {
    /// What one cluster says of a name.
    fn list(&self, owner: &Owner, reach: &Reach, out: &mut Answer) {
        let Some(service) = &owner.service else { return };
        let Some(name) = self.service_name("", "", &owner.key) else { return };
        match (&service.kind, reach) {
            (ServiceKind::ExternalName(target), _) => {
                if let Some(target) = alias(target) {
                    let ttl = self.zone.ttl;
                    out.name(Section::Answer, name.wire(), rtype::CNAME, ttl, target.wire());
                }
            }
            (_, Reach::Instead(gateway)) => {
                let found = self.zone.fleet.lead(self.registry, &owner.cluster, gateway);
                self.whole(&name, &found.addresses, &service.ports, out);
            }
            (ServiceKind::ClusterIp(ips), Reach::Direct) if !ips.is_empty() => {
                self.whole(&name, &self.left(owner, ips), &service.ports, out);
            }
            (_, Reach::Direct | Reach::Endpoints) => {
                for slice in &owner.slices {
                    let cluster = slice.import.as_ref().map_or("", |import| &import.cluster);
                    self.slice(owner, (&name, Some(cluster)), slice, out);
                }
            }
        }
    }

    /// What the clusters export of a name.
    fn list_exported(&self, set: &Exported<'_>, out: &mut Answer) {
        let Some(name) = self.service_name("", "", set.key()) else { return };
        if self.zone.ignore_empty && set.is_empty() {
            return;
        }
        for owner in set.answering(self.registry, Below::Itself) {
            let kind = owner.service.as_ref().map(|service| &service.kind);
            match (self.zone.fleet.reach(&owner.cluster), kind) {
                (Reach::Instead(gateway), _) => {
                    let found = self.zone.fleet.lead(self.registry, &owner.cluster, gateway);
                    self.whole(&name, &found.addresses, &set.ports_at(owner), out);
                }
                (Reach::Direct, Some(ServiceKind::ClusterIp(ips))) if !set.is_headless() => {
                    if !set.ports().is_empty() {
                        self.whole(&name, &self.left(owner, ips), set.ports(), out);
                    }
                }
                _ => {
                    for slice in &owner.slices {
                        self.slice(owner, (&name, label_of(&owner.cluster)), slice, out);
                    }
                }
            }
        }
    }

    /// A name with addresses of its own, and an SRV record of each port both at the name and at the
    /// port's own name, if it has one.
    fn whole(&self, name: &WireName, addresses: &[IpAddr], ports: &[Port], out: &mut Answer) {
        if addresses.is_empty() {
            return;
        }
        for &address in addresses {
            out.address(Section::Answer, name.wire(), self.zone.ttl, address);
        }
        for port in ports {
            let number = port.number.unwrap_or(NO_NUMBER);
            records::srv(out, name.wire(), self.zone.ttl, 100, number, name.wire());
            self.port(name, port, 100, name, out);
        }
    }

    /// The endpoints of a slice, whose weights share 100. Their names have the label of their cluster, which
    /// may be empty; they have none where it has no label.
    fn slice(
        &self,
        owner: &Owner,
        (name, cluster): (&WireName, Option<&str>),
        slice: &EndpointSlice,
        out: &mut Answer,
    ) {
        let count = slice.endpoints.len() + slice.aliases.len();
        let weight = u16::try_from(100 / count.max(1)).unwrap_or(100).max(1);
        let is_free = |endpoint: &&Endpoint| self.is_free(owner, endpoint.address);
        for endpoint in slice.endpoints.iter().filter(is_free) {
            let Some(cluster) = cluster else {
                out.address(Section::Answer, name.wire(), self.zone.ttl, endpoint.address);
                continue;
            };
            let target = self.service_name(&endpoint.label(), cluster, &owner.key);
            let Some(target) = target else { continue };
            for owner in [name, &target] {
                out.address(Section::Answer, owner.wire(), self.zone.ttl, endpoint.address);
            }
            slice.ports.iter().for_each(|port| self.port(name, port, weight, &target, out));
        }
        for _ in &slice.aliases {
            // CoreDNS has no record of the alias itself, and none to point to.
            let target = WireName::root();
            slice.ports.iter().for_each(|port| self.port(name, port, weight, &target, out));
        }
    }

    /// The SRV record of a port at its own name.
    fn port(
        &self,
        service: &WireName,
        port: &Port,
        weight: u16,
        target: &WireName,
        out: &mut Answer,
    ) {
        if port.name.is_empty() {
            return;
        }
        let labels =
            [format!("_{}", port.name.to_lowercase()), format!("_{}", port.protocol.label())];
        let Some(mut name) = WireName::from_labels(labels.iter().map(String::as_bytes)) else {
            return;
        };
        if name.extend(service).is_some() {
            let number = port.number.unwrap_or(NO_NUMBER);
            records::srv(out, name.wire(), self.zone.ttl, weight, number, target.wire());
        }
    }

    /// The addresses that may be handed out, and for a family of which none may those of `overlap`.
    fn left(&self, owner: &Owner, all: &[IpAddr]) -> Vec<IpAddr> {
        let mut left: Vec<IpAddr> =
            all.iter().copied().filter(|ip| self.is_free(owner, *ip)).collect();
        if let Overlap::Sentinel(addresses) = &self.zone.fleet.overlap {
            let has = |of: &[IpAddr], address: &IpAddr| {
                of.iter().any(|other| other.is_ipv4() == address.is_ipv4())
            };
            let needed =
                addresses.iter().filter(|address| has(all, address) && !has(&left, address));
            let needed: Vec<IpAddr> = needed.copied().collect();
            left.extend(needed);
        }
        left
    }

    /// Whether an address may be handed out.
    fn is_free(&self, owner: &Owner, address: IpAddr) -> bool {
        matches!(self.free(owner, address), Place::Address(_))
    }
}
