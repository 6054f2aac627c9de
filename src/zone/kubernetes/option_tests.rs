//! What the options of `kubernetes` make of names, over one cluster.

use std::net::IpAddr;

use super::tests::{ask, tell};
use super::*;
use crate::cluster::kinds::{Keep, ObjectKey, Pod, Port, Protocol, ServiceImport, ServiceKind};
use crate::cluster::{Change, ClusterId, Sink, Update};
use crate::zone::rtype::{A, AAAA, CNAME, NS, PTR, SRV, TXT};

const OBJECTS: &str = include_str!("testdata/options.yaml");

pub(super) fn zones() -> Kubernetes {
    let name = |text| WireName::parse(text).unwrap();
    Kubernetes {
        zones: ["cluster.local", "in-addr.arpa"].map(name).to_vec(),
        primary: name("cluster.local"),
        ttl: 30,
        pods: Pods::Disabled,
        namespaces: None,
        multicluster: Vec::new(),
        clusterset: Vec::new(),
        per_cluster: Vec::new(),
        zonal: false,
        ignore_empty: false,
        fleet: Fleet::alone(ClusterId::new("local")),
        own_addresses: Vec::new(),
    }
}

/// Asks every question of a table; `~` is short for `.svc.cluster.local`.
fn check(zones: &Kubernetes, keep: Keep, table: &[(&str, u16, &str)]) {
    check_in(&world(keep), zones, table);
}

/// A registry of one cluster with all objects.
pub(super) fn world(keep: Keep) -> Registry {
    let registry = Registry::default();
    tell(&registry, "local", OBJECTS, keep);
    registry
}

fn check_in(registry: &Registry, zones: &Kubernetes, table: &[(&str, u16, &str)]) {
    let known = Known { local: true, members: true };
    let long = |text: &str| text.replace('~', ".svc.cluster.local");
    for (name, qtype, expected) in table {
        let said = ask(registry, zones, known, &long(name), *qtype);
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

/// CoreDNS makes names of these that do not pack, and says nothing.
#[test]
fn pointers_into_the_root_zone() {
    let root = Kubernetes { zones: vec![WireName::root()], primary: WireName::root(), ..zones() };
    let table: &[(&str, u16, &str)] = &[
        ("20.0.96.10.in-addr.arpa", PTR, "web.shop.svc."),
        ("2.1.244.10.in-addr.arpa", PTR, "two.db.shop.svc."),
        ("20.0.96.10.in-addr.arpa", A, "NODATA"),
        ("web.shop.svc", A, "10.96.0.20"),
    ];
    check(&root, Keep::default(), table);
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

#[test]
fn pods_that_run() {
    let registry = world(Keep::default());
    let pod = |name: &str, addresses: &[&str]| Pod {
        key: ObjectKey::new("shop", name),
        addresses: addresses.iter().map(|ip| ip.parse().unwrap()).collect(),
        labels: [].into(),
    };
    let put = |update| registry.apply(&ClusterId::new("local"), Change::Pod(update));
    put(Update::Upsert(pod("one", &["10.244.1.1", "fd00:244::1"])));
    put(Update::Upsert(pod("host-a", &["192.0.2.1"])));
    put(Update::Upsert(pod("host-b", &["192.0.2.1"])));
    let verified = Kubernetes { pods: Pods::Verified, ..zones() };
    let name = "192-0-2-1.shop.pod.cluster.local.";
    let table: &[(&str, u16, &str)] = &[
        ("10-244-1-1.shop.pod.cluster.local", A, "10.244.1.1"),
        ("10-244-1-1.shop.pod.cluster.local", AAAA, "NODATA"),
        ("fd00-244--1.shop.pod.cluster.local", AAAA, "fd00:244::1"),
        // An address is known by one spelling only.
        ("fd00-244-0-0-0-0-0-1.shop.pod.cluster.local", AAAA, "NXDOMAIN"),
        ("10-244-1-1.kube-system.pod.cluster.local", A, "NXDOMAIN"),
        ("10-244-1-2.shop.pod.cluster.local", A, "NXDOMAIN"),
        ("192-0-2-1.shop.pod.cluster.local", SRV, &format!("0 50 0 {name}, +192.0.2.1")),
        ("shop.pod.cluster.local", A, "NODATA"),
        ("gone.pod.cluster.local", A, "NXDOMAIN"),
    ];
    check_in(&registry, &verified, table);
    put(Update::Upsert(pod("one", &["fd00:244::1"])));
    put(Update::Delete(ObjectKey::new("shop", "host-a")));
    let table: &[(&str, u16, &str)] = &[
        ("10-244-1-1.shop.pod.cluster.local", A, "NXDOMAIN"),
        ("fd00-244--1.shop.pod.cluster.local", AAAA, "fd00:244::1"),
        ("192-0-2-1.shop.pod.cluster.local", A, "192.0.2.1"),
    ];
    check_in(&registry, &verified, table);
    put(Update::Reset(Vec::new()));
    check_in(&registry, &verified, &[("192-0-2-1.shop.pod.cluster.local", A, "NXDOMAIN")]);
}

const IMPORTED: &str = "kind: EndpointSlice
metadata:
  name: db-west
  namespace: shop
  labels:
    multicluster.kubernetes.io/service-name: db
    multicluster.kubernetes.io/source-cluster: West
endpoints: [{addresses: [10.1.0.1], hostname: db-0}, {addresses: [10.1.0.2]}]
ports: [{name: pg, port: 5432}]
---
kind: EndpointSlice
metadata:
  name: db-nowhere
  namespace: shop
  labels: {multicluster.kubernetes.io/service-name: db}
endpoints: [{addresses: [10.1.0.3]}]
";

#[test]
fn services_of_a_cluster_set() {
    let registry = world(Keep::default());
    tell(&registry, "local", IMPORTED, Keep::default());
    let port = |name: &str, number| Port {
        name: name.into(),
        protocol: Protocol::Tcp,
        number: Some(number),
    };
    let import = |name: &str, ips: Option<&str>, ports| ServiceImport {
        key: ObjectKey::new("shop", name),
        kind: match ips {
            Some(ip) => ServiceKind::ClusterIp(vec![ip.parse().unwrap()].into()),
            None => ServiceKind::Headless,
        },
        ports,
    };
    let imports = vec![
        import("db", None, Box::default()),
        import("api", Some("10.96.7.1"), Box::from([port("http", 80)])),
        import("portless", Some("10.96.7.2"), Box::default()),
    ];
    registry.apply(&ClusterId::new("local"), Change::ServiceImport(Update::Reset(imports)));
    let set = WireName::parse("clusterset.local").unwrap();
    let mut both = zones();
    both.zones.push(set.clone());
    both.multicluster.push(set);
    // ~ is the cluster's zone.
    let at = |name: &str| format!("{name}.shop.svc.clusterset.local");
    let (db, api) = (at("db"), at("api"));
    let srv =
        format!("0 50 5432 db-0.west.{db}., 0 50 5432 10-1-0-2.west.{db}., +10.1.0.1, +10.1.0.2");
    let whole = "10.1.0.3, 10.1.0.1, 10.1.0.2";
    let table: &[(&str, u16, &str)] = &[
        (&api, A, "10.96.7.1"),
        (&api, AAAA, "NODATA"),
        (&format!("_http._tcp.{api}"), SRV, &format!("0 100 80 {api}., +10.96.7.1")),
        (&format!("_tcp.{api}"), A, "NODATA"),
        (&at("portless"), A, "NXDOMAIN"),
        (&at("web"), A, "NXDOMAIN"),
        (&db, A, whole),
        (&format!("db-0.west.{db}"), A, "10.1.0.1"),
        (&format!("DB-0.WEST.{db}"), A, "10.1.0.1"),
        (&format!("10-1-0-2.west.{db}"), A, "10.1.0.2"),
        (&format!("10-1-0-2.east.{db}"), A, "NXDOMAIN"),
        (&format!("db-0.{db}"), A, "NXDOMAIN"),
        (&format!("10-1-0-3.{db}"), A, "10.1.0.3"),
        (&format!("west.{db}"), A, "NXDOMAIN"),
        (&format!("_pg._tcp.{db}"), SRV, &srv),
        ("shop.svc.clusterset.local", A, "NODATA"),
        ("gone.svc.clusterset.local", A, "NXDOMAIN"),
        ("dns-version.clusterset.local", TXT, "1.1.0"),
        // The slices of a cluster set are nothing in the cluster's own zones.
        ("1.0.1.10.in-addr.arpa", PTR, "NXDOMAIN"),
        ("api.shop~", A, "NXDOMAIN"),
        ("db.shop~", A, "10.244.1.1, 10.244.1.2, 10.244.1.3"),
    ];
    check_in(&registry, &both, table);
}
