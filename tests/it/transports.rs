//! DNS over TLS, HTTPS and QUIC beside the real CoreDNS: answers, refusals, limits and counters.

mod quic;

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use hickory_proto::rr::RecordType;

use crate::harness::pki::{Issued, Pki, Valid};
use crate::harness::{
    COREDNS, Connection, DnsServer, FLEETDNS, LONG, Program, Question, dig, eventually, get, parts,
    scratch,
};

/// One block on all transports.
const ALL: &str = "tls://.:{TLS_PORT} https://.:{HTTPS_PORT} quic://.:{QUIC_PORT} .:{PORT} {
    bind 127.0.0.1
    tls CERT KEY
    prometheus 127.0.0.1:{METRICS_PORT}
    log . \"asked {proto} {type} {name} {size} {>bufsize} {port}: {rcode} {rsize} {>rflags}\"
    errors
    hosts {
        192.0.2.1 www.example.org
        2001:db8::1 www.example.org
        192.0.2.2 dropped.example.org
MANY
    }
    acl example.org {
        drop net 127.0.0.9
    }
}
";

/// Questions as dig asks them. `large` has more than a datagram takes.
const ASKED: [&str; 10] = [
    "www.example.org A",
    "www.example.org AAAA",
    "WWW.Example.ORG A +noedns",
    "www.example.org MX",
    "none.example.org A",
    "www.example.org A +dnssec +bufsize=512",
    "large.example.org A",
    "large.example.org A +noedns",
    "1.2.0.192.in-addr.arpa PTR",
    "www.example.org A +cd +noad",
];

/// `www.example.org A` as a GET.
const GET_WWW: &str = "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA29yZwAAAQAB";

fn corefile(text: &str) -> String {
    let pki = Pki::shared();
    let many: Vec<String> =
        (0..200).map(|n| format!("        10.9.{n}.1 large.example.org")).collect();
    text.replace("CERT", &pki.cert.display().to_string())
        .replace("KEY", &pki.key.display().to_string())
        .replace("AUTHORITY", &pki.ca.display().to_string())
        .replace("MANY", &many.join("\n"))
}

async fn both(text: &str) -> [DnsServer; 2] {
    let text = corefile(text);
    let (coredns, fleetdns) = tokio::join!(COREDNS.start(&text), FLEETDNS.start(&text));
    [coredns, fleetdns]
}

/// What dig was told, without what differs from run to run.
async fn told(at: SocketAddr, how: &str) -> String {
    let reply = dig(at, &format!("+tries=1 +nocookie {how}")).await;
    let mut answer = reply.answer.clone();
    answer.sort();
    let (status, flags) = (reply.status, reply.flags);
    format!("{status} {flags:?} {:?} {answer:?} {:?}", reply.edns, reply.authority)
}

#[tokio::test]
async fn tls_and_https_answer_as_coredns_does() {
    let servers = both(ALL).await;
    let ca = Pki::shared().ca.display().to_string();
    let ways = [
        ("TLS_PORT", "+tls".to_owned()),
        ("TLS_PORT", format!("+tls-ca={ca} +tls-hostname=localhost")),
        ("HTTPS_PORT", "+https".to_owned()),
        ("HTTPS_PORT", "+https-get".to_owned()),
        ("HTTPS_PORT", format!("+https +tls-ca={ca} +tls-hostname=localhost")),
    ];
    for (port, way) in &ways {
        for question in ASKED {
            let how = format!("{question} {way}");
            let [coredns, fleetdns] = &servers;
            let (expected, found) =
                tokio::join!(told(coredns.addr(port), &how), told(fleetdns.addr(port), &how));
            assert_eq!(found, expected, "{how}");
            assert!(found.starts_with("NOERROR") || found.starts_with("SERVFAIL"), "{found}");
        }
    }
    // A stranger's certificate is refused by the client.
    for server in &servers {
        let stranger = "www.example.org A +tls-ca +tls-hostname=dns.example +tries=1";
        let reply = dig(server.addr("TLS_PORT"), stranger).await;
        assert!(reply.answer.is_empty(), "{}", reply.text);
    }
    same_traces(&servers, ways.len() * ASKED.len()).await;
}

/// Compares the lines of the log and the counters.
async fn same_traces(servers: &[DnsServer; 2], due: usize) {
    let lines = |server: &DnsServer| {
        let logs = server.logs();
        let asked = logs.lines().filter_map(|line| line.split_once("] asked "));
        let mut lines: Vec<String> = asked.map(|(_, rest)| without_port(rest)).collect();
        lines.sort();
        lines
    };
    let [coredns, fleetdns] = servers;
    for server in servers {
        eventually("all lines", LONG, async || lines(server).len() >= due).await;
    }
    assert_eq!(lines(fleetdns), lines(coredns));
    eventually("the same counters", LONG, async || {
        let (expected, found) = (counters(coredns).await?, counters(fleetdns).await?);
        if expected == found { Ok(()) } else { Err(format!("{expected:#?}\n{found:#?}")) }
    })
    .await;
}

/// Without the client's port.
fn without_port(line: &str) -> String {
    let (head, tail) = line.split_once(':').unwrap_or((line, ""));
    let head = head.rsplit_once(' ').map_or(head, |(head, _)| head);
    format!("{head}:{tail}")
}

async fn counters(server: &DnsServer) -> Result<Vec<String>, String> {
    const FAMILIES: [&str; 5] = [
        "coredns_dns_https_responses_total",
        "coredns_dns_quic_responses_total",
        "coredns_dns_requests_total",
        "coredns_dns_responses_total",
        "coredns_dns_response_size_bytes_sum",
    ];
    let page = get(server.addr("METRICS_PORT"), "/metrics").await.map_err(|e| e.to_string())?.1;
    let of = |line: &&str| FAMILIES.iter().any(|family| line.starts_with(family));
    let mut lines: Vec<String> = page.lines().filter(of).map(str::to_owned).collect();
    for (name, port) in server.ports() {
        let port = format!(":{port}\"");
        lines.iter_mut().for_each(|line| *line = line.replace(&port, &format!(":{name}\"")));
    }
    lines.iter_mut().for_each(|line| *line = line.trim_end_matches(".0").to_owned());
    lines.sort();
    Ok(lines)
}

/// Status, version and headers of a request of curl.
async fn curl(server: &DnsServer, scheme: &str, args: &[&str], path: &str) -> String {
    let url = format!("{scheme}://{}{path}", server.addr("HTTPS_PORT"));
    let shown = "%{http_code} %{http_version} %{content_type} %header{cache-control} \
                 %header{x-content-type-options} %{size_download}";
    let mut command = Command::new(parts::system("curl"));
    // A machine that is busy may take longer for a handshake than it may.
    command.args(["--retry", "3", "--retry-all-errors"]);
    command.args(["-s", "-k", "-o", "/dev/null", "-w", shown]).args(args).arg(&url);
    command.stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    let output = output.expect("a thread").expect("curl runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn requests_over_https_have_the_status_and_headers_of_coredns() {
    let [coredns, fleetdns] = both(ALL).await;
    let folder = scratch::folder("doh");
    let body = |name: &str, packet: &[u8]| {
        let file = folder.join(name);
        fs::write(&file, packet).expect("write a question");
        format!("@{}", file.display())
    };
    let packet = |name: &str| {
        Question::new(name, RecordType::A).edit(|message| message.metadata.id = 0).packet()
    };
    let (www, none) =
        (body("www", &packet("www.example.org.")), body("none", &packet("none.example.org.")));
    let garbage = body("garbage", b"garbage");
    let long = body("long", &[0; 70_000]);
    let media = "content-type: application/dns-message";
    let cases: [(&[&str], &str); 17] = [
        (&["-H", media, "--data-binary", &www], "/dns-query"),
        (&["--http1.1", "-H", media, "--data-binary", &www], "/dns-query"),
        (&["-H", media, "--data-binary", &none], "/dns-query"),
        (&["-H", media, "--data-binary", &garbage], "/dns-query"),
        (&["-H", media, "--data-binary", &long], "/dns-query"),
        (&["--data-binary", &www], "/dns-query"),
        (&["-H", media, "--data-binary", &www], "/"),
        (&["-H", media, "--data-binary", &www], "/dns-query/"),
        (&[], GET_WWW),
        (&["--http1.1"], GET_WWW),
        (&[], "/dns-query"),
        (&[], "/dns-query?dns=AAAB"),
        (&[], "/dns-query?dns=%%%"),
        (&[], "/dns-query?dns=AAAB&dns=AAAB"),
        (&["-X", "PUT", "--data-binary", &www], "/dns-query"),
        (&["-I"], "/dns-query"),
        (&["-I", "--http1.1"], "/"),
    ];
    for (args, path) in cases {
        let (expected, found) =
            tokio::join!(curl(&coredns, "https", args, path), curl(&fleetdns, "https", args, path));
        assert_eq!(found, expected, "{args:?} {path}");
    }
    eventually("the same counters", LONG, async || {
        let (expected, found) = (counters(&coredns).await?, counters(&fleetdns).await?);
        if expected == found { Ok(()) } else { Err(format!("{expected:#?}\n{found:#?}")) }
    })
    .await;
}

/// Behind a proxy that ends TLS nothing is encrypted: as in CoreDNS, without `tls` nothing is.
#[tokio::test]
async fn without_a_certificate_tls_and_https_are_plain() {
    const PLAIN: &str = "tls://.:{TLS_PORT} https://.:{HTTPS_PORT} .:{PORT} {
    bind 127.0.0.1
    hosts {
        192.0.2.1 www.example.org
    }
}
";
    for server in both(PLAIN).await {
        let reply = dig(server.addr("TLS_PORT"), "www.example.org A +tcp").await;
        assert_eq!(reply.status, "NOERROR", "{}", reply.text);
        let plain = curl(&server, "http", &["--http1.1"], GET_WWW).await;
        assert!(plain.starts_with("200 1.1 application/dns-message"), "{plain}");
    }
}

/// `client_auth`, as openssl's client meets it: with no certificate, a stranger's, and one of the authority.
#[tokio::test]
async fn clients_show_the_certificates_that_are_asked_for() {
    let pki = Pki::shared();
    let folder = scratch::folder("clients");
    let stranger = rcgen::generate_simple_self_signed(vec!["stranger".into()]).expect("a pair");
    let Issued { cert, key } = pki.client("friend", Valid::Now);
    for (name, text) in [
        ("friend.crt", cert),
        ("friend.key", key),
        ("stranger.crt", stranger.cert.pem()),
        ("stranger.key", stranger.signing_key.serialize_pem()),
    ] {
        fs::write(folder.join(name), text).expect("write");
    }
    for (kind, expected) in [
        ("nocert", [true, true, true]),
        ("request", [true, true, true]),
        ("require", [false, true, true]),
        ("verify_if_given", [true, false, true]),
        ("require_and_verify", [false, false, true]),
    ] {
        let text = format!(
            "tls://.:{{TLS_PORT}} .:{{PORT}} {{
    bind 127.0.0.1
    tls CERT KEY AUTHORITY {{
        client_auth {kind}
    }}
    hosts {{
        192.0.2.1 www.example.org
    }}
}}
"
        );
        for server in both(&text).await {
            let mut found = [false; 3];
            for (found, who) in found.iter_mut().zip(["", "stranger", "friend"]) {
                let pair = match who {
                    "" => String::new(),
                    who => {
                        let file =
                            |end: &str| folder.join(format!("{who}.{end}")).display().to_string();
                        format!("+tls-certfile={} +tls-keyfile={}", file("crt"), file("key"))
                    }
                };
                let ca = pki.ca.display();
                let how = format!(
                    "www.example.org A +tls-ca={ca} +tls-hostname=localhost +tries=1 +timeout=5 {pair}"
                );
                *found = dig(server.addr("TLS_PORT"), &how).await.status == "NOERROR";
            }
            assert_eq!(found, expected, "{kind}: {}", server.logs());
        }
    }
}

/// A certificate is renewed under a running server, which CoreDNS needs a reload for.
#[tokio::test]
async fn a_renewed_certificate_is_shown() {
    let folder = scratch::folder("renewed");
    let write = |name: &str| {
        let Issued { cert, key } = Pki::shared().named_server(name);
        fs::write(folder.join("tls.crt"), cert).expect("write");
        fs::write(folder.join("tls.key"), key).expect("write");
    };
    write("before.example");
    let text = format!(
        "tls://.:{{TLS_PORT}} .:{{PORT}} {{
    bind 127.0.0.1
    tls {0}/tls.crt {0}/tls.key
    hosts {{
        192.0.2.1 www.example.org
    }}
}}
",
        folder.display()
    );
    let server = FLEETDNS.start(&text).await;
    let ca = Pki::shared().ca.display().to_string();
    let status = async |name: &str| {
        let how = format!("www.example.org A +tls-ca={ca} +tls-hostname={name} +tries=1");
        dig(server.addr("TLS_PORT"), &how).await.status
    };
    assert_eq!(status("before.example").await, "NOERROR");
    write("after.example");
    // dig may take long to say that a name is not the one that it was told to expect.
    let is_read = async || server.logs().contains("tls.crt has changed and is used");
    eventually("that the new certificate is read", LONG, is_read).await;
    assert_eq!(status("after.example").await, "NOERROR");
    assert_ne!(status("before.example").await, "NOERROR");
}

#[tokio::test]
async fn connections_are_limited_in_what_they_ask() {
    const LIMITED: &str = ".:{PORT} {
    bind 127.0.0.1
    timeouts {
        maxtcpqueries 3
        idle 2s
        read 1s
    }
    hosts {
        192.0.2.1 www.example.org
    }
}
";
    async fn answered(program: Program, questions: usize) -> usize {
        let server = program.start(LIMITED).await;
        let mut connection = Connection::open(server.dns_addr()).await.expect("connect");
        let mut answered = 0;
        for _ in 0..questions {
            let question = Question::new("www.example.org.", RecordType::A);
            if connection.send(&question).await.is_err() {
                break;
            }
            match connection.receive().await {
                Ok(Some(_)) => answered += 1,
                _ => break,
            }
        }
        // In silence it is closed.
        assert!(!matches!(connection.receive().await, Ok(Some(_))));
        answered
    }
    for (questions, due) in [(2, 2), (3, 3), (5, 3)] {
        let found = tokio::join!(answered(COREDNS, questions), answered(FLEETDNS, questions));
        assert_eq!(found, (due, due));
    }
}
