//! Connections over TCP, TLS and HTTPS that harm nobody: what is asked on them is answered in any order, and
//! those that take no answers, that are too many, or that there are no file descriptors for, cost the others
//! nothing.

use std::net::SocketAddr;

use hickory_proto::rr::RecordType;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::connection::framed;
use crate::harness::pki::Pki;
use crate::harness::says::brief;
use crate::harness::{COREDNS, Connection, DnsServer, FLEETDNS, LONG, Liar, Question, eventually};

const ANSWER: &str = "NOERROR 192.0.2.1";
const WWW: &str = "www.example.org A";

/// A Corefile for TCP and TLS, with these lines, and a name that has one address and one that has many.
fn corefile(lines: &str) -> String {
    let pki = Pki::shared();
    let many: Vec<String> = (0..250).map(|n| format!("10.9.{n}.1 many.example.org")).collect();
    format!(
        "tls://.:{{TLS_PORT}} .:{{PORT}} {{
            bind 127.0.0.1
            tls {} {}
            {lines}
            hosts {{
                192.0.2.1 www.example.org
                {}
                fallthrough
            }}
        }}",
        pki.cert.display(),
        pki.key.display(),
        many.join("\n")
    )
}

fn question(name: &str) -> Question {
    Question::new(name, RecordType::A)
}

/// A connection of each kind.
async fn of_each_kind(server: &DnsServer) -> [Connection; 2] {
    let tcp = Connection::open(server.dns_addr()).await.expect("a connection");
    let tls = Connection::open_tls(server.addr("TLS_PORT")).await.expect("one over TLS");
    [tcp, tls]
}

/// That a new connection over TCP is answered.
async fn is_answered(at: SocketAddr) {
    let mut connection = Connection::open(at).await.expect("a connection");
    connection.send(&question("www.example.org.")).await.expect("send");
    assert_eq!(brief(&connection.reply().await), ANSWER);
}

/// RFC 7766 §6.2.1.1: an answer does not wait for that to the question before.
#[tokio::test]
async fn answers_overtake_those_that_wait() {
    let liar = Liar::start().await;
    let forward = format!("forward . {} {{\nread_timeout 24h\nmax_fails 0\n}}", liar.address());
    let server = FLEETDNS.start(&corefile(&forward)).await;
    for mut connection in of_each_kind(&server).await {
        liar.forget();
        connection.send(&question("silent.test.")).await.expect("send");
        eventually("the upstream is asked", LONG, async || !liar.asked().is_empty()).await;
        let good = question("good.test.");
        connection.send(&good).await.expect("send");
        let reply = connection.reply().await;
        assert_eq!((reply.metadata.id, &*brief(&reply)), (good.id(), ANSWER));
    }
}

#[tokio::test]
async fn who_takes_no_answers_is_left() {
    let server = FLEETDNS.start(&corefile("timeouts {\nwrite 1s\n}")).await;
    let many = framed(&question("many.example.org."));
    is_answered(server.dns_addr()).await;
    let before = server.process.usage().files;
    for mut connection in of_each_kind(&server).await {
        let asking = async { while connection.write(&many).await.is_ok() {} };
        timeout(LONG, asking).await.expect("an end of the connection");
        is_answered(server.dns_addr()).await;
        server.must_say(&[(WWW, ANSWER)]).await;
    }
    eventually("all are closed", LONG, async || server.process.usage().files <= before).await;
}

/// Connections beyond the limit wait for one to end, as in CoreDNS.
#[tokio::test]
async fn no_more_connections_of_https_than_there_may_be() {
    const GET: &[u8] =
        b"GET /dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA29yZwAAAQAB HTTP/1.1\r\n\
        host: x\r\n\r\n";
    let text = "https://.:{HTTPS_PORT} .:{PORT} {
        bind 127.0.0.1
        https {
            max_connections 2
        }
        timeouts {
            idle 1h
            read 1h
        }
        hosts {
            192.0.2.1 www.example.org
        }
    }";
    for program in [COREDNS, FLEETDNS] {
        let server = program.start(text).await;
        let mut open = Vec::new();
        let ask = async |stream: &mut TcpStream| {
            stream.write_all(GET).await.expect("write");
            let mut said = [0; 12];
            timeout(LONG, stream.read_exact(&mut said)).await.expect("in time").expect("read");
            assert_eq!(&said, b"HTTP/1.1 200", "{}", program.name);
        };
        for _ in 0..2 {
            let mut stream = TcpStream::connect(server.addr("HTTPS_PORT")).await.expect("connect");
            ask(&mut stream).await;
            open.push(stream);
        }
        let mut third = TcpStream::connect(server.addr("HTTPS_PORT")).await.expect("connect");
        third.write_all(GET).await.expect("write");
        // It would have been answered by now.
        for _ in 0..20 {
            server.must_say(&[(WWW, ANSWER)]).await;
        }
        let said = third.try_read(&mut [0; 12]).map_err(|error| error.kind());
        assert_eq!(said, Err(std::io::ErrorKind::WouldBlock), "{}", program.name);
        drop(open.pop());
        let mut said = [0; 12];
        timeout(LONG, third.read_exact(&mut said)).await.expect("in time").expect("read");
        assert_eq!(&said, b"HTTP/1.1 200", "{}", program.name);
    }
}

/// A process with no file descriptor left (EMFILE) goes on with what it has, and takes new connections when
/// others are closed.
#[tokio::test]
async fn survives_without_file_descriptors() {
    let pages = "health 127.0.0.1:{HEALTH_PORT}\ntimeouts {\nread 1h\nidle 1h\n}";
    let server = FLEETDNS.start(&corefile(pages)).await;
    let (tcp, health) = (server.dns_addr(), server.addr("HEALTH_PORT"));
    let mut open = of_each_kind(&server).await;
    for connection in &mut open {
        connection.send(&question("www.example.org.")).await.expect("send");
        assert_eq!(brief(&connection.reply().await), ANSWER);
    }
    let limit = server.process.usage().files as u64 + 10;
    let pid = i32::try_from(server.process.pid()).ok().and_then(Pid::from_raw);
    let limits = Rlimit { current: Some(limit), maximum: Some(limit) };
    prlimit(pid, Resource::Nofile, limits).expect("lower the limit");

    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(TcpStream::connect(tcp).await.expect("the kernel takes it"));
    }
    server.comes_to_log("connections cannot be accepted").await;
    for connection in &mut open {
        connection.send(&question("www.example.org.")).await.expect("send");
        assert_eq!(brief(&connection.reply().await), ANSWER);
    }
    server.must_say(&[(WWW, ANSWER)]).await;
    let mut page = TcpStream::connect(health).await.expect("the kernel takes it");
    page.write_all(b"GET /health HTTP/1.0\r\n\r\n").await.expect("write");

    drop(idle);
    is_answered(tcp).await;
    let mut said = String::new();
    let read = timeout(LONG, page.read_to_string(&mut said)).await;
    read.expect("in time").expect("read");
    assert!(said.starts_with("HTTP/1.0 200"), "{said}");
}

/// The limit of open files is the most that the process may have, as for every program in Go.
#[tokio::test]
async fn has_as_many_file_descriptors_as_it_may() {
    let setup = FLEETDNS.with(&corefile("")).run_by(["prlimit", "--nofile=300:2000", "--"]);
    let server = setup.start().await;
    let pid = server.process.pid();
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("its limits");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line");
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[3..5], ["2000", "2000"], "{line}");
}
