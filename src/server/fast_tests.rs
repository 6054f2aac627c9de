use std::path::Path;

use allocation_counter::measure;
use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::RecordType::{self, A, AAAA, ANY, AXFR, CNAME, DS, HINFO, MX, PTR, SRV};

use super::*;
use crate::corefile::{self, ParseOptions};
use crate::plugin::background::Background;
use crate::plugin::names;
use crate::server::instance::Instance;

const COREFILE: &str = ".:53 {
    errors
    prometheus 127.0.0.1:0
    local
    dns64
    loadbalance
    rewrite name old.example web.shop.svc.cluster.local
    cache 30
    minimal
    template IN ANY internal.example {
        rcode NXDOMAIN
    }
    sentinel remote {
        answer 240.0.0.1 240.0.0.2
    }
    hosts nowhere/hosts {
        192.0.2.1 host.internal
        192.0.2.2 *.wild.internal
        fallthrough
    }
    k8s_external outside.example
    loop
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        manifests zones/demo/east
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
    }
    fleet {
        local east
        members manifests west zones/demo/west
        members manifests vms zones/demo/vms
        reach vms gateway 203.0.113.10
        members manifests north NORTH
        per_cluster clusters.example
        clusterset clusterset.example
    }
}
hosts.example:53 2.0.192.in-addr.arpa:53 {
    prometheus 127.0.0.1:0
    loadbalance
    minimal
    hosts nowhere/hosts {
        192.0.2.1 a.hosts.example
        192.0.2.2 a.hosts.example
        2001:db8::1 a.hosts.example
        192.0.2.3 *.wild.hosts.example
        MANY
    }
}
logged.example:53 {
    log
    sentinel logged.example {
        answer 240.0.0.1
    }
}";

/// A member with an alias and an exported Service.
const NORTH: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: misc}
---
apiVersion: v1
kind: Service
metadata: {name: alias, namespace: misc}
spec: {type: ExternalName, externalName: web.shop.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: exported, namespace: misc}
spec: {type: ClusterIP, clusterIP: 10.98.0.1, clusterIPs: [10.98.0.1], ports: [{port: 80}]}
---
apiVersion: multicluster.x-k8s.io/v1alpha1
kind: ServiceExport
metadata: {name: exported, namespace: misc}
";

/// Names with so many addresses: they do not fit without compression, or not without EDNS.
const TWELVE: &str = "twelve-addresses-of-one-name";
const THIRTY: &str = "thirty-addresses-of-one-name";

fn packet(name: &str, qtype: RecordType, size: Option<u16>) -> Vec<u8> {
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(names::parse(name).unwrap(), qtype));
    if let Some(size) = size {
        let mut edns = hickory_proto::op::Edns::new();
        edns.set_max_payload(size);
        message.edns = Some(edns);
    }
    message.to_vec().unwrap()
}

/// The demo's clusters, once all is known of them.
async fn worker() -> Worker {
    let options = ParseOptions { default_port: 53, env: &|_| None };
    let lines = |(name, count)| {
        (0..count).map(move |host| format!("198.51.100.{host} {name}.hosts.example\n"))
    };
    let many = [(TWELVE, 12), (THIRTY, 30)].into_iter().flat_map(lines).collect::<String>();
    let north = tempfile::tempdir().unwrap();
    std::fs::write(north.path().join("misc.yaml"), NORTH).unwrap();
    let text = COREFILE.replace("MANY", &many).replace("NORTH", north.path().to_str().unwrap());
    let corefile = corefile::parse(Path::new("Corefile"), &text, &options).unwrap();
    let instance = Instance::build(&corefile).unwrap();
    instance.watch(&Background::default());
    instance.settled().await;
    Worker::new(instance.sites().remove(0), Transport::Udp)
}

fn client() -> SocketAddr {
    "192.0.2.1:40000".parse().unwrap()
}

/// What is asked most costs no allocation at all.
#[tokio::test]
async fn allocates_nothing() {
    let mut worker = worker().await;
    let mut out = Vec::with_capacity(1500);
    let mut allocating = Vec::new();
    for (name, qtype) in [
        ("web.shop.svc.cluster.local", A),
        ("WEB.shop.svc.cluster.local", AAAA),
        ("web.shop.svc.cluster.local", SRV),
        ("_http._tcp.web.shop.svc.cluster.local", SRV),
        ("db.shop.svc.cluster.local", A),
        ("db.shop.svc.cluster.local", SRV),
        ("db-0.db.shop.svc.cluster.local", A),
        ("none.shop.svc.cluster.local", A),
        ("www.example.com.svc.cluster.local", AAAA),
        ("www.example.com.shop.svc.cluster.local", A),
        ("shop.svc.cluster.local", A),
        ("cluster.local", RecordType::SOA),
        ("dns-version.cluster.local", RecordType::TXT),
        ("api.billing.svc.cluster.local", A),
        ("api.billing.svc.cluster.local", SRV),
        ("_grpc._tcp.api.billing.svc.cluster.local", SRV),
        ("ledger.legacy.svc.cluster.local", A),
        ("ledger.legacy.svc.cluster.local", AAAA),
        ("ledger.legacy.svc.cluster.local", SRV),
        ("40.0.97.10.in-addr.arpa", PTR),
        ("web.shop.svc.west.clusters.example", A),
        ("exported.misc.svc.clusterset.example", A),
        ("none.misc.svc.clusterset.example", A),
        ("alias.misc.svc.cluster.local", A),
        ("alias.misc.svc.cluster.local", CNAME),
        ("ns.dns.cluster.local", A),
        ("cluster.local", RecordType::NS),
        ("10-1-2-3.shop.pod.cluster.local", A),
        ("20.0.96.10.in-addr.arpa", PTR),
        ("31.1.244.10.in-addr.arpa", PTR),
        ("a.b.remote", A),
        ("remote", RecordType::NS),
        ("A.hosts.example", A),
        ("a.hosts.example", AAAA),
        ("a.hosts.example", MX),
        ("b.wild.hosts.example", A),
        ("2.2.0.192.in-addr.arpa", PTR),
        (&format!("{TWELVE}.hosts.example"), A),
        (&format!("{THIRTY}.hosts.example"), A),
    ] {
        let sizes = [None, Some(1232)];
        for size in sizes.into_iter().skip(usize::from(name.starts_with(THIRTY))) {
            let packet = packet(name, qtype, size);
            // The buffers grow once.
            assert!(worker.answer(&packet, client(), &mut out), "{name} {qtype} {size:?}");
            let found = measure(|| {
                worker.answer(&packet, client(), &mut out);
            });
            if found.count_total > 0 {
                allocating.push((name.to_owned(), qtype, found.count_total));
            }
            let message = Message::from_vec(&out).unwrap();
            assert_eq!((message.id, message.edns.is_some()), (7, size.is_some()));
        }
    }
    assert_eq!(allocating, []);
}

/// What the chain must see is left to it, and not counted.
#[tokio::test]
async fn leaves_the_rest_to_the_chain() {
    let mut worker = worker().await;
    let mut out = Vec::new();
    let web = "web.shop.svc.cluster.local";
    let with = |change: fn(&mut Vec<u8>)| {
        let mut packet = packet(web, A, None);
        change(&mut packet);
        packet
    };
    let mut rest = vec![
        packet("search.shop.svc.cluster.local", A, None),
        packet("www.example.com", A, None),
        packet("9.9.9.10.in-addr.arpa", PTR, None),
        packet("a.logged.example", A, None),
        // What plugins in front have a word in.
        packet("localhost", A, None),
        packet("1.0.0.127.in-addr.arpa", PTR, None),
        packet("old.example", A, None),
        packet("a.internal.example", A, None),
        packet("web.shop.outside.example", A, None),
        packet("none.hosts.example", A, None),
        // What has to be cut.
        packet(&format!("{THIRTY}.hosts.example"), A, None),
        // What `cache` is to keep.
        packet("host.internal", A, None),
        packet("a.wild.internal", A, None),
        with(|packet| packet.truncate(20)),
        with(|packet| packet.push(0)),
        // A response, another opcode, truncated, another class, a pointer.
        with(|packet| packet[2] |= 0x80),
        with(|packet| packet[2] |= 0x10),
        with(|packet| packet[2] |= 0x02),
        with(|packet| *packet.last_mut().unwrap() = 3),
        with(|packet| packet[12] = 0xc0),
        with(|packet| packet[5] = 2),
        // An option of EDNS, and another version.
        with(|packet| {
            packet.extend(b"\0\0\x29\x04\xd0\0\0\0\0\0\x04\0\x03\0\0");
            packet[11] = 1;
        }),
        with(|packet| {
            packet.extend(b"\0\0\x29\x04\xd0\0\x01\0\0\0\0");
            packet[11] = 1;
        }),
    ];
    rest.extend([ANY, AXFR, DS, HINFO].map(|qtype| packet(web, qtype, None)));
    for packet in rest {
        assert!(!worker.answer(&packet, client(), &mut out), "{packet:02x?}");
    }
    for qtype in [A, CNAME, MX] {
        assert!(worker.answer(&packet(web, qtype, None), client(), &mut out));
    }
    let page = worker.site.metrics().page();
    let counted = |line: &&str| line.starts_with("coredns_dns_requests_total{");
    let mut lines: Vec<&str> = page.lines().filter(counted).collect();
    lines.sort();
    let count = |qtype| {
        format!(
            "coredns_dns_requests_total{{family=\"1\",proto=\"udp\",server=\"dns://:53\",\
             type=\"{qtype}\",view=\"\",zone=\".\"}} 1"
        )
    };
    assert_eq!(lines, ["A", "CNAME", "MX"].map(count));
}
