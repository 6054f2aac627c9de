//! Nothing at or below a suffix ever goes upstream, whatever is asked: a recording upstream is the proof.

use std::fs;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::harness::connection::Connection;
use crate::harness::{DnsServer, FLEETDNS, Question, Upstream, scratch};

/// The suffixes, and names at and below which all is theirs.
const ZONES: [&str; 7] = [
    "remote",
    "eu.remote",
    "global",
    "mesh",
    "1.240.in-addr.arpa",
    "0.0.0.0.0.0.0.0.e.e.1.f.0.0.d.f.ip6.arpa",
    "10.0.0.240.in-addr.arpa",
];

/// Hosts below a suffix, of another domain, and where a Service could be.
const ENTRIES: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: e }
spec:
  hosts: [db1.mesh, foo.remote, api.example.com, far.shop.svc.cluster.local]
  addresses: [240.9.9.9]
";

async fn server(upstream: &Upstream) -> DnsServer {
    let folder = scratch::folder("cluster");
    fs::write(folder.join("entries.yaml"), ENTRIES).expect("write a manifest");
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            kubernetes cluster.local {{
                manifests {}
                fallthrough
            }}
            sentinel . {{
                serviceentries
            }}
            sentinel remote {{
                answer 240.0.0.10
                guard com
            }}
            sentinel eu.remote {{
                answer 240.0.0.20 fd00::20
                ttl 5
            }}
            sentinel global {{
                answer 240.0.0.31 240.0.0.32
            }}
            sentinel mesh {{
                pool 240.1.0.0/16 fd00:f1ee::/64
                serviceentries
            }}
            forward . {}
        }}",
        folder.display(),
        upstream.address()
    );
    let server = FLEETDNS.start(&corefile).await;
    server.comes_to_say("api.example.com AAAA", "NODATA api.example.com. 30").await;
    upstream.forget();
    // With `fallthrough`, what Kubernetes lacks would go upstream.
    server
        .must_say(&[
            ("far.shop.svc.cluster.local A", "NOERROR 240.9.9.9"),
            ("far.shop.svc.cluster.local AAAA", "NODATA far.shop.svc.cluster.local. 30"),
            ("far.shop.svc.cluster.local TXT", "NODATA far.shop.svc.cluster.local. 30"),
            ("api.example.com A", "NOERROR 240.9.9.9"),
        ])
        .await;
    server
}

/// Scenario 6, for all types that there can be.
#[tokio::test]
async fn s06_no_type_goes_upstream() {
    let upstream = Upstream::start(None);
    let dns = server(&upstream).await;
    let mut connection = Connection::open(dns.dns_addr()).await.expect("a connection");
    for name in ["foo.remote", "_http._tcp.foo.remote", "remote", "www.com.remote", "db1.mesh"] {
        for first in (0..=u16::MAX).step_by(512) {
            // In parts, as neither side reads while it writes.
            for kind in first..=first + 511 {
                connection.send(&Question::new(name, kind.into())).await.expect("to send");
            }
            for _ in 0..512 {
                judge(name, &connection.reply().await);
            }
        }
    }
    assert_eq!(upstream.questions(), [""; 0]);
}

/// What a reply over TCP must be, by its type.
fn judge(name: &str, reply: &Message) {
    let kind = reply.queries.first().map(|query| query.query_type());
    let kind = kind.unwrap_or_else(|| panic!("{name}: no question in {reply:?}"));
    let code = reply.metadata.response_code;
    let soa = reply.authorities.iter().any(|record| record.record_type() == RecordType::SOA);
    let due = match kind {
        RecordType::AXFR | RecordType::IXFR => code == ResponseCode::Refused,
        _ if name.contains("com.") => code == ResponseCode::NXDomain && soa,
        _ => code == ResponseCode::NoError && (soa || !reply.answers.is_empty()),
    };
    assert!(due, "{name} {kind}: {reply}");
}

/// 10,000 random names of all suffixes and of reverse zones, over both transports.
#[tokio::test]
async fn no_name_goes_upstream() {
    let upstream = Upstream::start(None);
    let dns = server(&upstream).await;
    let mut rng = StdRng::seed_from_u64(5);
    let mut connection = Connection::open(dns.dns_addr()).await.expect("a connection");
    for turn in 0..10_000 {
        let name = name(&mut rng);
        let kind: u16 = match rng.random_bool(0.8) {
            true => {
                *[1, 2, 5, 6, 12, 15, 16, 28, 33, 43, 48, 65, 255].choose(&mut rng).expect("one")
            }
            false => rng.random_range(1..250),
        };
        let mut question = Question::new(&name, kind.into());
        if rng.random_bool(0.5) {
            question = question.edns(*[512, 1232, 4096].choose(&mut rng).expect("one"));
        }
        let reply = if turn % 2 == 0 {
            connection.send(&question).await.expect("to send");
            connection.reply().await
        } else {
            question.ask(dns.dns_addr()).await.unwrap_or_else(|why| panic!("{name} {kind}: {why}"))
        };
        let code = reply.metadata.response_code;
        let is_there = !matches!(code, ResponseCode::ServFail | ResponseCode::Refused);
        assert!(is_there && reply.metadata.authoritative, "{name} {kind}: {reply}");
    }
    assert_eq!(upstream.questions(), [""; 0]);
    // It does listen.
    for name in
        ["xremote.", "remote.example.", "1.0.2.240.in-addr.arpa.", "11.0.0.240.in-addr.arpa."]
    {
        assert_eq!(dns.says(&format!("{name} A")).await, "REFUSED", "{name}");
    }
    assert_eq!(upstream.questions().len(), 4, "{:?}", upstream.questions());
}

/// A name at or below a suffix: of any depth, any octets, any letter case.
fn name(rng: &mut StdRng) -> String {
    let zone = ZONES.choose(rng).expect("a zone");
    let mut name = String::new();
    for _ in 0..rng.random_range(0..6) {
        for _ in 0..rng.random_range(1..12) {
            match rng.random_range(0..20) {
                0 => name.push_str(&format!("\\{:03}", rng.random::<u8>())),
                1 => name.push(*['-', '_', '*', '0'].choose(rng).expect("one")),
                _ => name.push(char::from(rng.random_range(b'a'..=b'z'))),
            }
        }
        name.push('.');
    }
    let cased = zone.chars().map(|c| if rng.random_bool(0.3) { c.to_ascii_uppercase() } else { c });
    name.extend(cased);
    name.push('.');
    name
}
