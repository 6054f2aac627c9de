//! The zones of `clusterset`. What real controllers write is compared in `tests/it/clusterset.rs`.

use super::fleet_tests::world::{ask, look, registry, tell};
use super::fleet_tests::{ALL, check, zone as fleet_zone};
use super::{Known, Kubernetes};
use crate::cluster::ClusterId;
use crate::registry::Registry;
use crate::zone::answer::Answer;
use crate::zone::choice::Reach;
use crate::zone::explain::{Step, Steps};
use crate::zone::gateway::Gateway;
use crate::zone::name::WireName;
use crate::zone::overlap::Overlap;
use crate::zone::rtype;
use crate::zone::why::Why;

const WORLD: &str = "
    east namespace shop
    east service   shop/web 10.96.0.1,fd00:96::1 http:80/tcp,dns:53/udp
    east slice     shop/web-1 web http:8080/tcp e-0=10.1.0.1
    east export    shop/web 300
    east service   shop/own 10.96.0.2 http:80/tcp
    east headless  shop/db sql:5432/tcp
    east slice     shop/db-1 db sql:5432/tcp db-0=10.1.1.1 10.1.1.2
    east export    shop/db 300
    east service   shop/mine 10.96.0.3 http:80/tcp
    east export    shop/nothing 1
    east slice     shop/nothing-1 nothing http:80/tcp 10.1.9.1
    east external  shop/out www.example.org
    east export    shop/out 1
    east service   shop/flip 10.96.0.4 a:1/tcp,c:3/tcp
    east slice     shop/flip-1 flip a:1/tcp f-0=10.1.4.1
    east export    shop/flip 200
    west namespace shop
    west namespace pay
    west service   shop/web 10.97.0.1 http:8080/tcp,web:80/tcp,new:90/tcp
    west slice     shop/web-1 web http:8080/tcp w-0=10.2.0.1
    west export    shop/web 200
    west headless  shop/db sql:5432/tcp
    west slice     shop/db-1 db sql:5432/tcp db-0=10.2.1.1
    west export    shop/db 200
    west service   shop/mine 10.97.0.3 https:443/tcp
    west export    shop/mine 200
    west service   pay/api 10.97.0.40 grpc:9090/tcp
    west export    pay/api 500
    west service   pay/same 10.97.0.41 http:80/tcp
    west export    pay/same 400
    west service   pay/secret 10.97.0.42 http:80/tcp hidden
    west export    pay/secret 100
    west service   pay/clash 10.96.0.1 http:80/tcp
    west export    pay/clash 100
    west headless  shop/flip a:1/tcp,b:3/tcp
    west slice     shop/flip-1 flip a:1/tcp f-0=10.2.4.1
    west export    shop/flip 100
    West.2 namespace shop
    West.2 namespace pay
    West.2 service pay/api 10.98.0.40 grpc:9090/tcp
    West.2 export  pay/api 300
    West.2 service pay/same 10.98.0.41 http:80/tcp
    West.2 export  pay/same 400
    West.2 headless shop/db sql:5432/tcp
    West.2 slice   shop/db-1 db sql:5432/tcp d=10.3.1.1
    West.2 export  shop/db 100
    vms namespace  legacy
    vms service    legacy/mail 172.16.0.9 smtp:25/tcp
    vms slice      legacy/mail-1 mail smtp:25/tcp m=172.16.5.1
    vms export     legacy/mail 100
    vms headless   shop/db sql:5432/tcp,admin:9/tcp
    vms export     shop/db 900
    vms namespace  shop
";

/// The zone `clusterset.local` beside those of the cluster; vms is behind a gateway.
fn zone() -> Kubernetes {
    let mut zone = fleet_zone();
    zone.clusterset = vec![WireName::parse("clusterset.local").unwrap()];
    zone
}

/// Checks rows, in which `*` is short for the zone of the set.
#[track_caller]
fn says(zone: &Kubernetes, registry: &Registry, table: &str) {
    check(zone, registry, ALL, &table.replace('*', ".svc.clusterset.local."));
}

#[test]
fn names_with_addresses() {
    says(
        &zone(),
        &registry(WORLD),
        "
        web.shop* A              | A 10.96.0.1
        WEB.shop* AAAA           | AAAA fd00:96::1
        web.shop* TXT            | NODATA
        own.shop* A              | NXDOMAIN
        mine.shop* A             | A 10.97.0.3
        _https._tcp.mine.shop* SRV | SRV 0 100 443 mine.shop* + mine.shop* A 10.97.0.3
        nothing.shop* A          | NXDOMAIN
        out.shop* A              | NXDOMAIN
        secret.pay* A            | NXDOMAIN
        api.pay* A               | A 10.98.0.40
        same.pay* A              | A 10.98.0.41
        mail.legacy* A           | A 203.0.113.10
        mail.legacy* AAAA        | AAAA 2001:db8::10
        m.vms.mail.legacy* A     | NXDOMAIN
        clash.pay* A             | NODATA
        gone.pay* A              | NXDOMAIN
        pay* A                   | NODATA
        gone* A                  | NXDOMAIN
        west.web.shop* A         | NXDOMAIN
        west.db.shop* A          | NXDOMAIN
        e-0.web.shop* A          | NXDOMAIN
        e-0.east.web.shop* A     | A 10.1.0.1
        w-0.WEST.web.shop* A     | A 10.2.0.1
        w-0.east.web.shop* A     | NXDOMAIN
        _tcp.web.shop* A         | NODATA
        _sctp.web.shop* A        | NXDOMAIN
        web.shop~ A              | A 10.96.0.1
        clusterset.local A       | NODATA
        svc.clusterset.local A   | NODATA
        dns-version.clusterset.local TXT | TXT 1.1.0
        ns.dns.clusterset.local A | NODATA
        shop.pod.clusterset.local A | NODATA
        1-2-3-4.shop.pod.clusterset.local A | A 1.2.3.4
    ",
    );
}

/// The union of names, and of protocols and numbers: the oldest export, west's, wins each.
#[test]
fn ports_are_those_of_all_exporters() {
    let zone = zone();
    let registry = registry(WORLD);
    says(
        &zone,
        &registry,
        "
        _http._tcp.web.shop* SRV | SRV 0 50 8080 web.shop* + web.shop* A 10.96.0.1, web.shop* AAAA fd00:96::1
        _web._tcp.web.shop* SRV  | SRV 0 50 80 web.shop* + web.shop* A 10.96.0.1, web.shop* AAAA fd00:96::1
        _dns._udp.web.shop* SRV  | SRV 0 50 53 web.shop* + web.shop* A 10.96.0.1, web.shop* AAAA fd00:96::1
        _dns._tcp.web.shop* SRV  | NXDOMAIN
    ",
    );
}

/// Those whose ports are not those of the set, and those of another type than the oldest.
#[test]
fn conflicts_are_told_of_each_cluster() {
    let registry = registry(WORLD);
    let told = || {
        let all = zone().conflicts(&registry);
        all.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let ports = |cluster: &str, service: &str| {
        format!("{cluster} exports {service} with other ports than the set has")
    };
    let flip =
        "east exports shop/flip headless or not, and west, which exported it first, the other way";
    let db = ["West.2", "east", "west"].map(|cluster| ports(cluster, "shop/db"));
    let web = ["east", "west"].map(|cluster| ports(cluster, "shop/web"));
    let all = [&db[..], &[flip.into(), ports("east", "shop/flip")], &web[..]].concat();
    assert_eq!(told(), all);
    tell(&registry, "west unexport shop/flip\nwest unexport shop/web");
    assert_eq!(told(), db);
    let few = Kubernetes { namespaces: Some([b"pay"[..].into()].into()), ..zone() };
    assert!(few.conflicts(&registry).is_empty());
}

#[test]
fn headless_names_have_the_endpoints_of_all() {
    let (zone, registry) = (zone(), registry(WORLD));
    // Of West.2, whose ID is no label, there are addresses, and no names to lead to.
    says(
        &zone,
        &registry,
        "
        db.shop* A           | A 10.3.1.1, A 10.2.1.1, A 10.1.1.1, A 10.1.1.2, A 203.0.113.10
        db-0.west.db.shop* A | A 10.2.1.1
        db-0.EAST.db.shop* A | A 10.1.1.1
        10-1-1-2.east.db.shop* A | A 10.1.1.2
        db-0.db.shop* A      | NXDOMAIN
        d.West.2.db.shop* A  | NXDOMAIN
        d.West.db.shop* A    | NXDOMAIN
        _admin._tcp.db.shop* SRV | SRV 0 50 9 db.shop* + db.shop* A 203.0.113.10, db.shop* AAAA 2001:db8::10
        _sql._tcp.db.shop* SRV | SRV 0 16 5432 db-0.west.db.shop*, SRV 0 16 5432 db-0.east.db.shop*, \
                                SRV 0 16 5432 10-1-1-2.east.db.shop*, SRV 0 16 5432 db.shop* \
                              + db-0.west.db.shop* A 10.2.1.1, db-0.east.db.shop* A 10.1.1.1, \
                                10-1-1-2.east.db.shop* A 10.1.1.2, db.shop* A 203.0.113.10, \
                                db.shop* AAAA 2001:db8::10
    ",
    );
}

/// The type is the oldest export's, and flips when that goes.
#[test]
fn the_oldest_export_decides_the_type() {
    let (zone, registry) = (zone(), registry(WORLD));
    says(&zone, &registry, "flip.shop* A | A 10.2.4.1, A 10.1.4.1");
    says(&zone, &registry, "f-0.east.flip.shop* A | A 10.1.4.1");
    tell(&registry, "west lost true");
    says(&zone, &registry, "flip.shop* A | A 10.2.4.1, A 10.1.4.1");
    tell(&registry, "west unexport shop/flip");
    says(&zone, &registry, "flip.shop* A | A 10.96.0.4");
    // A headless Service here has no address to give.
    tell(
        &registry,
        "east headless shop/flip a:1/tcp
         west service shop/flip 10.97.0.9 a:1/tcp
         west export shop/flip 100",
    );
    says(&zone, &registry, "flip.shop* A | A 10.97.0.9");
}

/// Another cluster's address is taken only where there must be one, a lost one's last.
#[test]
fn addresses_are_of_the_local_cluster_then_of_the_oldest_export() {
    let (zone, registry) = (zone(), registry(WORLD));
    tell(&registry, "West.2 lost true");
    says(&zone, &registry, "api.pay* A | A 10.97.0.40");
    tell(&registry, "west lost true");
    says(&zone, &registry, "api.pay* A | A 10.98.0.40");
    let (_, message) = look(&zone, &registry, ALL, "api.pay.svc.clusterset.local A");
    assert_eq!(message.answers[0].ttl, 5);
    let mut out = Answer::default();
    let name = WireName::parse("db-0.west.db.shop.svc.clusterset.local").unwrap();
    let left = zone.find(&name).unwrap();
    zone.answer(&registry, ALL, (&name, rtype::A), left, &mut out);
    assert_eq!(out.why, Some(Why::Stale(ClusterId::new("west"))));
    let (_, message) = look(&zone, &registry, ALL, "db-0.east.db.shop.svc.clusterset.local A");
    assert_eq!(message.answers[0].ttl, 30);
    tell(&registry, "east namespace pay\neast service pay/api 10.96.0.40 grpc:9090/tcp");
    says(&zone, &registry, "api.pay* A | A 10.98.0.40");
    tell(&registry, "east export pay/api 999");
    says(&zone, &registry, "api.pay* A | A 10.96.0.40");
}

#[test]
fn nothing_is_said_before_the_local_cluster_is_known() {
    let (zone, registry) = (zone(), registry(WORLD));
    let unknown = Known { local: false, members: false };
    for name in ["web.shop", "db.shop", "shop"] {
        let question = format!("{name}.svc.clusterset.local A");
        assert_eq!(ask(&zone, &registry, unknown, &question), "NXDOMAIN", "{name}");
    }
}

#[test]
fn by_reach_and_overlap() {
    let mut zone = zone();
    let registry = registry(WORLD);
    zone.fleet.overlap = Overlap::Sentinel(vec!["240.0.0.1".parse().unwrap()]);
    says(&zone, &registry, "clash.pay* A | A 240.0.0.1");
    zone.fleet.reach.named.insert(ClusterId::new("west"), Reach::Endpoints);
    tell(&registry, "west service pay/far 10.97.0.50 http:80/tcp\nwest export pay/far 100");
    says(&zone, &registry, "far.pay* A | NXDOMAIN");
    tell(&registry, "west slice pay/far-1 far http:8080/tcp x=10.2.7.1");
    says(
        &zone,
        &registry,
        "
        far.pay* A   | A 10.2.7.1
        far.pay* SRV | SRV 0 100 8080 x.west.far.pay* + x.west.far.pay* A 10.2.7.1
    ",
    );
    let gateway = Reach::Instead(Gateway::of(vec!["203.0.113.20".parse().unwrap()]));
    zone.fleet.reach.named.insert(ClusterId::new("west"), gateway);
    says(
        &zone,
        &registry,
        "
        far.pay* A          | A 203.0.113.20
        x.west.far.pay* A   | NXDOMAIN
        _http._tcp.far.pay* SRV | SRV 0 100 80 far.pay* + far.pay* A 203.0.113.20
        mine.shop* A        | A 203.0.113.20
        web.shop* A         | A 10.96.0.1
    ",
    );
}

#[test]
fn options_of_the_zone() {
    let registry = registry(WORLD);
    let few = Kubernetes { namespaces: Some([b"pay"[..].into()].into()), ..zone() };
    says(&few, &registry, "web.shop* A | NXDOMAIN\nshop* A | NXDOMAIN\nsame.pay* A | A 10.98.0.41");
    let full = Kubernetes { ignore_empty: true, ..zone() };
    says(
        &full,
        &registry,
        "
        web.shop* A    | A 10.96.0.1
        mine.shop* A   | NXDOMAIN
        mail.legacy* A | A 203.0.113.10
        db.shop* A     | A 10.3.1.1, A 10.2.1.1, A 10.1.1.1, A 10.1.1.2, A 203.0.113.10
    ",
    );
    // An endpoint of any exporter will do.
    tell(&registry, "east export shop/mine 1\nwest slice shop/mine-1 mine https:443/tcp 10.2.8.1");
    says(&full, &registry, "mine.shop* A | A 10.96.0.3");
}

#[test]
fn the_name_server_is_of_the_zone() {
    let own = ["10.1.0.1", "192.0.2.7"].map(|ip| ip.parse().unwrap());
    let zone = Kubernetes { own_addresses: own.to_vec(), ..zone() };
    says(
        &zone,
        &registry(WORLD),
        "
        clusterset.local NS | NS ns.dns.clusterset.local. + ns.dns.clusterset.local. A 10.1.0.1, \
                              ns.dns.clusterset.local. A 192.0.2.7
        cluster.local NS    | NS web.shop~ + web.shop~ A 10.96.0.1, web.shop~ AAAA fd00:96::1
    ",
    );
}

#[test]
fn a_transfer_lists_what_is_answered() {
    let mut zone = zone();
    zone.own_addresses = vec!["192.0.2.7".parse().unwrap()];
    let registry = registry(WORLD);
    let name = zone.zone(&WireName::parse("Clusterset.local").unwrap()).unwrap();
    let mut out = Answer::default();
    for service in zone.transfer_names(&registry, &name) {
        zone.transfer_name(&registry, &name, &service, &mut out);
    }
    let mut owners: Vec<String> = out
        .records()
        .filter(|record| matches!(record.rtype, rtype::A | rtype::SRV))
        .map(|record| WireName::read(record.owner).unwrap().0.to_string())
        .collect();
    owners.dedup();
    owners.sort();
    owners.dedup();
    let short = |owner: &String| owner.replace(".svc.clusterset.local.", "");
    assert_eq!(
        owners.iter().map(short).collect::<Vec<_>>(),
        [
            "10-1-1-2.east.db.shop",
            "_a._tcp.flip.shop",
            "_admin._tcp.db.shop",
            "_dns._udp.web.shop",
            "_grpc._tcp.api.pay",
            "_http._tcp.same.pay",
            "_http._tcp.web.shop",
            "_https._tcp.mine.shop",
            "_new._tcp.web.shop",
            "_smtp._tcp.mail.legacy",
            "_sql._tcp.db.shop",
            "_web._tcp.web.shop",
            "api.pay",
            "db-0.east.db.shop",
            "db-0.west.db.shop",
            "db.shop",
            "f-0.east.flip.shop",
            "f-0.west.flip.shop",
            "flip.shop",
            "mail.legacy",
            "mine.shop",
            "same.pay",
            "web.shop",
        ]
    );
    // Each of them is answered with each of the addresses.
    for record in out.records().filter(|record| record.rtype == rtype::A) {
        let owner = WireName::read(record.owner).unwrap().0;
        let mut said = Answer::default();
        let left = zone.find(&owner).unwrap();
        zone.answer(&registry, ALL, (&owner, rtype::A), left, &mut said);
        assert!(said.records().any(|answer| answer.rdata == record.rdata), "{owner}");
    }
}

#[test]
fn the_serial_moves_with_exported_services_alone() {
    let registry = registry("east namespace shop\neast service shop/own 10.96.0.2 http:80/tcp");
    let zone = zone();
    let name = |text: &str| WireName::parse(text).unwrap();
    let serial = |text: &str| zone.serial(&registry, &name(text), 0);
    assert_eq!(serial("clusterset.local"), 0);
    assert_ne!(serial("cluster.local"), 0);
    let mut exports = registry.exports();
    tell(&registry, "east export shop/own 100");
    assert_ne!(serial("clusterset.local"), 0);
    assert!(exports.has_changed().unwrap());
    exports.mark_unchanged();
    tell(&registry, "east slice shop/own-1 own http:80/tcp 10.1.0.9");
    assert!(!exports.has_changed().unwrap());
    tell(&registry, "east unexport shop/own");
    assert!(exports.has_changed().unwrap());
}

#[test]
fn an_answer_is_explained() {
    let (zone, registry) = (zone(), registry(WORLD));
    tell(&registry, "West.2 lost true");
    let explained = |name: &str| {
        let name = WireName::parse(&format!("{name}.svc.clusterset.local")).unwrap();
        let mut steps = Steps::default();
        zone.explain(&registry, ALL, &name, zone.find(&name).unwrap(), &mut steps);
        let line = |step: Step| match step.cluster {
            Some(cluster) => format!("{} {cluster}: {}", step.rule, step.says),
            None => format!("{}: {}", step.rule, step.says),
        };
        steps.0.into_iter().skip(1).map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        explained("api.pay"),
        [
            "name: it asks for the Service pay/api",
            "clusterset West.2: exports it: ClusterIP 10.98.0.40, ready endpoints: 0, exported \
             1970-01-01T00:05:00Z; out of reach, so its address is the last choice",
            "clusterset west: exports it: ClusterIP 10.97.0.40, ready endpoints: 0, exported \
             1970-01-01T00:08:20Z",
            "type West.2: with a ClusterSetIP, as its export is the oldest",
            "choice west: answers: of the others that can be reached its export is the oldest",
            "reach west: direct: by its own addresses",
            "ttl: 30 seconds",
        ]
    );
    assert_eq!(
        explained("f-0.west.flip.shop"),
        [
            "name: it asks for the endpoint f-0 in west of the Service shop/flip",
            "clusterset east: exports it: ClusterIP 10.96.0.4, ready endpoints: 1, exported \
             1970-01-01T00:03:20Z",
            "clusterset west: exports it: headless, ready endpoints: 1, exported 1970-01-01T00:01:40Z",
            "type west: headless, as its export is the oldest",
            "conflict east: east exports shop/flip headless or not, and west, which exported it \
             first, the other way",
            "conflict east: east exports shop/flip with other ports than the set has",
            "reach west: direct: by its own addresses",
            "ttl: 30 seconds",
        ]
    );
    assert_eq!(
        explained("own.shop"),
        [
            "name: it asks for the Service shop/own",
            "clusterset east: does not export it",
            "clusterset: no cluster exports it: the name does not exist",
        ]
    );
}
