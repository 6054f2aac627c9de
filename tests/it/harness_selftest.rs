//! The harness proved on itself: each part starts, does its work and goes.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use crate::harness::compare::rdata;
use crate::harness::dig::dig_inside;
use crate::harness::process::command;
use crate::harness::{
    Backend, COREDNS, ControlPlane, DigReply, Envoy, LONG, Namespace, Process, Question, Upstream,
    dig, envoy, eventually, get, parts, same_answer,
};

const SHOP: &str = "
apiVersion: v1
kind: Namespace
metadata: { name: selftest }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: selftest }
spec:
  type: LoadBalancer
  ports: [{ name: http, port: 80 }]
status:
  loadBalancer: { ingress: [{ ip: 203.0.113.9 }] }
---
apiVersion: v1
kind: Service
metadata: { name: db, namespace: selftest }
spec:
  clusterIP: None
  ports: [{ name: sql, port: 5432 }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: db-1
  namespace: selftest
  labels: { kubernetes.io/service-name: db }
addressType: IPv4
ports: [{ name: sql, port: 5432, protocol: TCP }]
endpoints:
- addresses: [10.244.0.5]
  hostname: db-0
  conditions: { ready: true }
";

#[tokio::test]
async fn a_service_of_a_cluster_is_answered_by_coredns() {
    let clusters = ControlPlane::shared().await;
    tokio::join!(clusters.east.apply(SHOP), clusters.west.apply(SHOP));
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            health 127.0.0.1:{{HEALTH_PORT}}
            kubernetes cluster.local in-addr.arpa {{
                kubeconfig {} east
            }}
        }}",
        clusters.east.kubeconfig().display()
    );
    let (mut coredns, twin) = tokio::join!(COREDNS.start(&corefile), COREDNS.start(&corefile));
    let name = "db-0.db.selftest.svc.cluster.local";
    eventually("the headless Service", LONG, async || {
        rdata(&coredns.ask(name, RecordType::A).await) == ["10.244.0.5"]
            && rdata(&twin.ask(name, RecordType::A).await) == ["10.244.0.5"]
    })
    .await;

    let web = coredns.ask("web.selftest.svc.cluster.local.", RecordType::A).await;
    assert!(rdata(&web)[0].starts_with("10.96."), "{web}");
    for name in [name, "web.selftest.svc.cluster.local", "no.selftest.svc.cluster.local"] {
        for kind in [RecordType::A, RecordType::AAAA, RecordType::SRV] {
            let question = Question::new(name, kind).edns(1232);
            let udp = question.ask(coredns.dns_addr()).await.expect("a reply");
            let other = question.tcp().ask(twin.dns_addr()).await.expect("a reply");
            same_answer(&udp, &other).expect("CoreDNS agrees with itself");
        }
    }
    let different = twin.ask(name, RecordType::A).await;
    let error = same_answer(&web, &different).expect_err("two names");
    assert!(error.contains("answer db-0.db.selftest.svc.cluster.local. 5 IN A 10.244.0.5"));

    let dug = dig(coredns.dns_addr(), "_sql._tcp.db.selftest.svc.cluster.local SRV +bufsize=1232");
    let dug = dug.await;
    assert_eq!((dug.status.as_str(), dug.opcode.as_str()), ("NOERROR", "QUERY"), "{}", dug.text);
    assert!(dug.has("aa") && !dug.has("tc"), "{}", dug.text);
    assert_eq!(dug.question, ["_sql._tcp.db.selftest.svc.cluster.local. IN SRV"]);
    let target = "db-0.db.selftest.svc.cluster.local.";
    let owner = "_sql._tcp.db.selftest.svc.cluster.local.";
    assert_eq!(dug.answer, [format!("{owner} 5 IN SRV 0 100 5432 {target}")]);
    assert_eq!(dug.additional, [format!("{target} 5 IN A 10.244.0.5")]);
    assert!(dug.edns[0].contains("udp: 1232"), "{:?}", dug.edns);

    let (status, body) = get(coredns.addr("HEALTH_PORT"), "/health").await.expect("HTTP");
    assert_eq!((status, body.as_str()), (200, "OK"));
    assert!(coredns.logs().contains("CoreDNS-1.15.0"), "{}", coredns.logs());
    assert!(coredns.terminate().await.success());
}

#[tokio::test]
async fn status_rights_and_dry_run_are_those_of_a_real_api_server() {
    let west = &ControlPlane::shared().await.west;
    west.apply(&SHOP.replace("selftest", "selftest-status")).await;
    let services = "/api/v1/namespaces/selftest-status/services";
    let read = async |client: kube::Client, path: String| {
        client.request_text(http::Request::get(path).body(Vec::new()).expect("a request")).await
    };
    let web = read(west.client().await, format!("{services}/web")).await.expect("the Service");
    assert!(web.contains("203.0.113.9"), "no status in {web}");

    let reader = west.client_of(crate::harness::api_server::READER).await;
    let refused = read(reader, services.into()).await.expect_err("no rights were granted");
    assert!(refused.to_string().contains("forbidden"), "{refused}");

    let other = SHOP.replace("selftest", "default").replace("name: web", "name: dry");
    west.server_side_dry_run(&other).await.expect("valid objects");
    let wrong = other.replace("port: 80", "port: 80000");
    let refused = west.server_side_dry_run(&wrong).await.expect_err("an impossible port");
    assert!(refused.contains("Service dry") && refused.contains("65535"), "{refused}");
    let absent = read(west.client().await, "/api/v1/namespaces/default/services/dry".into()).await;
    assert!(absent.expect_err("a dry run").to_string().contains("not found"));

    west.delete("{apiVersion: v1, kind: Namespace, metadata: {name: selftest-status}}").await;
    let gone = read(west.client().await, "/api/v1/namespaces/selftest-status".into()).await;
    assert!(gone.expect_err("a deleted Namespace").to_string().contains("not found"));
}

#[tokio::test]
async fn a_killed_api_server_keeps_its_data() {
    let mut cluster = ControlPlane::cluster("killed", "10.98.0.0/16").await;
    cluster.apply(SHOP).await;
    let service = async |client: kube::Client| {
        let path = "/api/v1/namespaces/selftest/services/web";
        client.request_text(http::Request::get(path).body(Vec::new()).expect("a request")).await
    };
    let before = service(cluster.client().await).await.expect("the Service");
    assert!(before.contains("10.98."), "{before}");

    cluster.process().stop();
    let frozen = cluster.client().await;
    let hang = tokio::time::timeout(std::time::Duration::from_millis(200), service(frozen)).await;
    assert!(hang.is_err(), "a frozen API server answered");
    cluster.process().cont();
    service(cluster.client().await).await.expect("it goes on");

    cluster.kill();
    service(cluster.client().await).await.expect_err("nobody is there");
    cluster.restart().await;
    assert_eq!(service(cluster.client().await).await.expect("the Service"), before);
}

#[tokio::test]
async fn a_refused_corefile_and_a_reload_are_seen() {
    let (status, logs) = COREDNS.refuse(".:{PORT} {\n nonsense\n}").await;
    assert!(!status.success() && logs.contains("nonsense"), "{logs}");

    let corefile = ".:{PORT} {
        bind 127.0.0.1
        reload 2s 1s
        hosts {
            192.0.2.1 host.test
        }
    }";
    let mut coredns = COREDNS.with(corefile).arg("-quiet").start().await;
    assert_eq!(rdata(&coredns.ask("host.test", RecordType::A).await), ["192.0.2.1"]);
    coredns.write_corefile(&corefile.replace("192.0.2.1", "192.0.2.2"));
    eventually("the new Corefile", LONG, async || {
        rdata(&coredns.ask("host.test", RecordType::A).await) == ["192.0.2.2"]
    })
    .await;
}

#[tokio::test]
async fn envoy_says_its_version() {
    let mut envoy = Process::start("envoy-version", &command(parts::envoy(), ["--version"]));
    assert!(envoy.wait().await.success());
    assert!(envoy.logs().contains("/1.40.0/"), "{}", envoy.logs());
}

#[tokio::test]
async fn curl_reaches_a_backend_through_the_sidecar_by_authority() {
    let Some(namespace) = Namespace::or_skip("the sidecar") else { return };
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let one = Backend::start("one", namespace.within(listen));
    let two = Backend::start("two", namespace.within(listen));
    let routes = [("web.one.remote", one.address()), ("web.two.remote", two.address())];
    let _envoy = Envoy::start(&envoy::sidecar(15_001, &routes), Some(&namespace)).await;
    namespace.redirect_tcp("240.0.0.0/4", 15_001);

    let corefile = ".:53 {
        bind 127.0.0.1
        template IN A remote {
            answer \"{{ .Name }} 30 IN A 240.0.0.1\"
        }
        template IN AAAA remote
    }";
    let _dns = COREDNS.with(corefile).inside(&namespace).start().await;
    namespace.resolve_with(Ipv4Addr::LOCALHOST.into());
    let dug = dig_inside(&namespace, ([127, 0, 0, 1], 53).into(), "web.one.remote").await;
    assert_eq!(dug.answer, ["web.one.remote. 30 IN A 240.0.0.1"]);

    for (name, backend) in [("web.one.remote", "one"), ("web.two.remote", "two")] {
        let reply = namespace.run(&format!("curl -sS -m 20 http://{name}:8000/")).await;
        assert_eq!(String::from_utf8_lossy(&reply.stdout), format!("{backend} {name}\n"));
    }
    let configuration = Path::new("/etc/netns").join(namespace.name());
    assert!(configuration.exists());
    drop((_envoy, _dns, one, two));
    drop(namespace);
    assert!(!configuration.exists());
}

#[tokio::test]
async fn an_upstream_refuses_and_remembers() {
    let upstream = Upstream::start(None);
    let question = Question::new("foo.remote.", RecordType::AAAA);
    for question in [question.clone().edns(1232), question.tcp()] {
        let reply = question.ask(upstream.address()).await.expect("a reply");
        assert_eq!(reply.metadata.response_code, ResponseCode::Refused);
    }
    assert_eq!(upstream.questions(), ["foo.remote. AAAA"; 2]);
    upstream.forget();
    assert_eq!(upstream.questions(), [""; 0]);
    // What cannot be read is seen too, and does not end it.
    let tell = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    tell.send_to(&[7], upstream.address()).await.expect("a packet");
    Question::new("bar.remote.", RecordType::A).ask(upstream.address()).await.expect("a reply");
    assert_eq!(upstream.questions(), ["not a question: [07]", "bar.remote. A"]);
}

#[test]
fn what_dig_prints_is_taken_apart() {
    let reply = DigReply::parse(
        "
; <<>> DiG 9.18 <<>> example.org
;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NXDOMAIN, id: 7
;; flags: qr aa rd; QUERY: 1, ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 1

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags: do; udp: 1232
; EDE: 3 (Stale Answer)
;; QUESTION SECTION:
;example.org.\t\t\tIN\tA

;; AUTHORITY SECTION:
example.org.\t30\tIN\tSOA\tns. host. 1 2 3 4 5

;; Query time: 0 msec
",
    );
    assert_eq!(reply.status, "NXDOMAIN");
    assert_eq!(reply.flags, ["qr", "aa", "rd"]);
    assert_eq!(reply.edns, ["version: 0, flags: do; udp: 1232", "EDE: 3 (Stale Answer)"]);
    assert_eq!(reply.question, ["example.org. IN A"]);
    assert_eq!(reply.authority, ["example.org. 30 IN SOA ns. host. 1 2 3 4 5"]);
    assert!(reply.answer.is_empty() && reply.additional.is_empty());
}
