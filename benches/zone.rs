//! The way of a question through the rooms that every answer needs, and of a change into the index.
//! `benches/README.md` says what each measures.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use fleetdns::cluster::kinds::{
    Endpoint, EndpointSlice, Namespace, ObjectKey, Port, Protocol, Service, ServiceKind,
};
use fleetdns::cluster::{Change, ClusterId, Sink, Update};
use fleetdns::corefile::{self, ParseOptions};
use fleetdns::registry::Registry;
use fleetdns::server::query;
use fleetdns::zone::answer::Answer;
use fleetdns::zone::choice::Fleet;
use fleetdns::zone::kubernetes::{Known, Kubernetes, Pods, Verdict};
use fleetdns::zone::name::WireName;
use fleetdns::zone::write::{self, Frame};
use fleetdns::zone::{rcode, rtype};

/// Services of the index, in two clusters by halves.
const SERVICES: u32 = 10_000;
/// Services of one namespace.
const TOGETHER: u32 = 100;
/// Every so many-th Service is headless.
const HEADLESS: u32 = 10;
/// Endpoints of a headless Service.
const ENDPOINTS: u32 = 3;
/// How many names the questions go round: more than a processor's nearest caches hold.
const ROUND: usize = 1_000;

const KNOWN: Known = Known { local: true, members: true };
/// Bytes of a message over UDP that is not cut into fragments.
const LIMIT: usize = 1_232;

const COREFILE: &str = ".:53 {
    errors
    health {
        lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    fleet {
        local east
        members secrets kube-system
    }
    sentinel remote {
        answer 240.0.0.1
    }
    prometheus :9153
    forward . /etc/resolv.conf
}
";

fn cluster(number: u32) -> ClusterId {
    ClusterId::new(if number.is_multiple_of(2) { "east" } else { "west" })
}

fn key(number: u32) -> ObjectKey {
    ObjectKey::new(format!("team-{}", number / TOGETHER), format!("service-{number}"))
}

/// An address of the Service of this number: `last` tells its ClusterIP and endpoints apart.
fn address(number: u32, last: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + number * 8 + last).into()
}

fn port() -> Port {
    Port { name: "http".into(), protocol: Protocol::Tcp, number: Some(80) }
}

fn service(number: u32, created: i64) -> Service {
    let kind = if number.is_multiple_of(HEADLESS) {
        ServiceKind::Headless
    } else {
        ServiceKind::ClusterIp(vec![address(number, 0)])
    };
    Service { key: key(number), kind, ports: vec![port()], created }
}

fn slice(number: u32) -> EndpointSlice {
    let key = key(number);
    let endpoint = |index| Endpoint {
        addresses: vec![address(number, 1 + index)],
        hostname: Some(format!("pod-{index}").into()),
    };
    EndpointSlice {
        service: Some(key.name.clone()),
        key,
        endpoints: (0..ENDPOINTS).map(endpoint).collect(),
        ports: vec![port()],
    }
}

fn registry() -> Registry {
    let registry = Registry::default();
    for first in 0..2 {
        let mine = || (first..SERVICES).step_by(2);
        let cluster = cluster(first);
        let namespaces = (0..SERVICES / TOGETHER)
            .map(|team| Namespace { key: ObjectKey::new("", format!("team-{team}")) });
        registry.apply(&cluster, Change::Namespace(Update::Reset(namespaces.collect())));
        let services = mine().map(|number| service(number, 0)).collect();
        registry.apply(&cluster, Change::Service(Update::Reset(services)));
        let slices = mine().filter(|number| number.is_multiple_of(HEADLESS)).map(slice).collect();
        registry.apply(&cluster, Change::EndpointSlice(Update::Reset(slices)));
    }
    assert_eq!(registry.len(), SERVICES as usize, "all names are there");
    registry
}

fn zone() -> Kubernetes {
    let name = |text| WireName::parse(text).expect("a name");
    Kubernetes {
        zones: ["cluster.local", "in-addr.arpa", "ip6.arpa"].map(name).to_vec(),
        primary: name("cluster.local"),
        ttl: 30,
        pods: Pods::Insecure,
        namespaces: None,
        fleet: Fleet::alone(cluster(0)),
        own_addresses: Vec::new(),
    }
}

/// [`ROUND`] names of Services spread over the index, written by `spell`.
fn names(mut spell: impl FnMut(u32) -> String) -> Vec<WireName> {
    let step = SERVICES as usize / ROUND;
    // One further in each step, so that all kinds of Services come up.
    let numbers = (0..ROUND).map(|index| (index * step + index % step) as u32);
    numbers.map(|number| WireName::parse(&spell(number)).expect("a name")).collect()
}

fn ask(registry: &Registry, zone: &Kubernetes, name: &WireName, qtype: u16, out: &mut Answer) {
    out.clear();
    let left = zone.find(name).expect("a name in the zone");
    if zone.answer(registry, KNOWN, (name, qtype), left, out) == Verdict::NameError {
        zone.negative(registry, KNOWN, (name, left), rcode::NXDOMAIN, out);
    }
}

fn look_up(criterion: &mut Criterion) {
    let (registry, zone) = (registry(), zone());
    let name = |number: u32| {
        let key = key(number);
        format!("{}.{}.svc.cluster.local", key.name, key.namespace)
    };
    let reversed = |number: u32| {
        let IpAddr::V4(address) = address(number, u32::from(number.is_multiple_of(HEADLESS)))
        else {
            unreachable!("all addresses are IPv4")
        };
        let [a, b, c, d] = address.octets();
        format!("{d}.{c}.{b}.{a}.in-addr.arpa")
    };
    let mut group = criterion.benchmark_group("look_up");
    group.throughput(Throughput::Elements(1));
    for (title, qtype, names, code) in [
        ("a", rtype::A, names(name), rcode::NOERROR),
        ("nxdomain", rtype::A, names(|number| format!("no-{}", name(number))), rcode::NXDOMAIN),
        ("srv", rtype::SRV, names(|number| format!("_http._tcp.{}", name(number))), rcode::NOERROR),
        ("ptr", rtype::PTR, names(reversed), rcode::NOERROR),
    ] {
        let mut out = Answer::default();
        for name in &names {
            ask(&registry, &zone, name, qtype, &mut out);
            assert_eq!(out.code, code, "{name}");
        }
        let mut round = names.iter().cycle();
        group.bench_function(title, |bencher| {
            bencher.iter(|| {
                let name = round.next().expect("a circle");
                ask(&registry, &zone, black_box(name), qtype, &mut out);
                black_box(&out);
            });
        });
    }
    group.finish();
}

/// The question as a packet: RD, with or without EDNS.
fn packet(name: &WireName, qtype: u16, edns: bool) -> Vec<u8> {
    let mut packet = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)];
    packet.extend_from_slice(name.wire());
    packet.extend_from_slice(&qtype.to_be_bytes());
    packet.extend_from_slice(&rtype::IN.to_be_bytes());
    if edns {
        packet.extend_from_slice(&[0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0]);
    }
    packet
}

fn message(criterion: &mut Criterion) {
    let (registry, zone) = (registry(), zone());
    let mut group = criterion.benchmark_group("message");
    group.throughput(Throughput::Elements(1));
    for (title, name, qtype) in [
        ("write_a", "service-1.team-0.svc.cluster.local", rtype::A),
        ("write_srv", "_http._tcp.service-10.team-0.svc.cluster.local", rtype::SRV),
        ("write_nxdomain", "none.team-0.svc.cluster.local", rtype::A),
    ] {
        let name = WireName::parse(name).expect("a name");
        let mut answer = Answer::default();
        ask(&registry, &zone, &name, qtype, &mut answer);
        let packet = packet(&name, qtype, false);
        let frame = Frame {
            id: 0x1234,
            flags: 0x8500,
            question: &packet[write::HEADER..],
            opt: &[],
            limit: LIMIT,
            unfragmented: LIMIT,
        };
        let mut out = Vec::new();
        group.bench_function(title, |bencher| {
            bencher.iter(|| {
                write::message(black_box(&frame), &answer, &mut out);
                black_box(&out);
            });
        });
    }
    let name = WireName::parse("service-1.team-0.svc.cluster.local").expect("a name");
    for (title, edns) in [("read", false), ("read_edns", true)] {
        let packet = packet(&name, rtype::A, edns);
        assert!(matches!(query::read(&packet), query::Query::Ask { .. }), "{title}");
        group.bench_function(title, |bencher| {
            bencher.iter(|| query::read(black_box(&packet)));
        });
    }
    group.finish();
}

fn change(criterion: &mut Criterion) {
    let registry = registry();
    let mut group = criterion.benchmark_group("change");
    group.throughput(Throughput::Elements(1));
    let numbers = || (1..SERVICES).step_by(HEADLESS as usize).cycle();
    // Each is another object than the one that is held: an equal one would change nothing.
    let mut created = 0;
    let mut services = numbers();
    group.bench_function("service", |bencher| {
        bencher.iter_batched(
            || {
                created += 1;
                let number = services.next().expect("a circle");
                (cluster(number), Change::Service(Update::Upsert(service(number, created))))
            },
            |(cluster, change)| registry.apply(&cluster, change),
            criterion::BatchSize::SmallInput,
        );
    });
    let mut slices = (0..SERVICES).step_by(HEADLESS as usize).cycle();
    let mut turn = 0_u32;
    group.bench_function("endpoint_slice", |bencher| {
        bencher.iter_batched(
            || {
                turn += 1;
                let number = slices.next().expect("a circle");
                let mut slice = slice(number);
                // A pod is replaced by another one.
                slice.endpoints[0].hostname = Some(format!("pod-{turn}").into());
                (cluster(number), Change::EndpointSlice(Update::Upsert(slice)))
            },
            |(cluster, change)| registry.apply(&cluster, change),
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn corefile(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("corefile");
    group.throughput(Throughput::Bytes(COREFILE.len() as u64));
    group.bench_function("parse", |bencher| {
        let path = Path::new("Corefile");
        bencher.iter(|| {
            let parsed = corefile::parse(path, black_box(COREFILE), &ParseOptions::default());
            parsed.expect("a Corefile")
        });
    });
    group.finish();
}

criterion_group!(benches, look_up, message, change, corefile);
criterion_main!(benches);
