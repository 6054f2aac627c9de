//! What the lines of `fleet` do to answers.

use super::*;

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
        zone.fleet.resolved.put(host, Resolved { addresses, ttl });
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
    // A member must not lead to this machine, nor into the local cluster.
    let addresses = ["127.0.0.1", "0.0.0.0", "::1", "ff02::1", "10.96.0.1"];
    let ours = addresses.map(|text| Point::Address(text.parse().unwrap()));
    points(ours.into());
    assert_eq!(said("api.billing~ A"), missing(none));
    resolve("lb.example.com", &["10.96.0.1", "203.0.113.9"], 60);
    points(vec![Point::host("lb.example.com")]);
    assert_eq!(said("api.billing~ A"), (text("A 203.0.113.9"), Some(30), None));
    points(vec![]);
    assert_eq!(said("api.billing~ A"), missing(none));
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
