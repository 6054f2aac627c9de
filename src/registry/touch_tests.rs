//! A change of one object touches what it says itself and nothing else, however much there is: of 100,000
//! endpoints of two clusters, all other entries of the index are the very same before and after.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::*;
use crate::cluster::kinds::{Endpoint, EndpointSlice, Namespace, ObjectKey, Service, ServiceKind};
use crate::cluster::{Change, Sink, Update};

const SERVICES: u32 = 500;
const ENDPOINTS: u32 = 100;
const CLUSTERS: [&str; 2] = ["east", "west"];
const NAMESPACES: u32 = 10;

/// Of a Service of a cluster: its endpoint of this number.
fn endpoint(cluster: &str, service: u32, number: u32) -> IpAddr {
    let network = if cluster == "east" { 10 } else { 11 };
    Ipv4Addr::from(network << 24 | service << 10 | number).into()
}

fn cluster_ip(cluster: &str, service: u32) -> IpAddr {
    endpoint(cluster, service, 1 << 9)
}

fn key(service: u32) -> ObjectKey {
    ObjectKey::new(format!("space-{}", service % NAMESPACES), format!("s{service}"))
}

/// Every other one is headless.
fn service(number: u32, addresses: &[IpAddr]) -> Service {
    let kind = match number % 2 {
        0 => ServiceKind::Headless,
        _ => ServiceKind::ClusterIp(addresses.iter().copied().collect()),
    };
    let (annotations, external) = Default::default();
    Service {
        key: key(number).into(),
        kind,
        ports: Default::default(),
        created: 0,
        annotations,
        external,
    }
}

fn slice(number: u32, addresses: impl IntoIterator<Item = IpAddr>) -> EndpointSlice {
    let key = key(number);
    let endpoint = |ip| Endpoint::new(ip, None, None);
    EndpointSlice {
        service: Some(key.name.clone()),
        key,
        import: None,
        aliases: Default::default(),
        endpoints: addresses.into_iter().map(endpoint).collect(),
        ports: Default::default(),
    }
}

fn slices(cluster: &str) -> Vec<EndpointSlice> {
    let addresses = |service| (0..ENDPOINTS).map(move |number| endpoint(cluster, service, number));
    (0..SERVICES).map(|service| slice(service, addresses(service))).collect()
}

fn space(name: String) -> Namespace {
    Namespace { key: ObjectKey::new("", name) }
}

fn registry() -> Registry {
    let registry = Registry::default();
    for name in CLUSTERS {
        let cluster = ClusterId::new(name);
        let services = (0..SERVICES).map(|number| service(number, &[cluster_ip(name, number)]));
        let spaces = (0..NAMESPACES).map(|number| space(format!("space-{number}")));
        registry.apply(&cluster, Change::Namespace(Update::Reset(spaces.collect())));
        registry.apply(&cluster, Change::Service(Update::Reset(services.collect())));
        registry.apply(&cluster, Change::EndpointSlice(Update::Reset(slices(name))));
    }
    registry
}

/// Where each entry is in memory, by what it is of. What they were is held, so that no later one has the place
/// of another.
struct Entries<'r> {
    services: BTreeMap<String, usize>,
    addresses: BTreeMap<String, usize>,
    namespaces: BTreeMap<String, usize>,
    _held: Pinned<'r>,
}

impl<'r> Entries<'r> {
    fn of(registry: &'r Registry) -> Self {
        let pinned = registry.pin();
        let key = |name: &ServiceName| Some(name.owners().first()?.key.to_string());
        let services = pinned.all_services().into_iter();
        let addresses = pinned.addresses.pin();
        let namespaces = pinned.namespaces.pin();
        Entries {
            services: services.filter_map(|name| Some((key(name)?, place(name)))).collect(),
            addresses: addresses.iter().map(|(at, all)| (at.to_string(), place(all))).collect(),
            namespaces: namespaces
                .iter()
                .map(|(name, homes)| (String::from_utf8_lossy(name).into_owned(), place(homes)))
                .collect(),
            _held: registry.pin(),
        }
    }

    /// What is not the very same as before.
    fn changed(&self, before: &Entries<'_>) -> Vec<String> {
        let services = changed(&before.services, &self.services);
        let addresses = changed(&before.addresses, &self.addresses);
        let namespaces = changed(&before.namespaces, &self.namespaces);
        services.into_iter().chain(addresses).chain(namespaces).collect()
    }
}

fn place<T>(value: &T) -> usize {
    std::ptr::from_ref(value).addr()
}

fn changed(before: &BTreeMap<String, usize>, after: &BTreeMap<String, usize>) -> BTreeSet<String> {
    let all = before.keys().chain(after.keys());
    all.filter(|key| before.get(*key) != after.get(*key)).cloned().collect()
}

/// A headless Service, and two that are not.
const HEADLESS: u32 = 40;
const OTHER: u32 = 41;
const LISTED: u32 = 7;

/// The slice of a Service of east without its first endpoint, and with another one.
fn moved(service: u32) -> EndpointSlice {
    slice(service, (1..=ENDPOINTS).map(|number| endpoint("east", service, number)))
}

/// What is said of which cluster, and the Services, addresses and namespaces that it touches.
type Row<'a> = (&'a str, &'a str, Change, &'a [u32], &'a [IpAddr], &'a [&'a str]);

#[test]
fn a_change_touches_its_own_name_alone() {
    let registry = registry();
    let endpoints = CLUSTERS.map(|name| registry.endpoints(&ClusterId::new(name)));
    assert_eq!(endpoints.iter().sum::<usize>(), 100_000);
    let mut listed = slices("east");
    for number in [HEADLESS, OTHER, LISTED] {
        listed[number as usize] = moved(number);
    }
    let ends = |service| [0, ENDPOINTS].map(|number| endpoint("east", service, number));
    let ips = [OTHER, SERVICES].map(|number| cluster_ip("west", number));
    let slice = |slice| Change::EndpointSlice(Update::Upsert(slice));
    let same = slices("east").swap_remove(HEADLESS as usize);
    let table: [Row<'_>; 8] = [
        ("the same", "east", slice(same), &[], &[], &[]),
        ("headless", "east", slice(moved(HEADLESS)), &[HEADLESS], &ends(HEADLESS), &[]),
        ("with an address", "east", slice(moved(OTHER)), &[OTHER], &ends(OTHER), &[]),
        (
            "one of all, listed anew",
            "east",
            Change::EndpointSlice(Update::Reset(listed)),
            &[LISTED],
            &ends(LISTED),
            &[],
        ),
        (
            "an address more",
            "west",
            Change::Service(Update::Upsert(service(OTHER, &ips))),
            &[OTHER],
            &ips[1..],
            &[],
        ),
        (
            "a Service that is gone",
            "west",
            Change::Service(Update::Delete(key(OTHER))),
            &[OTHER],
            &ips,
            &[],
        ),
        (
            "a new namespace",
            "west",
            Change::Namespace(Update::Upsert(space("new".into()))),
            &[],
            &[],
            &["new"],
        ),
        (
            "a namespace that one has no more",
            "west",
            Change::Namespace(Update::Delete(ObjectKey::new("", "space-3"))),
            &[],
            &[],
            &["space-3"],
        ),
    ];
    for (what, cluster, change, services, addresses, namespaces) in table {
        let before = Entries::of(&registry);
        registry.apply(&ClusterId::new(cluster), change);
        let services = services.iter().map(|number| key(*number).to_string());
        let addresses = addresses.iter().map(ToString::to_string);
        let namespaces = namespaces.iter().map(ToString::to_string);
        let expected: Vec<String> = services.chain(addresses).chain(namespaces).collect();
        assert_eq!(Entries::of(&registry).changed(&before), expected, "{what}");
    }
}

/// Of a name that both clusters have, what the other one says stays as it is.
#[test]
fn a_change_leaves_what_other_clusters_say_of_the_name() {
    let registry = registry();
    let west = ClusterId::new("west");
    let of_west =
        || registry.pin().service_of(&key(40)).unwrap().owner(&west).unwrap().slices.clone();
    let before = of_west();
    let slice = slice(40, [endpoint("east", 40, 7)]);
    registry.apply(&ClusterId::new("east"), Change::EndpointSlice(Update::Upsert(slice)));
    assert_eq!(before.len(), 1);
    assert!(before.iter().zip(&of_west()).all(|(before, after)| Arc::ptr_eq(before, after)));
}
