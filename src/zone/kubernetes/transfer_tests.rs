//! What is transferred, over two clusters and a cluster set.

use std::collections::BTreeMap;

use super::tests::{rdata, tell};
use super::*;
use crate::cluster::kinds::{Keep, ObjectKey, ServiceImport, ServiceKind};
use crate::cluster::{Change, ClusterId, PerMember, Sink, Update};
use crate::zone::choice::Reach;
use crate::zone::gateway::Gateway;

const EAST: &str = "{kind: Namespace, metadata: {name: shop}}
---
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIP: 10.96.0.1
  clusterIPs: [10.96.0.1, 'fd00:96::1']
  ports: [{name: http, port: 80}, {port: 81}]
---
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: None}
---
kind: EndpointSlice
metadata: {name: db-1, namespace: shop, labels: {kubernetes.io/service-name: db}}
endpoints: [{addresses: [10.244.1.1], hostname: db-0}, {addresses: [10.244.1.2]}]
ports: [{name: pg, port: 5432}, {name: any}, {port: 9}]
---
kind: Service
metadata: {name: away, namespace: shop}
spec: {type: ExternalName, externalName: www.example.com}
---
kind: EndpointSlice
metadata:
  name: far-1
  namespace: shop
  labels: {multicluster.kubernetes.io/service-name: far, multicluster.kubernetes.io/source-cluster: west}
endpoints: [{addresses: [10.1.0.1], hostname: far-0}]
ports: [{name: pg, port: 5432}]
---
kind: Service
metadata: {name: hidden, namespace: nowhere}
spec: {clusterIP: 10.96.0.9}";

const WEST: &str = "{kind: Namespace, metadata: {name: billing}}
---
{kind: Namespace, metadata: {name: shop}}
---
kind: Service
metadata: {name: api, namespace: billing}
spec: {clusterIP: 10.97.0.1, ports: [{name: http, port: 80}]}
---
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.97.0.2, ports: [{name: http, port: 80}]}";

fn registry() -> Registry {
    let registry = Registry::default();
    tell(&registry, "east", EAST, Keep::default());
    tell(&registry, "west", WEST, Keep::default());
    let far = ServiceImport {
        key: ObjectKey::new("shop", "far"),
        kind: ServiceKind::Headless,
        ports: Box::default(),
    };
    registry.apply(&ClusterId::new("east"), Change::ServiceImport(Update::Upsert(far)));
    registry
}

fn zones(west: Reach) -> Kubernetes {
    let name = |text| WireName::parse(text).unwrap();
    Kubernetes {
        zones: ["cluster.local", "clusterset.local"].map(name).to_vec(),
        primary: name("cluster.local"),
        ttl: 30,
        pods: Pods::Insecure,
        namespaces: None,
        multicluster: vec![name("clusterset.local")],
        clusterset: Vec::new(),
        per_cluster: Vec::new(),
        zonal: true,
        ignore_empty: true,
        fleet: Fleet {
            local: ClusterId::new("east"),
            reach: PerMember {
                named: BTreeMap::from([(ClusterId::new("west"), west)]),
                others: Reach::Direct,
            },
            top_level: PerMember::default(),
            resolved: Default::default(),
            cidrs: Vec::new(),
            overlap: Default::default(),
            merge: Default::default(),
            knows_endpoints: true,
        },
        own_addresses: vec!["192.0.2.7".parse().unwrap()],
    }
}

/// The records of a zone, a line each; `~` is short for its name.
fn transfer(zones: &Kubernetes, zone: &str) -> Vec<String> {
    let registry = registry();
    let name = WireName::parse(&zone.to_uppercase()).unwrap();
    let zone = zones.zone(&name).unwrap();
    let mut out = Answer::default();
    zones.transfer_soa(&registry, &zone, &mut out);
    zones.transfer_servers(&registry, &zone, &mut out);
    for name in zones.transfer_names(&registry, &zone) {
        zones.transfer_name(&registry, &zone, &name, &mut out);
    }
    let short = |text: String| text.replace(&zone.to_string(), "~").replace(".svc.~", "~");
    let line = |record: crate::zone::answer::RecordRef<'_>| {
        let owner = WireName::read(record.owner).unwrap().0;
        short(format!("{owner} {} {}", record.ttl, rdata(record.rtype, record.rdata)))
    };
    out.records().map(line).collect()
}

#[test]
fn the_names_of_a_cluster() {
    let gateway = Reach::Instead(Gateway::of(vec!["203.0.113.10".parse().unwrap()]));
    assert_eq!(
        transfer(&zones(gateway), "cluster.local"),
        [
            "~ 30 ns.dns.~ min 30",
            "~ 30 ns.dns.~",
            "ns.dns.~ 0 192.0.2.7",
            // West's, behind its gateway.
            "api.billing~ 30 203.0.113.10",
            "api.billing~ 30 0 100 80 api.billing~",
            "_http._tcp.api.billing~ 30 0 100 80 api.billing~",
            "away.shop~ 30 www.example.com.",
            "db.shop~ 30 10.244.1.1",
            "db-0.db.shop~ 30 10.244.1.1",
            "_pg._tcp.db.shop~ 30 0 50 5432 db-0.db.shop~",
            "_any._tcp.db.shop~ 30 0 50 65535 db-0.db.shop~",
            "db.shop~ 30 10.244.1.2",
            "10-244-1-2.db.shop~ 30 10.244.1.2",
            "_pg._tcp.db.shop~ 30 0 50 5432 10-244-1-2.db.shop~",
            "_any._tcp.db.shop~ 30 0 50 65535 10-244-1-2.db.shop~",
            // East's alone: west has it too.
            "web.shop~ 30 10.96.0.1",
            "web.shop~ 30 fd00:96::1",
            "web.shop~ 30 0 100 80 web.shop~",
            "_http._tcp.web.shop~ 30 0 100 80 web.shop~",
            "web.shop~ 30 0 100 81 web.shop~",
        ]
    );
    let direct = transfer(&zones(Reach::Direct), "cluster.local");
    assert_eq!(direct[3], "api.billing~ 30 10.97.0.1");
}

#[test]
fn the_names_of_a_cluster_set() {
    assert_eq!(
        transfer(&zones(Reach::Direct), "clusterset.local"),
        [
            "~ 30 ns.dns.~ min 30",
            "~ 30 ns.dns.~",
            "ns.dns.~ 0 192.0.2.7",
            "far.shop~ 30 10.1.0.1",
            "far-0.west.far.shop~ 30 10.1.0.1",
            "_pg._tcp.far.shop~ 30 0 100 5432 far-0.west.far.shop~",
        ]
    );
}

/// West's load balancer has two ways in and two ports, of which one has no name.
const OUTSIDE: &str = "kind: Service
metadata: {name: api, namespace: billing}
spec:
  clusterIP: 10.97.0.1
  externalIPs: [192.0.2.1, 192.0.2.2]
  ports: [{name: Http, port: 80}, {port: 81, protocol: UDP}]
status: {loadBalancer: {ingress: [{hostname: lb.example.org}]}}";

#[test]
fn the_names_outside() {
    let (registry, mut zones) = (registry(), zones(Reach::Direct));
    tell(&registry, "west", OUTSIDE, Keep::default());
    let mut records = |headless| {
        let mut out = Answer::default();
        let zone = WireName::parse("example.org").unwrap();
        let outside = Outside { zone, ttl: 5, headless };
        for name in zones.outside_names(&registry) {
            zones.outside_name(&registry, &outside, &name, &mut out);
        }
        zones.namespaces = Some([Box::from(*b"shop")].into());
        let line = |record: crate::zone::answer::RecordRef<'_>| {
            let owner = WireName::read(record.owner).unwrap().0;
            let line = format!("{owner} {} {}", record.ttl, rdata(record.rtype, record.rdata));
            line.replace(".example.org.", "~")
        };
        out.records().map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        records(false),
        [
            "api.billing~ 5 192.0.2.1",
            "api.billing~ 5 192.0.2.2",
            "api.billing~ 30 lb~",
            "api.billing~ 30 0 100 80 api.billing~",
            "api.billing~ 30 0 100 81 api.billing~",
            "api.billing~ 30 0 100 80 lb~",
            "api.billing~ 30 0 100 81 lb~",
            "_._udp.api.billing~ 30 0 100 81 api.billing~",
            "_._udp.api.billing~ 30 0 100 81 lb~",
            "_http._tcp.api.billing~ 30 0 100 80 api.billing~",
            "_http._tcp.api.billing~ 30 0 100 80 lb~",
        ]
    );
    // Of one namespace, which has a headless Service: two endpoints with three ports, one of them without a number.
    assert_eq!(
        records(true),
        [
            "db.shop~ 5 10.244.1.1",
            "db.shop~ 5 10.244.1.2",
            "db.shop~ 30 0 16 5432 db-0.db.shop~",
            "db.shop~ 30 0 16 9 db-0.db.shop~",
            "db.shop~ 30 0 16 5432 10-244-1-2.db.shop~",
            "db.shop~ 30 0 16 9 10-244-1-2.db.shop~",
            "_pg._tcp.db.shop~ 30 0 50 5432 db-0.db.shop~",
            "_pg._tcp.db.shop~ 30 0 50 5432 10-244-1-2.db.shop~",
            "10-244-1-2.db.shop~ 5 10.244.1.2",
            "10-244-1-2.db.shop~ 30 0 100 5432 10-244-1-2.db.shop~",
            "10-244-1-2.db.shop~ 30 0 100 9 10-244-1-2.db.shop~",
            "db-0.db.shop~ 5 10.244.1.1",
            "db-0.db.shop~ 30 0 100 5432 db-0.db.shop~",
            "db-0.db.shop~ 30 0 100 9 db-0.db.shop~",
        ]
    );
}

#[test]
fn what_is_no_zone() {
    let zones = zones(Reach::Direct);
    for name in ["svc.cluster.local", "local", "example.org"] {
        assert!(zones.zone(&WireName::parse(name).unwrap()).is_none(), "{name}");
    }
}
