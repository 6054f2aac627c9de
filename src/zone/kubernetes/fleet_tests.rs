//! Several clusters that have the same names and addresses, and Services of unusual shape. The ordinary
//! ones are in `tests.rs`; one cluster's answers are compared with CoreDNS's in `tests/it/oracle.rs`.

mod explain;
mod lines;
pub(super) mod world;

use std::collections::{BTreeMap, BTreeSet};

use super::{Known, Kubernetes, Pods};
use crate::cluster::kinds::{LoadBalancer, Merge, ObjectKey, Point};
use crate::cluster::{Change, ClusterId, PerMember, Sink, Update};
use crate::registry::Registry;
use crate::zone::answer::Answer;
use crate::zone::choice::{Fleet, Reach};
use crate::zone::gateway::{Gateway, Resolved};
use crate::zone::name::WireName;
use crate::zone::overlap::Overlap;
use crate::zone::rtype;

use world::{ask, registry};

pub(super) const ALL: Known = Known { local: true, members: true };

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
pub(super) fn zone() -> Kubernetes {
    let gateway = ["203.0.113.10", "2001:db8::10"].map(|text| text.parse().unwrap());
    let zones = ["cluster.local", "in-addr.arpa", "ip6.arpa"];
    Kubernetes {
        zones: zones.iter().map(|zone| WireName::parse(zone).unwrap()).collect(),
        primary: WireName::parse("cluster.local").unwrap(),
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
                named: BTreeMap::from([(
                    ClusterId::new("vms"),
                    Reach::Instead(Gateway::of(gateway.to_vec())),
                )]),
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

fn fleet() -> Registry {
    registry(&format!("{EAST}{FLEET}"))
}

/// Checks all rows `NAME TYPE | ANSWER`, and shows all that fail.
#[track_caller]
pub(super) fn check(zone: &Kubernetes, registry: &Registry, known: Known, table: &str) {
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
