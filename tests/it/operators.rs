//! What operators see of the process, beside CoreDNS: the form of the log's lines, `/health`, `/ready`,
//! `/metrics` over TLS and the file with the process ID.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use hickory_proto::rr::RecordType::{A, AXFR, MX, TXT};
use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::harness::{
    COREDNS, ControlPlane, DnsServer, FLEETDNS, LONG, Program, Question, eventually, get, scratch,
};

const LOGGED: &str = "example.org:{PORT} {
    bind 127.0.0.1
    errors
    log
    acl {
        drop type MX
        block type TXT
        allow
    }
    hosts {
        192.0.2.1 www.example.org
        fallthrough b.example.org
    }
}";

/// The lines that are about questions, by the name and type of each, without what differs from run to run.
fn lines(server: &DnsServer) -> Vec<BTreeMap<String, Value>> {
    let logs = server.logs();
    let objects = logs.lines().map(|line| {
        serde_json::from_str::<BTreeMap<String, Value>>(line)
            .unwrap_or_else(|e| panic!("{e}: {line}"))
    });
    let of_plugins = objects.filter(|line| line.contains_key("plugin"));
    let of_questions = of_plugins.filter(|line| line.get("qname") != Some(&Value::from(".")));
    of_questions
        .map(|mut line| {
            assert!(line["time"].as_str().is_some_and(|time| time.starts_with("20")), "{line:?}");
            for run in ["time", "client_port", "id"] {
                line.remove(run);
            }
            if line.remove("duration_seconds").is_some() {
                // It has the port, the ID and the duration, too.
                line.remove("msg");
            }
            line
        })
        .collect()
}

#[tokio::test]
async fn lines_of_json_are_those_of_coredns() {
    let start =
        async |program: Program| program.with(LOGGED).arg("-log-format").arg("json").start().await;
    let (coredns, fleetdns) = tokio::join!(start(COREDNS), start(FLEETDNS));
    let mut count = 0;
    for (name, kind, lines_of_it) in [
        ("www.example.org.", A, 1),
        ("WWW.example.org.", A, 1),
        ("none.example.org.", A, 1),
        ("www.example.org.", TXT, 1),
        ("x.b.example.org.", A, 2),
    ] {
        count += lines_of_it;
        for server in [&coredns, &fleetdns] {
            let question = Question::new(name, kind).edns(1232);
            question.ask(server.dns_addr()).await.expect("a reply");
            eventually("the lines", LONG, async || lines(server).len() >= count).await;
        }
    }
    for server in [&coredns, &fleetdns] {
        let dropped = Question::new("www.example.org.", MX);
        let after = Question::new("www.example.org.", A);
        let reply = dropped.ask_before(&after, server.dns_addr()).await.expect("a reply");
        assert!(reply.is_none(), "nothing comes for what is dropped");
        eventually("the lines", LONG, async || lines(server).len() >= count + 2).await;
    }
    let sorted = |server: &DnsServer| {
        let mut all: Vec<String> = lines(server).iter().map(|line| format!("{line:?}")).collect();
        all.sort();
        all
    };
    assert_eq!(sorted(&fleetdns), sorted(&coredns));
    assert!(sorted(&fleetdns).iter().any(|line| line.contains("\"rcode\": Null")), "a drop");
    // What is printed at the start is a line, too.
    assert!(fleetdns.logs().contains("\"msg\":\"fleetdns-"), "{}", fleetdns.logs());
    let (_, said) = FLEETDNS.refuse(".:{PORT} {\n bogus\n}").await;
    assert!(said.contains("unknown directive"), "{said}");
}

#[tokio::test]
async fn the_process_id_is_in_a_file_while_it_runs() {
    let corefile = ".:{PORT} {\nbind 127.0.0.1\nhosts {\n192.0.2.1 a.test\n}\n}";
    for program in [COREDNS, FLEETDNS] {
        let file = scratch::folder("pid").join("pid");
        let mut server = program.with(corefile).arg("-pidfile").arg(&file).start().await;
        // It is written after the sockets are open, and not at once.
        let due = format!("{}\n", server.process.pid());
        eventually("the file", LONG, async || match fs::read_to_string(&file) {
            Ok(written) if written == due => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
        assert!(server.terminate().await.success());
        assert!(!file.exists(), "{program:?}");

        let nowhere = file.with_file_name("no").join("pid");
        let server = program.with(corefile).arg("-pidfile").arg(&nowhere).start().await;
        let said = format!("[ERROR] Could not write pidfile: open {}: ", nowhere.display());
        eventually("the line", LONG, async || server.logs().contains(&said)).await;
    }
}

#[tokio::test]
async fn every_block_may_have_its_own_endpoints() {
    let corefile = "a.test:{PORT} {
        bind 127.0.0.1
        health 127.0.0.1:{HEALTH_PORT} {
            lameduck 10ms
        }
        ready 127.0.0.1:{READY_PORT} {
            monitor continuously
        }
        hosts {
            192.0.2.1 a.test
        }
    }
    b.test:{PORT} {
        bind 127.0.0.1
        health 127.0.0.1:{OTHER_HEALTH_PORT} {
            lameduck 1500us
        }
        ready 127.0.0.1:{OTHER_READY_PORT}
        hosts {
            192.0.2.1 b.test
        }
    }";
    for program in [COREDNS, FLEETDNS] {
        let mut server = program.start(corefile).await;
        for port in ["HEALTH_PORT", "OTHER_HEALTH_PORT"] {
            assert_eq!(get(server.addr(port), "/health").await.expect("a page").1, "OK");
        }
        for port in ["READY_PORT", "OTHER_READY_PORT"] {
            assert_eq!(get(server.addr(port), "/ready").await.expect("a page").1, "OK");
        }
        assert!(server.terminate().await.success());
        for time in ["10ms", "1.5ms"] {
            let line = format!("[INFO] plugin/health: Going into lameduck mode for {time}\n");
            assert!(server.logs().contains(&line), "{program:?}: {}", server.logs());
        }
    }
}

#[tokio::test]
async fn the_page_of_metrics_may_be_served_over_tls() {
    let folder = scratch::folder("web");
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a pair");
    fs::write(folder.join("cert.pem"), pair.cert.pem()).expect("write");
    fs::write(folder.join("key.pem"), pair.signing_key.serialize_pem()).expect("write");
    let web = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n";
    fs::write(folder.join("web.yaml"), web).expect("write");
    let file = folder.join("web.yaml");
    let corefile = format!(
        ".:{{PORT}} {{\nbind 127.0.0.1\nprometheus 127.0.0.1:{{METRICS_PORT}} {{\ntls {}\n}}\nhosts\n}}",
        file.display()
    );
    let mut roots = RootCertStore::empty();
    roots.add(pair.cert.der().clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    for program in [COREDNS, FLEETDNS] {
        let server = program.start(&corefile).await;
        let at = server.addr("METRICS_PORT");
        // Who speaks no TLS holds up nobody.
        let _silent = TcpStream::connect(at).await.expect("connect");
        let page = eventually("the page", LONG, async || {
            let name = ServerName::try_from("localhost").expect("a name");
            let mut stream = connector.connect(name, TcpStream::connect(at).await?).await?;
            let request = b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
            stream.write_all(request).await?;
            let mut page = Vec::new();
            stream.read_to_end(&mut page).await.or_else(|error| match error.kind() {
                // Some close without saying so.
                std::io::ErrorKind::UnexpectedEof => Ok(0),
                _ => Err(error),
            })?;
            std::io::Result::Ok(String::from_utf8_lossy(&page).into_owned())
        })
        .await;
        assert!(page.contains("coredns_panics_total 0"), "{program:?}: {page}");
        let plain = get(at, "/metrics").await;
        assert!(!plain.is_ok_and(|(status, _)| status == 200), "{program:?} without TLS");
    }
}

/// One message holds the whole zone of this namespace.
const TRANSFERRED: &str = "{apiVersion: v1, kind: Namespace, metadata: {name: logged}}
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: logged }
spec: { clusterIP: None, ports: [{ name: http, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: logged, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
endpoints: [{ addresses: [10.47.0.1] }]
ports: [{ name: http, port: 80 }]
";

#[tokio::test]
async fn transfers_are_logged_and_counted_as_by_coredns() {
    let east = &ControlPlane::shared().await.east;
    east.apply(TRANSFERRED).await;
    let corefile = format!(
        "cluster.local:{{PORT}} {{
            bind 127.0.0.1
            prometheus 127.0.0.1:{{METRICS_PORT}}
            errors
            log . {{
                class error
            }}
            transfer {{
                to *
            }}
            kubernetes {{
                kubeconfig {} east
                namespaces logged
            }}
        }}",
        east.kubeconfig().display()
    );
    let mut seen = Vec::new();
    for program in [COREDNS, FLEETDNS] {
        let server = program.start(&corefile).await;
        eventually("the slice", LONG, async || {
            let reply = server.try_ask("web.logged.svc.cluster.local.", A).await?;
            if reply.answers.is_empty() { Err("no answer".to_owned()) } else { Ok(()) }
        })
        .await;
        let question = Question::new("cluster.local.", AXFR);
        for question in [question.clone(), question.clone().tcp(), question.tcp().edns(1232)] {
            question.ask(server.dns_addr()).await.expect("a reply");
        }
        // Neither address nor ID, nor the time that it took.
        let lines = eventually("the lines", LONG, async || {
            let logs = server.logs();
            let mut lines: Vec<String> = logs
                .lines()
                .filter(|line| line.contains("\"AXFR"))
                .map(|line| {
                    let (head, _) = line.rsplit_once(' ').unwrap_or_default();
                    head.split_once('"').unwrap_or_default().1.to_owned()
                })
                .collect();
            // The line of a transfer may come after that of the next one.
            lines.sort();
            (lines.len() == 3).then_some(lines)
        })
        .await;
        // They are counted after they are logged.
        let sizes = eventually("two transfers counted", LONG, async || {
            let (_, page) = get(server.addr("METRICS_PORT"), "/metrics").await.expect("a page");
            let number = |of: &str| {
                let family = format!("coredns_dns_response_size_bytes_{of}{{proto=\"tcp\"");
                let is_it = |line: &&str| {
                    line.starts_with(&family) && line.contains("zone=\"cluster.local.\"")
                };
                page.lines().find(is_it)?.rsplit_once(' ')?.1.parse::<f64>().ok()
            };
            if number("count") == Some(2.0) { Ok(number("sum")) } else { Err(page) }
        })
        .await;
        seen.push((lines, sizes));
    }
    assert_eq!(seen[1], seen[0]);
    assert!(seen[0].0[1].starts_with("AXFR IN cluster.local. tcp"), "{:?}", seen[0]);
}
