//! `view` and `acl` beside the real CoreDNS: the bytes of answers, counters and lines of the log, for
//! clients at several addresses.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::rr::RecordType::{self, A, AAAA, DS, HTTPS, MX, NS, PTR, SRV, TXT};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, UdpSocket};
use tokio::time::timeout;

use crate::harness::{COREDNS, DnsServer, FLEETDNS, LONG, Question, eventually, get};

const EXPRESSIONS: &str = include_str!("views/expressions");
const REFUSED: &str = include_str!("views/refused");

const ACL: &str = include_str!("views/acl");

/// Name, type, the last octets of the client's address, and whether there is an answer.
const ACL_CASES: [(&str, RecordType, [u8; 2], bool); 24] = [
    ("www.example.org.", A, [0, 1], true),
    ("www.example.org.", A, [0, 2], true),
    ("WWW.Example.ORG.", A, [0, 2], true),
    ("www.example.net.", A, [1, 7], true),
    ("www.example.net.", A, [0, 9], true),
    ("elsewhere.", A, [0, 2], true),
    ("www.example.org.", AAAA, [0, 1], true),
    ("www.example.org.", AAAA, [0, 2], true),
    ("www.example.org.", AAAA, [0, 3], true),
    ("www.example.org.", AAAA, [0, 4], true),
    ("www.example.org.", MX, [0, 2], false),
    ("www.example.net.", TXT, [0, 2], false),
    ("www.example.net.", TXT, [0, 3], true),
    ("www.example.org.", SRV, [0, 4], true),
    ("www.example.org.", PTR, [0, 4], true),
    ("www.example.org.", PTR, [0, 9], true),
    ("filtered.example.org.", A, [0, 1], true),
    ("filtered.example.org.", A, [0, 9], true),
    ("filtered.example.org.", NS, [0, 1], true),
    ("www.example.test.", A, [0, 1], true),
    ("dropped.example.net.", A, [0, 1], false),
    ("a.dropped.example.net.", NS, [0, 5], false),
    ("www.example.org.", HTTPS, [0, 1], true),
    ("www.example.org.", HTTPS, [0, 9], true),
];

const VIEWS: &str = include_str!("views/blocks");

/// Name, type, the last octet of the client's address, whether over TCP, and the ID.
const VIEW_CASES: [(&str, RecordType, u8, bool, u16); 30] = [
    ("www.example.org.", A, 1, false, 1),
    ("www.example.org.", A, 2, false, 1),
    ("www.example.org.", A, 3, true, 1),
    ("www.example.org.", A, 4, false, 1),
    ("www.example.org.", AAAA, 2, false, 1),
    ("www.example.org.", TXT, 1, false, 1),
    ("www.example.org.", TXT, 1, true, 1),
    ("www.example.org.", MX, 1, true, 1),
    ("www.example.org.", MX, 2, true, 1),
    ("V3.example.ORG.", A, 1, false, 1),
    ("meta.example.org.", A, 1, false, 1),
    ("meta.example.org.", A, 2, false, 1),
    ("a-name-of-more-than-forty-letters-for-long.example.org.", A, 1, false, 1),
    ("server7.example.org.", A, 1, true, 1),
    ("server7.example.org.", A, 1, false, 1),
    ("serverx.example.org.", A, 1, false, 1),
    ("www.example.org.", A, 1, false, 4711),
    ("www.example.org.", A, 1, true, 4711),
    ("two.example.org.", A, 1, false, 1),
    ("two.example.org.", AAAA, 1, false, 1),
    ("q1.example.org.", A, 1, false, 1),
    ("q3.example.org.", A, 1, false, 1),
    ("www.a.example.org.", AAAA, 1, false, 1),
    ("www.a.example.org.", A, 1, false, 1),
    ("www.a.example.org.", A, 3, false, 1),
    ("www.other.test.", A, 2, false, 1),
    ("www.other.test.", A, 1, false, 1),
    ("www.only.test.", A, 1, false, 1),
    ("www.only.test.", A, 3, false, 1),
    ("ds.other.test.", DS, 2, false, 1),
];

/// A question as it is, with EDNS, with DO, and with CD and no size.
fn forms(name: &str, kind: RecordType, id: u16) -> Vec<Vec<u8>> {
    let plain = Question::new(name, kind).edit(|message| message.metadata.id = id);
    let packets = [
        plain.clone(),
        plain.clone().edns(1232),
        plain.clone().edns(1400).dnssec_ok(),
        plain.edns(0).edit(|message| message.metadata.checking_disabled = true),
    ];
    packets.iter().map(Question::packet).collect()
}

/// Asks from an address of loopback. Where no answer is due, it waits for that to another question
/// from the same socket.
async fn exchange(at: SocketAddr, from: [u8; 2], packet: &[u8], due: bool) -> Option<Vec<u8>> {
    let from = Ipv4Addr::new(127, 0, from[0], from[1]);
    let socket = UdpSocket::bind((from, 0)).await.expect("an address of loopback");
    socket.connect(at).await.expect("a way");
    socket.send(packet).await.expect("send");
    if !due {
        let after = Question::new("after.test.", A).edit(|message| message.metadata.id = 9);
        socket.send(&after.packet()).await.expect("send");
    }
    let mut reply = vec![0; 65_535];
    let wait = timeout(Duration::from_secs(10), socket.recv(&mut reply)).await;
    reply.truncate(wait.expect("a reply").expect("receive"));
    (due || reply[..2] != [0, 9]).then_some(reply)
}

async fn exchange_tcp(at: SocketAddr, from: [u8; 2], packet: &[u8]) -> Option<Vec<u8>> {
    let socket = TcpSocket::new_v4().expect("a socket");
    let from = Ipv4Addr::new(127, 0, from[0], from[1]);
    socket.bind((from, 0).into()).expect("an address of loopback");
    let mut stream = socket.connect(at).await.expect("connect");
    let framed = [&(packet.len() as u16).to_be_bytes(), packet].concat();
    stream.write_all(&framed).await.expect("send");
    let mut reply = vec![0; usize::from(stream.read_u16().await.expect("a length"))];
    stream.read_exact(&mut reply).await.expect("a reply");
    Some(reply)
}

/// The lines of the log, which CoreDNS and fleetdns write alike.
fn lines(server: &DnsServer) -> Vec<String> {
    let logs = server.logs();
    let asked = logs.lines().filter_map(|line| Some(line.split_once("] asked ")?.1.to_owned()));
    asked.collect()
}

/// The counters, with the port of the DNS server as 53.
async fn counters(server: &DnsServer) -> Vec<String> {
    const FAMILIES: [&str; 7] = [
        "coredns_acl_",
        "coredns_plugin_enabled",
        "coredns_dns_requests_total",
        "coredns_dns_responses_total",
        "coredns_dns_do_requests_total",
        "coredns_dns_request_size_bytes_sum",
        "coredns_dns_response_size_bytes_sum",
    ];
    let (_, page) = get(server.addr("METRICS_PORT"), "/metrics").await.expect("/metrics");
    let page = page.replace(&format!(":{}\"", server.dns_addr().port()), ":53\"");
    let of_families = |line: &&str| FAMILIES.iter().any(|family| line.starts_with(family));
    // Sums are written with a fraction here.
    let whole = |line: &str| line.strip_suffix(".0").unwrap_or(line).to_owned();
    let mut lines: Vec<String> = page.lines().filter(of_families).map(whole).collect();
    lines.sort();
    lines
}

/// Compares what both wrote and counted.
async fn same_traces(coredns: &DnsServer, fleetdns: &DnsServer, lines_due: usize) -> String {
    for server in [coredns, fleetdns] {
        eventually("the lines of the log", LONG, async || lines(server).len() >= lines_due).await;
    }
    let sorted = |server| {
        let mut lines = lines(server);
        lines.sort();
        lines
    };
    assert_eq!(sorted(fleetdns), sorted(coredns));
    // Both count a question after its reply is sent.
    eventually("the same counters", LONG, async || {
        let (due, found) = (counters(coredns).await, counters(fleetdns).await);
        if due == found { Ok(due.join("\n")) } else { Err(format!("{due:#?}\n{found:#?}")) }
    })
    .await
}

#[tokio::test]
async fn acl_is_that_of_coredns() {
    let (coredns, fleetdns) = tokio::join!(COREDNS.start(ACL), FLEETDNS.start(ACL));
    let mut written = 1;
    for (name, kind, from, due) in ACL_CASES {
        for (form, packet) in forms(name, kind, 7).iter().enumerate() {
            let (expected, found) = tokio::join!(
                exchange(coredns.dns_addr(), from, packet, due),
                exchange(fleetdns.dns_addr(), from, packet, due)
            );
            assert_eq!(expected.is_some(), due, "{name} {kind} {from:?}: CoreDNS");
            assert!(
                expected == found,
                "{name} {kind} {from:?} form {form}\n{expected:02x?}\n{found:02x?}"
            );
            written += if due { 1 } else { 2 };
        }
    }
    let packet = &forms("www.example.org.", A, 7)[0];
    let from = [0, 2];
    let (expected, found) = tokio::join!(
        exchange_tcp(coredns.dns_addr(), from, packet),
        exchange_tcp(fleetdns.dns_addr(), from, packet)
    );
    assert_eq!(expected, found, "over TCP");
    let counted = same_traces(&coredns, &fleetdns, written + 1).await;
    for family in ["blocked", "filtered", "dropped", "allowed"] {
        assert!(counted.contains(&format!("coredns_acl_{family}_requests_total{{")), "{counted}");
    }
}

#[tokio::test]
async fn views_are_those_of_coredns() {
    let (coredns, fleetdns) = tokio::join!(COREDNS.start(VIEWS), FLEETDNS.start(VIEWS));
    let mut written = 0;
    for (name, kind, from, tcp, id) in VIEW_CASES {
        for (form, packet) in forms(name, kind, id).iter().enumerate() {
            let ask = async |server: &DnsServer| match tcp {
                true => exchange_tcp(server.dns_addr(), [0, from], packet).await,
                false => exchange(server.dns_addr(), [0, from], packet, true).await,
            };
            let (expected, found) = tokio::join!(ask(&coredns), ask(&fleetdns));
            assert!(
                expected == found,
                "{name} {kind} from {from} form {form}\n{expected:02x?}\n{found:02x?}"
            );
            // What no block takes is not in the log.
            let refused = matches!((name, from), ("www.other.test." | "www.only.test.", 1));
            written += usize::from(!refused);
        }
    }
    let counted = same_traces(&coredns, &fleetdns, written).await;
    for view in ["office", "tcp", "named", "meta", "edns", "long", "server", "id", "two", "quoted"]
    {
        let label = format!("view=\"{view}\",zone=\"example.org.\"");
        assert!(counted.contains(&label), "{view} in {counted}");
    }
    assert!(!counted.contains("type=\"A\",view=\"broken\""), "{counted}");
}

/// The lines of a file of expressions, each as one word of a Corefile.
fn expressions(file: &'static str) -> impl Iterator<Item = (&'static str, String)> {
    let lines = file.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| (line, format!("\"{}\"", line.replace('\\', r"\\").replace('"', r#"\""#))))
}

#[tokio::test]
async fn expressions_mean_what_they_mean_in_coredns() {
    let mut corefile = String::from(".:{PORT} {\nbind 127.0.0.1\nacl {\nblock\n}\n}\n");
    for (at, (_, word)) in expressions(EXPRESSIONS).enumerate() {
        corefile += &format!(
            "n{at}.test:{{PORT}} {{\nbind 127.0.0.1\nview v {{\nexpr {word}\n}}\nacl {{\nfilter\n}}\n}}\n"
        );
    }
    let (coredns, fleetdns) = tokio::join!(COREDNS.start(&corefile), FLEETDNS.start(&corefile));
    let mut wrong = Vec::new();
    let mut taken = 0;
    for (at, (expression, _)) in expressions(EXPRESSIONS).enumerate() {
        let packet = &forms(&format!("n{at}.test."), A, 7)[0];
        let ask = async |server: &DnsServer| {
            let reply = exchange(server.dns_addr(), [0, 1], packet, true).await.expect("a reply");
            reply[3] & 15 == 0
        };
        let (expected, found) = tokio::join!(ask(&coredns), ask(&fleetdns));
        taken += usize::from(expected);
        if expected != found {
            wrong.push(format!("{expression} is {expected} in CoreDNS"));
        }
    }
    assert!(taken > 50, "only {taken} are true");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn both_refuse_expressions_that_can_never_be_true() {
    for (expression, word) in expressions(REFUSED) {
        let corefile = format!(".:{{PORT}} {{\nbind 127.0.0.1\nview v {{\nexpr {word}\n}}\n}}");
        for program in [COREDNS, FLEETDNS] {
            let (status, said) = program.refuse(&corefile).await;
            assert_eq!(status.code(), Some(1), "{} {expression}: {said}", program.name);
            // CoreDNS does not say where.
            let place =
                if program.name == COREDNS.name { "plugin/view: " } else { "Corefile:4 - " };
            assert!(said.contains(place), "{} {expression}: {said}", program.name);
        }
    }
}

/// On all addresses CoreDNS knows over TCP alone which of them was asked.
#[tokio::test]
async fn view_knows_the_address_that_was_asked() {
    const COREFILE: &str = "example.org:{PORT} {
    view seven {
        expr server_ip() == '127.0.0.7' && server_port() == '{PORT}'
    }
    acl {
        filter
    }
}
";
    let (coredns, fleetdns) = tokio::join!(COREDNS.start(COREFILE), FLEETDNS.start(COREFILE));
    let packet = &forms("www.example.org.", A, 7)[0];
    let code = |reply: Option<Vec<u8>>| reply.expect("a reply")[3] & 15;
    for (server, over_udp) in [(&coredns, 5), (&fleetdns, 0)] {
        for (last, udp, tcp) in [(7, over_udp, 0), (1, 5, 5)] {
            let at = SocketAddr::from(([127, 0, 0, last], server.dns_addr().port()));
            assert_eq!(code(exchange(at, [0, 1], packet, true).await), udp, "127.0.0.{last}");
            assert_eq!(code(exchange_tcp(at, [0, 1], packet).await), tcp, "127.0.0.{last} TCP");
        }
    }
}

#[tokio::test]
async fn ds_questions_have_the_view_that_answers() {
    const COREFILE: &str = "a.example.org:{PORT} {
    bind 127.0.0.1
    prometheus 127.0.0.1:{METRICS_PORT}
    view below {
        expr true
    }
    acl {
        block
    }
}
example.org:{PORT} {
    bind 127.0.0.1
    prometheus 127.0.0.1:{METRICS_PORT}
    acl {
        filter
    }
}
";
    let (coredns, fleetdns) = tokio::join!(COREDNS.start(COREFILE), FLEETDNS.start(COREFILE));
    let packet = &forms("a.example.org.", DS, 7)[0];
    for (server, view) in [(&coredns, "below"), (&fleetdns, "")] {
        let reply = exchange(server.dns_addr(), [0, 1], packet, true).await.expect("a reply");
        assert_eq!(reply[3] & 15, 0, "the parent answers");
        let label = format!("type=\"DS\",view=\"{view}\",zone=\"example.org.\"}} 1");
        eventually("the question to be counted", LONG, async || {
            let counted = counters(server).await.join("\n");
            if counted.contains(&label) { Ok(()) } else { Err(counted) }
        })
        .await;
    }
}

#[tokio::test]
async fn metadata_is_that_of_the_block_alone() {
    const COREFILE: &str = "example.org:{PORT} {
    bind 127.0.0.1
    metadata
    view never {
        expr false
    }
}
example.org:{PORT} {
    bind 127.0.0.1
    view after {
        expr metadata('view/name') == ''
    }
    acl {
        filter
    }
}
";
    let (coredns, fleetdns) = tokio::join!(COREDNS.start(COREFILE), FLEETDNS.start(COREFILE));
    let packet = &forms("www.example.org.", A, 7)[0];
    for (server, code) in [(&coredns, 5), (&fleetdns, 0)] {
        let reply = exchange(server.dns_addr(), [0, 1], packet, true).await.expect("a reply");
        assert_eq!(reply[3] & 15, code);
    }
}
