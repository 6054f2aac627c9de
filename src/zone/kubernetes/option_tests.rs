//! What the options of `kubernetes` make of names, over one cluster.

use std::net::IpAddr;

use super::tests::{ask, tell};
use super::*;
use crate::cluster::ClusterId;
use crate::cluster::kinds::Keep;
use crate::zone::rtype::{A, AAAA, CNAME, NS, PTR, SRV, TXT};

const OBJECTS: &str = include_str!("testdata/options.yaml");

fn zones() -> Kubernetes {
    let name = |text| WireName::parse(text).unwrap();
    Kubernetes {
        zones: ["cluster.local", "in-addr.arpa"].map(name).to_vec(),
        primary: name("cluster.local"),
        ttl: 30,
        pods: Pods::Disabled,
        namespaces: None,
        zonal: false,
        ignore_empty: false,
        fleet: Fleet::alone(ClusterId::new("local")),
        own_addresses: Vec::new(),
    }
}

/// Asks every question of a table; `~` is short for `.svc.cluster.local`.
fn check(zones: &Kubernetes, keep: Keep, table: &[(&str, u16, &str)]) {
    let registry = Registry::default();
    tell(&registry, "local", OBJECTS, keep);
    let known = Known { local: true, members: true };
    let long = |text: &str| text.replace('~', ".svc.cluster.local");
    for (name, qtype, expected) in table {
        let said = ask(&registry, zones, known, &long(name), *qtype);
        assert_eq!(said, long(expected), "{name} {qtype}");
    }
}

#[test]
fn endpoints_that_are_names() {
    let far = "db.example.com., web.shop~., ";
    check(
        &zones(),
        Keep::default(),
        &[
            ("far.shop~", A, &format!("{far}10.96.0.20, 10.244.2.1 -> db.example.com.")),
            ("far.shop~", AAAA, "db.example.com. -> db.example.com."),
            ("far.shop~", CNAME, "db.example.com."),
            ("far.shop~", TXT, "NODATA"),
            // The endpoint of the slice without ports has the whole weight, and no record.
            ("far.shop~", SRV, "NODATA"),
            ("_pg._tcp.far.shop~", SRV, "NODATA"),
            ("near.far.shop~", A, "web.shop~., 10.96.0.20"),
            ("db-example-com.far.shop~", CNAME, "db.example.com."),
            ("x.far.shop~", A, "NXDOMAIN"),
        ],
    );
}

#[test]
fn topology_zones() {
    let zonal = Kubernetes { zonal: true, ..zones() };
    let keep = Keep { zones: true, pod_names: false };
    let target = "0 100 5432 10-244-1-1.db.shop~., +10.244.1.1";
    let table: &[(&str, u16, &str)] = &[
        ("eu-a.pin._zone.db.shop~", A, "10.244.1.1"),
        ("EU-A.Pin._Zone.db.shop~", A, "10.244.1.1"),
        ("eu-a.pin._zone.db.shop~", SRV, target),
        ("eu-a.pin._zone.db.shop~", AAAA, "NODATA"),
        ("eu-a.pin._zone.db.shop~", TXT, "NODATA"),
        ("eu.b.pin._zone.db.shop~", A, "10.244.1.2"),
        ("b.pin._zone.db.shop~", A, "NODATA"),
        ("eu-a.prefer._zone.db.shop~", A, "10.244.1.1"),
        ("b.prefer._zone.db.shop~", A, "10.244.1.1, 10.244.1.2, 10.244.1.3"),
        ("b.prefer._zone.none.shop~", A, "NODATA"),
        ("b.pin._zone.none.shop~", PTR, "NODATA"),
        ("none.shop~", A, "NXDOMAIN"),
        ("eu-a.pin._zone.web.shop~", A, "NXDOMAIN"),
        ("eu-a.pin._zone.gone.shop~", A, "NXDOMAIN"),
        ("eu-a.only._zone.db.shop~", A, "NXDOMAIN"),
        ("pin._zone.db.shop~", A, "NXDOMAIN"),
        ("_zone.db.shop~", A, "NXDOMAIN"),
    ];
    check(&zonal, keep, table);
    check(&zones(), keep, &[("eu-a.pin._zone.db.shop~", A, "NXDOMAIN")]);
}

#[test]
fn endpoints_called_by_their_pods() {
    let keep = Keep { pod_names: true, zones: false };
    let srv = "0 33 5432 db.0.db.shop~., 0 33 5432 two.db.shop~., 0 33 5432 10-244-1-3.db.shop~., \
               +10.244.1.1, +10.244.1.2, +10.244.1.3";
    let table: &[(&str, u16, &str)] = &[
        ("web-5d.web.shop~", A, "10.244.0.1"),
        ("10-244-0-1.web.shop~", A, "NXDOMAIN"),
        ("1.0.244.10.in-addr.arpa", PTR, "web-5d.web.shop~."),
        // The name of this pod is two labels, which no name below a Service has.
        ("db.shop~", SRV, srv),
        ("1.1.244.10.in-addr.arpa", PTR, "db.0.db.shop~."),
        ("db.0.db.shop~", A, "NXDOMAIN"),
        ("two.db.shop~", A, "10.244.1.2"),
    ];
    check(&zones(), keep, table);
}

#[test]
fn services_without_ready_endpoints() {
    let ignoring = Kubernetes { ignore_empty: true, ..zones() };
    let table: &[(&str, u16, &str)] = &[
        ("idle.shop~", A, "NXDOMAIN"),
        ("_http._tcp.idle.shop~", SRV, "NXDOMAIN"),
        ("_tcp.idle.shop~", A, "NXDOMAIN"),
        ("21.0.96.10.in-addr.arpa", PTR, "idle.shop~."),
        ("web.shop~", A, "10.96.0.20"),
        ("db.shop~", AAAA, "NODATA"),
    ];
    check(&ignoring, Keep::default(), table);
    check(&zones(), Keep::default(), &[("idle.shop~", A, "10.96.0.21")]);
}

#[test]
fn name_servers() {
    let at = |addresses: &[&str]| {
        let own_addresses: Vec<IpAddr> = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
        Kubernetes { own_addresses, ..zones() }
    };
    let services = "kube-dns.kube-system~., one.dns-pods.kube-system~., \
                    10-244-9-8.dns-pods.kube-system~., \
                    +10.96.0.10, +fd00:96::10, +10.244.9.9, +10.244.9.8";
    let table: &[(&str, u16, &str)] = &[
        ("Cluster.Local", NS, services),
        ("ns.dns.cluster.local", A, "10.96.0.10, 10.244.9.9, 10.244.9.8"),
        ("ns.dns.cluster.local", AAAA, "fd00:96::10"),
    ];
    check(&at(&["192.0.2.7", "10.244.9.9"]), Keep::default(), table);
    // An address of an endpoint whose Service is gone names no server, nor do the others then.
    let gone: &[(&str, u16, &str)] =
        &[("cluster.local", NS, "NODATA"), ("ns.dns.cluster.local", A, "NODATA")];
    check(&at(&["192.0.2.7", "10.244.9.7"]), Keep::default(), gone);
    let alone: &[(&str, u16, &str)] = &[
        ("cluster.local", NS, "ns.dns.cluster.local., +192.0.2.7, +fe80::1"),
        ("in-addr.arpa", NS, "ns.dns.in-addr.arpa., +192.0.2.7, +fe80::1"),
        ("ns.dns.cluster.local", AAAA, "fe80::1"),
        ("ns.dns.cluster.local", TXT, "NODATA"),
    ];
    check(&at(&["192.0.2.7", "fe80::1"]), Keep::default(), alone);
}
