//! NS, and the addresses of `ns.dns`: of servers that listen everywhere, in a network namespace.

use std::net::TcpListener;

use hickory_proto::rr::RecordType;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use crate::harness::compare::render;
use crate::harness::dig::dig_inside;
use crate::harness::objects::namespace as namespace_object;
use crate::harness::{
    ApiServer, COREDNS, ControlPlane, DnsServer, FLEETDNS, LONG, Namespace, Program, eventually,
};

/// The address of a namespace's interface, which makes the servers endpoints.
const OWN: &str = "198.18.0.2";

const COREFILE: &str = ".:{PORT} {
    transfer {
        to *
    }
    kubernetes cluster.local in-addr.arpa {
        kubeconfig KUBECONFIG
        ttl 30
    }
}";

const QUESTIONS: [(&str, RecordType); 10] = [
    ("cluster.local.", RecordType::NS),
    ("in-addr.arpa.", RecordType::NS),
    ("ns.dns.cluster.local.", RecordType::A),
    ("ns.dns.cluster.local.", RecordType::AAAA),
    ("ns.dns.cluster.local.", RecordType::SRV),
    ("NS.dns.in-addr.arpa.", RecordType::A),
    ("kube-dns.kube-system.svc.cluster.local.", RecordType::A),
    ("one.dns-pods.kube-system.svc.cluster.local.", RecordType::A),
    ("cluster.local.", RecordType::A),
    ("cluster.local.", RecordType::MX),
];

/// What there is at a time: what is written for it, what is deleted, and what NS then says.
struct Stage {
    title: &'static str,
    apply: String,
    delete: String,
    says: &'static [&'static str],
}

fn service(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{ name: {name}, namespace: kube-system }}\nspec: {spec}\n"
    )
}

fn slice(service: &str, endpoints: &str) -> String {
    format!(
        "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: {service}-1\n  \
         namespace: kube-system\n  labels: {{ kubernetes.io/service-name: {service} }}\n\
         addressType: IPv4\nports: [{{ name: dns, port: 53, protocol: UDP }}]\nendpoints: {endpoints}\n"
    )
}

fn stages() -> Vec<Stage> {
    let own = format!("[{{ addresses: [{OWN}], hostname: one }}, {{ addresses: [10.244.9.8] }}]");
    let dual = "{ clusterIP: 10.96.0.10, clusterIPs: [10.96.0.10, 'fd00:96::10'], \
                ipFamilyPolicy: RequireDualStack, ports: [{ name: dns, port: 53, protocol: UDP }] }";
    let kube_dns = service("kube-dns", dual);
    let pods = service("dns-pods", "{ clusterIP: None }");
    let other = service("other", "{ clusterIP: 10.96.0.11, ports: [{ port: 53 }] }");
    let elsewhere = slice("other", "[{ addresses: [10.244.9.7] }]");
    let stage = |title, apply: &str, delete: &str, says| Stage {
        title,
        apply: apply.into(),
        delete: delete.into(),
        says,
    };
    vec![
        stage("no Service", &(other + &elsewhere), "", &["ns.dns.cluster.local.", OWN, "fe80:"]),
        stage(
            "a dual stack Service",
            &(kube_dns.clone() + &slice("kube-dns", &own)),
            "",
            &["kube-dns.kube-system.svc.cluster.local.", "10.96.0.10", "fd00:96::10"],
        ),
        stage(
            "a headless one beside",
            &(pods.clone() + &slice("dns-pods", &own)),
            "",
            &["kube-dns.", "one.dns-pods.", "10-244-9-8.dns-pods.", "10.244.9.8"],
        ),
        stage(
            "the headless one alone",
            "",
            &(kube_dns + &slice("kube-dns", &own)),
            &["one.dns-pods."],
        ),
        stage("endpoints of nothing", "", &pods, &["authority"]),
        stage("nothing again", "", &slice("dns-pods", &own), &["ns.dns.cluster.local.", OWN]),
    ]
}

/// The API server, on its port inside of a namespace as well.
fn reachable_inside(namespace: &Namespace, api: &ApiServer) {
    let port = api.port();
    let listener = namespace.within(|| {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("a port of the namespace");
        listener.set_nonblocking(true).map(|()| listener).expect("a socket")
    });
    let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
    tokio::spawn(async move {
        while let Ok((mut inside, _)) = listener.accept().await {
            tokio::spawn(async move {
                if let Ok(mut outside) = TcpStream::connect(("127.0.0.1", port)).await {
                    let _ = copy_bidirectional(&mut inside, &mut outside).await;
                }
            });
        }
    });
}

async fn said(server: &DnsServer) -> Vec<String> {
    let mut all = Vec::new();
    for (name, kind) in QUESTIONS {
        all.push(render(&server.ask(name, kind).await));
    }
    all
}

/// The records of a transfer, without the SOA.
async fn transferred(server: &DnsServer, namespace: &Namespace) -> Vec<String> {
    let reply = dig_inside(namespace, server.dns_addr(), "AXFR cluster.local").await;
    let mut lines: Vec<String> =
        reply.answer.into_iter().filter(|line| !line.contains(" SOA ")).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn are_the_services_that_this_server_is_an_endpoint_of() {
    let Some(namespace) = Namespace::or_skip("name servers") else { return };
    let api = ControlPlane::cluster("name-servers", "10.96.0.0/16,fd00:96::/112").await;
    api.apply(&namespace_object("kube-system")).await;
    reachable_inside(&namespace, &api);
    let kubeconfig = format!("{} name-servers", api.kubeconfig().display());
    let corefile = COREFILE.replace("KUBECONFIG", &kubeconfig);
    let start = async |program: Program| program.with(&corefile).inside(&namespace).start().await;
    let (coredns, fleetdns) = tokio::join!(start(COREDNS), start(FLEETDNS));
    for stage in stages() {
        if !stage.apply.is_empty() {
            api.apply(&stage.apply).await;
        }
        if !stage.delete.is_empty() {
            api.delete(&stage.delete).await;
        }
        for server in [&coredns, &fleetdns] {
            eventually(stage.title, LONG, async || {
                let said = render(&server.ask("cluster.local.", RecordType::NS).await);
                let missing = stage.says.iter().find(|text| !said.contains(**text));
                // Of what was deleted nothing may be left.
                let left = stage.says.len() == 1 && said.contains("kube-dns.");
                match missing {
                    None if !left => Ok(()),
                    _ => Err(said),
                }
            })
            .await;
        }
        assert_eq!(said(&fleetdns).await, said(&coredns).await, "{}", stage.title);
        let (due, found) =
            (transferred(&coredns, &namespace).await, transferred(&fleetdns, &namespace).await);
        assert_eq!(found, due, "{}", stage.title);
        assert!(!found.is_empty());
    }
}
