//! Start, end and command line of the program, and its TCP connections.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use rustix::process::Signal;
use tokio::task::JoinSet;

use crate::harness::client::exchange_udp;
use crate::harness::connection::framed;
use crate::harness::process::command;
use crate::harness::says::brief;
use crate::harness::{
    COREDNS, Connection, DnsServer, FLEETDNS, LONG, Process, Question, ask, eventually, get, parts,
    ports, scratch,
};

const ANSWER: &str = "NOERROR 240.0.0.1";

/// A Corefile that answers `*.remote`, with these lines beside.
fn corefile(lines: &str) -> String {
    format!(
        ".:{{PORT}} {{
            {lines}
            errors
            sentinel remote {{
                answer 240.0.0.1
            }}
        }}"
    )
}

/// What [`for_both`] answers.
const FOR_BOTH: &str = "NOERROR 192.0.2.1";

/// A Corefile that CoreDNS understands, too, with these lines beside.
fn for_both(lines: &str) -> String {
    format!(
        ".:{{PORT}} {{
            {lines}
            template IN A {{
                answer \"{{{{ .Name }}}} 60 IN A 192.0.2.1\"
            }}
        }}"
    )
}

async fn start() -> DnsServer {
    FLEETDNS.start(&corefile("bind 127.0.0.1")).await
}

fn question(name: &str) -> Question {
    Question::new(name, RecordType::A)
}

fn run(args: &[&str]) -> Output {
    Command::new(parts::fleetdns()).args(args).output().expect("fleetdns runs")
}

/// Addresses of this machine; containers often have no IPv6.
fn loopbacks() -> Vec<&'static str> {
    let has_ipv6 = std::net::UdpSocket::bind((std::net::Ipv6Addr::LOCALHOST, 0)).is_ok();
    ["127.0.0.1", "127.0.0.2"].into_iter().chain(has_ipv6.then_some("::1")).collect()
}

#[tokio::test]
async fn signals_end_it_with_success() {
    for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")] {
        let mut server = start().await;
        server.process.signal(signal);
        let status = server.process.wait().await;
        assert_eq!(status.code(), Some(0), "{name}: {}", server.logs());
        assert!(server.logs().contains(&format!("{name}: Shutting down")), "{}", server.logs());
    }
}

#[tokio::test]
async fn a_lame_duck_answers_and_is_not_ready() {
    let lines = |lameduck: &str| {
        corefile(&format!(
            "bind 127.0.0.1
            ready 127.0.0.1:{{READY_PORT}}
            prometheus 127.0.0.1:{{METRICS_PORT}}
            health 127.0.0.1:{{HEALTH_PORT}} {{
                lameduck {lameduck}
            }}"
        ))
    };
    let mut duck = FLEETDNS.start(&lines("1h")).await;
    let page = async |server: &DnsServer, port, path| match get(server.addr(port), path).await {
        Ok((status, _)) => Ok(status),
        Err(error) => Err(error.kind()),
    };
    assert_eq!(page(&duck, "READY_PORT", "/ready").await, Ok(200));
    let mut connection = Connection::open(duck.dns_addr()).await.expect("a connection");
    connection.send(&question("foo.remote")).await.expect("send");
    assert_eq!(brief(&connection.reply().await), ANSWER);
    duck.process.signal(Signal::TERM);
    eventually("/ready to be gone", LONG, async || {
        page(&duck, "READY_PORT", "/ready").await == Err(io::ErrorKind::ConnectionRefused)
    })
    .await;
    assert_eq!(page(&duck, "HEALTH_PORT", "/health").await, Ok(200));
    assert_eq!(page(&duck, "METRICS_PORT", "/metrics").await, Ok(200));
    duck.must_say(&[("foo.remote A", ANSWER)]).await;
    connection.send(&question("foo.remote")).await.expect("send");
    assert_eq!(brief(&connection.reply().await), ANSWER);
    connection = Connection::open(duck.dns_addr()).await.expect("a new connection");
    connection.send(&question("foo.remote")).await.expect("send");
    assert_eq!(brief(&connection.reply().await), ANSWER);
    assert!(duck.process.ended().is_none(), "{}", duck.logs());
    // As in CoreDNS, a second interrupt does not wait.
    duck.process.signal(Signal::INT);
    let heard = "SIGINT: Shutting down";
    eventually("the first interrupt", LONG, async || duck.logs().contains(heard)).await;
    duck.process.signal(Signal::INT);
    assert_eq!(duck.process.wait().await.code(), Some(2), "{}", duck.logs());

    let mut server = FLEETDNS.start(&lines("1s")).await;
    assert_eq!(server.terminate().await.code(), Some(0), "{}", server.logs());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_question_is_lost_at_the_end() {
    const CLIENTS: usize = 150;
    let mut server = start().await;
    let at = server.dns_addr();
    let answered = Arc::new(AtomicUsize::new(0));
    let mut load = JoinSet::new();
    for client in 0..CLIENTS {
        load.spawn(ask_over_udp(at, client, answered.clone()));
        load.spawn(ask_over_tcp(at, client, answered.clone()));
    }
    eventually("load", LONG, async || answered.load(Ordering::Relaxed) > 20 * CLIENTS).await;
    let status = server.terminate().await;
    assert_eq!(status.code(), Some(0), "{}", server.logs());
    assert!(!server.logs().contains("still being answered"), "{}", server.logs());
    load.join_all().await;
}

/// Asks until nobody is there any more; fails if a question is neither answered nor refused.
async fn ask_over_udp(at: SocketAddr, client: usize, answered: Arc<AtomicUsize>) {
    for turn in 0.. {
        let question = question(&format!("{turn}.{client}.remote"));
        match exchange_udp(at, &question.packet(), None).await {
            Ok(reply) => {
                is_answer(&Message::from_vec(&reply).expect("a message"), &question);
                answered.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return,
            Err(error) => panic!("question {turn} of client {client} over UDP: {error}"),
        }
    }
}

/// The same on one connection, until it is ended.
async fn ask_over_tcp(at: SocketAddr, client: usize, answered: Arc<AtomicUsize>) {
    let Ok(mut connection) = Connection::open(at).await else { return };
    for turn in 0.. {
        let question = question(&format!("{turn}.{client}.remote"));
        if connection.send(&question).await.is_err() {
            return;
        }
        match connection.receive().await {
            Ok(Some(reply)) => {
                is_answer(&reply, &question);
                answered.fetch_add(1, Ordering::Relaxed);
            }
            Ok(None) => return,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return,
            Err(error) => panic!("question {turn} of client {client} over TCP: {error}"),
        }
    }
}

fn is_answer(reply: &Message, question: &Question) {
    assert_eq!((brief(reply).as_str(), reply.metadata.id), (ANSWER, question.id()));
}

#[tokio::test]
async fn a_port_in_use_is_said() {
    let other = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let taken = other.local_addr().expect("its address");
    let same = corefile("bind 127.0.0.1").replace("{PORT}", &taken.port().to_string());
    let (status, said) = FLEETDNS.refuse(&same).await;
    assert_eq!(status.code(), Some(1), "{said}");
    let problem = format!("listen tcp {taken}: Address already in use");
    assert!(said.contains(&problem) && said.contains("choose a port with -p"), "{said}");

    let (status, said) = FLEETDNS.refuse(&corefile(&format!("health {taken}"))).await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains(&problem), "{said}");
}

/// As CoreDNS: names are more than what is told of them.
#[tokio::test]
async fn questions_are_answered_where_a_page_has_no_port() {
    let other = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let taken = other.local_addr().expect("its address");
    for page in ["prometheus", "ready"] {
        for program in [COREDNS, FLEETDNS] {
            let server = program.start(&for_both(&format!("{page} {taken}"))).await;
            server.must_say(&[("foo.remote A", FOR_BOTH)]).await;
            let said =
                server.logs().contains("[ERROR] Failed to start metrics handler: listen tcp");
            assert_eq!(said, page == "prometheus", "{}", server.logs());
        }
    }
}

/// One that takes over on the network of its node, as with CoreDNS.
#[tokio::test]
async fn another_process_may_share_all_ports() {
    let all = for_both(
        "health 127.0.0.1:{HEALTH_PORT}
        ready 127.0.0.1:{READY_PORT}
        prometheus 127.0.0.1:{METRICS_PORT}",
    );
    for program in [COREDNS, FLEETDNS] {
        let mut first = program.start(&all).await;
        let mut same = all.clone();
        for (name, port) in first.ports() {
            same = same.replace(&format!("{{{name}}}"), &port.to_string());
        }
        let second = program.with(&same).launch();
        eventually("the second to serve", LONG, async || second.logs().contains("linux/")).await;
        first.terminate().await;
        for question in [question("foo.remote"), question("foo.remote").tcp()] {
            let reply = question.ask(first.dns_addr()).await.expect("a reply of the second");
            assert_eq!(brief(&reply), FOR_BOTH, "{}", second.logs());
        }
        let health = get(first.addr("HEALTH_PORT"), "/health").await.expect("a page").0;
        assert_eq!(health, 200, "{}", second.logs());
    }
}

#[tokio::test]
async fn flags_are_coredns_s() {
    for dashes in ["-", "--"] {
        let version = run(&[&format!("{dashes}version")]);
        assert!(version.status.success());
        let text = String::from_utf8_lossy(&version.stdout).into_owned();
        let first = format!("fleetdns-{}\n", env!("CARGO_PKG_VERSION"));
        assert!(text.to_lowercase().starts_with(&first), "{text}");
        let plugins = run(&[&format!("{dashes}plugins")]);
        assert!(plugins.status.success());
        let text = String::from_utf8_lossy(&plugins.stdout).into_owned();
        let names: BTreeSet<&str> = text.lines().collect();
        for name in [
            "bind",
            "errors",
            "fleet",
            "forward",
            "health",
            "hosts",
            "kubernetes",
            "log",
            "prometheus",
            "ready",
            "sentinel",
        ] {
            assert!(names.contains(name), "no {name} in {text}");
        }
    }
    let wrong = run(&["-nonsense"]);
    assert_eq!(wrong.status.code(), Some(2));
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(said.contains("-nonsense") && said.contains("-conf FILE"), "{said}");
    let missing = run(&["-conf", "/does/not/exist"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/does/not/exist"));
}

#[tokio::test]
async fn the_corefile_and_the_port_come_from_flags() {
    let file = scratch::folder("flags").join("Corefile");
    std::fs::write(&file, corefile("bind 127.0.0.1").replace(":{PORT}", "")).expect("write");
    let file = file.to_str().expect("a UTF-8 path");
    for (conf, port_flag, quiet) in
        [("--conf", "-p", ""), ("-conf", "--dns.port", "-quiet"), ("-conf", "-p", "--quiet=true")]
    {
        let (process, port) = loop {
            let port = ports::free();
            let words =
                [&format!("{conf}={file}"), port_flag, &port.to_string(), quiet].map(str::to_owned);
            let words = words.into_iter().filter(|word| !word.is_empty());
            let mut process = Process::start("fleetdns", &command(parts::fleetdns(), words));
            let at: SocketAddr = (Ipv4Addr::LOCALHOST, port).into();
            if process.is_up(async || question("foo.remote").ask(at).await).await {
                break (process, port);
            }
        };
        let reply = ask((Ipv4Addr::LOCALHOST, port).into(), "foo.remote", RecordType::A).await;
        assert_eq!(brief(&reply), ANSWER);
        let banner = format!(".:{port}");
        assert_eq!(process.logs().contains(&banner), quiet.is_empty(), "{}", process.logs());
        assert_eq!(process.logs().is_empty(), !quiet.is_empty(), "{}", process.logs());
    }
}

#[tokio::test]
async fn every_bound_address_answers_from_itself() {
    let bind = format!("bind {}", loopbacks().join(" "));
    let server = FLEETDNS.start(&corefile(&bind)).await;
    let port = server.dns_addr().port();
    for address in loopbacks() {
        let at = SocketAddr::new(address.parse().expect("an address"), port);
        for question in [question("foo.remote"), question("foo.remote").tcp()] {
            let reply = question.ask(at).await.expect("a reply");
            assert_eq!(brief(&reply), ANSWER, "at {at}");
        }
    }
    let elsewhere = SocketAddr::from(([127, 0, 0, 3], port));
    question("foo.remote").ask(elsewhere).await.expect_err("nobody listens there");
}

#[tokio::test]
async fn without_bind_every_address_answers_from_itself() {
    let server = FLEETDNS.start(&corefile("")).await;
    let port = server.dns_addr().port();
    for address in loopbacks() {
        let at = SocketAddr::new(address.parse().expect("an address"), port);
        for question in [question("foo.remote"), question("foo.remote").tcp()] {
            let reply = question.ask(at).await.unwrap_or_else(|e| panic!("at {at}: {e}"));
            assert_eq!(brief(&reply), ANSWER, "at {at}");
        }
    }
}

#[tokio::test]
async fn many_questions_on_one_connection_are_all_answered() {
    let server = start().await;
    let mut connection = Connection::open(server.dns_addr()).await.expect("a connection");
    let questions: Vec<Question> =
        (0..300).map(|turn| question(&format!("{turn}.remote"))).collect();
    let bytes: Vec<u8> = questions.iter().flat_map(framed).collect();
    connection.write(&bytes).await.expect("write");
    let mut names = BTreeSet::new();
    for _ in &questions {
        let reply = connection.reply().await;
        assert_eq!(brief(&reply), ANSWER);
        names.insert((reply.metadata.id, reply.queries[0].name().to_string()));
    }
    let asked: BTreeSet<_> =
        questions.iter().enumerate().map(|(turn, q)| (q.id(), format!("{turn}.remote."))).collect();
    assert_eq!(names, asked);
}

#[tokio::test]
async fn a_connection_that_asks_nothing_is_closed_before_one_that_asked() {
    let corefile = for_both(
        "timeouts {
            read 3s
            idle 1h
        }",
    );
    for program in [COREDNS, FLEETDNS] {
        let server = program.start(&corefile).await;
        let mut asked = Connection::open(server.dns_addr()).await.expect("a connection");
        asked.send(&question("foo.remote")).await.expect("send");
        assert_eq!(brief(&asked.reply().await), FOR_BOTH);
        let mut silent = Connection::open(server.dns_addr()).await.expect("a connection");
        assert!(silent.receive().await.expect("an orderly end").is_none(), "{}", program.name);
        asked.send(&question("foo.remote")).await.expect("send");
        assert_eq!(brief(&asked.reply().await), FOR_BOTH);
    }
}

#[tokio::test]
async fn a_connection_may_be_slow_or_stuck_without_harm_to_others() {
    let server = start().await;
    let open = async || Connection::open(server.dns_addr()).await.expect("a connection");
    let whole = framed(&question("foo.remote"));

    let mut slow = open().await;
    for byte in &whole {
        slow.write(&[*byte]).await.expect("write");
        tokio::task::yield_now().await;
    }
    assert_eq!(brief(&slow.reply().await), ANSWER);

    let mut half = Vec::new();
    for length in (1..whole.len()).cycle().take(200) {
        let mut connection = open().await;
        connection.write(&whole[..length]).await.expect("write");
        half.push((connection, length));
    }
    let mut other = open().await;
    other.write(&whole).await.expect("write");
    assert_eq!(brief(&other.reply().await), ANSWER);
    server.must_say(&[("foo.remote A", ANSWER)]).await;
    let (mut connection, length) = half.pop().expect("a connection");
    connection.write(&whole[length..]).await.expect("write");
    assert_eq!(brief(&connection.reply().await), ANSWER);

    // A length of nothing ends the connection, behind the answers that it still owes.
    other.write(&whole).await.expect("write");
    other.write(&[0, 0]).await.expect("write");
    assert_eq!(brief(&other.reply().await), ANSWER);
    assert!(other.receive().await.expect("an orderly end").is_none());
    // Rubbish ends nothing but its own connection.
    let mut rubbish = open().await;
    rubbish.write(&[&[0, 20][..], &[0xff; 20]].concat()).await.expect("write");
    rubbish.write(&[0xff; 100]).await.expect("write");
    drop(rubbish);
    server.must_say(&[("foo.remote A", ANSWER)]).await;
}
