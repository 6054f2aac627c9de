//! `forward` beside CoreDNS where upstreams are not what they should be: late, silent, false, broken, gone
//! for a while. What well-behaved upstreams show is in `drop_in/forward`.

use std::collections::BTreeSet;
use std::fs;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

use crate::harness::compare::render;
use crate::harness::{
    COREDNS, DnsServer, FLEETDNS, LONG, Liar, Program, Question, eventually, get, scratch,
};

/// A server with an upstream of its own.
struct Side {
    liar: Liar,
    server: DnsServer,
}

async fn start(program: Program, options: &str) -> Side {
    let liar = Liar::start().await;
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            prometheus 127.0.0.1:{{METRICS_PORT}}
            errors
            forward . {} {{
                {options}
            }}
        }}",
        liar.address()
    );
    let server = program.start(&corefile).await;
    Side { liar, server }
}

async fn both(options: &str) -> [Side; 2] {
    tokio::join!(start(COREDNS, options), start(FLEETDNS, options)).into()
}

impl Side {
    async fn ask(&self, question: &Question) -> String {
        let reply = question.ask(self.server.dns_addr()).await;
        reply.map_or_else(|error| error, |reply| render(&reply))
    }

    /// What the upstream was asked, without the checks of its health.
    fn asked(&self) -> Vec<String> {
        let asked = self.liar.asked();
        let asked = asked.iter().filter(|asked| asked.question != ". NS");
        let way = |tcp| if tcp { "tcp" } else { "udp" };
        asked.map(|asked| format!("{} {}", asked.question, way(asked.tcp))).collect()
    }

    /// The value of a counter of one upstream.
    async fn counted(&self, name: &str) -> String {
        let (_, page) = get(self.server.addr("METRICS_PORT"), "/metrics").await.expect("metrics");
        let line = page.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.rsplit(' ').next()).unwrap_or("0").to_owned()
    }
}

/// Names of [`Liar`], each over UDP and TCP.
const NAMES: [&str; 18] = [
    "good",
    "silent",
    "id",
    "ids",
    "question",
    "query",
    "header",
    "source",
    "sources",
    "truncated",
    "garbled",
    "long",
    "short",
    "closes",
    "once",
    "edns",
    "good",
    "once",
];

#[tokio::test]
async fn an_upstream_that_lies_is_believed_where_coredns_believes_it() {
    let mut wrong = Vec::new();
    for options in ["", "prefer_udp", "force_tcp"] {
        // No checks of its health: what they find out depends on the time.
        let quick = format!("read_timeout 300ms\nmax_fails 0\n{options}");
        let [coredns, fleetdns] = both(&quick).await;
        for name in NAMES {
            for tcp in [false, true] {
                for edns in [false, true] {
                    let mut question = Question::new(&format!("{name}.test."), RecordType::A);
                    question = if tcp { question.tcp() } else { question };
                    question = if edns { question.edns(1232) } else { question };
                    let sides = [&coredns, &fleetdns];
                    sides.iter().for_each(|side| side.liar.forget());
                    let (expected, found) =
                        tokio::join!(coredns.ask(&question), fleetdns.ask(&question));
                    let [asked, ours] = sides.map(Side::asked);
                    if expected != found || asked != ours {
                        let what = format!("{name} {} {options}", question.describe());
                        wrong.push(format!(
                            "{what}\n--- CoreDNS {asked:?}\n{expected}--- fleetdns {ours:?}\n{found}"
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn the_right_reply_is_taken_behind_a_false_one() {
    let side = start(FLEETDNS, "").await;
    let found = side.ask(&Question::new("questions.test.", RecordType::A)).await;
    assert!(found.contains("192.0.2.1"), "{found}");
}

#[tokio::test]
async fn replies_come_in_any_order() {
    for side in both("").await {
        let slow = Question::new("slow.test.", RecordType::A);
        let good = Question::new("good.test.", RecordType::A);
        let late = async {
            // Only after the slow one is on its way.
            eventually("the slow one is asked", LONG, async || {
                side.asked().iter().any(|asked| asked.starts_with("slow"))
            })
            .await;
            side.ask(&good).await
        };
        let (slow, good) = tokio::join!(side.ask(&slow), late);
        assert!(slow.contains("192.0.2.1") && good.contains("192.0.2.1"), "{slow}{good}");
    }
}

#[tokio::test]
async fn an_upstream_that_is_gone_is_checked_until_it_comes_back() {
    let options = "max_fails 1
        health_check 50ms no_rec domain health.test
        read_timeout 100ms
        failfast_all_unhealthy_upstreams";
    for side in both(options).await {
        let name = side.server.logs();
        let good = Question::new("good.test.", RecordType::A);
        let is_good = async || side.ask(&good).await.contains("192.0.2.1");
        assert!(is_good().await, "{name}");
        assert!(side.liar.asked().iter().all(|asked| !asked.question.starts_with("health")));

        side.liar.set_down(true);
        eventually("it is given up", LONG, async || {
            let reply = side.ask(&good).await;
            let logs = side.server.logs();
            if logs.contains("no healthy proxies") { Ok(()) } else { Err(reply) }
        })
        .await;
        let checks: Vec<_> = side
            .liar
            .asked()
            .into_iter()
            .filter(|asked| asked.question == "health.test. NS")
            .collect();
        assert!(checks.len() >= 2 && checks.iter().all(|check| !check.rd), "{checks:?}");
        let failed = side.counted("coredns_proxy_healthcheck_failures_total{").await;
        assert!(failed.parse::<u32>().is_ok_and(|failed| failed >= 2), "{failed}");
        assert_ne!(side.counted("coredns_forward_healthcheck_broken_total").await, "0");
        // It is not asked in vain.
        side.liar.forget();
        assert!(!is_good().await);
        assert!(side.asked().iter().all(|asked| !asked.starts_with("good")), "{:?}", side.asked());

        side.liar.set_down(false);
        eventually("it is asked again", LONG, is_good).await;
    }
}

#[tokio::test]
async fn more_questions_than_max_concurrent_are_refused() {
    let good = Question::new("good.test.", RecordType::A).edns(1232);
    let mut said = Vec::new();
    for side in both("max_concurrent 1\nread_timeout 24h\nmax_fails 0").await {
        let at = side.server.dns_addr();
        let slow = Question::new("slow.test.", RecordType::A);
        let slow = tokio::spawn(async move { slow.ask(at).await });
        eventually("the slow one is asked", LONG, async || {
            side.asked().iter().any(|asked| asked.starts_with("slow"))
        })
        .await;
        let refused = side.ask(&good).await;
        // The server has an upstream of its own for this one.
        let direct = Question::new("good.test.", RecordType::A);
        direct.ask(side.liar.address()).await.expect("the upstream itself answers");
        let slow = slow.await.expect("a task").map(|reply| render(&reply));
        let after = side.ask(&good).await;
        let counted = side.counted("coredns_forward_max_concurrent_rejects_total").await;
        let logs = side.server.logs();
        let line = logs.lines().find(|line| line.contains("plugin/errors")).map(str::to_owned);
        said.push((refused, slow, after, counted, line));
    }
    assert_eq!(said[0], said[1]);
    assert!(said[0].4.is_some(), "{said:?}");
}

#[tokio::test]
async fn a_name_of_a_host_that_nobody_knows_ends_the_start() {
    let liar = Liar::start().await;
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            forward . header.test {{
                resolver {}
            }}
        }}",
        liar.address()
    );
    for program in [COREDNS, FLEETDNS] {
        let (status, said) = program.refuse(&corefile).await;
        assert!(!status.success() && said.contains("header.test"), "{}: {said}", program.name);
    }
}

#[tokio::test]
async fn a_handshake_that_stalls_leaves_time_for_another() {
    let mut said = Vec::new();
    for program in [COREDNS, FLEETDNS] {
        // What a client of TLS says first is the beginning of a long question to it.
        let liar = Liar::start().await;
        let good = Liar::start().await;
        let corefile = format!(
            ".:{{PORT}} {{
                bind 127.0.0.1
            }}
            stalls.test:{{PORT}} {{
                bind 127.0.0.1
                errors
                forward . tls://{}
            }}
            other.test:{{PORT}} {{
                bind 127.0.0.1
                errors
                forward . tls://{} {} {{
                    policy sequential
                }}
            }}",
            liar.address(),
            liar.address(),
            good.address()
        );
        let server = program.start(&corefile).await;
        let [stalls, other] =
            ["stalls.test.", "good.other.test."].map(|name| Question::new(name, RecordType::A));
        let (stalls, other) =
            tokio::join!(stalls.ask(server.dns_addr()), other.ask(server.dns_addr()));
        let errors = server.logs();
        let errors: Vec<_> = errors.lines().filter(|line| line.contains("plugin/errors")).collect();
        said.push((stalls.map(|r| render(&r)), other.map(|r| render(&r)), errors.join("\n")));
    }
    assert_eq!(said[0], said[1]);
    assert!(said[0].1.as_ref().is_ok_and(|reply| reply.contains("192.0.2.1")), "{said:?}");
    assert!(said[0].2.contains("context deadline exceeded"), "{said:?}");
}

#[tokio::test]
async fn a_server_that_is_its_own_authority_is_not_trusted() {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let folder = scratch::folder("own-authority");
    let write = |name: &str, text: &str| {
        fs::write(folder.join(name), text).expect("write a file");
        folder.join(name).display().to_string()
    };
    let cert = write("cert.pem", &params.self_signed(&key).expect("a certificate").pem());
    let key = write("key.pem", &key.serialize_pem());
    let upstream = COREDNS
        .start(&format!(
            ".:{{PORT}} {{
                bind 127.0.0.1
            }}
            tls://.:{{TLS_PORT}} {{
                bind 127.0.0.1
                tls {cert} {key}
                hosts {{
                    192.0.2.1 good.test
                }}
            }}"
        ))
        .await;
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            forward . tls://{} {{
                tls {cert}
                tls_servername localhost
                max_connect_attempts 1
            }}
        }}",
        upstream.addr("TLS_PORT")
    );
    for (program, code) in [(COREDNS, ResponseCode::NoError), (FLEETDNS, ResponseCode::ServFail)] {
        let server = program.start(&corefile).await;
        let reply = server.ask("good.test.", RecordType::A).await;
        assert_eq!(reply.metadata.response_code, code, "{}", program.name);
    }
}

#[tokio::test]
async fn ids_and_ports_cannot_be_foreseen() {
    const QUESTIONS: usize = 300;
    let side = start(FLEETDNS, "expire 0s").await;
    side.liar.forget();
    let question = Question::new("good.test.", RecordType::A);
    for _ in 0..QUESTIONS {
        assert!(side.ask(&question).await.contains("192.0.2.1"));
    }
    let asked = side.liar.asked();
    assert_eq!(asked.len(), QUESTIONS);
    let ids: Vec<u16> = asked.iter().map(|asked| asked.id).collect();
    let ports: Vec<u16> = asked.iter().map(|asked| asked.from.port()).collect();
    // Of 65,536 IDs and 28,232 ports (Linux) so few are seldom drawn twice.
    for drawn in [&ids, &ports] {
        let distinct = drawn.iter().collect::<BTreeSet<_>>().len();
        assert!(distinct > QUESTIONS * 9 / 10, "{distinct} of {drawn:?}");
        let steps = drawn.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
        let steps = steps.collect::<BTreeSet<_>>().len();
        assert!(steps > QUESTIONS * 9 / 10, "{steps} steps of {drawn:?}");
    }
    for bit in 0..16 {
        let set = ids.iter().filter(|id| *id >> bit & 1 == 1).count();
        // Ten standard deviations.
        assert!(set.abs_diff(QUESTIONS / 2) < 87, "bit {bit} is set in {set}: {ids:?}");
    }
}
