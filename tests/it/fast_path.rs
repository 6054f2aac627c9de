//! The fast path says what the chain says: every packet is given to both, of one instance in this process, and
//! what the fast path answers must be the chain's answer, octet for octet but for the order that `loadbalance`
//! gives records. What both count must be the same, too.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use fleetdns::corefile::{self, ParseOptions};
use fleetdns::plugin::Transport;
use fleetdns::plugin::background::Background;
use fleetdns::plugin::setup::Process;
use fleetdns::server::fast::Worker;
use fleetdns::server::instance::Instance;
use fleetdns::server::site::{Ends, Site};
use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::harness::compare::render;
use crate::harness::objects::{endpoints, namespace, service};
use crate::harness::{ControlPlane, LONG, Question, eventually, fleet, scratch};
use crate::oracle;

/// Random and mutated packets of each Corefile.
const RANDOM: usize = 25_000;
const CLIENTS: [&str; 2] = ["10.44.0.1:4000", "[2001:db8::1]:4000"];

/// A file for `hosts`.
const NODES: &str = "192.0.2.9 host.minikube.internal node-1 Node-1.Example.org
192.0.2.10 node-2 node-2.internal
2001:db8::9 node-1 host.minikube.internal
192.0.2.11 *.wild.internal
2001:db8::12 own.wild.internal dual.oracle.svc.cluster.local
192.0.2.13 dual.oracle.svc.cluster.local";
/// Names of it and around.
const HOSTS: [&str; 12] = [
    "host.minikube.internal.",
    "HOST.minikube.Internal.",
    "minikube.internal.",
    "node-1.",
    "node-2.internal.",
    "a.wild.internal.",
    "b.a.wild.internal.",
    "own.wild.internal.",
    "dual.oracle.svc.cluster.local.",
    "9.2.0.192.in-addr.arpa.",
    "14.2.0.192.in-addr.arpa.",
    "9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
];
/// Names that other plugins have a word in, and names like them.
const OTHERS: [&str; 20] = [
    "localhost.",
    "a.localhost.",
    "localhost.example.",
    "notlocalhost.",
    "1.0.0.127.in-addr.arpa.",
    "2.0.0.127.in-addr.arpa.",
    "127.in-addr.arpa.",
    "1.0.127.10.in-addr.arpa.",
    "0.10.in-addr.arpa.",
    "old.example.",
    "a.old.example.",
    "dual.short.example.",
    "short.example.",
    "dual.odd.example.",
    "www.path.example.",
    "a.b.c.d.internal.cloudapp.net.",
    "a.internal.cloudapp.net.",
    "outside.example.",
    "dual.oracle.outside.example.",
    "none.outside.example.",
];

/// A site, and a worker of another one that is set up alike: each counts by itself.
struct Both {
    chain: (Instance, Arc<Site>),
    fast: (Instance, Arc<Site>, Worker),
    transport: Transport,
    out: Vec<u8>,
    asked: usize,
    answered: usize,
}

impl Both {
    async fn start(text: &str, marker: &str) -> Self {
        Both::over(Transport::Udp, text, marker).await
    }

    async fn over(transport: Transport, text: &str, marker: &str) -> Self {
        let parsed = || {
            let path = Path::new("Corefile");
            corefile::parse(path, text, &ParseOptions::default()).expect("a Corefile")
        };
        let first = Instance::build(&parsed()).expect("an instance");
        first.watch(&Background::default());
        let site = first.sites().remove(0);
        let ends = ends(CLIENTS[0]);
        eventually("the marker", LONG, async || {
            let packet = Question::new(marker, RecordType::A).packet();
            let reply = site.answer(&packet, ends, Transport::Udp).await.expect("an answer");
            let reply = Message::from_vec(&reply).expect("a message");
            if reply.answers.is_empty() { Err(render(&reply)) } else { Ok(()) }
        })
        .await;
        first.settled().await;
        // Both share its clusters, and so know the same at all times; each counts by itself.
        let beside = || {
            let process = Process { metrics: Arc::default(), ..Process::after(first.process()) };
            let instance = Instance::of(&parsed(), process).expect("an instance");
            let site = instance.sites().remove(0);
            (instance, site)
        };
        let (chain, (instance, site)) = (beside(), beside());
        let fast = (instance, site.clone(), Worker::new(site, transport));
        Both { chain, fast, transport, out: Vec::new(), asked: 0, answered: 0 }
    }

    /// Asks both, and compares if the fast path answers at all.
    async fn ask(&mut self, packet: &[u8]) {
        let client = CLIENTS[self.asked % CLIENTS.len()];
        self.asked += 1;
        let mut expected = Vec::new();
        // An object of another test may change between the two; not again and again.
        for _ in 0..3 {
            let answer = self.chain.1.answer(packet, ends(client), self.transport).await;
            let is_fast = self.fast.2.answer(packet, ends(client).client, &mut self.out);
            self.fast.2.end();
            if !is_fast {
                // As over a socket; what `cache` keeps is the same in both.
                self.fast.1.answer(packet, ends(client), self.transport).await;
                return;
            }
            self.answered += 1;
            expected = answer.unwrap_or_default();
            if same(&expected, &self.out) {
                return;
            }
        }
        let shown = |octets: &[u8]| Message::from_vec(octets).map(|message| render(&message));
        panic!(
            "{packet:02x?}\nthe chain: {:?}\n{expected:02x?}\nthe fast path: {:?}\n{:02x?}",
            shown(&expected),
            shown(&self.out),
            self.out
        );
    }

    /// Asks all questions, and random packets.
    async fn ask_all(&mut self, names: &[String], seed: u64) {
        self.ask_some(names, seed, 2).await;
    }

    /// The same, of which one in `least` must be answered fast.
    async fn ask_some(&mut self, names: &[String], seed: u64, least: usize) {
        let asked = oracle::product(names);
        let packets: Vec<Vec<u8>> = asked.iter().map(|asked| asked.question().packet()).collect();
        for packet in &packets {
            self.ask(packet).await;
        }
        let plain = self.answered;
        assert!(plain * least > self.asked, "only {plain} of {} are answered fast", self.asked);
        let mut rng = StdRng::seed_from_u64(seed);
        for _ in 0..RANDOM {
            let packet = mutated(&mut rng, &packets);
            self.ask(&packet).await;
        }
        let (before, now) = (counted(&self.chain.0), counted(&self.fast.0));
        assert_eq!(now, before, "the fast path and the chain count alike");
        println!("seed {seed}: {} packets, {} answered fast", self.asked, self.answered);
    }
}

fn ends(client: &str) -> Ends {
    let client: SocketAddr = client.parse().expect("an address");
    let local: SocketAddr = ([127, 0, 0, 1], 53).into();
    Ends { client, local }
}

/// Whether two messages are the same, but for the order of records.
fn same(expected: &[u8], found: &[u8]) -> bool {
    if expected == found {
        return true;
    }
    let read = |octets: &[u8]| Message::from_vec(octets).ok().map(|message| render(&message));
    let question = 12;
    expected.len() == found.len()
        && expected[..question] == found[..question]
        && read(expected).is_some()
        && read(expected) == read(found)
}

/// What is counted of questions and by `cache`, but for how long they took.
fn counted(instance: &Instance) -> Vec<String> {
    let page = instance.process().metrics.page();
    let counts = |line: &&str| {
        let is_counted = line.starts_with("coredns_dns_") || line.starts_with("coredns_cache_");
        is_counted && !line.contains("duration_seconds_sum") && !line.contains("seconds_bucket")
    };
    let mut lines: Vec<String> = page.lines().filter(counts).map(ToOwned::to_owned).collect();
    lines.sort();
    lines
}

/// A packet of these with some octets changed, cut, added, or put in from another one; or one of nothing but
/// random octets behind a header.
fn mutated(rng: &mut StdRng, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut packet = packets[rng.random_range(0..packets.len())].clone();
    // Any ID, from which `sentinel` takes its turns.
    (packet[0], packet[1]) = (rng.random(), rng.random());
    for _ in 0..rng.random_range(0..4) {
        let at = rng.random_range(0..packet.len());
        match rng.random_range(0..8) {
            0 => packet[at] = rng.random(),
            1 => packet[at] ^= 1 << rng.random_range(0..8),
            2 => packet[at] = packet[at].swap_case(),
            3 => packet.truncate(at.max(1)),
            4 => packet.extend((0..rng.random_range(1..12)).map(|_| rng.random::<u8>())),
            5 => {
                packet.extend(b"\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00");
                if packet.len() > 22 {
                    packet[11] = 1;
                }
            }
            6 => {
                let other = &packets[rng.random_range(0..packets.len())];
                let from = rng.random_range(0..other.len());
                let to = (at + other.len() - from).min(packet.len());
                packet[at..to].copy_from_slice(&other[from..from + to - at]);
            }
            _ => packet.insert(at, rng.random()),
        }
    }
    packet
}

trait SwapCase {
    fn swap_case(self) -> Self;
}

impl SwapCase for u8 {
    fn swap_case(self) -> Self {
        if self.is_ascii_alphabetic() { self ^ 0x20 } else { self }
    }
}

/// The plugins of the standard Corefile, and a suffix.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard() {
    let kubeconfig = oracle::objects().await;
    let text = format!(
        ".:53 {{
            errors
            prometheus 127.0.0.1:0
            kubernetes cluster.local in-addr.arpa ip6.arpa {{
                kubeconfig {kubeconfig}
                pods insecure
                fallthrough in-addr.arpa ip6.arpa
                ttl 30
            }}
            sentinel remote {{
                answer 240.0.0.1 240.0.0.2 fd00::1
            }}
            cache 30
            loop
            loadbalance
        }}"
    );
    let mut names = oracle::names();
    names.extend(["remote.", "a.remote.", "web.shop.Remote.", "a.b.c.d.remote."].map(Into::into));
    names.extend((0..40).map(|last| format!("{last}.0.44.10.in-addr.arpa.")));
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut both = Both::over(transport, &text, oracle::MARKER_NAME).await;
        both.ask_all(&names, 1).await;
    }
}

/// Two clusters, with their own zones, and blocks of which some have a view.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fleet_of_two() {
    oracle::objects().await;
    let clusters = ControlPlane::shared().await;
    let slices = endpoints("fast-path", "far", &[("a", "10.44.200.1"), ("b", "10.44.200.2")]);
    clusters.west.apply(&(namespace("fast-path") + &service("fast-path", "web") + &slices)).await;
    let web = clusters.west.cluster_ips("fast-path", "web").await.remove(0);
    let folder = fleet::members(&[("west", &clusters.west)]);
    let lines = "per_cluster fleet.example\nclusterset clusterset.local\nmerge union";
    let plugins = "prometheus 127.0.0.1:0\nnsid here\nbufsize 1100\ncache 30 cluster.local";
    let block = fleet::corefile(&clusters.east, &folder, lines, plugins).replace("{PORT}", "53");
    let text = block.replacen(".:53 {", ".:53 fleet.example:53 clusterset.local:53 {", 1)
        + "\nviewed.cluster.local:53 {\nview no {\nexpr false\n}\nwhoami\n}\n"
        + "viewed.cluster.local:53 {\nwhoami\n}\n";
    let text = text.replace("bind 127.0.0.1", "");
    let mut both = Both::start(&text, "web.fast-path.svc.cluster.local.").await;
    let mut names = oracle::names();
    for zone in
        ["cluster.local.", "west.fleet.example.", "east.fleet.example.", "clusterset.local."]
    {
        for name in [
            "web.fast-path.svc",
            "far.fast-path.svc",
            "a.far.fast-path.svc",
            "_http._tcp.web.fast-path.svc",
        ] {
            names.push(format!("{name}.{zone}"));
        }
        names.extend(
            ["fast-path.svc", "none.fast-path.svc", "svc"].map(|name| format!("{name}.{zone}")),
        );
    }
    names.push("a.viewed.cluster.local.".into());
    let reversed: Vec<&str> = web.split('.').rev().collect();
    names.push(format!("{}.in-addr.arpa.", reversed.join(".")));
    both.ask_all(&names, 2).await;
}

/// Without counting, with options that change which names there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options() {
    let kubeconfig = oracle::objects().await;
    let text = format!(
        "cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {{
            kubernetes {{
                kubeconfig {kubeconfig}
                namespaces oracle oracle-marker
                pods verified
                ignore empty_service
                ttl 0
            }}
            loadbalance
        }}"
    );
    let mut both = Both::start(&text, oracle::MARKER_NAME).await;
    both.ask_all(&oracle::names(), 3).await;
}

/// As k3s writes it, with a file of the nodes' names, some of which the cluster has, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_behind_a_cache() {
    let kubeconfig = oracle::objects().await;
    let hosts = scratch::folder("hosts").join("NodeHosts");
    std::fs::write(&hosts, NODES).expect("write a file");
    // The TTLs are as long as no test runs, so that both keep the same.
    let text = format!(
        ".:53 {{
            errors
            kubernetes cluster.local in-addr.arpa ip6.arpa {{
                kubeconfig {kubeconfig}
                pods insecure
                fallthrough in-addr.arpa ip6.arpa
            }}
            hosts {} {{
                ttl 36000
                reload 15s
                fallthrough
            }}
            prometheus 127.0.0.1:0
            cache 3600 {{
                keepttl
            }}
            loop
            loadbalance
        }}",
        hosts.display()
    );
    let mut both = Both::start(&text, oracle::MARKER_NAME).await;
    let mut names = oracle::names();
    names.extend(HOSTS.map(Into::into));
    // What was asked once is kept.
    names.extend(HOSTS.map(Into::into));
    both.ask_some(&names, 5, 3).await;
}

/// Plugins that stand before the cluster, and have a word in some questions: as minikube and AKS have them, and
/// others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_others() {
    let kubeconfig = oracle::objects().await;
    let inline: Vec<&str> = NODES.lines().collect();
    let resolv_conf = scratch::folder("path").join("resolv.conf");
    std::fs::write(&resolv_conf, "search path.example oracle.svc.cluster.local").expect("write");
    let text = format!(
        ".:53 {{
            errors
            prometheus 127.0.0.1:0
            local
            dns64
            loadbalance
            rewrite name old.example dual.oracle.svc.cluster.local
            rewrite name suffix .short.example .oracle.svc.cluster.local answer auto
            rewrite name regex (.*)\\.odd\\.example {{1}}.oracle.svc.cluster.local
            rewrite ttl exact web.oracle.svc.cluster.local 7-7
            autopath path.example {resolv_conf}
            minimal
            template ANY ANY internal.cloudapp.net {{
                match \"^(?:[^.]+\\.){{4,}}internal\\.cloudapp\\.net\\.$\"
                rcode NXDOMAIN
                fallthrough
            }}
            template IN MX oracle.svc.cluster.local {{
                rcode NOERROR
            }}
            hosts nowhere/hosts {{
                {inline}
                fallthrough
            }}
            k8s_external outside.example
            kubernetes cluster.local in-addr.arpa ip6.arpa {{
                kubeconfig {kubeconfig}
                pods insecure
                fallthrough in-addr.arpa ip6.arpa
            }}
        }}",
        resolv_conf = resolv_conf.display(),
        inline = inline.join("\n")
    );
    let mut both = Both::start(&text, oracle::MARKER_NAME).await;
    let mut names = oracle::names();
    names.extend(HOSTS.map(Into::into));
    names.extend(OTHERS.map(Into::into));
    both.ask_some(&names, 6, 3).await;
}

/// `hosts` of names outside of its zones, and where it hands nothing on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_with_zones() {
    let kubeconfig = oracle::objects().await;
    let inline: Vec<&str> = NODES.lines().collect();
    let text = format!(
        ".:53 {{
            prometheus 127.0.0.1:0
            minimal
            hosts nowhere/hosts internal oracle.svc.cluster.local {{
                {}
                fallthrough wild.internal
                fallthrough_unsupported
            }}
            kubernetes cluster.local in-addr.arpa ip6.arpa {{
                kubeconfig {kubeconfig}
            }}
        }}",
        inline.join("\n")
    );
    let mut both = Both::start(&text, oracle::MARKER_NAME).await;
    let mut names = oracle::names();
    names.extend(HOSTS.map(Into::into));
    both.ask_some(&names, 7, 8).await;
}

/// What `cache` keeps is answered fast, though the cluster behind another plugin is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kept() {
    let kubeconfig = oracle::objects().await;
    let text = format!(
        ".:53 {{
            prometheus 127.0.0.1:0
            kubernetes cluster.local in-addr.arpa ip6.arpa {{
                kubeconfig {kubeconfig}
                fallthrough in-addr.arpa
            }}
            cache 3600 {{
                keepttl
            }}
            loadbalance
            template ANY ANY kept.example {{
                match ^(?P<host>[a-z0-9]+)\\.kept\\.example\\.$
                answer \"{{{{ .Name }}}} 3600 IN A 192.0.2.1\"
                answer \"{{{{ .Name }}}} 3600 IN A 192.0.2.2\"
                answer \"{{{{ .Name }}}} 3600 IN TXT some text\"
                additional \"ns.{{{{ .Zone }}}} 3600 IN AAAA 2001:db8::1\"
                fallthrough
            }}
            template ANY ANY kept.example {{
                match ^.*none
                rcode NXDOMAIN
                authority \"kept.example. 3600 IN SOA ns.kept.example. mail.kept.example. 1 7200 900 1209600 60\"
                fallthrough
            }}
            template ANY ANY kept.example {{
                authority \"kept.example. 3600 IN SOA ns.kept.example. mail.kept.example. 1 7200 900 1209600 60\"
            }}
        }}"
    );
    let mut both = Both::start(&text, oracle::MARKER_NAME).await;
    let hosts = ["www", "a", "b", "none", "b.none", "a.b", "b.a.b", "WWW", "a1", "a2", "a3"];
    let mut names: Vec<String> = hosts.map(|host| format!("{host}.kept.example.")).into();
    // Twice: what is asked first is kept.
    names.extend(names.clone());
    names.extend(["dual.oracle.svc.cluster.local.", "cluster.local."].map(Into::into));
    both.ask_some(&names, 4, 8).await;
}
