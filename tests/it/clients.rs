//! The resolvers of real clients below a sentinel: each has its addresses in one go.
//!
//! The C libraries glibc and musl, curl, Go, Java and Node ask fleetdns as they would from a pod. Of
//! each, every question is expected that it sends, once, and no other: a time-out, SERVFAIL or an answer
//! that it does not believe would show itself as a question asked again.

mod programs;
mod table;

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use hickory_proto::rr::RecordType;

use crate::harness::{Backend, DnsServer, FLEETDNS, Namespace, Upstream, scratch};
use programs::words;
use table::{CLIENTS, Client, Place};

/// The addresses that a suffix answers with.
const SUFFIXES: [&[IpAddr]; 3] = [&[V4], &[V6], &[V4, V6]];
const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(240, 0, 0, 1));
const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1));

#[tokio::test]
async fn a_dual_stack_machine_asks_once() {
    let Some(namespace) = Namespace::or_skip("clients on a dual-stack machine") else { return };
    namespace.add_ipv6();
    resolve_all(&namespace, |suffix| Place { has_ipv6: true, is_pod: false, suffix }).await;
}

#[tokio::test]
async fn a_dual_stack_pod_asks_once_for_each_name_of_its_search_list() {
    let Some(namespace) = Namespace::or_skip("clients in a dual-stack pod") else { return };
    namespace.add_ipv6();
    resolve_all(&namespace, |suffix| Place { has_ipv6: true, is_pod: true, suffix }).await;
}

#[tokio::test]
async fn a_pod_without_ipv6_asks_once_for_each_name_of_its_search_list() {
    let Some(namespace) = Namespace::or_skip("clients in a pod without IPv6") else { return };
    namespace.remove_ipv6();
    resolve_all(&namespace, |suffix| Place { has_ipv6: false, is_pod: true, suffix }).await;
}

/// Has every client resolve a name below suffixes of all kinds.
async fn resolve_all(namespace: &Namespace, place: impl Fn(&'static [IpAddr]) -> Place) {
    let listen = || TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).expect("a free port");
    let backend = Backend::start("backend", namespace.within(listen));
    for sentinel in [V4, V6] {
        namespace.redirect_tcp(&sentinel.to_string(), backend.address().port());
    }
    let upstream = Upstream::start(Some(namespace));
    for place in SUFFIXES.map(place) {
        namespace.write_resolv_conf(place.resolv_conf());
        let mut server = start(namespace, place.suffix, &upstream).await;
        upstream.forget();
        let mut before = asked(&server).len();
        for client in &CLIENTS {
            resolve(client, &place, namespace, &server, before).await;
            before = asked(&server).len();
        }
        assert_eq!(upstream.questions(), [""; 0], "of {place:?}");
        // It would have shown there.
        server.ask("elsewhere.example.", RecordType::A).await;
        assert_eq!(upstream.questions(), ["elsewhere.example. A"]);
        server.terminate().await;
        assert_eq!(asked(&server).len(), before + 1, "late questions: {}", server.logs());
    }
}

/// A server as a pod knows it, whose cluster has the namespace of the pod and no Service.
async fn start(namespace: &Namespace, suffix: &[IpAddr], upstream: &Upstream) -> DnsServer {
    let manifests = scratch::folder("manifests");
    let ns1 = "{ apiVersion: v1, kind: Namespace, metadata: { name: ns1 } }";
    fs::write(manifests.join("ns1.yaml"), ns1).expect("write a manifest");
    let corefile = format!(
        ".:53 {{
            bind 127.0.0.1
            errors
            log . \"asked {{name}} {{type}} {{rcode}}\"
            kubernetes cluster.local in-addr.arpa ip6.arpa {{
                manifests {}
            }}
            sentinel remote {{
                answer {}
            }}
            forward . {}
        }}",
        manifests.display(),
        suffix.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(" "),
        upstream.address(),
    );
    FLEETDNS.with(&corefile).inside(namespace).start().await
}

/// Runs one client to its end; the questions asked by then are its own after the first `before`.
async fn resolve(
    client: &Client,
    place: &Place,
    namespace: &Namespace,
    server: &DnsServer,
    before: usize,
) {
    let output = namespace.run_words(words(client.line)).await;
    let said = String::from_utf8_lossy(&output.stdout);
    let why = String::from_utf8_lossy(&output.stderr);
    let context = format!("{} in {place:?}: {}\n{said}{why}", client.line, output.status);

    let questions = asked(server).split_off(before);
    assert_eq!(by_name(questions), by_name(client.questions(place)), "{context}");
    let found: BTreeSet<IpAddr> = said.lines().map(address).collect();
    let expected = client.addresses(place);
    if client.connects {
        let reachable = expected.iter().filter(|a| a.is_ipv4() || place.has_ipv6).count();
        assert_eq!(found.len(), reachable.min(1), "{context}");
        assert!(found.is_subset(&expected), "{context}");
        const COULD_NOT_RESOLVE: i32 = 6;
        let unresolved = output.status.code() == Some(COULD_NOT_RESOLVE);
        assert_eq!(unresolved, expected.is_empty(), "{context}");
    } else {
        assert_eq!(found, expected, "{context}");
    }
}

/// The questions so far, as `NAME TYPE RCODE`, without that of the start.
fn asked(server: &DnsServer) -> Vec<String> {
    let logs = server.logs();
    let lines = logs.lines().filter_map(|line| Some(line.split_once("] asked ")?.1));
    lines.filter(|line| !line.starts_with(". ")).map(str::to_owned).collect()
}

/// The questions in order, but in any order where they are next to each other and of one name: clients
/// ask for both families at once.
fn by_name(questions: Vec<String>) -> Vec<String> {
    let name = |question: &String| question.split(' ').next().map(str::to_owned);
    let mut questions = questions;
    questions.chunk_by_mut(|one, next| name(one) == name(next)).for_each(<[String]>::sort);
    questions
}

/// The address that a client wrote first in a line, IPv4 also where it wrote it as mapped.
fn address(line: &str) -> IpAddr {
    let word = line.split_whitespace().next().unwrap_or_default();
    let address = word.parse::<IpAddr>().unwrap_or_else(|_| panic!("no address: {line:?}"));
    address.to_canonical()
}
