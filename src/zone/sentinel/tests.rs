use super::*;
use crate::cluster::kinds::{ObjectKey, Service, ServiceEntry, ServiceEntryObject, ServiceKind};
use crate::cluster::{Change, ClusterId, Sink, Update};
use crate::registry::Registry;
use crate::zone::pool::Pool;

fn name(text: &str) -> WireName {
    WireName::parse(text).unwrap()
}

fn suffix(name: &str, rule: Rule, ttl: u32) -> Suffix {
    let name = WireName::parse(name).unwrap();
    Suffix { name, rule, ttl, except: Vec::new(), guard: Vec::new(), entries: false }
}

fn answer(addresses: &[&str]) -> Rule {
    Rule::Answer(addresses.iter().map(|text| text.parse().unwrap()).collect())
}

fn pools(networks: &[&str]) -> Rule {
    let pool = |text: &&str| Pool::new(text.parse().unwrap()).unwrap();
    Rule::Pools(networks.iter().map(|text| Arc::new(InUse::new(pool(text)))).collect())
}

fn sentinel() -> Sentinel {
    let names = |all: &[&str]| all.iter().map(|text| name(text)).collect::<Vec<_>>();
    let mut remote = suffix("remote", answer(&["240.0.0.10"]), 30);
    remote.except = names(&["ingress.b.remote", "x.eu.remote", "b.c.remote"]);
    remote.guard = names(&["com", "org", "co.uk", "c"]);
    let mut mesh = suffix("mesh", pools(&["240.1.0.0/16", "fd00:f1ee::/64"]), 30);
    mesh.entries = true;
    Sentinel {
        suffixes: vec![
            remote,
            suffix("eu.remote", answer(&["240.0.0.20", "fd00::20"]), 5),
            suffix("a.b.c.remote", answer(&["240.0.0.21"]), 30),
            suffix("global", answer(&["240.0.0.31", "240.0.0.32"]), 30),
            suffix("wide", pools(&["10.160.0.0/12"]), 30),
            mesh,
        ],
        artefacts: names(&["cluster.local", "10.in-addr.arpa"]),
    }
}

/// With an entry for every rule there is.
fn with_root() -> (Sentinel, Registry) {
    let mut all = sentinel();
    let mut root = suffix("", Rule::Pass, 30);
    root.entries = true;
    all.suffixes.push(root);
    (all, Registry::default())
}

/// Code, and `SECTION OWNER TTL TYPE DATA` of each record.
fn said(sentinel: &Sentinel, asked: &Asked<'_>) -> (Verdict, String) {
    let mut out = Answer::default();
    let verdict = sentinel.answer(asked, &mut out);
    let shown = out.records().map(|record| {
        let owner = WireName::read(record.owner).unwrap().0;
        let data = match (record.rtype, record.rdata) {
            (rtype::A, rdata) => {
                std::net::Ipv4Addr::from(<[u8; 4]>::try_from(rdata).unwrap()).to_string()
            }
            (rtype::AAAA, rdata) => {
                std::net::Ipv6Addr::from(<[u8; 16]>::try_from(rdata).unwrap()).to_string()
            }
            (rtype::PTR | rtype::NS, rdata) => WireName::read(rdata).unwrap().0.to_string(),
            _ => String::new(),
        };
        let line = format!("{:?} {owner} {} {} {data}", record.section, record.ttl, record.rtype);
        line.trim_end().to_owned()
    });
    let code = if out.code == rcode::NXDOMAIN { "NXDOMAIN " } else { "" };
    (verdict, format!("{code}{}", shown.collect::<Vec<_>>().join("; ")))
}

fn ask(sentinel: &Sentinel, text: &str, qtype: u16) -> (Verdict, String) {
    let asked = Asked { name: &name(text), qtype, turn: 0, most: u32::MAX, viewer: None };
    said(sentinel, &asked)
}

#[test]
fn every_type_at_and_below_a_suffix() {
    let sentinel = sentinel();
    let table = [
        ("foo.remote", rtype::A, "Answer foo.remote. 30 1 240.0.0.10"),
        ("a.b.c.svc.d.remote", rtype::A, "Answer a.b.c.svc.d.remote. 30 1 240.0.0.10"),
        ("foo.remote", rtype::AAAA, "Authority remote. 30 6"),
        ("foo.remote", rtype::SRV, "Authority remote. 30 6"),
        ("foo.remote", rtype::SOA, "Authority remote. 30 6"),
        ("foo.remote", rtype::NS, "Authority remote. 30 6"),
        ("foo.remote", rtype::PTR, "Authority remote. 30 6"),
        ("foo.remote", 65, "Authority remote. 30 6"),
        ("foo.remote", 9999, "Authority remote. 30 6"),
        ("foo.remote", rtype::ANY, "Answer foo.remote. 30 13"),
        ("remote", rtype::A, "Authority remote. 30 6"),
        ("remote", rtype::SOA, "Answer remote. 30 6"),
        ("remote", rtype::NS, "Answer remote. 30 2 ns.dns.remote."),
        ("eu.remote", rtype::A, "Answer eu.remote. 30 1 240.0.0.10"),
        ("eu.remote", rtype::AAAA, "Authority eu.remote. 5 6"),
        ("eu.remote", rtype::SOA, "Answer eu.remote. 5 6"),
        ("y.eu.remote", rtype::A, "Answer y.eu.remote. 5 1 240.0.0.20"),
        ("x.us.remote", rtype::A, "Answer x.us.remote. 30 1 240.0.0.10"),
        // Longer than the exception above it.
        ("x.a.b.c.remote", rtype::A, "Answer x.a.b.c.remote. 30 1 240.0.0.21"),
    ];
    for (text, qtype, expected) in table {
        let due = (Verdict::Answered, expected.to_owned());
        assert_eq!(ask(&sentinel, text, qtype), due, "{text} {qtype}");
    }
}

#[test]
fn names_that_are_not_captured() {
    let sentinel = sentinel();
    let outside = ["fooremote", "xremote.x", "remote.example.com", "9.0.0.240.in-addr.arpa"];
    let excepted = ["ingress.b.remote", "X.Ingress.b.remote", "x.eu.remote", "b.c.remote"];
    for text in outside.into_iter().chain(excepted) {
        for qtype in [rtype::A, rtype::PTR, rtype::ANY] {
            let nothing = (Verdict::Elsewhere, String::new());
            assert_eq!(ask(&sentinel, text, qtype), nothing, "{text}");
        }
    }
    assert_eq!(ask(&sentinel, "remote", rtype::AXFR).0, Verdict::Refused);
}

#[test]
fn artefacts_of_search_lists() {
    let sentinel = sentinel();
    for (text, is_artefact) in [
        ("web.shop.svc.cluster.local.remote", true),
        ("Cluster.LOCAL.remote", true),
        ("local.remote", false),
        ("xcluster.local.remote", false),
        ("cluster.local.x.remote", false),
        ("www.example.com.remote", true),
        ("org.remote", true),
        ("bbc.co.uk.remote", true),
        ("uk.remote", false),
        ("com.eu.remote", false),
        ("cluster.local.eu.remote", true),
        ("4.3.2.10.in-addr.arpa.mesh", true),
        ("cluster.local.mesh", true),
    ] {
        for qtype in [rtype::A, rtype::AAAA, rtype::ANY, rtype::SRV] {
            let (verdict, said) = ask(&sentinel, text, qtype);
            assert_ne!(verdict, Verdict::Elsewhere, "{text}");
            assert_eq!(said.starts_with("NXDOMAIN Authority "), is_artefact, "{text}: {said}");
        }
    }
}

/// What search lists make is there where a suffix or an exception lies below it (RFC 8020).
#[test]
fn artefacts_above_other_names_exist() {
    let sentinel = sentinel();
    for (text, expected) in
        [("c.remote", "Authority remote. 30 6"), ("x.c.remote", "NXDOMAIN Authority remote. 30 6")]
    {
        assert_eq!(ask(&sentinel, text, rtype::A).1, expected, "{text}");
    }
}

#[test]
fn several_addresses_take_turns() {
    let sentinel = sentinel();
    let turn = |turn| {
        let asked = Asked { name: &name("x.global"), qtype: 1, turn, most: u32::MAX, viewer: None };
        said(&sentinel, &asked).1
    };
    let both = "Answer x.global. 30 1 240.0.0.31; Answer x.global. 30 1 240.0.0.32";
    let other = "Answer x.global. 30 1 240.0.0.32; Answer x.global. 30 1 240.0.0.31";
    assert_eq!([turn(0), turn(1), turn(2)], [both, other, both]);
}

/// Only of suffixes that ask ServiceEntries.
#[test]
fn answers_are_kept_for_less_while_entries_are_not_known() {
    let sentinel = sentinel();
    let soon = |text, qtype| {
        let asked = Asked { name: &name(text), qtype, turn: 0, most: 7, viewer: None };
        said(&sentinel, &asked).1
    };
    assert_eq!(soon("db1.mesh", rtype::A), "Answer db1.mesh. 7 1 240.1.131.9");
    assert_eq!(soon("db1.mesh", rtype::TXT), "Authority mesh. 7 6");
    assert_eq!(soon("foo.remote", rtype::A), "Answer foo.remote. 30 1 240.0.0.10");
    assert_eq!(soon("cluster.local.mesh", rtype::A), "NXDOMAIN Authority mesh. 30 6");
}

#[test]
fn a_pool_gives_each_name_its_own_address() {
    let sentinel = sentinel();
    let used = |text, qtype, expected: &str| {
        assert_eq!(ask(&sentinel, text, qtype), (Verdict::Used, expected.into()), "{text}");
    };
    used("db1.mesh", rtype::A, "Answer db1.mesh. 30 1 240.1.131.9");
    used("db2.mesh", rtype::A, "Answer db2.mesh. 30 1 240.1.254.185");
    used("db1.mesh", rtype::AAAA, "Answer db1.mesh. 30 28 fd00:f1ee::cf62:43b6:d9e9:457f");
    let nothing = (Verdict::Answered, "Authority mesh. 30 6".to_owned());
    for (text, qtype) in [("db1.mesh", rtype::TXT), ("mesh", rtype::A)] {
        assert_eq!(ask(&sentinel, text, qtype), nothing, "{text}");
    }
}

#[test]
fn reverse_names() {
    let sentinel = sentinel();
    let Rule::Pools(pools) = &sentinel.suffixes[5].rule else { panic!("mesh has pools") };
    for pool in pools {
        pool.learn(name("db1.mesh").folded(), 1);
    }
    let v6 =
        crate::zone::reverse::name("fd00:f1ee::cf62:43b6:d9e9:457f".parse().unwrap()).to_string();
    let one = format!("Answer {v6} 5 12 db1.mesh.");
    let absent = |zone: &str| format!("NXDOMAIN Authority {zone} 5 6");
    let empty = |zone: &str| format!("Authority {zone} 5 6");
    let table = [
        (
            "x.y.10.0.0.240.in-addr.arpa",
            rtype::PTR,
            "NXDOMAIN Authority 10.0.0.240.in-addr.arpa. 30 6".into(),
        ),
        // One that many names share.
        ("10.0.0.240.in-addr.arpa", rtype::PTR, "Authority 10.0.0.240.in-addr.arpa. 30 6".into()),
        ("10.0.0.240.in-addr.arpa", rtype::A, "Authority 10.0.0.240.in-addr.arpa. 30 6".into()),
        (
            "9.131.1.240.in-addr.arpa",
            rtype::PTR,
            "Answer 9.131.1.240.in-addr.arpa. 5 12 db1.mesh.".into(),
        ),
        ("9.131.1.240.IN-ADDR.ARPA", rtype::TXT, empty("1.240.in-addr.arpa.")),
        (&v6, rtype::PTR, one),
        ("8.131.1.240.in-addr.arpa", rtype::PTR, absent("1.240.in-addr.arpa.")),
        ("8.131.1.240.in-addr.arpa", rtype::ANY, absent("1.240.in-addr.arpa.")),
        ("131.1.240.in-addr.arpa", rtype::PTR, empty("1.240.in-addr.arpa.")),
        ("x.131.1.240.in-addr.arpa", rtype::PTR, absent("1.240.in-addr.arpa.")),
        ("1.9.131.1.240.in-addr.arpa", rtype::PTR, absent("1.240.in-addr.arpa.")),
        ("1.240.in-addr.arpa", rtype::SOA, "Answer 1.240.in-addr.arpa. 5 6".into()),
        ("1.240.in-addr.arpa", rtype::NS, "Answer 1.240.in-addr.arpa. 5 2 ns.dns.mesh.".into()),
        // A /12 is sixteen zones.
        ("1.2.165.10.in-addr.arpa", rtype::PTR, absent("165.10.in-addr.arpa.")),
    ];
    for (text, qtype, expected) in table {
        assert_eq!(ask(&sentinel, text, qtype), (Verdict::Answered, expected), "{text} {qtype}");
    }
    let others = ["240.in-addr.arpa", "1.0.2.240.in-addr.arpa", "1.2.176.10.in-addr.arpa", "arpa"];
    for text in others {
        assert_eq!(ask(&sentinel, text, rtype::PTR).0, Verdict::Elsewhere, "{text}");
    }
}

/// `CLUSTER NAMESPACE/NAME CREATED HOSTS ADDRESSES ALLOCATED EXPORTED`, lists joined by commas, `-` for none.
fn declare(registry: &Registry, lines: &str) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [cluster, key, created, hosts, addresses, allocated, exported] = words[..] else {
            panic!("{line}");
        };
        let list = |text: &str| {
            text.split(',').filter(|word| *word != "-").map(str::to_owned).collect::<Vec<_>>()
        };
        let (namespace, name) = key.split_once('/').unwrap();
        let given = list(allocated).into_iter().map(|word| match word.split_once('=') {
            Some((host, value)) => serde_json::json!({"host": host, "value": value}),
            None => serde_json::json!({"value": word}),
        });
        let object = serde_json::json!({
            "metadata": {"namespace": namespace, "name": name,
                "creationTimestamp": format!("2026-11-21T00:00:{created}Z")},
            "spec": {"hosts": list(hosts), "addresses": list(addresses), "exportTo": list(exported)},
            "status": {"addresses": given.collect::<Vec<_>>()},
        });
        let object: ServiceEntryObject = serde_json::from_value(object).unwrap();
        let entry = ServiceEntry::from(object);
        registry.apply(&ClusterId::new(cluster), Change::ServiceEntry(Update::Upsert(entry)));
    }
}

#[test]
fn what_service_entries_say() {
    let (sentinel, registry) = with_root();
    declare(
        &registry,
        "
        east n/bar 10 bar.mesh 240.9.9.9 - -
        east n/cidr 10 *.cidr.mesh 10.1.0.0/16 240.240.0.9 -
        east n/one 10 one.mesh 10.7.7.7/32,fd07::7/128 - -
        east n/given 10 given.mesh,other.mesh - given.mesh=240.240.0.1,given.mesh=2001:2::1,other.mesh=240.240.0.2 -
        east n/all 10 *.wild.example.com 10.0.0.1 - -
        east n/part 10 *.b.wild.example.com 10.0.0.2 - -
        east n/exact 10 x.b.wild.example.com 10.0.0.3 - -
        east m/merged 12 merged.example.com 10.0.1.2,10.0.1.1 - -
        east n/merged 11 merged.example.com. 10.0.1.1,fd01::1 - -
        east n/private 10 private.example.com 10.0.2.1 - .
        east n/shared 10 shared.example.com 10.0.2.2 - pay,ops
        east n/nobody 10 nobody.example.com 10.0.2.3 - ~
        east n/bare 10 bare.example.com - - -
        east n/hidden 10 cidr.wild.example.com 10.1.0.0/16 - -
        east n/partly 10 partly.example.com 10.0.4.1 - -
        east m/partly 11 partly.example.com - 240.240.0.9 -
        east n/any 10 any.example.com 0.0.0.0 240.240.0.10 -
        east n/there 10 web.n.svc.cluster.local,web.n.x.cluster.local 10.0.5.1 - -
        east n/stub 10 stub.n.svc.cluster.local 10.0.5.2 - -
        east n/both 30 both.example.com 10.0.3.1 - -
        west n/both 10 both.example.com 10.0.3.2 - -
        west n/remote 20 remote.example.com 10.0.3.3 240.240.0.3 -
        north n/remote 10 Remote.Example.com 10.0.3.4 - -
        west n/given 10 far.example.com - 240.240.0.4 -
        west n/bare 10 bare.example.com 10.0.3.5 - -
        east n/plain 10 foo.remote 240.9.9.8 - -
        ",
    );
    let key = ObjectKey::new("n", "web");
    let kind = ServiceKind::ClusterIp(Default::default());
    let web = Service {
        key: key.into(),
        kind,
        ports: Default::default(),
        created: 0,
        annotations: Default::default(),
        external: Default::default(),
    };
    registry.apply(&ClusterId::new("east"), Change::Service(Update::Upsert(web)));
    let ask = |text: &str, qtype, namespaces: &[Box<str>]| {
        let local = &ClusterId::new("east");
        let eyes = Eyes::Namespaces(namespaces);
        let viewer = Some(Viewer { registry: &registry, local, eyes, knows_services: true });
        let asked = Asked { name: &name(text), qtype, turn: 0, most: u32::MAX, viewer };
        match said(&sentinel, &asked) {
            (Verdict::Elsewhere, _) => "elsewhere".to_owned(),
            (_, said) => {
                let shown = said.split("; ").map(|record| record.rsplit(' ').next().unwrap());
                shown.collect::<Vec<_>>().join(" ")
            }
        }
    };
    let table = [
        ("bar.mesh", rtype::A, "240.9.9.9"),
        ("BAR.mesh", rtype::A, "240.9.9.9"),
        // Its sidecars do not listen on the pool's address of the other family.
        ("bar.mesh", rtype::AAAA, "6"),
        ("bar.mesh", rtype::TXT, "6"),
        ("x.cidr.mesh", rtype::A, "240.1.44.217"),
        ("one.mesh", rtype::A, "10.7.7.7"),
        ("one.mesh", rtype::AAAA, "fd07::7"),
        ("given.mesh", rtype::A, "240.240.0.1"),
        ("given.mesh", rtype::AAAA, "2001:2::1"),
        ("other.mesh", rtype::A, "240.240.0.2"),
        ("wild.example.com", rtype::A, "elsewhere"),
        ("a.wild.example.com", rtype::A, "10.0.0.1"),
        ("a.b.c.wild.example.com", rtype::A, "10.0.0.1"),
        ("b.wild.example.com", rtype::A, "10.0.0.1"),
        ("a.b.wild.example.com", rtype::A, "10.0.0.2"),
        ("x.b.wild.example.com", rtype::A, "10.0.0.3"),
        ("x.b.wild.example.com", rtype::AAAA, "6"),
        ("x.b.wild.example.com", rtype::MX, "elsewhere"),
        ("merged.example.com", rtype::A, "10.0.1.1 10.0.1.2"),
        ("merged.example.com", rtype::AAAA, "fd01::1"),
        ("private.example.com", rtype::A, "elsewhere"),
        ("shared.example.com", rtype::A, "elsewhere"),
        ("nobody.example.com", rtype::A, "elsewhere"),
        ("both.example.com", rtype::A, "10.0.3.1"),
        ("remote.example.com", rtype::A, "10.0.3.4"),
        // Given by a control plane whose sidecars nobody here has.
        ("far.example.com", rtype::A, "elsewhere"),
        // Declared here, though without an address.
        ("bare.example.com", rtype::A, "elsewhere"),
        ("unknown.example.com", rtype::A, "elsewhere"),
        // Without an address of its own, it is one of all those below.
        ("cidr.wild.example.com", rtype::A, "10.0.0.1"),
        // Merged, each with its own.
        ("partly.example.com", rtype::A, "10.0.4.1 240.240.0.9"),
        ("any.example.com", rtype::A, "240.240.0.10"),
        // A Service comes first; other names of the zone exist for all types.
        ("web.n.svc.cluster.local", rtype::A, "elsewhere"),
        ("stub.n.svc.cluster.local", rtype::A, "10.0.5.2"),
        ("stub.n.svc.cluster.local", rtype::MX, "6"),
        ("stub.n.svc.cluster.local", rtype::ANY, "13"),
        ("web.n.x.cluster.local", rtype::AAAA, "6"),
        ("n.svc.cluster.local", rtype::A, "elsewhere"),
        // The root speaks of all names.
        ("foo.remote", rtype::A, "240.9.9.8"),
    ];
    for (text, qtype, expected) in table {
        assert_eq!(ask(text, qtype, &[]), expected, "{text} {qtype}");
    }
    for (text, namespace, expected) in [
        ("private.example.com", "n", "10.0.2.1"),
        ("private.example.com", "pay", "elsewhere"),
        ("shared.example.com", "ops", "10.0.2.2"),
        ("nobody.example.com", "n", "elsewhere"),
    ] {
        assert_eq!(ask(text, rtype::A, &[namespace.into()]), expected, "{text} of {namespace}");
    }
    // Changed, and gone: what others declare of the same host stays.
    declare(&registry, "east n/bar 10 baz.mesh 240.9.9.7 - -\n east m/merged 12 - - - -");
    assert_eq!(ask("bar.mesh", rtype::A, &[]), "240.1.137.185");
    assert_eq!(ask("baz.mesh", rtype::A, &[]), "240.9.9.7");
    assert_eq!(ask("merged.example.com", rtype::A, &[]), "10.0.1.1");
    registry.apply(&ClusterId::new("east"), Change::Left);
    assert_eq!(ask("both.example.com", rtype::A, &[]), "10.0.3.2");
    assert_eq!(ask("foo.remote", rtype::A, &[]), "240.0.0.10");
}
