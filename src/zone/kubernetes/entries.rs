//! What is at the name of a Service or below it: addresses with ports, endpoints, aliases.

use std::net::IpAddr;

use super::{Look, Made};
use crate::cluster::kinds::{Alias, Endpoint, EndpointSlice, Label, ObjectKey, Port, ServiceKind};
use crate::registry::{Owner, ServiceName};
use crate::zone::choice::{Chosen, Reach};
use crate::zone::clusterset::{Exported, label_of, ports_of};
use crate::zone::name::WireName;
use crate::zone::overlap::{Overlap, Overlapped};
use crate::zone::schema::{self, Asked, Below};

/// One address and port of a Service.
pub(super) struct Entry<'a> {
    pub place: Place<'a>,
    /// `None` where there is no port to tell.
    pub port: Option<&'a Port>,
    pub called: Called<'a>,
    /// Where the endpoint of a Service of several clusters is, or nothing.
    pub cluster: &'a str,
    pub service: &'a ObjectKey,
}

/// What has a name of its own below the Service.
#[derive(Clone, Copy)]
pub(super) enum Called<'a> {
    Nothing,
    Endpoint(&'a Endpoint),
    Alias(&'a Alias),
}

impl Called<'_> {
    /// The label of its name, or nothing.
    pub fn label(&self) -> Label<'_> {
        match self {
            Called::Nothing => Label::Text(""),
            Called::Endpoint(endpoint) => endpoint.label(),
            Called::Alias(alias) => alias.label(),
        }
    }
}

/// Where an entry leads.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Address(IpAddr),
    /// An address that may not be handed out, because it would lead to something else here.
    Withheld(IpAddr),
    Alias(&'a WireName),
}

impl Look<'_> {
    /// Gives every entry at this name to `take`, in CoreDNS's order. Whether the name exists.
    pub(super) fn entries(&self, mut take: impl FnMut(Entry<'_>)) -> bool {
        let Asked::Service { key, namespace, below } = self.asked else { return false };
        if !self.zone.exposes(namespace) {
            return false;
        }
        match self.made {
            Made::Services => {}
            Made::Imports => return self.imported(key, namespace, below, &mut take),
            Made::Exports => return self.exported(key, namespace, below, &mut take),
        }
        let Some(name) = self.registry.service(key) else { return false };
        let Some(chosen) = self.choose(namespace, name) else { return false };
        if self.zone.ignore_empty && chosen.is_empty() {
            return false;
        }
        let is_alias = matches!(chosen.kind(), ServiceKind::ExternalName(_));
        chosen.owners().for_each(|owner| {
            self.answers(&owner.cluster);
            if !is_alias {
                self.leads(&owner.cluster);
            }
        });
        if let ServiceKind::ExternalName(target) = chosen.kind() {
            let Some(target) = alias(target) else { return false };
            // `_._` before it asks for nothing more, and so `_` exists.
            let itself = |below: Below<'_>| {
                matches!(below, Below::Itself | Below::Port { name: b"", protocol: b"" })
            };
            if itself(below) {
                take(at_service(Place::Alias(&target), None, chosen.key()));
                return true;
            }
            return ports_below(below).is_some_and(itself);
        }
        let each =
            |below: Below<'_>, take: &mut dyn FnMut(Entry<'_>)| self.each(&chosen, below, take);
        self.or_overlap((chosen.key(), chosen.ports()), below, each, &mut take)
    }

    /// Who answers for a Service, of those that may be asked.
    pub(super) fn choose<'n>(
        &'n self,
        namespace: &'n [u8],
        name: &'n ServiceName,
    ) -> Option<Chosen<'n>> {
        let fleet = &self.zone.fleet;
        match self.only {
            Some(only) => fleet.choose_of(self.registry, namespace, name, only),
            None => fleet.choose(self.registry, namespace, name, self.known.local),
        }
    }

    /// Gives the entries that `each` finds, and those of `overlap` where no address of a family is left.
    /// Whether the name exists.
    fn or_overlap(
        &self,
        (service, ports): (&ObjectKey, &[Port]),
        below: Below<'_>,
        each: impl Fn(Below<'_>, &mut dyn FnMut(Entry<'_>)) -> bool,
        take: &mut dyn FnMut(Entry<'_>),
    ) -> bool {
        let found = match &self.zone.fleet.overlap {
            Overlap::NoData | Overlap::Allow => each(below, take),
            Overlap::Sentinel(addresses) => {
                let mut left = Left::default();
                let found = each(below, &mut |entry| {
                    left.note(entry.place);
                    take(entry);
                });
                let is_endpoint = matches!(below, Below::Endpoint { .. } | Below::Topology { .. });
                for address in addresses.iter().filter(|address| left.needs(address)) {
                    let place = Place::Address(*address);
                    if is_endpoint {
                        take(at_service(place, None, service));
                        continue;
                    }
                    matching(ports, below, |port| take(at_service(place, port, service)));
                }
                found
            }
        };
        found || ports_below(below).is_some_and(|ports| each(ports, &mut |_| {}))
    }

    /// The entries of a Service that clusters export.
    fn exported(
        &self,
        key: &[u8],
        namespace: &[u8],
        below: Below<'_>,
        take: &mut dyn FnMut(Entry<'_>),
    ) -> bool {
        // The local cluster's export comes first, and it may have one.
        let Some(name) = self.registry.service(key).filter(|_| self.known.local) else {
            return false;
        };
        let Some(set) = self.zone.fleet.exported(self.registry, namespace, name) else {
            return false;
        };
        if self.zone.ignore_empty && set.is_empty() {
            return false;
        }
        let each = |below: Below<'_>, take: &mut dyn FnMut(Entry<'_>)| {
            self.each_exported(&set, below, take)
        };
        self.or_overlap((set.key(), set.ports()), below, each, take)
    }

    /// The entries of all exporters that answer, each by its reach; whether the name exists.
    fn each_exported(
        &self,
        set: &Exported<'_>,
        below: Below<'_>,
        take: &mut dyn FnMut(Entry<'_>),
    ) -> bool {
        let answering = set.answering(self.registry, below);
        for owner in &answering {
            self.answers(&owner.cluster);
            self.leads(&owner.cluster);
        }
        let mut found = false;
        for owner in answering {
            let has_address = !set.is_headless() && !matches!(below, Below::Endpoint { .. });
            found |= match self.zone.fleet.reach(&owner.cluster) {
                Reach::Instead(gateway) => {
                    let found = self.zone.fleet.lead(self.registry, &owner.cluster, gateway);
                    instead(&owner.key, &set.ports_at(owner), &found.addresses, below, take)
                }
                // As of a ServiceImport, without ports there is nothing at the name.
                Reach::Direct if has_address => {
                    !set.ports().is_empty() && self.cluster_ips(owner, set.ports(), below, take)
                }
                reach => {
                    if *reach == Reach::Endpoints {
                        self.note_ports(owner);
                    }
                    match label_of(&owner.cluster) {
                        Some(label) => self.endpoints(owner, label, below, take),
                        // What has no name has no SRV record that could lead to it.
                        None => self.endpoints(owner, "", below, &mut |entry| {
                            take(Entry { port: None, ..entry });
                        }),
                    }
                }
            };
        }
        found
    }

    /// The entries of a ServiceImport of the local cluster, with the endpoints that the slices of a
    /// multi-cluster controller name (plugin/kubernetes/kubernetes.go, `findMultiClusterServices`).
    fn imported(
        &self,
        key: &[u8],
        namespace: &[u8],
        below: Below<'_>,
        take: &mut dyn FnMut(Entry<'_>),
    ) -> bool {
        if !self.namespace_exists_here(namespace) {
            return false;
        }
        let Some(name) = self.registry.import(key) else { return false };
        let Some(owner) = name.owner(&self.zone.fleet.local) else { return false };
        let Some(import) = &owner.service else { return false };
        let headless = import.kind == ServiceKind::Headless;
        if self.zone.ignore_empty && !headless && owner.slices.iter().all(|slice| slice.is_empty())
        {
            return false;
        }
        let each = |below, take: &mut dyn FnMut(Entry<'_>)| {
            if headless || matches!(below, Below::Endpoint { .. }) {
                let of_slice = |slice: &EndpointSlice, take: &mut dyn FnMut(Entry<'_>)| {
                    let cluster = slice.import.as_ref().map_or("", |import| &import.cluster);
                    of_slice(slice, cluster, &owner.key, below, take)
                };
                return owner
                    .slices
                    .iter()
                    .fold(false, |found, slice| of_slice(slice, take) | found);
            }
            // Without ports there is nothing at the name, unlike a Service.
            !import.ports.is_empty() && self.cluster_ips(owner, &import.ports, below, take)
        };
        each(below, take) || ports_below(below).is_some_and(|ports| each(ports, &mut |_| {}))
    }

    /// The entries of all who answer; whether the name exists.
    fn each(&self, chosen: &Chosen<'_>, below: Below<'_>, take: &mut dyn FnMut(Entry<'_>)) -> bool {
        let headless = *chosen.kind() == ServiceKind::Headless;
        let mut found = false;
        let mut in_topology = false;
        for owner in chosen.owners() {
            found |= match (self.zone.fleet.reach(&owner.cluster), below) {
                (Reach::Instead(gateway), _) => {
                    let found = self.zone.fleet.lead(self.registry, &owner.cluster, gateway);
                    instead(&owner.key, ports_of(owner), &found.addresses, below, take)
                }
                (Reach::Direct | Reach::Endpoints, Below::Topology { .. }) => {
                    in_topology |= headless && self.endpoints(owner, "", below, take);
                    // Which topology zones there are is not for a name to say: all exist.
                    headless
                }
                (Reach::Direct, Below::Endpoint { .. }) => self.endpoints(owner, "", below, take),
                (Reach::Endpoints, _) => {
                    self.note_ports(owner);
                    self.endpoints(owner, "", below, take)
                }
                (Reach::Direct, _) if headless => self.endpoints(owner, "", below, take),
                (Reach::Direct, _) => self.cluster_ips(owner, ports_of(owner), below, take),
            };
        }
        if matches!(below, Below::Topology { prefer: true, .. }) && found && !in_topology {
            self.each(chosen, Below::Itself, take);
        }
        found
    }

    /// Notes a Service whose endpoints have other ports than it: whoever connects to the one that the Service
    /// names finds nobody.
    fn note_ports(&self, owner: &Owner) {
        let Some(service) = &owner.service else { return };
        let differs = |port: &Port| {
            let same = |other: &&Port| other.name == port.name && other.protocol == port.protocol;
            let others = owner.slices.iter().filter_map(|slice| slice.ports.iter().find(same));
            others.into_iter().any(|other| other.number.is_some() && other.number != port.number)
        };
        if let (Some(notes), true) = (self.notes, service.ports.iter().any(differs)) {
            notes.ports.get_or_init(|| (owner.cluster.clone(), ObjectKey::clone(&owner.key)));
        }
    }

    /// The endpoints of one cluster, whose names have its label where there is one.
    fn endpoints(
        &self,
        owner: &Owner,
        label: &str,
        below: Below<'_>,
        take: &mut dyn FnMut(Entry<'_>),
    ) -> bool {
        let mut found = false;
        for slice in &owner.slices {
            found |= of_slice(slice, label, &owner.key, below, &mut |entry| {
                let place = match entry.place {
                    Place::Address(address) => self.free(owner, address),
                    other => other,
                };
                take(Entry { place, ..entry });
            });
        }
        found
    }

    fn cluster_ips(
        &self,
        owner: &Owner,
        ports: &[Port],
        below: Below<'_>,
        take: &mut dyn FnMut(Entry<'_>),
    ) -> bool {
        let Some(service) = &owner.service else { return false };
        let ServiceKind::ClusterIp(ips) = &service.kind else { return false };
        matching(ports, below, |port| {
            for &ip in ips {
                take(at_service(self.free(owner, ip), port, &owner.key));
            }
        })
    }

    /// The address, unless it is a member's and would lead to something else here.
    pub(super) fn free(&self, owner: &Owner, address: IpAddr) -> Place<'static> {
        let local = &self.zone.fleet.local;
        if owner.cluster == *local {
            return Place::Address(address);
        }
        match self.zone.fleet.clash(self.registry, owner, address) {
            None => Place::Address(address),
            Some(clash) => {
                if let Some(notes) = self.notes {
                    notes.overlapped.get_or_init(|| Overlapped {
                        cluster: owner.cluster.clone(),
                        service: ObjectKey::clone(&owner.key),
                        address,
                        clash,
                    });
                }
                Place::Withheld(address)
            }
        }
    }
}

/// Of which families there are addresses, and of which there were.
#[derive(Default)]
struct Left {
    given: [bool; 2],
    withheld: [bool; 2],
}

impl Left {
    fn note(&mut self, place: Place<'_>) {
        match place {
            Place::Address(address) => self.given[usize::from(address.is_ipv6())] = true,
            Place::Withheld(address) => self.withheld[usize::from(address.is_ipv6())] = true,
            Place::Alias(_) => {}
        }
    }

    /// Whether all addresses of this one's family are withheld.
    fn needs(&self, address: &IpAddr) -> bool {
        let family = usize::from(address.is_ipv6());
        self.withheld[family] && !self.given[family]
    }
}

/// The entries of a slice's endpoints; whether there are any.
fn of_slice(
    slice: &EndpointSlice,
    cluster: &str,
    service: &ObjectKey,
    below: Below<'_>,
    take: &mut dyn FnMut(Entry<'_>),
) -> bool {
    let wanted = |called: Called<'_>, zone: Option<&str>| match below {
        Below::Endpoint { name, cluster: asked } => {
            is_label(&called.label(), name) && cluster.as_bytes().eq_ignore_ascii_case(asked)
        }
        Below::Topology { zone: asked, .. } => zone.is_some_and(|zone| is_labels(zone, asked)),
        Below::Itself | Below::Port { .. } => true,
    };
    let mut found = false;
    let mut give = |place: Place<'_>, called: Called<'_>| {
        found |= matching(&slice.ports, below, |port| {
            take(Entry { place, port, called, cluster, service });
        });
    };
    for endpoint in &slice.endpoints {
        let called = Called::Endpoint(endpoint);
        if wanted(called, endpoint.zone()) {
            give(Place::Address(endpoint.address), called);
        }
    }
    for endpoint in &slice.aliases {
        let called = Called::Alias(endpoint);
        let is_wanted = wanted(called, endpoint.zone.as_deref());
        if let (true, Some(target)) = (is_wanted, alias(&endpoint.target)) {
            give(Place::Alias(&target), called);
        }
    }
    found
}

/// The ports that make a name exist which is none itself: `_tcp.web`, because of `_http._tcp.web`.
fn ports_below(below: Below<'_>) -> Option<Below<'_>> {
    match below {
        Below::Endpoint { name, cluster: b"" } => {
            Some(Below::Port { name: b"", protocol: schema::bare(name) })
        }
        _ => None,
    }
}

/// Whether a text is this label. One with dots is several labels, and none of them.
fn is_label(text: &str, label: &[u8]) -> bool {
    text.as_bytes().eq_ignore_ascii_case(label) && !label.contains(&b'.')
}

/// Whether a text with dots is these wire labels.
fn is_labels(text: &str, mut wire: &[u8]) -> bool {
    for label in text.split('.') {
        let Some((length, rest)) = wire.split_first() else { return false };
        let Some((first, rest)) = rest.split_at_checked(usize::from(*length)) else { return false };
        if !is_label(label, first) {
            return false;
        }
        wire = rest;
    }
    wire.is_empty()
}

/// An entry of the Service itself.
fn at_service<'a>(place: Place<'a>, port: Option<&'a Port>, service: &'a ObjectKey) -> Entry<'a> {
    Entry { place, port, called: Called::Nothing, cluster: "", service }
}

/// A gateway's or sentinel's addresses in place of a Service's own. Its endpoints have no names.
fn instead(
    service: &ObjectKey,
    ports: &[Port],
    addresses: &[IpAddr],
    below: Below<'_>,
    take: &mut dyn FnMut(Entry<'_>),
) -> bool {
    if matches!(below, Below::Endpoint { .. } | Below::Topology { .. }) {
        return false;
    }
    matching(ports, below, |port| {
        for &address in addresses {
            take(at_service(Place::Address(address), port, service));
        }
    })
}

/// Gives the ports that are asked for, and says whether there are any. Where there are no ports at all there is
/// one entry without a port, so that the addresses are found but no SRV record is.
fn matching<'a>(
    ports: &'a [Port],
    below: Below<'_>,
    mut give: impl FnMut(Option<&'a Port>),
) -> bool {
    let (name, protocol) = match below {
        Below::Port { name, protocol } => (name, protocol),
        _ => (&b""[..], &b""[..]),
    };
    if name.is_empty() && protocol.is_empty() {
        // None is read.
        match ports {
            [] => give(None),
            ports => ports.iter().map(Some).for_each(give),
        }
        return true;
    }
    let is =
        |asked: &[u8], has: &str| asked.is_empty() || asked.eq_ignore_ascii_case(has.as_bytes());
    let mut found = false;
    for port in ports {
        if is(name, &port.name) && is(protocol, port.protocol.label()) {
            found = true;
            give(Some(port));
        }
    }
    found
}

/// The target of an ExternalName; `None` where it is an address, which no CNAME can point to.
pub(super) fn alias(target: &str) -> Option<WireName> {
    if target.parse::<IpAddr>().is_ok() {
        return None;
    }
    WireName::parse(target).filter(|name| name.labels() > 0)
}
