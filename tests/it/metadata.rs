//! What `metadata` knows of questions, as `log` writes it, beside the real CoreDNS.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType::{self, A, PTR};

use crate::harness::{
    COREDNS, ControlPlane, DnsServer, FLEETDNS, LONG, Program, Question, eventually,
};

const OBJECTS: &str = "{apiVersion: v1, kind: Namespace, metadata: {name: meta}}
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: meta }
spec: { clusterIP: None }
---
apiVersion: v1
kind: Pod
metadata: { name: client, namespace: meta, labels: { app: shop, example.com/tier: front } }
spec: { containers: [{ name: c, image: i }] }
status: { phase: Running, podIPs: [{ ip: 127.0.0.1 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: meta, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
endpoints: [{ addresses: [10.46.0.1] }]
ports: []
";

const COREFILE: &str = r#".:{PORT} {
    bind 127.0.0.1
    metadata cluster.local 10.in-addr.arpa
    log example.org "{type} not {/kubernetes/kind}"
    log . "asked {type} {name} {class} {proto} {size} {>id} {>opcode} {>do} {>bufsize} {remote}: {rcode} {rsize} {>rflags}: {/kubernetes/kind}|{/kubernetes/namespace}|{/kubernetes/service}|{/kubernetes/endpoint}|{/kubernetes/protocol}|{/kubernetes/port-name}|{/kubernetes/zone}|{/kubernetes/parse-error}|{/kubernetes/client-namespace}|{/kubernetes/client-pod-name}|{/kubernetes/client-label/app}|{/kubernetes/client-label/example.com/tier}|{/kubernetes/bogus} {bogus}"
    kubernetes cluster.local in-addr.arpa {
        kubeconfig KUBECONFIG
        pods verified
        zonal
    }
}"#;

const NAMES: [&str; 14] = [
    "web.meta.svc.cluster.local.",
    "WEB.meta.svc.Cluster.Local.",
    "10-46-0-1.web.meta.svc.cluster.local.",
    "_http._tcp.web.meta.svc.cluster.local.",
    "__http._.web.meta.svc.cluster.local.",
    "a.pin._zone.web.meta.svc.cluster.local.",
    "a.b.prefer._zone.web.meta.svc.cluster.local.",
    "a.b.c.web.meta.svc.cluster.local.",
    "127-0-0-1.meta.pod.cluster.local.",
    "meta.svc.cluster.local.",
    "svc.cluster.local.",
    "1.0.46.10.in-addr.arpa.",
    "1.0.46.11.in-addr.arpa.",
    "www.example.org.",
];

/// The lines of the plugin `log`, without those of the questions that waited for the start.
fn lines(server: &DnsServer) -> Vec<String> {
    let logs = server.logs();
    let of_log = |line: &&str| line.contains("] asked ") || line.contains(" not ");
    let lines = logs
        .lines()
        .filter(of_log)
        .filter(|line| ![" AAAA ", " SOA "].iter().any(|kind| line.contains(kind)));
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn is_logged_as_by_coredns() {
    let east = &ControlPlane::shared().await.east;
    east.apply(OBJECTS).await;
    let corefile = COREFILE.replace("KUBECONFIG", &format!("{} east", east.kubeconfig().display()));
    let start = async |program: Program| {
        let server = program.start(&corefile).await;
        // The questions of AAAA are those that wait.
        for name in ["127-0-0-1.meta.pod.cluster.local.", "10-46-0-1.web.meta.svc.cluster.local."] {
            eventually(&format!("{name} in {}", program.name), LONG, async || {
                let reply = server.ask(name, RecordType::AAAA).await;
                reply.metadata.response_code == ResponseCode::NoError
            })
            .await;
        }
        server
    };
    let (coredns, fleetdns) = (start(COREDNS).await, start(FLEETDNS).await);
    let mut count = 0;
    for (id, name) in NAMES.into_iter().enumerate() {
        // Another type than PTR at a reverse name is a difference that README lists.
        for kind in if name.ends_with("arpa.") { [PTR, PTR] } else { [A, PTR] } {
            count += 1;
            for server in [&coredns, &fleetdns] {
                ask(server, name, kind, id as u16).await;
                // Lines are written after replies, so that those of two questions may change places.
                eventually("the line", LONG, async || lines(server).len() >= count).await;
            }
        }
    }
    assert_eq!(lines(&fleetdns), lines(&coredns));
    let logs = lines(&fleetdns).join("\n");
    assert!(logs.contains("svc|meta|web|||||-|meta|client|shop|front|- {bogus}"), "{logs}");
}

/// Asks with a fixed ID.
async fn ask(server: &DnsServer, name: &str, kind: RecordType, id: u16) {
    let question = Question::new(name, kind).edit(|message| message.metadata.id = id);
    question.ask(server.dns_addr()).await.expect("a reply");
}
