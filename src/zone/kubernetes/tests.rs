//! Questions and answers over three clusters: east, which is local, west, which is reached directly,
//! and far, which is behind a gateway.

use std::collections::BTreeMap;

use super::*;
use crate::cluster::kinds::{
    EndpointSliceObject, Keep, Namespace, NamespaceObject, Service, ServiceObject,
};
use crate::cluster::{Change, ClusterId, PerMember, Sink, Update};
use crate::zone::choice::Reach;
use crate::zone::gateway::Gateway;
use crate::zone::rtype::{A, AAAA, AXFR, CNAME, MX, NS, PTR, SOA, SRV, TXT};

const CLUSTERS: [(&str, &str); 3] = [
    ("east", include_str!("testdata/east.yaml")),
    ("west", include_str!("testdata/west.yaml")),
    ("far", include_str!("testdata/far.yaml")),
];

const KNOWN: Known = Known { local: true, members: true };

/// The clusters' objects, told one by one.
fn registry() -> Registry {
    let registry = Registry::default();
    for (cluster, yaml) in CLUSTERS {
        tell(&registry, cluster, yaml, Keep::default());
    }
    registry
}

/// Tells the registry of a cluster's objects.
pub(super) fn tell(registry: &Registry, cluster: &str, yaml: &str, keep: Keep) {
    for document in yaml.split("\n---\n") {
        let change = if document.contains("kind: EndpointSlice") {
            let object: EndpointSliceObject = serde_saphyr::from_str(document).unwrap();
            Change::EndpointSlice(Update::Upsert(object.slim(keep)))
        } else if document.contains("kind: Namespace") {
            let object: NamespaceObject = serde_saphyr::from_str(document).unwrap();
            Change::Namespace(Update::Upsert(Namespace::from(object)))
        } else {
            let object: ServiceObject = serde_saphyr::from_str(document).unwrap();
            Change::Service(Update::Upsert(Service::from(object)))
        };
        registry.apply(&ClusterId::new(cluster), change);
    }
}

fn zones() -> Kubernetes {
    let name = |text| WireName::parse(text).unwrap();
    let far = Reach::Instead(Gateway::of(vec!["203.0.113.10".parse().unwrap()]));
    Kubernetes {
        zones: ["cluster.local", "in-addr.arpa", "ip6.arpa"].map(name).to_vec(),
        primary: name("cluster.local"),
        ttl: 30,
        pods: Pods::Insecure,
        namespaces: None,
        multicluster: Vec::new(),
        clusterset: Vec::new(),
        per_cluster: Vec::new(),
        zonal: false,
        ignore_empty: false,
        fleet: Fleet {
            local: ClusterId::new("east"),
            reach: PerMember {
                named: BTreeMap::from([(ClusterId::new("far"), far)]),
                others: Reach::Direct,
            },
            top_level: PerMember::default(),
            resolved: Default::default(),
            cidrs: Vec::new(),
            overlap: Default::default(),
            merge: Default::default(),
            knows_endpoints: true,
        },
        own_addresses: Vec::new(),
    }
}

/// The rdata of a record, as zone files write it.
pub(super) fn rdata(rtype: u16, rdata: &[u8]) -> String {
    let name = |at: usize| WireName::read(&rdata[at..]).unwrap().0.to_string();
    let word = |at: usize| u16::from_be_bytes([rdata[at], rdata[at + 1]]);
    match rtype {
        A => std::net::Ipv4Addr::from(<[u8; 4]>::try_from(rdata).unwrap()).to_string(),
        AAAA => std::net::Ipv6Addr::from(<[u8; 16]>::try_from(rdata).unwrap()).to_string(),
        SRV => format!("{} {} {} {}", word(0), word(2), word(4), name(6)),
        TXT => String::from_utf8_lossy(&rdata[1..]).into_owned(),
        CNAME | PTR | NS => name(0),
        SOA => format!("{} min {}", name(0), word(rdata.len() - 2)),
        _ => format!("{rdata:?}"),
    }
}

/// The answer: `NXDOMAIN`, `NODATA`, or the rdata of its records, `+` before glue.
pub(super) fn ask(
    registry: &Registry,
    zones: &Kubernetes,
    known: Known,
    name: &str,
    qtype: u16,
) -> String {
    let name = WireName::parse(name).unwrap();
    let left = zones.find(&name).expect("a name in a zone");
    let mut out = Answer::default();
    match zones.answer(registry, known, (&name, qtype), left, &mut out) {
        Verdict::NameError => return "NXDOMAIN".into(),
        Verdict::Refused => return "REFUSED".into(),
        Verdict::Chase(targets) => {
            let mut elsewhere = Elsewhere::default();
            let shown: Vec<_> = targets.iter().map(ToString::to_string).collect();
            targets.into_iter().for_each(|name| elsewhere.tell(name, Some(Answer::default())));
            out.clear();
            zones.complete(registry, known, (&name, qtype), left, &elsewhere, &mut out);
            return format!("{} -> {}", sections(&out), shown.join(" "));
        }
        Verdict::Answered => {}
    }
    assert!(out.authoritative && out.code == rcode::NOERROR);
    if out.is_empty(Section::Answer) { "NODATA".into() } else { sections(&out) }
}

fn sections(out: &Answer) -> String {
    let mut records: Vec<_> = out.records().collect();
    records.sort_by_key(|record| record.section);
    let text = records.iter().map(|record| {
        let glue = if record.section == Section::Additional { "+" } else { "" };
        format!("{glue}{}", rdata(record.rtype, record.rdata))
    });
    text.collect::<Vec<_>>().join(", ")
}

fn check(table: &[(&str, u16, &str)], zones: &Kubernetes, known: Known) {
    let registry = registry();
    let mut wrong = Vec::new();
    for (name, qtype, expected) in table {
        let said = ask(&registry, zones, known, name, *qtype);
        if said != *expected {
            wrong.push(format!("{name} {qtype}: {said}\n    expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_local_cluster() {
    let web = "web.shop.svc.cluster.local.";
    let table: &[(&str, u16, &str)] = &[
        ("web.shop.svc.cluster.local", A, "10.96.0.20"),
        ("WEB.Shop.svc.CLUSTER.local", A, "10.96.0.20"),
        ("web.shop.svc.cluster.local", AAAA, "fd00:96::20"),
        ("web.shop.svc.cluster.local", TXT, "NODATA"),
        ("web.shop.svc.cluster.local", CNAME, "NODATA"),
        ("web.shop.svc.cluster.local", MX, "NODATA"),
        ("web.shop.svc.cluster.local", SOA, "NODATA"),
        ("web.shop.svc.cluster.local", PTR, "NODATA"),
        ("web.shop.svc.cluster.local", AXFR, "REFUSED"),
        (
            "web.shop.svc.cluster.local",
            SRV,
            &format!("0 25 80 {web}, 0 25 53 {web}, +10.96.0.20, +fd00:96::20"),
        ),
        (
            "_http._tcp.web.shop.svc.cluster.local",
            SRV,
            &format!("0 50 80 {web}, +10.96.0.20, +fd00:96::20"),
        ),
        ("http.tcp.web.shop.svc.cluster.local", A, "10.96.0.20"),
        ("_._udp.web.shop.svc.cluster.local", A, "10.96.0.20"),
        ("_http._udp.web.shop.svc.cluster.local", SRV, "NXDOMAIN"),
        ("_tcp.web.shop.svc.cluster.local", A, "NODATA"),
        ("_sctp.web.shop.svc.cluster.local", A, "NXDOMAIN"),
        ("10-244-0-1.web.shop.svc.cluster.local", A, "10.244.0.1"),
        ("web-0.web.shop.svc.cluster.local", A, "NXDOMAIN"),
        ("a.b.c.web.shop.svc.cluster.local", A, "NXDOMAIN"),
        ("db.shop.svc.cluster.local", A, "10.244.1.1, 10.244.1.2"),
        ("db.shop.svc.cluster.local", AAAA, "fd00:244::1"),
        ("db-0.db.shop.svc.cluster.local", A, "10.244.1.1"),
        ("fd00-244--1.db.shop.svc.cluster.local", AAAA, "fd00:244::1"),
        ("fd00-244--1.db.shop.svc.cluster.local", A, "NODATA"),
        ("gone.db.shop.svc.cluster.local", A, "NXDOMAIN"),
        (
            "_pg._tcp.db.shop.svc.cluster.local",
            SRV,
            "0 33 5432 db-0.db.shop.svc.cluster.local., 0 33 5432 10-244-1-2.db.shop.svc.cluster.local., \
             0 33 5432 fd00-244--1.db.shop.svc.cluster.local., +10.244.1.1, +10.244.1.2, +fd00:244::1",
        ),
        ("empty.shop.svc.cluster.local", A, "NXDOMAIN"),
        ("empty.shop.svc.cluster.local", SRV, "NXDOMAIN"),
        ("portless.shop.svc.cluster.local", A, "10.244.3.1"),
        ("portless.shop.svc.cluster.local", SRV, "NODATA"),
        ("out.shop.svc.cluster.local", CNAME, "www.example.com."),
        ("out.shop.svc.cluster.local", A, "www.example.com. -> www.example.com."),
        ("out.shop.svc.cluster.local", TXT, "NODATA"),
        ("out.shop.svc.cluster.local", SRV, "NODATA"),
        ("x.out.shop.svc.cluster.local", A, "NXDOMAIN"),
        ("inside.shop.svc.cluster.local", A, "web.shop.svc.cluster.local., 10.96.0.20"),
        (
            "twice.shop.svc.cluster.local",
            A,
            "inside.shop.svc.cluster.local., web.shop.svc.cluster.local., 10.96.0.20",
        ),
        ("nowhere.shop.svc.cluster.local", A, "NODATA"),
        ("nowhere.shop.svc.cluster.local", CNAME, "nope.shop.svc.cluster.local."),
        ("loop.shop.svc.cluster.local", A, "NODATA"),
        ("literal.shop.svc.cluster.local", A, "NXDOMAIN"),
        ("orphan.shop.svc.cluster.local", A, "NXDOMAIN"),
        ("web.nope.svc.cluster.local", A, "NXDOMAIN"),
        ("shop.svc.cluster.local", A, "NODATA"),
        ("shop.svc.cluster.local", TXT, "NODATA"),
        ("nope.svc.cluster.local", A, "NXDOMAIN"),
        ("svc.cluster.local", TXT, "NODATA"),
        ("pod.cluster.local", A, "NODATA"),
        ("cluster.local", A, "NODATA"),
        ("cluster.local", TXT, "NODATA"),
        ("Cluster.Local", SOA, "ns.dns.cluster.local. min 30"),
        ("cluster.local", NS, "NODATA"),
        ("dns-version.cluster.local", TXT, "1.1.0"),
        ("dns-version.in-addr.arpa", TXT, "1.1.0"),
        ("dns-version.cluster.local", A, "NODATA"),
        ("dns.cluster.local", A, "NODATA"),
        ("ns.dns.cluster.local", TXT, "NODATA"),
        ("nope.cluster.local", SOA, "NXDOMAIN"),
        ("1-2-3-4.shop.pod.cluster.local", A, "1.2.3.4"),
        ("1-2-3-4.shop.pod.cluster.local", AAAA, "NODATA"),
        (
            "1-2-3-4.shop.pod.cluster.local",
            SRV,
            "0 100 0 1-2-3-4.shop.pod.cluster.local., +1.2.3.4",
        ),
        ("fd00--7.shop.pod.cluster.local", AAAA, "fd00::7"),
        ("1-2-3-4.nope.pod.cluster.local", A, "NXDOMAIN"),
        ("shop.pod.cluster.local", A, "NODATA"),
        ("20.0.96.10.in-addr.arpa", PTR, web),
        ("20.0.96.10.in-addr.arpa", A, "NODATA"),
        ("1.1.244.10.in-addr.arpa", PTR, "db-0.db.shop.svc.cluster.local."),
        ("9.9.244.10.in-addr.arpa", PTR, "NXDOMAIN"),
        ("0.96.10.in-addr.arpa", PTR, "NXDOMAIN"),
        ("in-addr.arpa", A, "NODATA"),
        (
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.4.2.0.0.0.d.f.ip6.arpa",
            PTR,
            "fd00-244--1.db.shop.svc.cluster.local.",
        ),
    ];
    check(table, &zones(), KNOWN);
}

#[test]
fn members_answer_for_what_is_not_local() {
    let table: &[(&str, u16, &str)] = &[
        // Local first, whatever the others have.
        ("web.shop.svc.cluster.local", A, "10.96.0.20"),
        // Only west has it, in a namespace that east lacks.
        ("api.billing.svc.cluster.local", A, "10.97.0.40"),
        (
            "api.billing.svc.cluster.local",
            SRV,
            "0 100 443 api.billing.svc.cluster.local., +10.97.0.40",
        ),
        ("10-245-0-1.api.billing.svc.cluster.local", A, "10.245.0.1"),
        ("billing.svc.cluster.local", A, "NODATA"),
        ("billing.pod.cluster.local", A, "NXDOMAIN"),
        ("40.0.97.10.in-addr.arpa", PTR, "api.billing.svc.cluster.local."),
        ("1.0.245.10.in-addr.arpa", PTR, "10-245-0-1.api.billing.svc.cluster.local."),
        ("alias.billing.svc.cluster.local", A, "web.shop.svc.cluster.local., 10.96.0.20"),
        // Behind a gateway: its address for every name, and nothing below a Service.
        ("ledger.legacy.svc.cluster.local", A, "203.0.113.10"),
        ("ledger.legacy.svc.cluster.local", AAAA, "NODATA"),
        (
            "ledger.legacy.svc.cluster.local",
            SRV,
            "0 100 8080 ledger.legacy.svc.cluster.local., +203.0.113.10",
        ),
        (
            "_http._tcp.ledger.legacy.svc.cluster.local",
            SRV,
            "0 100 8080 ledger.legacy.svc.cluster.local., +203.0.113.10",
        ),
        ("vm-1.ledger.legacy.svc.cluster.local", A, "NXDOMAIN"),
        ("1.0.246.10.in-addr.arpa", PTR, "NXDOMAIN"),
        // Two members: the older Service answers; headless ones are joined.
        ("both.billing.svc.cluster.local", A, "203.0.113.10"),
        ("set.billing.svc.cluster.local", A, "203.0.113.10, 10.245.0.9"),
        // An address that the local cluster has too would lead elsewhere: the name has none.
        ("clash.billing.svc.cluster.local", A, "NODATA"),
        ("clash.billing.svc.cluster.local", SRV, "NODATA"),
        ("20.0.96.10.in-addr.arpa", PTR, "web.shop.svc.cluster.local."),
        // A Service in a namespace that its cluster does not have does not exist.
        ("stray.nowhere.svc.cluster.local", A, "NXDOMAIN"),
    ];
    check(table, &zones(), KNOWN);
}

#[test]
fn an_unknown_local_cluster_hides_the_members() {
    let unknown = Known { local: false, members: true };
    let table: &[(&str, u16, &str)] = &[
        ("api.billing.svc.cluster.local", A, "NXDOMAIN"),
        ("billing.svc.cluster.local", A, "NXDOMAIN"),
        ("40.0.97.10.in-addr.arpa", PTR, "NXDOMAIN"),
        ("cluster.local", A, "NODATA"),
        ("dns-version.cluster.local", TXT, "1.1.0"),
    ];
    check(table, &zones(), unknown);
}

#[test]
fn options_of_the_corefile() {
    let disabled = Kubernetes { pods: Pods::Disabled, ..zones() };
    let table: &[(&str, u16, &str)] = &[
        ("1-2-3-4.shop.pod.cluster.local", A, "NXDOMAIN"),
        ("shop.pod.cluster.local", A, "NXDOMAIN"),
        ("pod.cluster.local", A, "NODATA"),
    ];
    check(table, &disabled, KNOWN);
    let only = BTreeSet::from([Box::from(&b"billing"[..])]);
    let exposed = Kubernetes { namespaces: Some(only), ..zones() };
    let table: &[(&str, u16, &str)] = &[
        ("web.shop.svc.cluster.local", A, "NXDOMAIN"),
        ("shop.svc.cluster.local", A, "NXDOMAIN"),
        ("1-2-3-4.shop.pod.cluster.local", A, "NXDOMAIN"),
        ("20.0.96.10.in-addr.arpa", PTR, "NXDOMAIN"),
        ("api.billing.svc.cluster.local", A, "10.97.0.40"),
    ];
    check(table, &exposed, KNOWN);
    let unbound = Kubernetes {
        own_addresses: ["192.0.2.2", "fd00::2"].map(|text| text.parse().unwrap()).to_vec(),
        ..zones()
    };
    let table: &[(&str, u16, &str)] = &[
        ("Cluster.LOCAL", NS, "ns.dns.cluster.local., +192.0.2.2, +fd00::2"),
        ("ns.dns.cluster.local", A, "192.0.2.2"),
        ("ns.dns.cluster.local", AAAA, "fd00::2"),
        ("ns.dns.cluster.local", SRV, "NODATA"),
    ];
    check(table, &unbound, KNOWN);
}

/// TTL and MINIMUM of the SOA of a negative answer.
#[test]
fn negative_answers_are_kept_as_long_as_is_known() {
    let registry = registry();
    let name = WireName::parse("Nope.shop.svc.Cluster.local").unwrap();
    for (code, ttl, members, expected) in [
        (rcode::NXDOMAIN, 30, true, (30, 30)),
        (rcode::NXDOMAIN, 600, true, (300, 600)),
        (rcode::NXDOMAIN, 600, false, (5, 5)),
        (rcode::NXDOMAIN, 0, true, (0, 0)),
        // Only a name that is missing may come with a member.
        (rcode::NOERROR, 600, false, (300, 600)),
        (rcode::SERVFAIL, 30, false, (30, 30)),
    ] {
        let zones = Kubernetes { ttl, ..zones() };
        let known = Known { local: true, members };
        let left = zones.find(&name).unwrap();
        let mut out = Answer::default();
        zones.negative(&registry, known, (&name, left), code, &mut out);
        let soa = out.records().next().unwrap();
        assert_eq!(soa.owner, b"\x07Cluster\x05local\x00", "in the spelling of the question");
        let minimum = u32::from_be_bytes(*soa.rdata.last_chunk().unwrap());
        assert_eq!((soa.ttl, minimum), expected);
        assert_eq!(out.code, code);
    }
}
