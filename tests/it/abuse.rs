//! Fair under abuse: while a flood runs as fast as one core makes it, everybody else is answered, over UDP, TCP
//! and HTTP; and when it is over the server holds what it held before.

mod flood;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::harness::says::brief;
use crate::harness::{Connection, DnsServer, FLEETDNS, LONG, Question, eventually, get};
use flood::{Flood, Packets};

const COREFILE: &str = ".:{PORT} {
    bind 127.0.0.1
    errors
    health 127.0.0.1:{HEALTH_PORT}
    ready 127.0.0.1:{READY_PORT}
    prometheus 127.0.0.1:{METRICS_PORT}
    cache 30
    sentinel remote {
        answer 240.0.0.1
    }
    template ANY A chain {
        answer \"{{ .Name }} 60 IN A 192.0.2.1\"
    }
}";

/// What is asked meanwhile: by the fast path, and by the chain.
const ASKED: [(&str, &str); 2] =
    [("www.remote.", "NOERROR 240.0.0.1"), ("www.chain.", "NOERROR 192.0.2.1")];
/// How often all is asked during a flood.
const ROUNDS: usize = 5;
/// Questions on one connection, of which none may be lost.
const PIPELINED: usize = 50;
/// KiB that a flood may leave behind: buffers, and pages of the allocator.
const MORE_MEMORY: usize = 96 * 1024;
/// How long a client waits before it asks over UDP again.
const AGAIN: Duration = Duration::from_millis(10);

/// Begins a flood of what listens there.
type Begin = fn(SocketAddr) -> Flood;

/// One after the other: two floods at once would only take each other's core.
#[tokio::test]
async fn floods_starve_nobody() {
    let server = FLEETDNS.start(COREFILE).await;
    everybody_is_answered(&server).await;
    let before = server.process.usage();
    let dns = server.dns_addr();
    let floods: [(&str, Begin, SocketAddr); 8] = [
        ("questions of one socket", |at| Flood::packets(at, 1, Packets::Fast), dns),
        ("questions of many sockets", |at| Flood::packets(at, 64, Packets::Fast), dns),
        ("questions for the chain", |at| Flood::packets(at, 1, Packets::Chain), dns),
        ("garbage of one socket", |at| Flood::packets(at, 1, Packets::Garbage), dns),
        ("garbage of many sockets", |at| Flood::packets(at, 64, Packets::Garbage), dns),
        ("connections that ask nothing", |at| Flood::connections(at, b""), dns),
        ("connections that ask half", |at| Flood::connections(at, b"\0\x1d\0\x01"), dns),
        (
            "connections to a page",
            |at| Flood::connections(at, b"GET /health HT"),
            server.addr("HEALTH_PORT"),
        ),
    ];
    for (what, start, at) in floods {
        let flood = start(at);
        eventually(&format!("a flood of {what}"), LONG, async || flood.sent() > 1000).await;
        for _ in 0..ROUNDS {
            everybody_is_answered(&server).await;
        }
        let sent = flood.stop();
        println!("{what}: {sent} sent, {:?}", server.process.usage());
    }
    eventually("what was held is let go", LONG, async || {
        let now = server.process.usage();
        let is_let_go = now.files <= before.files
            && now.threads <= before.threads
            && now.memory <= before.memory + MORE_MEMORY;
        if is_let_go { Ok(()) } else { Err(format!("{before:?}, then {now:?}")) }
    })
    .await;
}

/// Asks all that a server of names is asked.
async fn everybody_is_answered(server: &DnsServer) {
    let at = server.dns_addr();
    tokio::join!(over_tcp(at), over_udp(at), pages(server));
}

/// What TCP carries is not lost: new connections are answered, and all questions of one.
async fn over_tcp(at: SocketAddr) {
    for (name, expected) in ASKED {
        let mut connection = Connection::open(at).await.expect("a connection");
        let question = Question::new(name, RecordType::A);
        for _ in 0..PIPELINED {
            connection.send(&question).await.expect("send");
        }
        for _ in 0..PIPELINED {
            assert_eq!(brief(&connection.reply().await), expected, "{name} over TCP");
        }
    }
}

/// The kernel drops packets where a flood fills the same socket, so that clients ask until they are answered.
async fn over_udp(at: SocketAddr) {
    let asking = (0..10).map(|client| async move {
        let (name, expected) = ASKED[client % ASKED.len()];
        let packet = Question::new(name, RecordType::A).packet();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
        socket.connect(at).await.expect("connect");
        let mut reply = [0; 512];
        let asked = async {
            loop {
                socket.send(&packet).await.expect("send");
                if let Ok(length) = timeout(AGAIN, socket.recv(&mut reply)).await {
                    break length.expect("receive");
                }
            }
        };
        let length = timeout(LONG, asked).await.unwrap_or_else(|_| panic!("{name} over UDP"));
        let reply = Message::from_vec(&reply[..length]).expect("a message");
        assert_eq!(brief(&reply), expected, "{name} over UDP");
    });
    futures::future::join_all(asking).await;
}

async fn pages(server: &DnsServer) {
    for (port, path) in
        [("HEALTH_PORT", "/health"), ("READY_PORT", "/ready"), ("METRICS_PORT", "/metrics")]
    {
        let page = timeout(LONG, get(server.addr(port), path)).await;
        assert_eq!(page.expect(path).expect(path).0, 200, "{path}");
    }
}
