//! A headless Service of a thousand endpoints: how much of it fits, and when TC is set.

use std::fmt::Write;

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;

use crate::harness::{ControlPlane, Question, same_answer};

use super::pair::Pair;

pub const NAME: &str = "big.large.svc.cluster.local.";

/// One slice holds as many endpoints as the API allows, so that CoreDNS keeps their order.
pub fn objects() -> String {
    let mut yaml = String::from(
        "{apiVersion: v1, kind: Namespace, metadata: {name: large}}
---
apiVersion: v1
kind: Service
metadata: { name: big, namespace: large }
spec: { clusterIP: None, ports: [{ name: http, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: big-1, namespace: large, labels: { kubernetes.io/service-name: big } }
addressType: IPv4
ports: [{ name: http, port: 80 }]
endpoints:
",
    );
    for host in 0..1000 {
        let _ = writeln!(yaml, "- {{ addresses: [10.45.{}.{}] }}", host / 250, host % 250 + 1);
    }
    yaml
}

#[tokio::test]
async fn a_thousand_endpoints_are_cut_where_coredns_cuts_them() {
    ControlPlane::shared().await.east.apply(&objects()).await;
    let corefile = "cluster.local:{PORT} {
        bind 127.0.0.1
        kubernetes {
            kubeconfig KUBECONFIG
        }
    }";
    let pair = Pair::start(corefile, NAME).await;
    let port = format!("_http._tcp.{NAME}");
    let mut wrong = Vec::new();
    for (name, kind) in [(NAME, RecordType::A), (NAME, RecordType::SRV), (&port, RecordType::SRV)] {
        let plain = Question::new(name, kind);
        let sizes = [512, 513, 1231, 1232, 1233, 1452, 4096, 8192];
        let edns = sizes.into_iter().map(|size| plain.clone().edns(size));
        let dnssec = [plain.clone().edns(1232).dnssec_ok()];
        let mut questions: Vec<Question> = edns.chain(dnssec).collect();
        questions.extend([plain.clone(), plain.clone().tcp(), plain.clone().tcp().edns(1232)]);
        for question in questions {
            let (coredns, fleetdns) = pair.both(&question).await;
            let coredns = due(coredns.expect("CoreDNS's reply"), question.is_tcp());
            let fleetdns = fleetdns.expect("fleetdns's reply");
            println!("{kind} {}: {}", question.describe(), counts(&fleetdns));
            if same_answer(&coredns, &fleetdns).is_err() {
                let (coredns, fleetdns) = (counts(&coredns), counts(&fleetdns));
                wrong.push(format!(
                    "{name} {kind} {}: due {coredns}, fleetdns {fleetdns}",
                    question.describe()
                ));
            }
        }
    }
    same_bytes(&pair).await;
    // Here CoreDNS makes an answer that no datagram holds, and says nothing.
    let largest = Question::new(NAME, RecordType::SRV).edns(65_535);
    let largest = pair.fleetdns_alone(&largest).await.expect("fleetdns's reply");
    println!("SRV udp edns 65535: {}", counts(&largest));
    assert!(largest.metadata.truncation && largest.answers.len() > 900, "{}", counts(&largest));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Compression, and the sizes below 512 that the codec cannot say: the packets themselves are compared.
async fn same_bytes(pair: &Pair) {
    for kind in [RecordType::A, RecordType::SRV] {
        for size in [0_u16, 100, 511, 512, 513, 1232, 1480, 4096, 16_383, 16_384, 32_767] {
            let mut packet = Question::new(NAME, kind).edns(512).packet();
            // OPT is last, and ends with its size, code, version, flags and length.
            let at = packet.len() - 8;
            packet[at..at + 2].copy_from_slice(&size.to_be_bytes());
            let (coredns, fleetdns) = pair.exchange(&packet).await;
            assert!(coredns == fleetdns, "{kind} {size}:\n{coredns:02x?}\n{fleetdns:02x?}");
        }
    }
}

/// The difference that README lists: over TCP CoreDNS sets TC where glue alone was left out, which is no truncation (RFC 2181 §9).
fn due(mut coredns: Message, tcp: bool) -> Message {
    if tcp && coredns.answers.len() == 1000 {
        coredns.metadata.truncation = false;
    }
    coredns
}

fn counts(message: &Message) -> String {
    format!(
        "{} answers, {} additional, tc {}",
        message.answers.len(),
        message.additionals.len(),
        message.metadata.truncation,
    )
}
