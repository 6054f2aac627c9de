//! What one question and one change cost, without sockets: see `benches/README.md`.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use fleetdns::cluster::kinds::{
    Endpoint, EndpointSlice, Namespace, ObjectKey, Port, Protocol, Service, ServiceKind,
};
use fleetdns::cluster::{Change, ClusterId, Sink, Update};
use fleetdns::corefile::{self, ParseOptions};
use fleetdns::plugin::Transport;
use fleetdns::plugin::background::Background;
use fleetdns::registry::Registry;
use fleetdns::server::fast::Worker;
use fleetdns::server::instance::Instance;
use fleetdns::server::query;
use fleetdns::zone::answer::Answer;
use fleetdns::zone::choice::Fleet;
use fleetdns::zone::compression::Names;
use fleetdns::zone::kubernetes::{Known, Kubernetes, Pods, Verdict};
use fleetdns::zone::name::WireName;
use fleetdns::zone::rcode;
use fleetdns::zone::rtype::{A, PTR, SRV};
use fleetdns::zone::write::{self, Frame};

const SERVICES: u32 = 10_000;
const NAMESPACES: u32 = 100;
const KNOWN: Known = Known { local: true, members: true };

fn namespace(index: u32) -> String {
    format!("ns-{}", index % NAMESPACES)
}

fn port() -> Port {
    Port { name: "http".into(), protocol: Protocol::Tcp, number: Some(80) }
}

fn service(index: u32) -> Service {
    let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 96, 0, 0)) + index);
    Service {
        key: ObjectKey::new(namespace(index), format!("svc-{index}")).into(),
        kind: ServiceKind::ClusterIp(vec![address.into()].into()),
        ports: [port()].into(),
        created: i64::from(index),
        annotations: Default::default(),
        external: Default::default(),
    }
}

/// The slice of a Service, with ten endpoints.
fn slice(index: u32) -> EndpointSlice {
    let first = u32::from(Ipv4Addr::new(10, 128, 0, 0)) + index * 10;
    let endpoint = |host| Endpoint::new(IpAddr::V4(Ipv4Addr::from(first + host)), None, None);
    EndpointSlice {
        key: ObjectKey::new(namespace(index), format!("svc-{index}-1")),
        service: Some(format!("svc-{index}").into()),
        import: None,
        aliases: Box::default(),
        endpoints: (0..10).map(endpoint).collect(),
        ports: Box::from([port()]),
    }
}

/// As many clusters, each with as many Services.
fn registry(clusters: usize, services: u32) -> Registry {
    let registry = Registry::default();
    for cluster in 0..clusters {
        let id = ClusterId::new(format!("c{cluster}"));
        let namespaces =
            (0..NAMESPACES).map(|index| Namespace { key: ObjectKey::new("", namespace(index)) });
        registry.apply(&id, Change::Namespace(Update::Reset(namespaces.collect())));
        registry.apply(&id, Change::Service(Update::Reset((0..services).map(service).collect())));
        let slices = (0..services).map(slice).collect();
        registry.apply(&id, Change::EndpointSlice(Update::Reset(slices)));
    }
    registry
}

fn zones(local: &str) -> Kubernetes {
    let name = |text| WireName::parse(text).expect("a name");
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
        fleet: Fleet::alone(ClusterId::new(local)),
        own_addresses: Vec::new(),
    }
}

/// Looks a name up into an answer that is used again and again; where there is none, with the SOA.
fn look_up(registry: &Registry, zones: &Kubernetes, name: &str, qtype: u16, out: &mut Answer) {
    let name = WireName::parse(name).expect("a name");
    let left = zones.find(&name).expect("a name in a zone");
    out.clear();
    if zones.answer(registry, KNOWN, (&name, qtype), left, out) == Verdict::NameError {
        zones.negative(registry, KNOWN, (&name, left), rcode::NXDOMAIN, out);
    }
    black_box(out);
}

fn look_ups(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("look up");
    for clusters in [1, 5] {
        let registry = registry(clusters, SERVICES);
        let mut out = Answer::default();
        for (what, name, qtype) in [
            ("A", "svc-4321.ns-21.svc.cluster.local", A),
            ("NXDOMAIN", "svc-4321.ns-21.svc.cluster.local.ns-1.svc.cluster.local", A),
            ("SRV", "_http._tcp.svc-4321.ns-21.svc.cluster.local", SRV),
            ("PTR", "1.16.96.10.in-addr.arpa", PTR),
        ] {
            let zones = zones("c0");
            group.bench_function(format!("{what}, {clusters} clusters"), |bench| {
                bench.iter(|| look_up(&registry, &zones, black_box(name), qtype, &mut out));
            });
        }
        let zones = zones("elsewhere");
        group.bench_function(format!("A of a member, {clusters} clusters"), |bench| {
            let name = "svc-4321.ns-21.svc.cluster.local";
            bench.iter(|| look_up(&registry, &zones, black_box(name), A, &mut out));
        });
    }
    group.finish();
}

/// A question, as it comes.
fn question(name: &str, qtype: u16) -> Vec<u8> {
    let mut packet = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    packet.extend_from_slice(WireName::parse(name).expect("a name").wire());
    packet.extend_from_slice(&qtype.to_be_bytes());
    packet.extend_from_slice(&[0, 1]);
    packet
}

fn messages(bench: &mut Criterion) {
    let packet = question("svc-4321.ns-21.svc.cluster.local", A);
    bench.bench_function("read a question", |bench| {
        bench.iter(|| black_box(query::read(black_box(&packet))));
    });
    let registry = registry(1, SERVICES);
    let (zones, mut answer, mut out) = (zones("c0"), Answer::default(), Vec::new());
    let mut names = Names::default();
    for (what, name, qtype) in [
        ("write one A record", "svc-4321.ns-21.svc.cluster.local", A),
        ("write an SRV record and its glue", "_http._tcp.svc-4321.ns-21.svc.cluster.local", SRV),
        ("write NXDOMAIN", "nope.ns-21.svc.cluster.local", A),
    ] {
        look_up(&registry, &zones, name, qtype, &mut answer);
        let frame = Frame {
            id: 7,
            flags: 0x8500,
            question: &packet[12..],
            opt: &[],
            limit: 512,
            unfragmented: 1480,
            glue_truncates: true,
        };
        bench.bench_function(what, |bench| {
            bench.iter(|| write::message(&frame, black_box(&answer), &mut names, &mut out));
        });
    }
}

/// The demo's clusters, by the plugins of Kubernetes' Corefile.
const COREFILE: &str = ".:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        manifests zones/demo/east
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
    }
    fleet {
        local east
        members manifests west zones/demo/west
    }
    sentinel remote {
        answer 240.0.0.1
    }
    prometheus 127.0.0.1:0
    forward . 127.0.0.1:9
    cache 30
    loop
    loadbalance
}";

fn packets(bench: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut worker = runtime.block_on(async {
        let options = ParseOptions { default_port: 53, env: &|_| None };
        let corefile = corefile::parse(Path::new("Corefile"), COREFILE, &options);
        let instance = Instance::build(&corefile.expect("a Corefile")).expect("a server");
        instance.watch(&Background::default());
        instance.settled().await;
        Worker::new(instance.sites().remove(0), Transport::Udp)
    });
    let client = SocketAddr::from(([192, 0, 2, 1], 40_000));
    let mut out = Vec::new();
    for (what, name, qtype) in [
        ("A", "web.shop.svc.cluster.local", A),
        ("NXDOMAIN", "www.example.com.shop.svc.cluster.local", A),
        ("A of a member", "api.billing.svc.cluster.local", A),
        ("SRV", "_http._tcp.web.shop.svc.cluster.local", SRV),
        ("A of a suffix", "a.b.remote", A),
    ] {
        let packet = question(name, qtype);
        assert!(worker.answer(&packet, client, &mut out), "{name} takes the chain");
        bench.bench_function(&format!("from packet to packet: {what}"), |bench| {
            bench.iter(|| {
                let is_answered = worker.answer(black_box(&packet), client, &mut out);
                worker.end();
                is_answered
            });
        });
    }
}

/// In an index of a hundredth and in a whole one: what a change costs must not grow with all that there is.
fn changes(bench: &mut Criterion) {
    for services in [SERVICES / 100, SERVICES] {
        let registry = registry(1, services);
        let cluster = ClusterId::new("c0");
        let [mut one, two] = [slice(43), slice(43)];
        one.endpoints = one.endpoints[..9].into();
        let endpoints = services * 10;
        bench.bench_function(&format!("one endpoint of {endpoints} comes and goes"), |bench| {
            bench.iter(|| {
                for slice in [&one, &two] {
                    let change = Change::EndpointSlice(Update::Upsert(slice.clone()));
                    registry.apply(&cluster, black_box(change));
                }
            });
        });
    }
}

fn corefiles(bench: &mut Criterion) {
    let text = include_str!("../zones/demo/Corefile");
    let path = Path::new("Corefile");
    bench.bench_function("parse a Corefile", |bench| {
        bench.iter(|| corefile::parse(path, black_box(text), &ParseOptions::default()));
    });
}

criterion_group!(benches, look_ups, messages, packets, changes, corefiles);
criterion_main!(benches);
