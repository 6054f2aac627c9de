//! Histories of changes, and what they leave in the index.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::cluster::kinds::{
    Endpoint, EndpointSlice, Exported, Namespace, ObjectKey, Service, ServiceEntry, ServiceKind,
};
use crate::cluster::{Change, ClusterId, Sink, Update};

fn id(name: &str) -> ClusterId {
    ClusterId::new(name)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn service(name: &str, ips: &[&str]) -> Service {
    Service {
        key: ObjectKey::new("shop", name).into(),
        kind: ServiceKind::ClusterIp(ips.iter().map(|text| ip(text)).collect()),
        ports: Default::default(),
        created: 0,
        annotations: Default::default(),
        external: Default::default(),
    }
}

fn slice(name: &str, service: &str, addresses: &[&str]) -> EndpointSlice {
    let endpoint = |text: &&str| Endpoint::new(ip(text), None, None);
    EndpointSlice {
        key: ObjectKey::new("shop", name),
        service: Some(service.into()),
        import: None,
        aliases: Box::default(),
        endpoints: addresses.iter().map(endpoint).collect(),
        ports: Box::default(),
    }
}

fn namespace(name: &str) -> Namespace {
    Namespace { key: ObjectKey::new("", name) }
}

fn put(registry: &Registry, cluster: &str, change: Change) {
    registry.apply(&id(cluster), change);
}

/// All that the index holds, as text in a fixed order.
fn shown(registry: &Registry) -> Vec<String> {
    let mut lines = Vec::new();
    let registry = registry.pin();
    for name in registry.all_services() {
        for owner in name.owners() {
            let slices: Vec<_> = owner.slices.iter().map(|slice| &slice.key.name).collect();
            let ips = match owner.service.as_ref().map(|service| &service.kind) {
                Some(ServiceKind::ClusterIp(ips)) => format!("{ips:?}"),
                other => format!("{other:?}"),
            };
            lines.push(format!("{} {} {ips} {slices:?}", owner.cluster, owner.key));
        }
    }
    for (name, homes) in registry.all_namespaces() {
        lines.push(format!("namespace {} {homes:?}", String::from_utf8_lossy(name)));
    }
    for (address, owners) in &registry.addresses.pin() {
        for AddressOwner { holder, cluster, key } in owners {
            lines.push(format!("{address} {holder:?} {cluster} {key}"));
        }
    }
    for (name, host) in registry.all_hosts() {
        for (what, all) in [("itself", &host.itself), ("below", &host.below)] {
            // Their order is part of what is said.
            let all = all.iter().map(|of| format!("{} {} {}", of.cluster, of.entry.key, of.host));
            let all: Vec<String> = all.collect();
            let name = String::from_utf8_lossy(&name);
            lines.extend((!all.is_empty()).then(|| format!("host {name} {what} {all:?}")));
        }
    }
    lines.sort();
    lines
}

#[test]
fn counts_what_a_cluster_holds_and_knows_which_have_names() {
    let registry = Registry::default();
    for cluster in ["West", "a.b"] {
        put(&registry, cluster, Change::Service(Update::Upsert(service("web", &["10.0.0.1"]))));
        let slice = slice("web-1", "web", &["10.1.0.1", "10.1.0.2"]);
        put(&registry, cluster, Change::EndpointSlice(Update::Upsert(slice)));
        put(&registry, cluster, Change::Namespace(Update::Upsert(namespace("shop"))));
    }
    for kind in [Kind::Services, Kind::EndpointSlices, Kind::Namespaces] {
        assert_eq!(registry.count(&id("West"), kind), Some(1), "{kind:?}");
        assert_eq!(registry.count(&id("gone"), kind), Some(0), "{kind:?}");
    }
    assert_eq!(registry.count(&id("West"), Kind::Nodes), Some(0));
    assert_eq!(registry.count(&id("gone"), Kind::Gateway), None);
    assert_eq!((registry.endpoints(&id("a.b")), registry.endpoints(&id("gone"))), (2, 0));
    assert_eq!(registry.cluster(b"west"), Some(id("West")));
    assert_eq!(registry.cluster(b"a.b"), None);
    put(&registry, "West", Change::Left);
    assert_eq!(registry.count(&id("West"), Kind::Services), Some(0));
    assert_eq!(registry.cluster(b"west"), None);
}

#[test]
fn clusters_share_a_name_and_leave_it() {
    let registry = Registry::default();
    put(&registry, "west", Change::Service(Update::Upsert(service("web", &["10.97.0.1"]))));
    put(&registry, "east", Change::Service(Update::Upsert(service("web", &["10.96.0.1"]))));
    let pinned = registry.pin();
    let web = pinned.service(b"\x03web\x04shop").unwrap();
    let clusters: Vec<_> = web.owners().iter().map(|owner| owner.cluster.as_str()).collect();
    assert_eq!(clusters, ["east", "west"]);
    assert!(pinned.service(b"\x03web\x03pay").is_none());
    put(&registry, "east", Change::Left);
    assert_eq!(web.owners().len(), 2, "what was found stays");
    let web = pinned.service(b"\x03web\x04shop").unwrap();
    assert!(web.owner(&id("east")).is_none() && web.owner(&id("west")).is_some());
    assert!(pinned.address(ip("10.96.0.1")).is_none());
    assert_eq!(pinned.address(ip("10.97.0.1")).unwrap()[0].cluster, id("west"));
    put(&registry, "west", Change::Left);
    assert_eq!(shown(&registry), Vec::<String>::new());
}

#[test]
fn a_list_forgets_what_it_does_not_name() {
    let registry = Registry::default();
    let services = ["a", "b"].map(|name| service(name, &[]));
    put(&registry, "east", Change::Service(Update::Reset(services.to_vec())));
    put(&registry, "west", Change::Service(Update::Upsert(service("a", &[]))));
    put(&registry, "east", Change::Service(Update::Reset(vec![service("b", &["10.96.0.2"])])));
    assert_eq!(
        shown(&registry),
        ["10.96.0.2 ClusterIp east shop/b", "east shop/b [10.96.0.2] []", "west shop/a [] []"]
    );
}

#[test]
fn slices_move_with_their_label() {
    let registry = Registry::default();
    put(&registry, "east", Change::EndpointSlice(Update::Upsert(slice("s", "a", &["10.0.0.1"]))));
    put(&registry, "east", Change::EndpointSlice(Update::Upsert(slice("s", "b", &["10.0.0.1"]))));
    assert_eq!(
        shown(&registry),
        [r#"10.0.0.1 Endpoint(None) east shop/b"#, r#"east shop/b None ["s"]"#,]
    );
    let key = ObjectKey::new("shop", "s");
    put(&registry, "east", Change::EndpointSlice(Update::Delete(key)));
    assert_eq!(shown(&registry), Vec::<String>::new());
}

#[test]
fn an_address_has_all_who_hold_it_with_cluster_ips_first() {
    let registry = Registry::default();
    let slices = vec![slice("s", "a", &["10.0.0.1", "10.0.0.1"]), slice("t", "b", &["10.0.0.1"])];
    put(&registry, "east", Change::EndpointSlice(Update::Reset(slices)));
    put(&registry, "west", Change::Service(Update::Upsert(service("c", &["10.0.0.1"]))));
    let pinned = registry.pin();
    let owners = pinned.address(ip("10.0.0.1")).unwrap();
    let keys: Vec<_> = owners.iter().map(|owner| owner.key.to_string()).collect();
    assert_eq!(keys, ["shop/c", "shop/a", "shop/b"]);
}

#[test]
fn the_serial_moves_with_answers_only() {
    let registry = Registry::default();
    put(&registry, "east", Change::Namespace(Update::Upsert(namespace("shop"))));
    assert_eq!(registry.serial(), 0);
    put(&registry, "east", Change::Service(Update::Upsert(service("web", &[]))));
    assert!(registry.serial() > 1_700_000_000);
    registry.serial.store(7, Ordering::Relaxed);
    put(&registry, "east", Change::Service(Update::Upsert(service("web", &[]))));
    assert_eq!(registry.serial(), 7, "the same object again changes nothing");
}

#[test]
fn objects_without_a_name_in_dns_are_left_out() {
    let registry = Registry::default();
    let long = "a".repeat(64);
    put(&registry, "east", Change::Service(Update::Upsert(service(&long, &["10.96.0.1"]))));
    put(&registry, "east", Change::Service(Update::Upsert(service("", &["10.96.0.2"]))));
    assert!(registry.is_empty());
    assert_eq!(shown(&registry), Vec::<String>::new());
}

/// One step of a history, over few enough names that they meet.
/// A ServiceEntry of these of the hosts, which are three names.
fn entry(name: u8, hosts: u8, age: u8) -> ServiceEntry {
    let all = ["a.mesh", "A.mesh.", "*.a.mesh", "b.mesh", "no..name"];
    let hosts = all.iter().enumerate().filter(|(bit, _)| hosts & 1 << bit != 0);
    ServiceEntry {
        key: ObjectKey::new("shop", format!("x{name}")),
        hosts: hosts.map(|(_, host)| (*host).into()).collect(),
        addresses: Vec::new(),
        is_addressed: false,
        allocated: Vec::new(),
        exported: Exported::All,
        created: age.into(),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Service(u8, u8),
    NoService(u8),
    Services(Vec<(u8, u8)>),
    Slice(u8, u8, u8),
    NoSlice(u8),
    Slices(Vec<(u8, u8, u8)>),
    Namespace(bool),
    /// A ServiceEntry, a bit for each of its hosts, and its age.
    Entry(u8, u8, u8),
    NoEntry(u8),
    Entries(Vec<(u8, u8, u8)>),
    Left,
}

impl Step {
    fn change(&self) -> Change {
        let a_service = |name: u8, at: u8| service(&format!("s{name}"), &[&format!("10.0.0.{at}")]);
        let a_slice = |name: u8, of: u8, at: u8| {
            slice(&format!("e{name}"), &format!("s{of}"), &[&format!("10.0.0.{at}")])
        };
        match self {
            Step::Service(name, at) => Change::Service(Update::Upsert(a_service(*name, *at))),
            Step::NoService(name) => {
                Change::Service(Update::Delete(ObjectKey::new("shop", format!("s{name}"))))
            }
            Step::Services(all) => {
                let mut all = all.clone();
                all.dedup_by_key(|(name, _)| *name);
                Change::Service(Update::Reset(
                    all.iter().map(|(n, at)| a_service(*n, *at)).collect(),
                ))
            }
            Step::Slice(name, of, at) => {
                Change::EndpointSlice(Update::Upsert(a_slice(*name, *of, *at)))
            }
            Step::NoSlice(name) => {
                Change::EndpointSlice(Update::Delete(ObjectKey::new("shop", format!("e{name}"))))
            }
            Step::Slices(all) => Change::EndpointSlice(Update::Reset(
                all.iter().map(|(n, of, at)| a_slice(*n, *of, *at)).collect(),
            )),
            Step::Namespace(true) => Change::Namespace(Update::Upsert(namespace("shop"))),
            Step::Namespace(false) => Change::Namespace(Update::Reset(Vec::new())),
            Step::Entry(name, hosts, age) => {
                Change::ServiceEntry(Update::Upsert(entry(*name, *hosts, *age)))
            }
            Step::NoEntry(name) => {
                Change::ServiceEntry(Update::Delete(ObjectKey::new("shop", format!("x{name}"))))
            }
            Step::Entries(all) => Change::ServiceEntry(Update::Reset(
                all.iter().map(|(name, hosts, age)| entry(*name, *hosts, *age)).collect(),
            )),
            Step::Left => Change::Left,
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let n = || 0..4_u8;
    prop_oneof![
        4 => (n(), n()).prop_map(|(name, at)| Step::Service(name, at)),
        2 => n().prop_map(Step::NoService),
        1 => prop::collection::vec((n(), n()), 0..4).prop_map(Step::Services),
        4 => (n(), n(), n()).prop_map(|(name, of, at)| Step::Slice(name, of, at)),
        2 => n().prop_map(Step::NoSlice),
        1 => prop::collection::vec((n(), n(), n()), 0..4).prop_map(Step::Slices),
        1 => any::<bool>().prop_map(Step::Namespace),
        4 => (n(), 0..32_u8, n()).prop_map(|(name, hosts, age)| Step::Entry(name, hosts, age)),
        2 => n().prop_map(Step::NoEntry),
        1 => prop::collection::vec((n(), 0..32_u8, n()), 0..4).prop_map(Step::Entries),
        1 => Just(Step::Left),
    ]
}

/// The last state of every object, told to a new registry in lists.
fn from_lists(history: &[(bool, Step)]) -> Registry {
    let fresh = Registry::default();
    for cluster in ["east", "west"] {
        let mine = history.iter().filter(|(west, _)| *west == (cluster == "west"));
        let mut shard = shard::Shard::default();
        for (_, step) in mine {
            shard.apply(step.change());
        }
        let entries = shard.entries();
        let (services, slices, namespaces) = shard.into_lists();
        put(&fresh, cluster, Change::ServiceEntry(Update::Reset(entries)));
        put(&fresh, cluster, Change::EndpointSlice(Update::Reset(slices)));
        put(&fresh, cluster, Change::Namespace(Update::Reset(namespaces)));
        put(&fresh, cluster, Change::Service(Update::Reset(services)));
    }
    fresh
}

/// Told by two threads, one for each cluster.
fn at_once(history: &[(bool, Step)]) -> Registry {
    let registry = Registry::default();
    let tell = |is_west: bool| {
        let mine = history.iter().filter(|(west, _)| *west == is_west);
        let name = if is_west { "west" } else { "east" };
        mine.for_each(|(_, step)| put(&registry, name, step.change()));
    };
    std::thread::scope(|scope| {
        scope.spawn(|| tell(true));
        tell(false);
    });
    registry
}

#[test]
fn a_list_of_one_cluster_holds_up_no_other() {
    let registry = Registry::default();
    let east = registry.shard(&id("east"));
    let list = lock(&east);
    put(&registry, "west", Change::Service(Update::Upsert(service("web", &["10.96.0.1"]))));
    assert_eq!(registry.count(&id("west"), Kind::Services), Some(1));
    drop(list);
}

#[test]
fn what_waits_for_a_cluster_that_leaves_is_kept() {
    let registry = Registry::default();
    let upsert = || Change::Service(Update::Upsert(service("web", &["10.96.0.1"])));
    for _ in 0..200 {
        std::thread::scope(|scope| {
            scope.spawn(|| put(&registry, "east", Change::Left));
            put(&registry, "east", upsert());
        });
        let clusters = registry.shards().len();
        assert_eq!(clusters, registry.clusters().len());
        assert_eq!(registry.count(&id("east"), Kind::Services), Some(registry.len()));
        put(&registry, "east", Change::Left);
    }
}

proptest! {
    /// However it came about, the index is the one that a fresh list would make; and once every
    /// cluster has left, nothing is left behind.
    #[test]
    fn any_history_ends_as_a_fresh_list(
        history in prop::collection::vec((any::<bool>(), step()), 0..60),
    ) {
        let registry = Registry::default();
        for (west, step) in &history {
            put(&registry, if *west { "west" } else { "east" }, step.change());
        }
        prop_assert_eq!(shown(&registry), shown(&from_lists(&history)));
        prop_assert_eq!(shown(&at_once(&history)), shown(&registry));
        put(&registry, "east", Change::Left);
        put(&registry, "west", Change::Left);
        prop_assert_eq!(shown(&registry), Vec::<String>::new());
        prop_assert!(registry.shards().is_empty());
    }
}

#[test]
fn the_serial_moves_with_what_answers_say() {
    use crate::cluster::kinds::{Pod, Port, Protocol, ServiceImport};
    use std::sync::Arc as Shared;
    let port = |number| Port { name: "p".into(), protocol: Protocol::Tcp, number: Some(number) };
    let web = |ips: &[&str], number| {
        let ports = Arc::from([port(number)]);
        Change::Service(Update::Upsert(Service { ports, ..service("web", ips) }))
    };
    let endpoints = |addresses: &[&str]| {
        Change::EndpointSlice(Update::Upsert(slice("web-1", "web", addresses)))
    };
    let pod = |address: &str, label: &str| {
        let labels: Shared<[_]> = [("app".into(), label.into())].into();
        let key = ObjectKey::new("shop", "pod");
        Change::Pod(Update::Upsert(Pod { key, addresses: vec![ip(address)], labels }))
    };
    let import = || {
        let key = ObjectKey::new("shop", "web");
        let import = ServiceImport { key, kind: ServiceKind::Headless, ports: Box::default() };
        Change::ServiceImport(Update::Upsert(import))
    };
    let unlabelled = EndpointSlice { service: None, ..slice("none", "", &["10.0.0.9"]) };
    let mut shard = shard::Shard::default();
    for (what, change, moves) in [
        ("a namespace", Change::Namespace(Update::Upsert(namespace("shop"))), false),
        ("a Service", web(&["10.96.0.1"], 80), true),
        ("the same", web(&["10.96.0.1"], 80), false),
        ("another port", web(&["10.96.0.1"], 81), true),
        ("another ClusterIP", web(&["10.96.0.1", "fd00::1"], 81), true),
        ("endpoints", endpoints(&["10.0.0.1", "10.0.0.2"]), true),
        ("another order", endpoints(&["10.0.0.2", "10.0.0.1"]), true),
        ("the same order", endpoints(&["10.0.0.2", "10.0.0.1"]), false),
        ("a slice of nothing", Change::EndpointSlice(Update::Upsert(unlabelled)), true),
        ("a pod", pod("10.0.0.3", "a"), true),
        ("its label", pod("10.0.0.3", "b"), false),
        ("its address", pod("10.0.0.4", "b"), true),
        ("an import", import(), true),
        ("a list of the same", Change::Pod(Update::Reset(Vec::new())), true),
        ("an empty list again", Change::Pod(Update::Reset(Vec::new())), false),
        ("gone", Change::Service(Update::Delete(ObjectKey::new("shop", "web"))), true),
        ("gone already", Change::Service(Update::Delete(ObjectKey::new("shop", "web"))), false),
    ] {
        assert_eq!(shard.apply(change).serial, moves, "{what}");
    }
}

#[test]
fn ways_from_outside_have_an_index_and_a_serial_of_their_own() {
    use crate::cluster::kinds::{Point, Port, Protocol};
    let registry = Registry::default();
    let web = |points: &[&str], number| {
        let port = Port { name: "p".into(), protocol: Protocol::Tcp, number: Some(number) };
        let point = |text: &&str| match text.parse() {
            Ok(address) => Point::Address(address),
            Err(_) => Point::host(text),
        };
        let external = points.iter().map(point).collect();
        let service = service("web", &["10.96.0.1"]);
        Change::Service(Update::Upsert(Service { external, ports: Arc::from([port]), ..service }))
    };
    let holders =
        |address: &str| registry.pin().outside(ip(address)).map_or(0, |owners| owners.len());
    put(&registry, "east", web(&[], 80));
    assert_eq!((holders("192.0.2.1"), registry.outside_serial()), (0, 0));
    registry.serial.store(7, Ordering::Relaxed);
    for (change, first, second, moves) in [
        (web(&["192.0.2.1", "lb.example.org"], 80), 1, 0, true),
        (web(&["192.0.2.1", "lb.example.org"], 80), 1, 0, false),
        (web(&["lb.example.org", "192.0.2.1", "192.0.2.2"], 80), 1, 1, true),
    ] {
        registry.outside_serial.store(7, Ordering::Relaxed);
        put(&registry, "east", change);
        assert_eq!((holders("192.0.2.1"), holders("192.0.2.2")), (first, second));
        assert_eq!(registry.outside_serial() != 7, moves);
        assert_eq!(registry.serial(), 7, "inside nothing changed");
    }
    registry.outside_serial.store(7, Ordering::Relaxed);
    put(&registry, "east", web(&["192.0.2.1"], 81));
    assert!(registry.outside_serial() != 7 && registry.serial() != 7, "another port");
    put(&registry, "west", web(&["192.0.2.1"], 80));
    assert_eq!((holders("192.0.2.1"), holders("192.0.2.2")), (2, 0));
    put(&registry, "east", Change::Left);
    put(&registry, "west", Change::Service(Update::Delete(ObjectKey::new("shop", "web"))));
    assert!(registry.outside.is_empty());
}

#[test]
fn what_one_object_says_comes_whole() {
    // A reader beside the writer: the two slices of one Endpoints object hold one generation each.
    let registry = std::sync::Arc::new(Registry::default());
    put(&registry, "east", Change::Service(Update::Upsert(service("db", &[]))));
    let generation = |number: u8| {
        let slices = ["one", "two"].map(|name| slice(name, "db", &[&format!("10.0.0.{number}")]));
        let upserts = slices.map(|slice| Change::EndpointSlice(Update::Upsert(slice)));
        Change::Together(upserts.into())
    };
    put(&registry, "east", generation(0));
    let reader = std::thread::spawn({
        let registry = registry.clone();
        move || loop {
            let pinned = registry.pin();
            let db = pinned.service(b"\x02db\x04shop").unwrap();
            let owner = db.owner(&id("east")).unwrap();
            let said: Vec<_> = owner.endpoints().map(|(endpoint, _)| endpoint.address).collect();
            assert_eq!((said.len(), said[0]), (2, said[1]));
            if said[0] == ip("10.0.0.250") {
                return;
            }
        }
    });
    (1..=250).for_each(|number| put(&registry, "east", generation(number)));
    reader.join().unwrap();
}
