//! Transfers of zones: record by record as CoreDNS gives them, and loaded by a real secondary.

mod secondary;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::SOA;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::harness::compare::{lines, render};
use crate::harness::{
    COREDNS, Connection, ControlPlane, DnsServer, FLEETDNS, LONG, Program, Question, dig,
    eventually, ports,
};
use crate::oracle::OBJECTS;
use secondary::Nsd;

/// What the objects of the oracle do not have: another Service of one name, a name of a pod with dots,
/// an endpoint that is a name, and what is said last.
const MORE: &str = "
---
apiVersion: v1
kind: Service
metadata: { name: dual, namespace: oracle-b }
spec: { ports: [{ name: http, port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: named-x, namespace: oracle, labels: { kubernetes.io/service-name: empty } }
addressType: FQDN
ports: [{ name: pg, port: 5432 }, { name: any }]
endpoints: [{ addresses: [db.example.com] }]
---
apiVersion: v1
kind: Service
metadata: { name: zz-marker, namespace: oracle-b }
spec: { clusterIP: None }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: zz-marker, namespace: oracle-b, labels: { kubernetes.io/service-name: zz-marker } }
addressType: IPv4
ports: []
endpoints: [{ addresses: [10.44.254.1] }]
";
const MARKER: &str = "zz-marker.oracle-b.svc.cluster.local. A";

/// Who may have which zone, and who not.
const COREFILE: &str = ".:{PORT} {
    bind 127.0.0.1
    transfer cluster.local a.test ip6.arpa {
        to * 192.0.2.1
    }
    transfer in-addr.arpa {
        to 192.0.2.1:53 127.0.0.1
    }
    transfer b.test {
        to 192.0.2.1
    }
    kubernetes cluster.local a.test b.test in-addr.arpa ip6.arpa {
        kubeconfig KUBECONFIG
        namespaces oracle oracle-b oracle-empty
        ttl 600
    }
}";

/// Starts a program, and waits until it knows all objects.
async fn start(program: Program, corefile: &str) -> DnsServer {
    let server = program.start(corefile).await;
    eventually(&format!("{MARKER} in {}", program.name), LONG, async || {
        let said = server.says(MARKER).await;
        if said.starts_with("NOERROR 10.44.254.1") { Ok(()) } else { Err(said) }
    })
    .await;
    server
}

/// The messages of a transfer; with a serial, of an incremental one.
pub async fn transfer(server: &DnsServer, zone: &str, serial: Option<u32>) -> Vec<Message> {
    let kind = if serial.is_some() { RecordType::IXFR } else { RecordType::AXFR };
    let question = Question::new(zone, kind).edit(|message| {
        if let Some(serial) = serial {
            message.authorities.push(soa(zone, serial));
        }
    });
    let mut connection = Connection::open(server.dns_addr()).await.expect("a connection");
    connection.send(&question).await.expect("a question can be sent");
    let mut messages = Vec::new();
    loop {
        messages.push(connection.reply().await);
        let soas = |message: &Message| {
            let soas = message.answers.iter().filter(|r| r.record_type() == RecordType::SOA);
            soas.count()
        };
        let (all, first) = (messages.iter().map(soas).sum::<usize>(), &messages[0]);
        if all != 1 || first.answers.len() == 1 {
            return messages;
        }
    }
}

fn soa(zone: &str, serial: u32) -> Record {
    let name: Name = zone.parse().expect("a name");
    let data = RData::SOA(SOA::new(name.clone(), name.clone(), serial, 1, 1, 1, 1));
    Record::from_rdata(name, 5, data)
}

/// All records of a transfer.
pub fn answers(messages: &[Message]) -> Vec<Record> {
    messages.iter().flat_map(|message| message.answers.clone()).collect()
}

/// The kinds of the records in their order, each run of one kind once, up to the first Service.
fn beginning(records: &[Record]) -> Vec<RecordType> {
    records.iter().take(2).map(Record::record_type).collect()
}

#[tokio::test]
async fn zones_are_transferred_as_by_coredns() {
    let cluster = ControlPlane::cluster("transfer", "10.96.0.0/16,fd00:96::/112").await;
    cluster.apply(&format!("{OBJECTS}{MORE}")).await;
    let kubeconfig = format!("{} transfer", cluster.kubeconfig().display());
    let corefile = COREFILE.replace("KUBECONFIG", &kubeconfig);
    let (coredns, fleetdns) = tokio::join!(start(COREDNS, &corefile), start(FLEETDNS, &corefile));
    for zone in ["cluster.local.", "a.test.", "A.Test.", "in-addr.arpa.", "ip6.arpa."] {
        let due = transfer(&coredns, zone, None).await;
        let found = transfer(&fleetdns, zone, None).await;
        assert_eq!(found.len(), due.len(), "{zone}: messages");
        let heads = |messages: &[Message]| -> Vec<String> {
            let empty = messages.iter().cloned().map(|mut message| {
                message.answers.clear();
                render(&message)
            });
            empty.collect()
        };
        assert_eq!(heads(&found), heads(&due), "{zone}");
        let (due, found) = (answers(&due), answers(&found));
        println!("{zone}: {} records", due.len());
        assert!(due.len() > 100, "{zone}: only {} records", due.len());
        assert_eq!(lines(&found), lines(&due), "{zone}");
        assert_eq!(beginning(&found), beginning(&due), "{zone}");
        assert_eq!(found.last().map(Record::record_type), Some(RecordType::SOA), "{zone}");
        increments(&coredns, &fleetdns, zone).await;
    }
    refusals(&coredns, &fleetdns).await;
    // What is no zone is none to transfer: README lists it.
    for name in ["oracle.svc.cluster.local.", "svc.cluster.local.", "x.in-addr.arpa."] {
        let reply = transfer(&fleetdns, name, None).await;
        assert_eq!(reply[0].metadata.response_code, ResponseCode::NotAuth, "{name}");
        assert_eq!(answers(&reply).len(), 0, "{name}");
    }
    let printed = dig(fleetdns.dns_addr(), "AXFR cluster.local").await;
    assert_eq!(
        printed.answer.len(),
        answers(&transfer(&fleetdns, "cluster.local.", None).await).len()
    );
}

/// IXFR with the serial that each has, with others, and with none.
async fn increments(coredns: &DnsServer, fleetdns: &DnsServer, zone: &str) {
    let serial = async |server: &DnsServer| {
        let whole = answers(&transfer(server, zone, None).await);
        match &whole[0].data {
            RData::SOA(soa) => soa.serial,
            other => panic!("{zone} begins with {other}"),
        }
    };
    let (due, found) = (serial(coredns).await, serial(fleetdns).await);
    for change in [0, -1, 1, i64::from(i32::MIN)] {
        let other = |serial: u32| Some((i64::from(serial) + change) as u32);
        let due = transfer(coredns, zone, other(due)).await;
        let found = transfer(fleetdns, zone, other(found)).await;
        let shown = |messages: &[Message]| messages.iter().map(render).collect::<String>();
        if change == 0 {
            assert_eq!(shown(&found), shown(&due), "{zone}: the same serial");
            assert_eq!(answers(&found).len(), 1);
        }
        assert_eq!(lines(&answers(&found)), lines(&answers(&due)), "{zone}: serial {change:+}");
    }
    for server in [coredns, fleetdns] {
        let nothing = transfer(server, zone, Some(0)).await;
        assert!(answers(&nothing).len() > 100, "serial 0");
        let without = Question::new(zone, RecordType::IXFR).tcp().ask(server.dns_addr()).await;
        let without = without.expect("a reply");
        assert_eq!(without.metadata.response_code, ResponseCode::ServFail);
    }
}

/// Over UDP, to others, of other zones.
async fn refusals(coredns: &DnsServer, fleetdns: &DnsServer) {
    for (name, kind, tcp) in [
        ("cluster.local.", RecordType::AXFR, false),
        ("cluster.local.", RecordType::IXFR, false),
        ("example.org.", RecordType::AXFR, false),
        ("b.test.", RecordType::AXFR, true),
        ("c.test.", RecordType::AXFR, true),
        ("example.org.", RecordType::IXFR, true),
    ] {
        let ask = async |server: &DnsServer| {
            let question = Question::new(name, kind);
            let question = if tcp { question.tcp() } else { question };
            render(&question.ask(server.dns_addr()).await.expect("a reply"))
        };
        assert_eq!(ask(fleetdns).await, ask(coredns).await, "{name} {kind} tcp {tcp}");
    }
}

/// A zone without names would empty a secondary: CoreDNS gives one.
#[tokio::test]
async fn a_zone_of_which_nothing_is_known_is_not_transferred() {
    let corefile = format!(
        ".:{{PORT}} {{\nbind 127.0.0.1\ntransfer {{\nto *\n}}\nkubernetes cluster.local {{\n\
         endpoint http://127.0.0.1:{}\nstartup_timeout 1ms\n}}\n}}",
        ports::free()
    );
    let fleetdns = FLEETDNS.start(&corefile).await;
    let reply = transfer(&fleetdns, "cluster.local.", None).await;
    assert_eq!(reply[0].metadata.response_code, ResponseCode::ServFail);
    assert_eq!(answers(&reply).len(), 0);
}

#[tokio::test]
async fn a_secondary_loads_the_zones() {
    let cluster = ControlPlane::cluster("secondary", "10.96.0.0/16,fd00:96::/112").await;
    cluster.apply(&format!("{OBJECTS}{MORE}")).await;
    let kubeconfig = format!("{} secondary", cluster.kubeconfig().display());
    let fleetdns = start(FLEETDNS, &COREFILE.replace("KUBECONFIG", &kubeconfig)).await;
    let zones = ["cluster.local", "in-addr.arpa"];
    let nsd = Nsd::start(fleetdns.dns_addr(), &zones).await;
    for question in [
        MARKER,
        "dual.oracle.svc.cluster.local. A",
        "dual.oracle.svc.cluster.local. AAAA",
        "cluster.local. SOA",
        "in-addr.arpa. SOA",
    ] {
        let due = fleetdns.says(question).await;
        assert!(due.starts_with("NOERROR"), "{question}: {due}");
        eventually(&format!("{question} in NSD"), LONG, async || {
            let said = nsd.says(question).await;
            let same = said.split(" + ").next() == due.split(" + ").next();
            if same { Ok(()) } else { Err(format!("{said} instead of {due}\n{}", nsd.logs())) }
        })
        .await;
    }
    // The weights of a transfer are of one slice, or of one address, as in CoreDNS.
    let weight = nsd.says("_http._tcp.dual.oracle.svc.cluster.local. SRV").await;
    assert!(weight.starts_with("NOERROR 0 100 80 dual.oracle.svc.cluster.local."), "{weight}");
}
