//! Questions over QUIC, by a client of quinn.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint};
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::{ALL, both, same_traces};
use crate::harness::compare::render;
use crate::harness::pki::Pki;
use crate::harness::{LONG, Question, eventually};

fn endpoint() -> Endpoint {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(&Pki::shared().ca).expect("the authority");
    roots.add(ca).expect("the authority");
    let provider = Arc::new(ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"doq".to_vec()];
    let tls = QuicClientConfig::try_from(tls).expect("a suite");
    let mut endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).expect("a socket");
    endpoint.set_default_client_config(ClientConfig::new(Arc::new(tls)));
    endpoint
}

async fn connect(endpoint: &Endpoint, at: SocketAddr) -> Connection {
    endpoint.connect(at, "localhost").expect("a way").await.expect("a connection")
}

/// Sends these octets on a stream of their own, and reads all that comes back.
async fn exchange(connection: &Connection, octets: &[u8]) -> Result<Vec<u8>, String> {
    let (mut send, mut receive) = connection.open_bi().await.map_err(|e| e.to_string())?;
    send.write_all(octets).await.map_err(|e| e.to_string())?;
    send.finish().map_err(|e| e.to_string())?;
    receive.read_to_end(70_000).await.map_err(|e| e.to_string())
}

fn framed(packet: &[u8]) -> Vec<u8> {
    [&(packet.len() as u16).to_be_bytes(), packet].concat()
}

async fn ask(connection: &Connection, question: &Question) -> Message {
    let reply = exchange(connection, &framed(&question.packet())).await.expect("a reply");
    assert_eq!(usize::from(u16::from_be_bytes([reply[0], reply[1]])), reply.len() - 2);
    Message::from_vec(&reply[2..]).expect("a message")
}

fn question(name: &str, kind: RecordType) -> Question {
    Question::new(name, kind).edit(|message| message.metadata.id = 0)
}

#[tokio::test]
async fn quic_answers_as_coredns_does() {
    let servers = both(ALL).await;
    let endpoint = endpoint();
    let connections = [
        connect(&endpoint, servers[0].addr("QUIC_PORT")).await,
        connect(&endpoint, servers[1].addr("QUIC_PORT")).await,
    ];
    let questions = [
        question("www.example.org.", RecordType::A),
        question("WWW.example.org.", RecordType::AAAA),
        question("www.example.org.", RecordType::MX),
        question("none.example.org.", RecordType::A),
        question("www.example.org.", RecordType::A).edns(1232),
        question("www.example.org.", RecordType::A).edns(4096).dnssec_ok(),
        question("1.2.0.192.in-addr.arpa.", RecordType::PTR),
    ];
    for asked in &questions {
        let (expected, found) =
            tokio::join!(ask(&connections[0], asked), ask(&connections[1], asked));
        assert_eq!(render(&found), render(&expected), "{}", asked.describe());
    }
    same_traces(&servers, questions.len()).await;
    // A stream takes what a datagram does not, which RFC 9250 is for: CoreDNS cuts it.
    let large = question("large.example.org.", RecordType::A);
    let (cut, whole) = tokio::join!(ask(&connections[0], &large), ask(&connections[1], &large));
    assert!(cut.metadata.truncation && !whole.metadata.truncation);
    assert_eq!(whole.answers.len(), 200);
}

/// What the connection is closed for (RFC 9250 §4.3.3), and what only a stream is given up for.
#[tokio::test]
async fn what_breaks_the_rules_closes_the_connection() {
    let servers = both(ALL).await;
    let endpoint = endpoint();
    let wrong: [(&str, Vec<u8>); 4] = [
        (
            "an ID",
            framed(
                &Question::new("www.example.org.", RecordType::A)
                    .edit(|m| m.metadata.id = 7)
                    .packet(),
            ),
        ),
        ("no message", framed(b"garbage")),
        ("half a message", vec![0, 30, 0, 0]),
        ("a length alone", vec![0, 0]),
    ];
    for (server, name) in servers.iter().zip(["coredns", "fleetdns"]) {
        // Whether CoreDNS sees that the rest is missing depends on how the octets come.
        let clear =
            wrong.iter().filter(|(what, _)| name == "fleetdns" || !what.starts_with("half"));
        for (what, octets) in clear {
            let connection = connect(&endpoint, server.addr("QUIC_PORT")).await;
            let reply = exchange(&connection, octets).await;
            // CoreDNS may end the stream before the connection.
            let is_empty = name == "coredns" && matches!(&reply, Ok(reply) if reply.is_empty());
            assert!(reply.is_err() || is_empty, "{name} {what}: {reply:?}");
            let closed = connection.closed().await.to_string();
            assert!(closed.contains('2'), "{what}: {closed}");
        }
        // Others are not held up, also while one sends nothing.
        let connection = connect(&endpoint, server.addr("QUIC_PORT")).await;
        let (mut silent, _reply) = connection.open_bi().await.expect("a stream");
        silent.write_all(&[0]).await.expect("an octet");
        let reply = ask(&connection, &question("www.example.org.", RecordType::A)).await;
        assert_eq!(reply.answers.len(), 1);
    }
    eventually("the counters", LONG, async || {
        let page = super::counters(&servers[1]).await?;
        let wrong = |line: &String| line.contains("quic_responses") && line.contains("0x2\"} 4");
        if page.iter().any(wrong) { Ok(()) } else { Err(format!("{page:#?}")) }
    })
    .await;
}
