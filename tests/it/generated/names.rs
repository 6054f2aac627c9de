//! Names to ask about: those of a population, those near to them, and anything.

use std::net::IpAddr;

use hickory_proto::rr::{Name, RecordType};
use rand::RngExt;
use rand::rngs::StdRng;

use super::population::{NAMESPACES, Population};

const TYPES: [RecordType; 20] = [
    RecordType::A,
    RecordType::A,
    RecordType::A,
    RecordType::AAAA,
    RecordType::AAAA,
    RecordType::SRV,
    RecordType::SRV,
    RecordType::PTR,
    RecordType::TXT,
    RecordType::CNAME,
    RecordType::NS,
    RecordType::SOA,
    RecordType::MX,
    RecordType::ANY,
    RecordType::HTTPS,
    RecordType::HINFO,
    RecordType::DS,
    RecordType::CAA,
    RecordType::AXFR,
    RecordType::Unknown(65_280),
];

/// Labels that mean something somewhere, or nothing anywhere.
const LABELS: [&str; 24] = [
    "svc",
    "pod",
    "_tcp",
    "_udp",
    "_sctp",
    "tcp",
    "_http",
    "http",
    "_dns",
    "_dns-tcp",
    "_",
    "__http",
    "*",
    "any",
    "x",
    "a\\.b",
    "\\000",
    "\\255\\032",
    "\\@",
    "_zone",
    "pin",
    "prefer",
    "dns-version",
    "1-2-3-4",
];
const PORTS: [&str; 12] = [
    "_http._tcp",
    "http.tcp",
    "_dns._udp",
    "_dns-tcp._tcp",
    "_s._sctp",
    "_._tcp",
    "_http._",
    "_._",
    "_http._udp",
    "_x-1._sctp",
    "__http._tcp",
    "_tcp",
];
const TOPOLOGY: [&str; 8] = [
    "eu-a.pin._zone",
    "eu-b.pin._zone",
    "eu.c.pin._zone",
    "none.pin._zone",
    "none.prefer._zone",
    "x.prefer._zone",
    "x.only._zone",
    "pin._zone",
];
const PODS: [&str; 8] = [
    "1-2-3-4",
    "--1",
    "--",
    "--ffff-a00-1",
    "fd02-0-0-0-0-0-0-1",
    "01-2-3-4",
    "256-1-1-1",
    "a.b.1-2-3-4",
];
const FIXED: [&str; 9] =
    ["", "svc", "pod", "dns-version", "ns.dns", "dns", "x.dns", "apex.dns", "hostmaster"];
const REVERSE: [&str; 8] = [
    "in-addr.arpa",
    "10.in-addr.arpa",
    "ip6.arpa",
    "x.in-addr.arpa",
    "1.2.3.in-addr.arpa",
    "01.2.3.10.in-addr.arpa",
    "5.1.2.3.10.in-addr.arpa",
    "a.b.ip6.arpa",
];

/// Draws names about a population.
pub struct Names<'a> {
    pub population: &'a Population,
    pub zones: &'static [&'static str],
}

impl Names<'_> {
    /// An absolute name in lower case.
    pub fn draw(&self, rng: &mut StdRng) -> String {
        let name = match rng.random_range(0..20) {
            0..4 => self.in_zone(&self.service(rng), rng),
            4..8 => self.in_zone(&self.endpoint(rng), rng),
            8..10 => {
                let port = pick(&PORTS, rng);
                self.in_zone(&format!("{port}.{}", self.service(rng)), rng)
            }
            10 => {
                let topology = pick(&TOPOLOGY, rng);
                self.in_zone(&format!("{topology}.{}", self.service(rng)), rng)
            }
            11..13 => self.in_zone(&self.pod(rng), rng),
            13..16 => self.reverse(rng),
            16 => self.in_zone(pick(&FIXED, rng), rng),
            17 => {
                let kind = pick(&["svc", "pod", "svc", "sv"], rng);
                self.in_zone(&format!("{}.{kind}", self.namespace(rng)), rng)
            }
            18 => {
                let more = self.in_zone(&self.service(rng), rng);
                format!("{}.{more}", pick(&LABELS, rng))
            }
            _ => self.anything(rng),
        };
        let name = if rng.random_bool(0.08) { mutated(&name, rng) } else { name };
        let name = format!("{}.", name.trim_matches('.'));
        // A change may have made it too long.
        if fleetdns::plugin::names::parse(&name).is_some() { name } else { ".".into() }
    }

    pub fn kind(&self, rng: &mut StdRng) -> RecordType {
        TYPES[rng.random_range(0..TYPES.len())]
    }

    fn in_zone(&self, left: &str, rng: &mut StdRng) -> String {
        format!("{left}.{}", self.zones[rng.random_range(0..self.zones.len())])
    }

    fn namespace(&self, rng: &mut StdRng) -> &'static str {
        if rng.random_bool(0.1) { "gen-gone" } else { pick(&NAMESPACES, rng) }
    }

    fn service(&self, rng: &mut StdRng) -> String {
        let services = &self.population.services;
        let (namespace, name) = &services[rng.random_range(0..services.len())];
        let namespace = if rng.random_bool(0.05) { self.namespace(rng) } else { namespace };
        format!("{name}.{namespace}.svc")
    }

    fn endpoint(&self, rng: &mut StdRng) -> String {
        let endpoints = &self.population.endpoints;
        let [label, service, namespace] = &endpoints[rng.random_range(0..endpoints.len())];
        format!("{label}.{service}.{namespace}.svc")
    }

    fn address<'p>(&'p self, rng: &mut StdRng) -> &'p str {
        &self.population.addresses[rng.random_range(0..self.population.addresses.len())]
    }

    fn pod(&self, rng: &mut StdRng) -> String {
        let label = match rng.random_range(0..4) {
            0 => pick(&PODS, rng).to_owned(),
            1 => format!("x.{}", self.address(rng).replace(['.', ':'], "-")),
            _ => self.address(rng).replace(['.', ':'], "-"),
        };
        format!("{label}.{}.pod", self.namespace(rng))
    }

    fn reverse(&self, rng: &mut StdRng) -> String {
        // Below the root CoreDNS makes pointers that do not pack, and says nothing.
        if rng.random_bool(0.15) || self.zones == ["."] {
            return pick(&REVERSE, rng).to_owned();
        }
        let address: IpAddr = self.address(rng).parse().expect("an address");
        let name = Name::from(address).to_string();
        match rng.random_range(0..10) {
            // Another address, or none.
            0 => format!("9{name}"),
            1 => name.split_once('.').expect("labels").1.to_owned(),
            2 => format!("1.{name}"),
            _ => name,
        }
    }

    fn anything(&self, rng: &mut StdRng) -> String {
        let count = rng.random_range(0..9);
        let labels: Vec<&str> = (0..count).map(|_| pick(&LABELS, rng)).collect();
        self.in_zone(&labels.join("."), rng)
    }
}

/// A name with one label changed, gone, or twice.
fn mutated(name: &str, rng: &mut StdRng) -> String {
    let mut labels: Vec<&str> = name.split('.').collect();
    let place = rng.random_range(0..labels.len());
    match rng.random_range(0..3) {
        0 => labels[place] = pick(&LABELS, rng),
        1 => {
            labels.remove(place);
        }
        _ => labels.insert(place, labels[place]),
    }
    labels.join(".")
}

fn pick<'a>(all: &[&'a str], rng: &mut StdRng) -> &'a str {
    all[rng.random_range(0..all.len())]
}
