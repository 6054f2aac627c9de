//! Several clusters that have the same names and addresses, and Services of unusual shape. The ordinary
//! ones are in `tests.rs`; one cluster's answers are compared with CoreDNS's in `tests/it/oracle.rs`.

mod world;

use std::collections::{BTreeMap, BTreeSet};

use super::{Known, Kubernetes, Pods};
use crate::cluster::kinds::{LoadBalancer, Merge, ObjectKey, Point};
use crate::cluster::{Change, ClusterId, PerMember, Sink, Update};
use crate::registry::{Registry, Resolved};
use crate::zone::answer::Answer;
use crate::zone::choice::{Fleet, Reach};
use crate::zone::gateway::Gateway;
use crate::zone::name::WireName;
use crate::zone::overlap::Overlap;
use crate::zone::rtype;

use world::{ask, registry};

const ALL: Known = Known { local: true, members: true };

const EAST: &str = "
    east namespace shop
    east namespace empty
    east service   shop/web 10.96.0.1,fd00:96::1 http:80/tcp,:443/tcp
    east slice     shop/web-1 web http:8080/tcp 10.1.0.1 named=10.1.0.2
    east service   shop/dns 10.96.0.10 dns:53/udp,dns-tcp:53/tcp,metrics:9153/tcp
    east service   shop/pending - http:80/tcp
    east service   shop/Upper 10.96.0.11 http:80/tcp
    east headless  shop/db sql:5432/tcp
    east slice     shop/db-1 db sql:5432/tcp db-0=10.1.1.1
    east slice     shop/db-2 db sql:5432/tcp db-1=10.1.1.2 10.1.1.3
    east headless  shop/six http:80/tcp
    east slice     shop/six-1 six http:80/tcp fd44::1 fd44:2::
    east headless  shop/twice http:80/tcp
    east slice     shop/twice-1 twice http:80/tcp a=10.1.3.1 a=10.1.3.2
    east slice     shop/twice-2 twice http:80/tcp a=10.1.3.1
    east headless  shop/bare -
    east slice     shop/bare-1 bare - 10.1.2.1
    east slice     shop/bare-2 bare any:-/tcp 10.1.2.2
    east headless  shop/idle http:80/tcp
    east slice     shop/orphan-1 orphan http:80/tcp lone=10.1.8.1
    east slice     shop/stray-1 - http:80/tcp 10.1.9.9
    east external  shop/out www.example.org
    east external  shop/dot www.example.org.
    east external  shop/alias web~
    east external  shop/alias-web web.shop~
    east external  shop/alias-db db.shop~
    east external  shop/alias-alias alias-web.shop~
    east external  shop/alias-out out.shop~
    east external  shop/alias-pod 1-2-3-4.shop.pod.cluster.local
    east external  shop/dead gone.shop~
    east external  shop/loop-a loop-b.shop~
    east external  shop/loop-b loop-a.shop~
    east external  shop/self self.shop~
    east external  shop/ip 192.0.2.7
";

const FLEET: &str = "
    west namespace shop
    west namespace billing
    west namespace ledger
    west service   shop/web 10.97.0.1 http:80/tcp
    west service   shop/extra 10.97.0.50 http:80/tcp
    west service   billing/api 10.97.0.40 http:8080/tcp,grpc:9090/tcp 200
    west slice     billing/api-1 api http:8080/tcp 10.2.0.40
    west headless  billing/queue amqp:5672/tcp 200
    west slice     billing/queue-1 queue amqp:5672/tcp q-0=10.2.1.1
    west external  billing/out www.example.org
    west service   ledger/clash 10.96.0.1 http:80/tcp
    west service   ledger/pod-clash 10.1.1.1 http:80/tcp
    west headless  ledger/half http:80/tcp
    west slice     ledger/half-1 half http:80/tcp clash=10.1.1.1 free=10.2.2.2
    west service   ledger/shared 10.97.0.60 http:80/tcp 500
    west service   ledger/tie 10.97.0.61 http:80/tcp 100
    west headless  ledger/mixed http:80/tcp 100
    west slice     ledger/mixed-1 mixed http:80/tcp m-0=10.2.3.1
    west service   lost/web 10.97.0.70 http:80/tcp
    south namespace billing
    south namespace ledger
    south headless billing/queue amqp:5672/tcp 300
    south slice    billing/queue-9 queue amqp:5672/tcp q-0=10.3.1.1 10.2.1.1
    south service  ledger/shared 10.98.0.60 http:80/tcp 300
    south service  ledger/tie 10.98.0.61 http:80/tcp 100
    south service  ledger/mixed 10.98.0.62 http:80/tcp 200
    vms namespace  legacy
    vms headless   legacy/ledger http:8080/tcp
    vms slice      legacy/ledger-1 ledger http:8080/tcp vm-1=172.16.5.11
    vms service    legacy/mail 172.16.0.9 smtp:25/tcp,pop:110/tcp
    vms service    legacy/portless 172.16.0.10 -
    vms external   legacy/out www.example.org
";

/// Zones with `pods insecure` and `ttl 30`. West and south are direct, vms is behind a gateway.
fn zone() -> Kubernetes {
    let gateway = ["203.0.113.10", "2001:db8::10"].map(|text| text.parse().unwrap());
    let zones = ["cluster.local", "in-addr.arpa", "ip6.arpa"];
    Kubernetes {
        zones: zones.iter().map(|zone| WireName::parse(zone).unwrap()).collect(),
        primary: WireName::parse("cluster.local").unwrap(),
        ttl: 30,
        pods: Pods::Insecure,
        namespaces: None,
        multicluster: Vec::new(),
        per_cluster: Vec::new(),
        zonal: false,
        ignore_empty: false,
        fleet: Fleet {
            local: ClusterId::new("east"),
            reach: PerMember {
                named: BTreeMap::from([(
                    ClusterId::new("vms"),
                    Reach::Instead(Gateway::of(gateway.to_vec())),
                )]),
                others: Reach::Direct,
            },
            top_level: PerMember::default(),
            cidrs: Vec::new(),
            overlap: Default::default(),
            merge: Default::default(),
            knows_endpoints: true,
        },
        own_addresses: Vec::new(),
    }
}

fn fleet() -> Registry {
    registry(&format!("{EAST}{FLEET}"))
}

/// Checks all rows `NAME TYPE | ANSWER`, and shows all that fail.
#[track_caller]
fn check(zone: &Kubernetes, registry: &Registry, known: Known, table: &str) {
    let mut wrong = Vec::new();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (question, expected) = line.split_once('|').unwrap();
        let (question, expected) = (question.trim(), expected.trim());
        let found = ask(zone, registry, known, question);
        if found != expected {
            wrong.push(format!("{question}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn services_with_an_address() {
    check(
        &zone(),
        &fleet(),
        ALL,
        "
        web.shop~ A                | A 10.96.0.1
        web.shop~ ANY              | NODATA
        web.shop~ SRV              | SRV 0 25 80 web.shop~, SRV 0 25 443 web.shop~ \
                                     + web.shop~ A 10.96.0.1, web.shop~ AAAA fd00:96::1
        _http._tcp.web.shop~ SRV   | SRV 0 50 80 web.shop~ \
                                     + web.shop~ A 10.96.0.1, web.shop~ AAAA fd00:96::1
        dns.shop~ SRV              | SRV 0 33 53 dns.shop~, SRV 0 33 9153 dns.shop~ \
                                     + dns.shop~ A 10.96.0.10
        _dns-tcp._.dns.shop~ SRV   | SRV 0 100 53 dns.shop~ + dns.shop~ A 10.96.0.10
        pending.shop~ AAAA         | NODATA
        upper.shop~ A              | A 10.96.0.11
        *.shop~ A                  | NXDOMAIN
        10-1-0-2.web.shop~ A       | NXDOMAIN
        ",
    );
}

#[test]
fn headless_services() {
    check(
        &zone(),
        &fleet(),
        ALL,
        "
        db-1.db.shop~ A            | A 10.1.1.2
        10-1-1-3.db.shop~ A        | A 10.1.1.3
        _sql._tcp.db.shop~ SRV     | SRV 0 33 5432 db-0.db.shop~, SRV 0 33 5432 db-1.db.shop~, \
                                     SRV 0 33 5432 10-1-1-3.db.shop~ + db-0.db.shop~ A 10.1.1.1, \
                                     db-1.db.shop~ A 10.1.1.2, 10-1-1-3.db.shop~ A 10.1.1.3
        six.shop~ AAAA             | AAAA fd44::1, AAAA fd44:2::
        six.shop~ A                | NODATA
        fd44-2--0.six.shop~ AAAA   | AAAA fd44:2::
        fd44--1.six.shop~ A        | NODATA
        twice.shop~ A              | A 10.1.3.1, A 10.1.3.2
        twice.shop~ SRV            | SRV 0 33 80 a.twice.shop~ \
                                     + a.twice.shop~ A 10.1.3.1, a.twice.shop~ A 10.1.3.2
        bare.shop~ A               | A 10.1.2.1, A 10.1.2.2
        lone.orphan.shop~ A        | NXDOMAIN
        ",
    );
}

#[test]
fn external_names() {
    check(
        &zone(),
        &fleet(),
        ALL,
        "
        dot.shop~ AAAA             | CNAME www.example.org. -> www.example.org.
        _http._tcp.out.shop~ SRV   | NXDOMAIN
        alias-db.shop~ A           | CNAME db.shop~, A 10.1.1.1, A 10.1.1.2, A 10.1.1.3
        alias-db.shop~ AAAA        | NODATA
        alias-alias.shop~ A        | CNAME alias-web.shop~, CNAME web.shop~, A 10.96.0.1
        alias-out.shop~ A          | CNAME out.shop~, CNAME www.example.org. -> www.example.org.
        alias-pod.shop~ A          | CNAME 1-2-3-4.shop.pod.cluster.local., A 1.2.3.4
        alias.shop~ A              | NODATA
        loop-a.shop~ A             | NODATA
        self.shop~ CNAME           | CNAME self.shop~
        ",
    );
}

#[test]
fn pods_by_their_address() {
    check(
        &zone(),
        &fleet(),
        ALL,
        "
        1-2-3-4.shop.pod.cluster.local AAAA | NODATA
        fd44--1.shop.pod.cluster.local AAAA | AAAA fd44::1
        --ffff-a00-1.shop.pod.cluster.local A | A 10.0.0.1
        a.1-2-3-4.shop.pod.cluster.local SRV | SRV 0 100 0 1-2-3-4.shop.pod.cluster.local. \
                                     + 1-2-3-4.shop.pod.cluster.local. A 1.2.3.4
        256-1-1-1.shop.pod.cluster.local A | NXDOMAIN
        1-2-3-4.billing.pod.cluster.local A    | NXDOMAIN
        ",
    );
}

#[test]
fn addresses_and_their_names() {
    check(
        &zone(),
        &fleet(),
        ALL,
        "
        1.0.96.10.in-addr.arpa PTR | PTR web.shop~
        1.0.96.10.IN-ADDR.arpa A   | NODATA
        1.1.1.10.in-addr.arpa PTR  | PTR db-0.db.shop~
        3.1.1.10.in-addr.arpa PTR  | PTR 10-1-1-3.db.shop~
        1.3.1.10.in-addr.arpa PTR  | PTR a.twice.shop~
        1.8.1.10.in-addr.arpa PTR  | PTR lone.orphan.shop~
        9.9.1.10.in-addr.arpa PTR  | NXDOMAIN
        0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.4.4.d.f.ip6.arpa PTR | NXDOMAIN
        0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.4.4.d.f.ip6.arpa PTR \
                                   | PTR fd44-2--0.six.shop~
        ",
    );
}

#[test]
fn names_of_other_clusters() {
    check(
        &zone(),
        &fleet(),
        ALL,
        "
        web.shop~ A                | A 10.96.0.1
        extra.shop~ A              | A 10.97.0.50
        api.billing~ A             | A 10.97.0.40
        api.billing~ AAAA          | NODATA
        _grpc._tcp.api.billing~ SRV    | SRV 0 100 9090 api.billing~ + api.billing~ A 10.97.0.40
        10-2-0-40.api.billing~ A   | A 10.2.0.40
        out.billing~ A             | CNAME www.example.org. -> www.example.org.
        queue.billing~ A           | A 10.3.1.1, A 10.2.1.1
        q-0.queue.billing~ A       | A 10.3.1.1, A 10.2.1.1
        shared.ledger~ A           | A 10.98.0.60
        tie.ledger~ A              | A 10.98.0.61
        mixed.ledger~ A            | A 10.2.3.1
        clash.ledger~ A            | NODATA
        clash.ledger~ SRV          | NODATA
        pod-clash.ledger~ A        | NODATA
        half.ledger~ A             | A 10.2.2.2
        clash.half.ledger~ A       | NODATA
        40.0.97.10.in-addr.arpa PTR | PTR api.billing~
        60.0.98.10.in-addr.arpa PTR | PTR shared.ledger~
        60.0.97.10.in-addr.arpa PTR | NXDOMAIN
        1.0.97.10.in-addr.arpa PTR | NXDOMAIN
        1.1.2.10.in-addr.arpa PTR  | PTR 10-2-1-1.queue.billing~, PTR q-0.queue.billing~
        1.1.3.10.in-addr.arpa PTR  | PTR q-0.queue.billing~
        1.3.2.10.in-addr.arpa PTR  | PTR m-0.mixed.ledger~
        ",
    );
}

#[test]
fn clusters_behind_a_gateway() {
    check(
        &zone(),
        &fleet(),
        ALL,
        "
        ledger.legacy~ A           | A 203.0.113.10
        ledger.legacy~ AAAA        | AAAA 2001:db8::10
        ledger.legacy~ MX          | NODATA
        mail.legacy~ A             | A 203.0.113.10
        _smtp._tcp.mail.legacy~ SRV | SRV 0 50 25 mail.legacy~ + mail.legacy~ A 203.0.113.10, \
                                     mail.legacy~ AAAA 2001:db8::10
        _imap._tcp.mail.legacy~ SRV | NXDOMAIN
        portless.legacy~ A         | A 203.0.113.10
        portless.legacy~ SRV       | NODATA
        out.legacy~ CNAME          | CNAME www.example.org.
        9.0.16.172.in-addr.arpa PTR | NXDOMAIN
        10.113.0.203.in-addr.arpa PTR | NXDOMAIN
        ",
    );
}

/// Gateways by host name and by a Service have the addresses that are known at the moment.
#[test]
fn gateways_that_move() {
    let (mut zone, registry) = (zone(), fleet());
    let hosts = vec!["gw.example.com".into()];
    let by_name = Gateway { hosts, ..Gateway::of(vec!["203.0.113.7".parse().unwrap()]) };
    let service = Some(ObjectKey::new("istio-system", "eastwest"));
    let by_service = Gateway { service, ..Gateway::default() };
    let reach = &mut zone.fleet.reach.named;
    reach.insert(ClusterId::new("vms"), Reach::Instead(by_name));
    reach.insert(ClusterId::new("west"), Reach::Instead(by_service));
    let said = |question: &str| {
        let (name, _) = question.split_once(' ').unwrap();
        let name = WireName::parse(&name.replace('~', ".svc.cluster.local")).unwrap();
        let mut out = Answer::default();
        let left = zone.find(&name).unwrap();
        zone.answer(&registry, ALL, (&name, rtype::A), left, &mut out);
        let least = out.records().map(|record| record.ttl).min();
        let why = out.why.map(|why| (why.code(), why.to_string()));
        (ask(&zone, &registry, ALL, question), least, why)
    };
    let resolve = |host: &str, addresses: &[&str], ttl| {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        registry.gateways.resolve(host, Resolved { addresses, ttl });
    };
    let points = |points: Vec<Point>| {
        let key = ObjectKey::new("istio-system", "eastwest");
        let change = Change::Gateway(Update::Upsert(LoadBalancer { key, points }));
        registry.apply(&ClusterId::new("west"), change);
    };
    let text = str::to_owned;
    // What is known answers alone.
    assert_eq!(said("mail.legacy~ A"), (text("A 203.0.113.7"), Some(30), None));
    resolve("gw.example.com", &["203.0.113.8", "203.0.113.7"], 12);
    let both = text("A 203.0.113.7, A 203.0.113.8");
    assert_eq!(said("mail.legacy~ A"), (both, Some(12), None));

    let missing = |why: &str| (text("NODATA"), Some(5), Some((14, text(why))));
    let none = "the gateway's Service istio-system/eastwest in west has no load balancer";
    assert_eq!(said("api.billing~ A"), missing(none));
    points(vec![Point::host("LB.example.com.")]);
    let unknown = "the gateway lb.example.com of west has no known address";
    assert_eq!(said("api.billing~ A"), missing(unknown));
    resolve("lb.example.com", &["203.0.113.9"], 60);
    assert_eq!(said("api.billing~ A"), (text("A 203.0.113.9"), Some(30), None));
    points(vec![Point::Address("203.0.113.5".parse().unwrap())]);
    assert_eq!(said("api.billing~ A"), (text("A 203.0.113.5"), Some(30), None));
    points(vec![]);
    assert_eq!(said("api.billing~ A"), missing(none));
}

#[test]
fn some_namespaces_only() {
    let names = ["shop", "billing"].map(|name| name.as_bytes().into());
    let zone = Kubernetes { namespaces: Some(BTreeSet::from(names)), ..zone() };
    check(
        &zone,
        &fleet(),
        ALL,
        "
        web.shop~ A                | A 10.96.0.1
        api.billing~ A             | A 10.97.0.40
        empty~ A                   | NXDOMAIN
        shared.ledger~ A           | NXDOMAIN
        1-2-3-4.empty.pod.cluster.local A | NXDOMAIN
        60.0.98.10.in-addr.arpa PTR | NXDOMAIN
        ",
    );
}

/// Members that have an address of each other, or lie in a range of the local cluster.
#[test]
fn overlapping_addresses_are_left_out() {
    let lines = format!(
        "{EAST}{FLEET}
        south service  ledger/same 10.97.0.40 http:80/tcp 300
        west service   ledger/late 10.97.0.90 http:80/tcp 600
        south service  ledger/early 10.97.0.90 http:80/tcp 50
        south headless ledger/pods http:80/tcp 300
        south slice    ledger/pods-1 pods http:80/tcp a=10.2.0.40 b=10.3.9.9
        south service  ledger/inside 10.50.0.7,fd50::7 http:80/tcp
        "
    );
    let registry = registry(&lines);
    let with = |overlap: Overlap| {
        let mut zone = zone();
        zone.fleet.overlap = overlap;
        zone.fleet.cidrs = vec!["10.50.0.0/16".parse().unwrap()];
        zone
    };
    let sentinel = Overlap::Sentinel(vec!["240.0.0.1".parse().unwrap()]);
    let (nodata, sentinel, allow) = (with(Overlap::NoData), with(sentinel), with(Overlap::Allow));
    let empty = "NODATA";
    for (question, answers) in [
        // billing/api of west is older.
        ("same.ledger~ A", [empty, "A 240.0.0.1", empty]),
        ("api.billing~ A", ["A 10.97.0.40"; 3]),
        ("early.ledger~ A", ["A 10.97.0.90"; 3]),
        ("late.ledger~ A", [empty, "A 240.0.0.1", empty]),
        ("pods.ledger~ A", ["A 10.3.9.9"; 3]),
        ("a.pods.ledger~ A", [empty, "A 240.0.0.1", empty]),
        ("inside.ledger~ A", [empty, "A 240.0.0.1", "A 10.50.0.7"]),
        ("inside.ledger~ AAAA", ["AAAA fd50::7"; 3]),
        // What the local cluster has is never another's.
        ("clash.ledger~ A", [empty, "A 240.0.0.1", empty]),
    ] {
        for (zone, expected) in [&nodata, &sentinel, &allow].into_iter().zip(answers) {
            let said = ask(zone, &registry, ALL, question);
            assert_eq!(said, expected, "{question} {:?}", zone.fleet.overlap);
        }
    }
    // One family is another address's, the other is its own.
    let srv = ask(&sentinel, &registry, ALL, "inside.ledger~ SRV");
    let glue = "inside.ledger~ AAAA fd50::7, inside.ledger~ A 240.0.0.1";
    assert_eq!(srv, format!("SRV 0 50 80 inside.ledger~ + {glue}"));
}

/// What a member said that is out of reach is kept for less, says so, and is the last choice.
#[test]
fn a_lost_member_answers_for_a_short_time() {
    let (zone, registry) = (zone(), fleet());
    let said = |question: &str| {
        let mut out = Answer::default();
        let (name, qtype) = question.split_once(' ').unwrap();
        let name = WireName::parse(&name.replace('~', ".svc.cluster.local")).unwrap();
        let qtype = if qtype == "A" { rtype::A } else { rtype::PTR };
        let left = zone.find(&name).unwrap();
        zone.answer(&registry, ALL, (&name, qtype), left, &mut out);
        let first = out.records().next().map(|record| record.ttl);
        (first, out.why.map(|why| (why.code(), why.to_string())))
    };
    let stale = Some((3, "west is out of reach; it said this last".to_owned()));
    assert_eq!(said("api.billing~ A"), (Some(30), None));
    assert_eq!(ask(&zone, &registry, ALL, "tie.ledger~ A"), "A 10.98.0.61");
    registry.apply(&ClusterId::new("west"), Change::Lost(true));
    for question in ["api.billing~ A", "queue.billing~ A", "40.0.97.10.in-addr.arpa PTR"] {
        assert_eq!(said(question), (Some(5), stale.clone()), "{question}");
    }
    // Neither the local cluster's names nor those of others.
    for question in ["web.shop~ A", "shared.ledger~ A", "tie.ledger~ A"] {
        assert_eq!(said(question), (Some(30), None), "{question}");
    }
    registry.apply(&ClusterId::new("south"), Change::Lost(true));
    registry.apply(&ClusterId::new("west"), Change::Lost(false));
    assert_eq!(said("api.billing~ A"), (Some(30), None));
    // The older one of both is out of reach.
    assert_eq!(ask(&zone, &registry, ALL, "shared.ledger~ A"), "A 10.97.0.60");
    registry.apply(&ClusterId::new("south"), Change::Left);
    assert!(!registry.is_lost(&ClusterId::new("south")));
}

/// A member's namespace must not make names that clients take for those of the Internet.
#[test]
fn namespaces_named_like_top_level_domains() {
    let lines = format!(
        "{EAST}{FLEET}
        west namespace com
        west service   com/github 10.97.0.70 http:80/tcp
        west headless  com/db http:80/tcp
        west slice     com/db-1 db http:80/tcp api=10.2.0.70
        south namespace com
        south service  com/github 10.98.0.70 http:80/tcp 5
        east namespace dev
        west namespace dev
        west service   dev/tool 10.97.0.71 http:80/tcp
        "
    );
    let registry = registry(&lines);
    let mut zone = zone();
    zone.per_cluster = vec![WireName::parse("clusters.local").unwrap()];
    let nothing = "NXDOMAIN";
    let table = |zone: &Kubernetes, answers: [&str; 7]| {
        let questions = [
            "github.com~ A",
            "api.db.com~ A",
            "com~ A",
            "70.0.97.10.in-addr.arpa PTR",
            "_http._tcp.github.com~ SRV",
            // The local cluster has the namespace, too.
            "tool.dev~ A",
            "github.com.svc.west.clusters.local A",
        ];
        for (question, expected) in questions.into_iter().zip(answers) {
            assert_eq!(ask(zone, &registry, ALL, question), expected, "{question}");
        }
    };
    let (tool, by_cluster) = ("A 10.97.0.71", "A 10.97.0.70");
    table(&zone, [nothing, nothing, nothing, nothing, nothing, tool, by_cluster]);
    // Named for one member, and for all.
    let srv = "SRV 0 100 80 github.com~ + github.com~ A 10.97.0.70";
    let names: BTreeSet<Box<[u8]>> = [b"com"[..].into()].into();
    zone.fleet.top_level.named.insert(ClusterId::new("west"), names.clone());
    let pointer = "PTR github.com~";
    table(&zone, [by_cluster, "A 10.2.0.70", "NODATA", pointer, srv, tool, by_cluster]);
    zone.fleet.top_level = PerMember::all(names);
    // That of west is older.
    let answers = |question: &str| ask(&zone, &registry, ALL, question);
    assert_eq!(answers("github.com~ A"), "A 10.97.0.70");
    assert_eq!(answers("70.0.97.10.in-addr.arpa PTR"), pointer);
}

/// As if all of a member's Services were headless.
#[test]
fn a_member_by_its_endpoints() {
    let lines = format!(
        "{EAST}{FLEET}
        west service   billing/port 10.97.0.41 http:80/tcp
        west slice     billing/port-1 port http:8080/tcp p-0=10.2.0.41 10.1.1.1
        west service   billing/bare 10.97.0.42 http:80/tcp
        "
    );
    let registry = registry(&lines);
    let mut zone = zone();
    zone.fleet.reach.named.insert(ClusterId::new("west"), Reach::Endpoints);
    check(
        &zone,
        &registry,
        ALL,
        "
        api.billing~ A             | A 10.2.0.40
        _http._tcp.api.billing~ SRV         | SRV 0 100 8080 10-2-0-40.api.billing~ \
                                          + 10-2-0-40.api.billing~ A 10.2.0.40
        10-2-0-40.api.billing~ A   | A 10.2.0.40
        40.0.2.10.in-addr.arpa PTR | PTR 10-2-0-40.api.billing~
        40.0.97.10.in-addr.arpa PTR     | NXDOMAIN
        port.billing~ A            | A 10.2.0.41
        port.billing~ SRV          | SRV 0 100 8080 p-0.port.billing~ \
                                          + p-0.port.billing~ A 10.2.0.41
        p-0.port.billing~ A        | A 10.2.0.41
        bare.billing~ A            | NXDOMAIN
        queue.billing~ A           | A 10.3.1.1, A 10.2.1.1
        out.billing~ CNAME         | CNAME www.example.org.
        web.shop~ A                | A 10.96.0.1
        ",
    );
    let differs = |question: &str| {
        let mut out = Answer::default();
        let name = WireName::parse(&format!("{question}.svc.cluster.local")).unwrap();
        let left = zone.find(&name).unwrap();
        zone.answer(&registry, ALL, (&name, rtype::A), left, &mut out);
        out.ports_differ.map(|(cluster, key)| format!("{cluster} {key}"))
    };
    assert_eq!(differs("port.billing").as_deref(), Some("west billing/port"));
    assert_eq!(differs("api.billing"), None);
}

/// Services of the local cluster that members have, too.
#[test]
fn local_services_are_merged_as_is_said() {
    let lines = format!(
        "{EAST}{FLEET}
        west headless  shop/db sql:5432/tcp
        west slice     shop/db-1 db sql:5432/tcp w-0=10.2.9.1
        west headless  shop/idle http:80/tcp
        west slice     shop/idle-1 idle http:80/tcp i-0=10.2.9.2
        south namespace shop
        south headless shop/idle http:80/tcp
        south slice    shop/idle-1 idle http:80/tcp i-0=10.3.9.2
        south headless shop/db sql:5432/tcp hidden
        south slice    shop/db-1 db sql:5432/tcp s-0=10.3.9.1
        west slice     shop/web-1 web http:8080/tcp 10.2.9.3
        east service   shop/down 10.96.0.20 http:80/tcp
        west service   shop/down 10.97.0.20 http:80/tcp
        west slice     shop/down-1 down http:8080/tcp 10.2.9.4
        east service   shop/both 10.96.0.21 http:80/tcp failover
        west service   shop/both 10.97.0.21 http:80/tcp
        east headless  shop/mine http:80/tcp union
        east slice     shop/mine-1 mine http:80/tcp 10.1.9.5
        west headless  shop/mine http:80/tcp
        west slice     shop/mine-1 mine http:80/tcp 10.2.9.5
        vms namespace  shop
        vms service    shop/both 172.16.0.21 http:80/tcp
        west service   ledger/hidden 10.97.0.99 http:80/tcp hidden
        "
    );
    let registry = registry(&lines);
    let with = |merge: Merge| {
        let mut zone = zone();
        zone.fleet.merge = merge;
        zone
    };
    let zones = [with(Merge::LocalFirst), with(Merge::Union), with(Merge::Failover)];
    let own = "A 10.1.1.1, A 10.1.1.2, A 10.1.1.3";
    let all = "A 10.1.1.1, A 10.1.1.2, A 10.1.1.3, A 10.2.9.1";
    for (question, answers) in [
        ("web.shop~ A", ["A 10.96.0.1"; 3]),
        ("db.shop~ A", [own, all, own]),
        ("w-0.db.shop~ A", ["NXDOMAIN", "A 10.2.9.1", "NXDOMAIN"]),
        ("1.9.2.10.in-addr.arpa PTR", ["NXDOMAIN", "PTR w-0.db.shop~", "NXDOMAIN"]),
        ("idle.shop~ A", ["NXDOMAIN", "A 10.3.9.2, A 10.2.9.2", "A 10.3.9.2, A 10.2.9.2"]),
        ("down.shop~ A", ["A 10.96.0.20", "A 10.96.0.20", "A 10.97.0.20"]),
        // The line of one Service: west has no endpoint for it either, and vms is behind a gateway.
        ("both.shop~ A", ["A 203.0.113.10"; 3]),
        ("mine.shop~ A", ["A 10.1.9.5, A 10.2.9.5"; 3]),
        ("hidden.ledger~ A", ["NXDOMAIN"; 3]),
    ] {
        for (zone, expected) in zones.iter().zip(answers) {
            let said = ask(zone, &registry, ALL, question);
            assert_eq!(said, expected, "{question} {:?}", zone.fleet.merge);
        }
    }
    // Nobody can say that there is none where they are not watched.
    let mut blind = with(Merge::Failover);
    blind.fleet.knows_endpoints = false;
    assert_eq!(ask(&blind, &registry, ALL, "down.shop~ A"), "A 10.96.0.20");
}

/// `CLUSTER.ZONE` is a zone of one cluster, for every kind of record.
#[test]
fn each_cluster_has_a_zone_of_its_own() {
    let mut zone = zone();
    zone.per_cluster = vec![WireName::parse("clusters.local").unwrap()];
    zone.fleet.merge = Merge::Union;
    let registry = fleet();
    let table = "
        web.shop.svc.east* A       | A 10.96.0.1
        web.shop.svc.west* A       | A 10.97.0.1
        web.shop.svc.WEST* AAAA    | NODATA
        web.shop.svc.south* A      | NXDOMAIN
        web.shop.svc.north* A      | NXDOMAIN
        api.billing.svc.west* A    | A 10.97.0.40
        _http._tcp.api.billing.svc.west* SRV | SRV 0 100 8080 api.billing.svc.west.clusters.local. \
                                          + api.billing.svc.west.clusters.local. A 10.97.0.40
        queue.billing.svc.west* A  | A 10.2.1.1
        q-0.queue.billing.svc.south* A      | A 10.3.1.1
        shared.ledger.svc.west* A  | A 10.97.0.60
        ledger.legacy.svc.vms* A   | A 203.0.113.10
        out.billing.svc.west* CNAME         | CNAME www.example.org.
        clash.ledger.svc.west* A   | NODATA
        billing.svc.west* A        | NODATA
        billing.svc.east* A        | NXDOMAIN
        svc.west* A                | NODATA
        west* A                    | NODATA
        clusters.local A           | NODATA
        1-2-3-4.shop.pod.east* A   | A 1.2.3.4
        1-2-3-4.shop.pod.west* A   | NXDOMAIN
        web.shop.west* A           | NXDOMAIN
        dns-version* TXT           | TXT 1.1.0
    ";
    check(&zone, &registry, ALL, &table.replace('*', ".clusters.local"));
    let soa = |name: &str| {
        let mut out = Answer::default();
        let name = WireName::parse(name).unwrap();
        let left = zone.find(&name).unwrap();
        zone.negative(&registry, ALL, (&name, left), crate::zone::rcode::NXDOMAIN, &mut out);
        let first = out.records().next().map(|record| WireName::read(record.owner).unwrap().0);
        first.unwrap().to_string()
    };
    assert_eq!(soa("gone.shop.svc.west.clusters.local"), "clusters.local.");
}
