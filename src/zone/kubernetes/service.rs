//! Services: their addresses, ports, endpoints and aliases.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::IpAddr;

use super::{Look, Verdict, records};
use crate::cluster::kinds::{ObjectKey, Port, ServiceKind};
use crate::registry::Owner;
use crate::zone::answer::{Answer, Section};
use crate::zone::choice::{Chosen, Reach};
use crate::zone::name::WireName;
use crate::zone::rtype;
use crate::zone::schema::{self, Asked, Below};

/// Longest chain of CNAMEs that is followed (CoreDNS, plugin/backend_lookup.go).
const MAX_CHAIN: usize = 11;

/// One address and port of a Service.
struct Entry<'a> {
    /// `None` where the address may not be handed out, because the local cluster has it too.
    address: Option<IpAddr>,
    /// `None` where there is no port to tell.
    port: Option<u16>,
    /// The label of an endpoint that has a name of its own below the Service.
    endpoint: Option<Cow<'a, str>>,
    service: &'a ObjectKey,
}

/// What is at a name.
enum Found {
    Nothing,
    /// The name exists; its records were given to the caller.
    Entries,
    /// An ExternalName's target.
    Alias(Box<WireName>),
}

impl Look<'_> {
    /// Answers for a Service or a name below it.
    pub(super) fn service(&self, qtype: u16, out: &mut Answer) -> Verdict {
        match qtype {
            rtype::A | rtype::AAAA => self.addresses(qtype, out),
            rtype::SRV => self.srv(out),
            _ => match self.entries(|_| {}) {
                Found::Nothing => Verdict::NameError,
                Found::Entries => Verdict::Answered,
                Found::Alias(target) => {
                    if qtype == rtype::CNAME {
                        self.cname(&target, out);
                    }
                    Verdict::Answered
                }
            },
        }
    }

    fn cname(&self, target: &WireName, out: &mut Answer) {
        let (owner, ttl) = (self.name.wire(), self.zone.ttl);
        out.name(Section::Answer, owner, rtype::CNAME, ttl, target.wire());
    }

    /// A or AAAA, through the aliases of the zone. A chain that ends in nothing, or in itself, has no
    /// records at all, not even its CNAMEs, as in CoreDNS.
    fn addresses(&self, qtype: u16, out: &mut Answer) -> Verdict {
        match self.own_addresses(qtype, out) {
            Found::Nothing => Verdict::NameError,
            Found::Entries => Verdict::Answered,
            Found::Alias(target) => self.follow(target, qtype, out),
        }
    }

    fn follow(&self, mut target: Box<WireName>, qtype: u16, out: &mut Answer) -> Verdict {
        if *target == *self.name {
            return Verdict::Answered;
        }
        self.cname(&target, out);
        let zone = self.spelled_zone();
        let mut seen = vec![target.clone()];
        loop {
            let Some(left) = target.left_of(&zone) else { return Verdict::Chase(target) };
            let next = Look { name: &target, left, ..*self };
            match next.anything(qtype, out) {
                Found::Entries if out.records().last().is_some_and(|last| last.rtype == qtype) => {
                    return Verdict::Answered;
                }
                Found::Alias(further) if !seen.contains(&further) && seen.len() < MAX_CHAIN => {
                    next.cname(&further, out);
                    seen.push(further.clone());
                    target = further;
                }
                _ => {
                    out.drop_records();
                    return Verdict::Answered;
                }
            }
        }
    }

    /// The addresses at any name of the zone, for an alias that points there.
    fn anything(&self, qtype: u16, out: &mut Answer) -> Found {
        if let Asked::Service { .. } = schema::read(self.name, self.left) {
            return self.own_addresses(qtype, out);
        }
        match self.forward(qtype, out) {
            Verdict::Answered => Found::Entries,
            _ => Found::Nothing,
        }
    }

    /// Writes the addresses at this name, each once.
    fn own_addresses(&self, qtype: u16, out: &mut Answer) -> Found {
        let mut written = HashSet::new();
        self.entries(|entry| {
            if let Some(address) = entry.address.filter(|address| records::is_of(*address, qtype))
                && written.insert(address)
            {
                out.address(Section::Answer, self.name.wire(), self.zone.ttl, address);
            }
        })
    }

    /// SRV: every entry with a port, with its address as glue. The weights of all entries, whether
    /// they are written or not, share 100 (CoreDNS, plugin/backend_lookup.go, `SRV`).
    fn srv(&self, out: &mut Answer) -> Verdict {
        let mut total: usize = 0;
        match self.entries(|_| total += 1) {
            Found::Nothing => return Verdict::NameError,
            Found::Alias(_) => return Verdict::Answered,
            Found::Entries => {}
        }
        let weight = u16::try_from(100 / total.max(1)).unwrap_or(100).max(1);
        let (owner, ttl, zone) = (self.name.wire(), self.zone.ttl, self.spelled_zone());
        let mut targets = HashSet::new();
        let mut glue = Vec::new();
        self.entries(|entry| {
            let (Some(address), Some(port)) = (entry.address, entry.port) else { return };
            let Some(target) = entry.target(&zone) else { return };
            if targets.insert((target.folded().to_vec(), port)) {
                records::srv(out, owner, ttl, weight, port, target.wire());
            }
            glue.push((target, address));
        });
        let mut written = HashSet::new();
        for (target, address) in glue {
            if written.insert((target.folded().to_vec(), address)) {
                out.address(Section::Additional, target.wire(), ttl, address);
            }
        }
        Verdict::Answered
    }

    /// Gives every entry at this name to `take`, in CoreDNS's order.
    fn entries(&self, mut take: impl FnMut(Entry<'_>)) -> Found {
        let Asked::Service { key, namespace, below } = schema::read(self.name, self.left) else {
            return Found::Nothing;
        };
        if !self.zone.exposes(namespace) {
            return Found::Nothing;
        }
        let Some(name) = self.registry.service(key) else { return Found::Nothing };
        let remote = self.known.local;
        let Some(chosen) = self.zone.fleet.choose(self.registry, namespace, &name, remote) else {
            return Found::Nothing;
        };
        if let ServiceKind::ExternalName(target) = chosen.kind() {
            return match alias(target) {
                Some(target) if below == Below::Itself => Found::Alias(Box::new(target)),
                _ => Found::Nothing,
            };
        }
        let mut found = self.each(&chosen, below, &mut take);
        // `_tcp.web` exists because `_http._tcp.web` does.
        if let (false, Below::Endpoint(label)) = (found, below) {
            let ports = Below::Port { name: b"", protocol: schema::bare(label) };
            found = self.each(&chosen, ports, &mut |_| {});
        }
        if found { Found::Entries } else { Found::Nothing }
    }

    /// The entries of all who answer; whether there are any.
    fn each(&self, chosen: &Chosen<'_>, below: Below<'_>, take: &mut dyn FnMut(Entry<'_>)) -> bool {
        let mut found = false;
        for owner in chosen.owners() {
            let by_endpoint =
                *chosen.kind() == ServiceKind::Headless || matches!(below, Below::Endpoint(_));
            found |= match self.zone.fleet.reach(&owner.cluster) {
                Reach::Direct if by_endpoint => self.endpoints(owner, below, take),
                Reach::Direct => self.cluster_ips(owner, below, take),
                Reach::Instead(addresses) => instead(owner, addresses, below, take),
            };
        }
        found
    }

    fn endpoints(&self, owner: &Owner, below: Below<'_>, take: &mut dyn FnMut(Entry<'_>)) -> bool {
        let mut found = false;
        for (endpoint, ports) in owner.endpoints() {
            for &address in &endpoint.addresses {
                let label = endpoint.label(address);
                let other = |asked: &[u8]| !label.as_bytes().eq_ignore_ascii_case(asked);
                if matches!(below, Below::Endpoint(asked) if other(asked)) {
                    continue;
                }
                for port in matching(ports, below) {
                    found = true;
                    take(Entry {
                        address: self.free(owner, address),
                        port,
                        endpoint: Some(label.clone()),
                        service: &owner.key,
                    });
                }
            }
        }
        found
    }

    fn cluster_ips(
        &self,
        owner: &Owner,
        below: Below<'_>,
        take: &mut dyn FnMut(Entry<'_>),
    ) -> bool {
        let Some(service) = &owner.service else { return false };
        let ServiceKind::ClusterIp(ips) = &service.kind else { return false };
        let mut found = false;
        for port in matching(&service.ports, below) {
            found = true;
            for &ip in ips {
                let address = self.free(owner, ip);
                take(Entry { address, port, endpoint: None, service: &owner.key });
            }
        }
        found
    }

    /// The address, unless it is a member's and the local cluster has it too: then it would lead to
    /// another Service.
    fn free(&self, owner: &Owner, address: IpAddr) -> Option<IpAddr> {
        let local = &self.zone.fleet.local;
        if owner.cluster == *local {
            return Some(address);
        }
        let holders = self.registry.address(address)?;
        let taken = holders.iter().any(|holder| holder.cluster == *local);
        (!taken).then_some(address)
    }
}

/// A gateway's or sentinel's addresses in place of a Service's own. Its endpoints have no names.
fn instead(
    owner: &Owner,
    addresses: &[IpAddr],
    below: Below<'_>,
    take: &mut dyn FnMut(Entry<'_>),
) -> bool {
    let Some(service) = &owner.service else { return false };
    if matches!(below, Below::Endpoint(_)) {
        return false;
    }
    let mut found = false;
    for port in matching(&service.ports, below) {
        found = true;
        for &address in addresses {
            take(Entry { address: Some(address), port, endpoint: None, service: &owner.key });
        }
    }
    found
}

/// The numbers of the ports that are asked for. Where there are no ports at all there is one without a
/// number, so that the addresses are found but no SRV record is.
fn matching<'a>(ports: &'a [Port], below: Below<'a>) -> impl Iterator<Item = Option<u16>> + 'a {
    let (name, protocol) = match below {
        Below::Port { name, protocol } => (name, protocol),
        _ => (&b""[..], &b""[..]),
    };
    let all = name.is_empty() && protocol.is_empty();
    let none = (ports.is_empty() && all).then_some(None);
    let wanted = move |port: &&Port| {
        let is = |asked: &[u8], text: &str| {
            asked.is_empty() || asked.eq_ignore_ascii_case(text.as_bytes())
        };
        is(name, &port.name) && is(protocol, port.protocol.label())
    };
    ports.iter().filter(wanted).map(|port| port.number).chain(none)
}

/// The target of an ExternalName; `None` where it is an address, which no CNAME can point to.
fn alias(target: &str) -> Option<WireName> {
    if target.parse::<IpAddr>().is_ok() {
        return None;
    }
    WireName::parse(target).filter(|name| name.labels() > 0)
}

impl Entry<'_> {
    /// The name that SRV points to. Below a zone so long that it is none there is no record.
    fn target(&self, zone: &WireName) -> Option<WireName> {
        let endpoint = self.endpoint.as_ref().map(|label| label.as_bytes());
        let service = [self.service.name.as_bytes(), self.service.namespace.as_bytes(), b"svc"];
        let mut target = WireName::from_labels(endpoint.into_iter().chain(service))?;
        target.extend(zone)?;
        Some(target)
    }
}
