//! CoreDNS's addon of Kubernetes, as the module of the API server has it, with this program in CoreDNS's place:
//! an API server takes the objects, and started as they say it is where probes, clients and Prometheus look.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;
use serde_json::Value;

use crate::harness::compare::rdata;
use crate::harness::manifests::documents;
use crate::harness::{
    COREDNS, ControlPlane, DnsServer, FLEETDNS, LONG, Namespace, Program, Question, eventually,
    objects, parts,
};

/// What `kubectl set image` sets, in our own manifests too.
fn image() -> String {
    let text =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/base/deployment.yaml"));
    let text = text.expect("our Deployment");
    let image = documents(&text)[0]["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    image.as_str().expect("an image").to_owned()
}

/// The objects, with what a cluster's setup fills in.
fn objects_of_the_addon() -> Vec<Value> {
    let text = fs::read_to_string(parts::coredns_addon()).expect("the addon");
    let text = text
        .replace("__DNS__DOMAIN__", "cluster.local")
        .replace("__DNS__MEMORY__LIMIT__", "170Mi")
        .replace("__DNS__SERVER__", "10.96.0.211");
    documents(&text)
}

fn of_kind<'o>(objects: &'o [Value], kind: &str) -> &'o Value {
    objects.iter().find(|object| object["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))
}

fn yaml(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("---\n{object}\n")).collect()
}

#[tokio::test]
async fn the_api_server_takes_the_addon_with_another_image() {
    let east = &ControlPlane::shared().await.east;
    east.apply(&objects::namespace("kube-system")).await;
    let mut objects = objects_of_the_addon();
    east.server_side_dry_run(&yaml(&objects)).await.expect("as it is");
    let deployment = objects.iter_mut().find(|object| object["kind"] == "Deployment");
    let deployment = deployment.expect("a Deployment");
    let before = deployment["spec"]["template"]["spec"]["containers"][0]["image"].take();
    assert!(before.as_str().is_some_and(|image| image.contains("coredns")), "{before}");
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = image().into();
    east.server_side_dry_run(&yaml(&objects)).await.expect("with another image");
}

/// What follows from the container and its Service is asked of both programs.
#[tokio::test]
async fn it_is_where_the_addon_looks() {
    let objects = objects_of_the_addon();
    let container = &of_kind(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    // As the harness starts it.
    assert_eq!(container["args"], serde_json::json!(["-conf", "/etc/coredns/Corefile"]));
    assert_eq!(container["command"], Value::Null);
    let corefile = of_kind(&objects, "ConfigMap")["data"]["Corefile"].as_str().expect("a Corefile");
    // There is no API server here.
    let nowhere = "ttl 30\n endpoint http://127.0.0.1:1";
    assert!(corefile.contains("ttl 30"), "{corefile}");
    let corefile = corefile.replace("ttl 30", nowhere);
    let mut pages = Vec::new();
    for probe in ["livenessProbe", "readinessProbe"] {
        let get = &container[probe]["httpGet"];
        pages.push(format!("{}{}", get["port"], get["path"].as_str().expect("a path")));
    }
    let mut asked = Vec::new();
    for port in container["ports"].as_array().expect("ports") {
        let at = port["containerPort"].as_u64().expect("a port");
        match (port["name"].as_str(), port["protocol"].as_str()) {
            (Some("metrics"), _) => pages.push(format!("{at}/metrics")),
            (_, protocol) => asked.push((at as u16, protocol == Some("TCP"))),
        }
    }
    assert_eq!((pages.len(), asked.len()), (3, 2), "{container}");
    let mut found = Vec::new();
    for program in [COREDNS, FLEETDNS] {
        let Some(namespace) = Namespace::or_skip("the addon's ports") else { return };
        let server = start(program, &corefile, &namespace).await;
        let mut said = Vec::new();
        for page in &pages {
            let shown = "%{http_code} %{content_type}";
            let url = format!("http://127.0.0.1:{page}");
            let words = ["curl", "-sS", "-o", "/dev/null", "-w", shown, url.as_str()];
            let output = namespace.run_words(words).await;
            said.push(format!("{page} {}", String::from_utf8_lossy(&output.stdout)));
        }
        let mut replies = Vec::new();
        for (port, tcp) in &asked {
            for name in ["web.shop.svc.cluster.local.", "1.0.96.10.in-addr.arpa."] {
                let question = Question::new(name, RecordType::A).inside(&namespace);
                let question = if *tcp { question.tcp() } else { question };
                let at = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
                replies.push(question.ask(at).await.unwrap_or_else(|e| panic!("{name} {at}: {e}")));
            }
        }
        found.push((said, replies, server));
    }
    let [(expected, answers, _coredns), (said, replies, _fleetdns)] = &found[..] else {
        unreachable!("two programs")
    };
    assert_eq!(said, expected);
    assert!(said[0].contains(" 200 ") && said[2].contains(" 200 "), "{said:?}");
    for (answer, reply) in answers.iter().zip(replies) {
        // The TTL of a SERVFAIL is that of CoreDNS's cache, which keeps nothing of `kubernetes` here.
        let of = |message: &Message| (message.metadata.response_code, rdata(message));
        assert_eq!(of(reply), of(answer));
    }
}

/// On the ports of the Corefile, all of which are free in a namespace of its own. CoreDNS has its pages before
/// it answers.
async fn start(program: Program, corefile: &str, namespace: &Namespace) -> DnsServer {
    // Documentation's: nobody answers there.
    namespace.resolve_with(Ipv4Addr::new(192, 0, 2, 53).into());
    let server = program.with(corefile).inside(namespace).launch();
    let question = Question::new("cluster.local.", RecordType::A).inside(namespace);
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 53));
    eventually("an answer", LONG, async || question.ask(at).await).await;
    server
}
