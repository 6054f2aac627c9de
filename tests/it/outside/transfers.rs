//! Transfers of zones of `k8s_external`, beside the real CoreDNS.

use std::collections::BTreeSet;

use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::{MARKER, OBJECTS};
use crate::harness::ControlPlane;
use crate::harness::compare::{lines, render};
use crate::oracle::Pair;
use crate::transfer::{answers, transfer};

/// A Service whose address, which N stands for, moves: of those that are new the serial of CoreDNS does not tell.
const MOVING: &str = "
---
apiVersion: v1
kind: Service
metadata: { name: moving, namespace: outside }
spec: { externalIPs: [198.51.100.N], ports: [{ port: 80 }] }
";

/// A namespace that is not answered for.
const HIDDEN: &str = "
apiVersion: v1
kind: Namespace
metadata: { name: outside-hidden }
---
apiVersion: v1
kind: Service
metadata: { name: secret, namespace: outside-hidden }
spec: { externalIPs: [198.51.100.66], ports: [{ port: 80 }] }
---
";

/// What CoreDNS leaves out of a transfer and answers to questions: all but the first SRV record of a name.
/// `Z` stands for the zone.
const MORE: [&str; 9] = [
    "_http._tcp.host.outside.Z 30 IN SRV 0 100 80 www.upstream.example.",
    "_http._tcp.mixed.outside.Z 30 IN SRV 0 100 80 alias.upstream.example.",
    "_http._tcp.mixed.outside.Z 30 IN SRV 0 100 80 none.upstream.example.",
    "_https._tcp.host.outside.Z 30 IN SRV 0 100 443 www.upstream.example.",
    "host.outside.Z 30 IN SRV 0 100 443 www.upstream.example.",
    "mixed.outside.Z 30 IN SRV 0 100 80 alias.upstream.example.",
    "mixed.outside.Z 30 IN SRV 0 100 80 none.upstream.example.",
    "ports.outside.Z 30 IN SRV 0 100 53 ports.outside.Z",
    "two.outside.Z 30 IN SRV 0 100 443 two.outside.Z",
];

const COREFILE: &str = ".:{PORT} {
    bind 127.0.0.1
    transfer {
        to *
    }
    kubernetes cluster.local {
        kubeconfig KUBECONFIG
        namespaces outside outside-empty outside-marker
        ttl 30
    }
    k8s_external example.org sub.example.org in-addr.arpa {
        OPTIONS
    }
    forward . UPSTREAM
}";

/// Whether CoreDNS has a record that fleetdns has not: of a hidden namespace, and one that leads to a host
/// name of which two labels are missing.
fn is_wrong(record: &Record) -> bool {
    let cut: Name = "example.".parse().expect("a name");
    let is_cut = matches!(&record.data, RData::SRV(srv) if srv.target == cut);
    is_cut || record.name.iter().any(|label| label == b"outside-hidden")
}

#[tokio::test]
async fn zones_outside_are_transferred_as_by_coredns() {
    let cluster = ControlPlane::cluster("outside-transfer", "10.96.0.0/16,fd00:96::/112").await;
    let moving = |number: &str| MOVING.replace('N', number);
    cluster.apply(&format!("{HIDDEN}{OBJECTS}{}", moving("100"))).await;
    let all_options = "headless\napex NSdns\nttl 300\nfallthrough";
    for (options, least, number) in [("", 40, "101"), (all_options, 60, "102")] {
        let corefile = COREFILE.replace("OPTIONS", options);
        let pair = Pair::start_on(&cluster, &corefile, MARKER).await;
        cluster.apply(&moving(number)).await;
        for server in [pair.theirs(), pair.ours()] {
            let moved = format!("NOERROR 198.51.100.{number}");
            server.comes_to_say("moving.outside.example.org A", &moved).await;
        }
        for zone in ["example.org.", "Sub.Example.ORG.", "in-addr.arpa."] {
            let due = transfer(pair.theirs(), zone, None).await;
            let found = transfer(pair.ours(), zone, None).await;
            let head = |messages: &[hickory_proto::op::Message]| {
                let mut first = messages[0].clone();
                first.answers.clear();
                render(&first)
            };
            assert_eq!((found.len(), head(&found)), (due.len(), head(&due)), "{zone}");
            let (mut due, found) = (answers(&due), answers(&found));
            assert_eq!(found.first(), found.last(), "{zone} ends as it begins");
            due.retain(|record| !is_wrong(record));
            let (due, all) = (lines(&due), lines(&found));
            let found: BTreeSet<String> = all.iter().cloned().collect();
            assert_eq!(
                all.len(),
                found.len() + 1,
                "{zone}: each record once, and the SOA at the end"
            );
            let lower = zone.to_lowercase();
            let more = MORE.map(|line| line.replace('Z', &lower));
            let due: BTreeSet<String> = due.into_iter().chain(more).collect();
            println!("{zone}: {} records", found.len());
            assert!(found.len() > least, "{zone}: only {} records", found.len());
            let missing: Vec<&String> = due.difference(&found).collect();
            let odd: Vec<&String> = found.difference(&due).collect();
            assert!(missing.is_empty() && odd.is_empty(), "{zone}\nno {missing:#?}\nbut {odd:#?}");
            increments(&pair, zone).await;
        }
        // Names below a zone are asked for as any other.
        for name in ["outside.example.org.", "lb.outside.example.org.", "nowhere.example.org."] {
            let due = transfer(pair.theirs(), name, None).await;
            let found = transfer(pair.ours(), name, None).await;
            assert_eq!(render(&found[0]), render(&due[0]), "{name}");
        }
    }
}

/// IXFR with the serial that each has, and with others.
async fn increments(pair: &Pair, zone: &str) {
    for server in [pair.theirs(), pair.ours()] {
        let whole = answers(&transfer(server, zone, None).await);
        let RData::SOA(soa) = &whole[0].data else { panic!("{zone} begins with {}", whole[0]) };
        // A greater one is known, too.
        for (change, is_known) in [(0, true), (1, true), (-1, false)] {
            let serial = soa.serial.wrapping_add_signed(change);
            let said = transfer(server, zone, Some(serial)).await;
            let count = if is_known { 1 } else { whole.len() };
            assert_eq!(answers(&said).len(), count, "{zone}: serial {change:+}");
            assert_eq!(said[0].answers[0].record_type(), RecordType::SOA);
        }
    }
}
