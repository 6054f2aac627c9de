//! The Corefile changes under a running server: nothing is lost, nothing is watched anew that has not
//! changed, and what is wrong changes nothing.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType::A;
use rustix::process::Signal;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::harness::compare::rdata;
use crate::harness::objects::{namespace, service};
use crate::harness::{
    COREDNS, Connection, ControlPlane, DnsServer, FLEETDNS, LONG, Question, ask, eventually, get,
    scratch,
};

/// Answers `www.example.org` with this address.
fn corefile(last: usize, lines: &str) -> String {
    format!(
        ".:{{PORT}} {{
    bind 127.0.0.1
    prometheus 127.0.0.1:{{METRICS_PORT}}
    health 127.0.0.1:{{HEALTH_PORT}}
    ready 127.0.0.1:{{READY_PORT}}
    errors
    hosts {{
        192.0.2.{last} www.example.org
    }}
    {lines}
}}
"
    )
}

async fn address(server: &DnsServer) -> Vec<String> {
    rdata(&server.ask("www.example.org.", A).await)
}

/// Has it read its Corefile, and waits until it answers with this address.
async fn reload(server: &DnsServer, last: usize) {
    server.process.signal(Signal::USR1);
    let due = format!("192.0.2.{last}");
    eventually("the new address", LONG, async || {
        let found = address(server).await;
        if found == [due.clone()] { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
}

/// Asks one socket after the other, over UDP and TCP, until it is told to end. Counts, and fails the test at
/// the first question that has no answer or a wrong one.
async fn load(at: SocketAddr, tcp: bool, end: Arc<AtomicBool>, asked: Arc<AtomicUsize>) {
    let question = Question::new("www.example.org.", A);
    let mut connection = match tcp {
        true => Some(Connection::open(at).await.expect("a connection")),
        false => None,
    };
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    socket.connect(at).await.expect("a way");
    let mut reply = [0; 512];
    while !end.load(Ordering::Relaxed) {
        match &mut connection {
            Some(connection) => {
                connection.send(&question).await.expect("send");
                let reply = connection.reply().await;
                assert_eq!(reply.metadata.response_code, ResponseCode::NoError);
                assert_eq!(reply.answers.len(), 1);
            }
            None => {
                socket.send(&question.packet()).await.expect("send");
                let length = timeout(LONG, socket.recv(&mut reply)).await.expect("a reply");
                let length = length.expect("no ICMP error");
                assert_eq!((length > 12, reply[3] & 15, reply[7]), (true, 0, 1));
            }
        }
        asked.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn no_question_is_lost_in_fifty_reloads_under_load() {
    let mut server = FLEETDNS.start(&corefile(1, "")).await;
    let (end, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut loads = JoinSet::new();
    for n in 0..6 {
        loads.spawn(load(server.dns_addr(), n % 3 == 0, end.clone(), asked.clone()));
    }
    for n in 2..=51 {
        // Sockets, pages and plugins come and go, too.
        let lines = if n % 2 == 0 { "multisocket 3\n log" } else { "nsid x" };
        server.write_corefile(&corefile(n, lines));
        reload(&server, n).await;
        let (status, _) = get(server.addr("HEALTH_PORT"), "/health").await.expect("/health");
        assert_eq!(status, 200);
    }
    end.store(true, Ordering::Relaxed);
    while let Some(ended) = loads.join_next().await {
        ended.expect("all questions were answered");
    }
    assert!(asked.load(Ordering::Relaxed) > 500, "{asked:?}");
    let (_, page) = get(server.addr("METRICS_PORT"), "/metrics").await.expect("/metrics");
    // It counts on.
    let udp = "coredns_dns_requests_total{family=\"1\",proto=\"udp\"";
    let counted = page.lines().filter(|line| line.starts_with(udp));
    let counted = counted.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok());
    assert!(counted.sum::<usize>() > 400, "{page}");
    // Threads, sockets and memory of old Corefiles are gone.
    let files =
        fs::read_dir(format!("/proc/{}/fd", server.process.pid())).expect("its files").count();
    assert!(files < 60, "{files} files are open");
}

#[tokio::test]
async fn a_wrong_corefile_changes_nothing_and_is_said_once() {
    let mut server = FLEETDNS.start(&corefile(1, "reload 2s 0s")).await;
    for (times, (wrong, why)) in [
        ("nonsense", "unknown directive 'nonsense'"),
        ("forward . 999.1.1.1", "999.1.1.1"),
        ("bind 192.0.2.200", "no interface of this machine has this address"),
        ("}", ""),
    ]
    .into_iter()
    .enumerate()
    {
        server.write_corefile(&corefile(2, wrong));
        eventually("the failure to be counted", LONG, async || {
            let page =
                get(server.addr("METRICS_PORT"), "/metrics").await.map_err(|e| e.to_string())?.1;
            let line = format!("coredns_reload_failed_total {}\n", times + 1);
            if page.contains(&line) { Ok(()) } else { Err(page) }
        })
        .await;
        assert!(server.logs().contains(why), "{why}: {}", server.logs());
        assert_eq!(address(&server).await, ["192.0.2.1"]);
    }
    server.write_corefile(&corefile(3, "reload 2s 0s"));
    eventually("the new address", LONG, async || address(&server).await == ["192.0.2.3"]).await;
    let logs = server.logs();
    // Not at each look at the Corefile: by the server, and by the plugin.
    assert_eq!(logs.matches("unknown directive 'nonsense'").count(), 2, "{logs}");
    assert!(logs.contains("[INFO] Reloading complete"), "{logs}");
}

/// What an import says counts as well, and a file that is gone leaves what there was.
#[tokio::test]
async fn imports_are_looked_at_too() {
    let folder = scratch::folder("imports");
    let snippet = |last: usize| {
        let new = folder.join("new");
        fs::write(&new, format!("hosts {{\n192.0.2.{last} www.example.org\n}}\n")).expect("write");
        fs::rename(new, folder.join("hosts.override")).expect("rename");
    };
    snippet(1);
    let text = format!(
        ".:{{PORT}} {{\nbind 127.0.0.1\nreload 2s 0s\nimport {}/*.override\n}}\n",
        folder.display()
    );
    for program in [COREDNS, FLEETDNS] {
        snippet(1);
        let server = program.start(&text).await;
        assert_eq!(address(&server).await, ["192.0.2.1"]);
        snippet(2);
        eventually("the new address", LONG, async || address(&server).await == ["192.0.2.2"]).await;
    }
}

/// Stubs keep their connections open for as long as they have questions. The first new one is no exception.
#[tokio::test]
async fn connections_are_led_to_the_new_corefile() {
    let mut server = FLEETDNS.start(&corefile(1, "")).await;
    let question = Question::new("www.example.org.", A);
    let mut before = Connection::open(server.dns_addr()).await.expect("a connection");
    before.send(&question).await.expect("send");
    assert_eq!(rdata(&before.reply().await), ["192.0.2.1"]);
    server.write_corefile(&corefile(2, ""));
    server.process.signal(Signal::USR1);
    eventually("the reload", LONG, async || server.logs().contains("Reloading complete")).await;
    let mut after = Connection::open(server.dns_addr()).await.expect("another connection");
    for connection in [&mut before, &mut after] {
        connection.send(&question).await.expect("send");
        assert_eq!(rdata(&connection.reply().await), ["192.0.2.2"]);
    }
}

#[tokio::test]
async fn ports_come_and_go() {
    let block = |port: &str| {
        format!("{port} {{\nbind 127.0.0.1\nhosts {{\n192.0.2.1 www.example.org\n}}\n}}\n")
    };
    let one = block(".:{PORT}");
    let mut server = FLEETDNS.start(&one).await;
    server.write_corefile(&(one.clone() + &block("example.org:{OTHER_PORT}")));
    server.process.signal(Signal::USR1);
    let other = server.addr("OTHER_PORT");
    eventually("the other port", LONG, async || {
        Question::new("www.example.org.", A).ask(other).await
    })
    .await;
    server.write_corefile(&one);
    server.process.signal(Signal::USR1);
    eventually("the other port to be closed", LONG, async || {
        let socket = UdpSocket::bind("127.0.0.1:0").await.map_err(|e| e.to_string())?;
        socket.connect(other).await.map_err(|e| e.to_string())?;
        socket.send(b"").await.map_err(|e| e.to_string())?;
        match timeout(Duration::from_millis(200), socket.recv(&mut [0; 1])).await {
            Ok(Err(_)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert_eq!(rdata(&ask(server.dns_addr(), "www.example.org.", A).await), ["192.0.2.1"]);
}

/// The API server is asked for nothing again: the same watches go on, and no name is unknown meanwhile.
#[tokio::test]
async fn clusters_that_have_not_changed_are_not_watched_anew() {
    let api = &ControlPlane::shared().await.east;
    api.apply(&(namespace("reloads") + &service("reloads", "web"))).await;
    let ip = api.cluster_ips("reloads", "web").await.remove(0);
    let text = |lines: &str| {
        format!(
            ".:{{PORT}} {{
    bind 127.0.0.1
    prometheus 127.0.0.1:{{METRICS_PORT}}
    kubernetes cluster.local {{
        kubeconfig {}
    }}
    {lines}
}}
",
            api.kubeconfig().display()
        )
    };
    let mut server = FLEETDNS.start(&text("")).await;
    let name = "web.reloads.svc.cluster.local.";
    eventually("the Service", LONG, async || rdata(&server.ask(name, A).await) == [ip.clone()])
        .await;
    let pid = server.process.pid();
    let connections = async || {
        let tcp = fs::read_to_string(format!("/proc/{pid}/net/tcp")).expect("its sockets");
        let fds = fs::read_dir(format!("/proc/{pid}/fd")).expect("its files");
        let sockets: Vec<String> = fds
            .filter_map(|fd| fs::read_link(fd.ok()?.path()).ok()?.to_str().map(str::to_owned))
            .collect();
        // Established ones of its own, by local port and inode.
        let mut own: Vec<String> = tcp
            .lines()
            .filter_map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let inode = format!("socket:[{}]", words.get(9)?);
                (words.get(3) == Some(&"01") && sockets.contains(&inode))
                    .then(|| words[1].to_owned())
            })
            .collect();
        own.sort();
        own
    };
    let before = connections().await;
    assert!(!before.is_empty());
    for (done, lines) in ["nsid a", "nsid b", "log"].into_iter().enumerate() {
        server.write_corefile(&text(lines));
        server.process.signal(Signal::USR1);
        eventually("the reload", LONG, async || {
            server.logs().matches("Reloading complete").count() == done + 1
        })
        .await;
        assert_eq!(rdata(&server.ask(name, A).await), std::slice::from_ref(&ip));
    }
    assert_eq!(connections().await, before, "the same connections to the API server");
}
