//! What mesh operators meet with sentinel suffixes, each as a test that is named by its number.
//!
//! Some need parts of their own, and stand with others of their kind: 6 in [`super::leaks`], 17 to 21 in
//! [`super::pools`], 22 and 23 in [`super::service_entries`], 24 in [`super::sidecar`]. 32, a reload under
//! load, needs `reload`.

use std::collections::HashSet;
use std::fs;

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::{DNSClass, RecordType};

use crate::harness::client::{exchange_tcp, exchange_udp};
use crate::harness::connection::Connection;
use crate::harness::objects::{namespace, service};
use crate::harness::{
    ApiServer, COREDNS, ControlPlane, DnsServer, FLEETDNS, Question, Upstream, dig, fleet, ports,
    scratch,
};

/// The suffixes of all scenarios, and a cluster from manifests.
const SUFFIXES: &str = "
    kubernetes cluster.local in-addr.arpa {
        manifests FOLDER
    }
    sentinel remote {
        answer 240.0.0.10
        except ingress.b.remote
        guard com
    }
    sentinel eu.remote {
        answer 240.0.0.20
        ttl 5
    }
    sentinel global {
        answer 240.0.0.31 240.0.0.32
    }
    sentinel six {
        answer 240.0.0.40 fd00::40
    }
    sentinel mesh.cluster.local {
        answer 240.0.0.50
    }
    hosts {
        192.0.2.80 ingress.b.remote
        fallthrough
    }";

const WEB: &str = "apiVersion: v1
kind: Service
metadata: { name: web, namespace: ns1 }
spec: { clusterIP: 10.96.0.7, ports: [{ name: http, port: 80 }] }
";

async fn server() -> (DnsServer, Upstream) {
    let folder = scratch::folder("cluster");
    fs::write(folder.join("web.yaml"), WEB).expect("write a manifest");
    let upstream = Upstream::start(None);
    let suffixes = SUFFIXES.replace("FOLDER", &folder.display().to_string());
    let forward = format!("forward . {}", upstream.address());
    let corefile = format!(".:{{PORT}} {{\nbind 127.0.0.1\n{suffixes}\n{forward}\n}}");
    let server = FLEETDNS.start(&corefile).await;
    upstream.forget();
    (server, upstream)
}

/// Asks for each and compares, and demands that nothing went upstream.
async fn say(expected: &[(&str, &str)]) {
    let (server, upstream) = server().await;
    server.must_say(expected).await;
    assert_eq!(upstream.questions(), [""; 0]);
}

#[tokio::test]
async fn s01_a_name_has_the_sentinel() {
    let (server, _) = server().await;
    let reply = dig(server.dns_addr(), "foo.remote A").await;
    assert_eq!(reply.answer, ["foo.remote. 30 IN A 240.0.0.10"], "{}", reply.text);
    assert!(reply.has("aa") && reply.status == "NOERROR", "{}", reply.text);
}

#[tokio::test]
async fn s02_a_name_of_any_depth_has_it() {
    let deep = format!("{}remote A", "a.".repeat(120));
    say(&[
        ("a.b.c.svc.d.remote A", "NOERROR 240.0.0.10"),
        ("name.ns.svc.cluster.remote A", "NOERROR 240.0.0.10"),
        (&deep, "NOERROR 240.0.0.10"),
    ])
    .await;
}

#[tokio::test]
async fn s03_the_other_family_is_no_data_with_an_soa() {
    say(&[("foo.remote AAAA", "NODATA remote. 30")]).await;
}

#[tokio::test]
async fn s04_each_family_answers_for_itself() {
    say(&[("foo.six A", "NOERROR 240.0.0.40"), ("foo.six AAAA", "NOERROR fd00::40")]).await;
}

#[tokio::test]
async fn s05_the_suffix_itself_is_a_zone() {
    say(&[
        ("remote A", "NODATA remote. 30"),
        ("remote AAAA", "NODATA remote. 30"),
        ("remote NS", "NOERROR ns.dns.remote."),
        ("remote SOA", "NOERROR ns.dns.remote. hostmaster.remote. 1 7200 1800 86400 30"),
    ])
    .await;
}

#[tokio::test]
async fn s07_any_is_minimal_and_goes_nowhere() {
    let (server, upstream) = server().await;
    let reply = dig(server.dns_addr(), "foo.remote ANY +notcp").await;
    assert_eq!(reply.answer, ["foo.remote. 30 IN HINFO \"RFC8482\" \"\""], "{}", reply.text);
    assert_eq!(upstream.questions(), [""; 0]);
}

#[tokio::test]
async fn s08_letter_case_is_echoed_and_means_nothing() {
    let (server, _) = server().await;
    let reply = server.ask("FoO.rEmOtE.", RecordType::A).await;
    assert_eq!(reply.queries[0].name().to_ascii(), "FoO.rEmOtE.");
    assert_eq!(reply.answers[0].name.to_ascii(), "FoO.rEmOtE.");
    assert_eq!(reply.answers[0].data.to_string(), "240.0.0.10");
}

#[tokio::test]
async fn s09_labels_are_whole() {
    let (server, upstream) = server().await;
    for name in ["fooremote.", "remote.example.com.", "xremote."] {
        assert_eq!(server.says(&format!("{name} A")).await, "REFUSED", "{name}");
    }
    assert_eq!(upstream.questions().len(), 3);
}

#[tokio::test]
async fn s10_the_longest_suffix_answers() {
    let (server, _) = server().await;
    for (name, ttl, address) in [
        ("x.eu.remote", 5, "240.0.0.20"),
        ("eu.remote", 30, "240.0.0.10"),
        ("x.us.remote", 30, "240.0.0.10"),
    ] {
        let reply = dig(server.dns_addr(), &format!("{name} A")).await;
        assert_eq!(reply.answer, [format!("{name}. {ttl} IN A {address}")], "{}", reply.text);
    }
}

/// That a suffix must not equal, contain or lie in `svc` is in `bad_corefiles`.
#[tokio::test]
async fn s11_a_suffix_beside_the_services_leaves_them_alone() {
    say(&[
        ("web.ns1.svc.cluster.local A", "NOERROR 10.96.0.7"),
        ("web.mesh.cluster.local A", "NOERROR 240.0.0.50"),
        ("svc.mesh.cluster.local A", "NOERROR 240.0.0.50"),
        ("xmesh.cluster.local A", "NXDOMAIN cluster.local. 5"),
    ])
    .await;
}

#[tokio::test]
async fn s12_a_searched_name_is_the_clusters_no() {
    say(&[
        ("foo.remote.ns1.svc.cluster.local A", "NXDOMAIN cluster.local. 5"),
        ("foo.remote.svc.cluster.local A", "NXDOMAIN cluster.local. 5"),
        ("foo.remote.cluster.local AAAA", "NXDOMAIN cluster.local. 5"),
    ])
    .await;
}

#[tokio::test]
async fn s13_a_suffix_in_a_search_list_captures_no_other_domain() {
    say(&[
        ("www.google.com.remote A", "NXDOMAIN remote. 30"),
        ("com.remote AAAA", "NXDOMAIN remote. 30"),
        ("b.ns.svc.cluster.local.remote A", "NXDOMAIN remote. 30"),
        ("b.ns.svc.cluster.local.eu.remote A", "NXDOMAIN eu.remote. 5"),
        ("7.0.96.10.in-addr.arpa.global PTR", "NXDOMAIN global. 30"),
        ("xcom.remote A", "NOERROR 240.0.0.10"),
    ])
    .await;
}

#[tokio::test]
async fn s14_excepted_names_are_answered_by_others() {
    let (server, upstream) = server().await;
    server.must_say(&[("ingress.b.remote A", "NOERROR 192.0.2.80")]).await;
    assert_eq!(upstream.questions(), [""; 0]);
    assert_eq!(server.says("x.ingress.b.remote A").await, "REFUSED");
    assert_eq!(upstream.questions(), ["x.ingress.b.remote. A"]);
}

/// CoreDNS in front keeps answers and NODATA for their TTL, and asks again after it.
#[tokio::test]
async fn s15_a_cache_in_front_asks_once_for_each_name_and_ttl() {
    let back = FLEETDNS
        .start(
            ".:{PORT} {
                bind 127.0.0.1
                log
                sentinel remote {
                    answer 240.0.0.10
                    ttl 300
                    guard com
                }
                sentinel short {
                    answer 240.0.0.11
                    ttl 1
                }
            }",
        )
        .await;
    let front = COREDNS
        .start(&format!(
            ".:{{PORT}} {{
                bind 127.0.0.1
                forward . {}
                cache 30
            }}",
            back.dns_addr()
        ))
        .await;
    let asked =
        |name: &str, kind: &str| back.logs().matches(&format!("\"{kind} IN {name}. ")).count();
    for (name, kind, said) in [
        ("foo.remote", "A", "NOERROR 240.0.0.10"),
        ("foo.remote", "AAAA", "NODATA remote."),
        ("foo.remote", "HTTPS", "NODATA remote."),
        ("remote", "A", "NODATA remote."),
        ("www.x.com.remote", "A", "NXDOMAIN remote."),
        ("www.x.com.remote", "AAAA", "NXDOMAIN remote."),
    ] {
        for _ in 0..20 {
            // The TTL of a negative answer counts down from the cache's 30.
            let found = front.says(&format!("{name} {kind}")).await;
            assert!(found.starts_with(said), "{name} {kind}: {found}");
        }
        back.comes_to_log(&format!("\"{kind} IN {name}. ")).await;
        assert_eq!(asked(name, kind), 1, "{name} {kind}: {}", back.logs());
    }
    let reply = dig(front.dns_addr(), "new.remote A").await;
    let ttl = reply.answer.first().and_then(|record| record.split(' ').nth(1));
    assert_eq!(ttl, Some("30"), "{}", reply.text);
    crate::harness::eventually("another question after a TTL", crate::harness::LONG, async || {
        front.ask("foo.short.", RecordType::A).await;
        asked("foo.short", "A") > 1
    })
    .await;
}

#[tokio::test]
async fn s16_several_sentinels_take_turns() {
    let (server, _) = server().await;
    let mut orders = HashSet::new();
    for _ in 0..100 {
        let packet = Question::new("x.global", RecordType::A).packet();
        let reply = exchange_udp(server.dns_addr(), &packet, None).await.expect("a reply");
        assert!(reply.len() <= 512);
        let reply = Message::from_vec(&reply).expect("a message");
        let order: Vec<String> = reply.answers.iter().map(|of| of.data.to_string()).collect();
        assert_eq!(order.len(), 2, "{reply}");
        orders.insert(order);
    }
    assert_eq!(orders.len(), 2, "{orders:?}");
}

/// At most 63 octets in a label and 255 in a name; whatever else comes, the server lives.
#[tokio::test]
async fn s25_names_of_all_lengths() {
    let (server, _) = server().await;
    // A question by its octets, with its header.
    let asked = |labels: &[usize]| {
        let mut packet = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
        for length in labels {
            packet.push(*length as u8);
            packet.extend(vec![b'a'; *length]);
        }
        packet.extend(b"\x06remote\x00\x00\x01\x00\x01");
        packet
    };
    // With `remote` and the root these are 8 octets more, and each label has one of its own.
    for (labels, code) in [
        (&[63][..], ResponseCode::NoError),
        (&[63, 63, 63, 54], ResponseCode::NoError),
        (&[64], ResponseCode::FormErr),
        (&[63, 63, 63, 55], ResponseCode::FormErr),
    ] {
        let reply = exchange_udp(server.dns_addr(), &asked(labels), None).await.expect("a reply");
        assert_eq!(reply[3] & 15, u16::from(code) as u8, "{labels:?}: {reply:02x?}");
    }
    server.must_say(&[("foo.remote A", "NOERROR 240.0.0.10")]).await;
}

#[tokio::test]
async fn s26_sizes_edns_cookies_and_pipelines() {
    let addresses: Vec<String> = (1..=60).map(|host| format!("240.0.1.{host}")).collect();
    let server = FLEETDNS
        .start(&format!(
            ".:{{PORT}} {{
                bind 127.0.0.1
                sentinel many {{
                    answer {}
                }}
            }}",
            addresses.join(" ")
        ))
        .await;
    for (args, is_cut, size) in [
        ("x.many A +noedns +ignore", true, None),
        ("x.many A +bufsize=512 +ignore", true, Some("512")),
        ("x.many A +bufsize=1232", false, Some("1232")),
        ("x.many A +bufsize=4096 +dnssec", false, Some("4096")),
        ("x.many A +cookie=0123456789abcdef", false, Some("1232")),
        ("x.many A +tcp", false, Some("1232")),
    ] {
        let reply = dig(server.dns_addr(), args).await;
        assert_eq!(reply.has("tc"), is_cut, "{args}: {}", reply.text);
        assert_eq!(reply.answer.len() == 60, !is_cut, "{args}: {}", reply.text);
        let edns = reply.edns.first().map(String::as_str).unwrap_or_default();
        let found = edns.rsplit("udp: ").next().filter(|size| !size.is_empty());
        assert_eq!(found, size, "{args}: {}", reply.text);
        assert_eq!(edns.contains("flags: do"), args.contains("dnssec"), "{args}: {}", reply.text);
    }
    let mut connection = Connection::open(server.dns_addr()).await.expect("a connection");
    let mut ids = HashSet::new();
    for number in 0..100 {
        let question = Question::new(&format!("n{number}.many"), RecordType::A)
            .edit(|message| message.metadata.id = number);
        connection.send(&question).await.expect("to send");
        ids.insert(number);
    }
    for _ in 0..100 {
        assert!(ids.remove(&connection.reply().await.metadata.id));
    }
}

#[tokio::test]
async fn s27_other_messages_are_refused_by_their_code() {
    let (server, upstream) = server().await;
    let question = || Question::new("foo.remote", RecordType::A);
    for (what, question, code) in [
        ("UPDATE", question().edit(|m| m.metadata.op_code = OpCode::Update), ResponseCode::NotImp),
        ("NOTIFY", question().edit(|m| m.metadata.op_code = OpCode::Notify), ResponseCode::NotImp),
        ("CH", question().class(DNSClass::CH), ResponseCode::Refused),
        ("none", question().edit(|m| m.queries.clear()), ResponseCode::FormErr),
        ("two", question().edit(|m| m.queries.push(m.queries[0].clone())), ResponseCode::FormErr),
    ] {
        for is_tcp in [false, true] {
            let packet = question.packet();
            let reply = match is_tcp {
                true => exchange_tcp(server.dns_addr(), &packet, None).await,
                false => exchange_udp(server.dns_addr(), &packet, None).await,
            };
            let reply = reply.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(reply[3] & 15, u16::from(code) as u8, "{what} {is_tcp}: {reply:02x?}");
        }
    }
    assert_eq!(upstream.questions(), [""; 0]);
}

/// With a cluster that nothing answers for, suffixes answer at once, and its zone is not known.
#[tokio::test]
async fn s28_suffixes_answer_while_every_cluster_is_down() {
    let dead = ports::free();
    let server = FLEETDNS
        .start(&format!(
            ".:{{PORT}} {{
                bind 127.0.0.1
                kubernetes cluster.local {{
                    endpoint http://127.0.0.1:{dead}
                    startup_timeout 1s
                }}
                sentinel remote {{
                    answer 240.0.0.10
                }}
                sentinel mesh {{
                    pool 240.1.0.0/16
                    serviceentries
                }}
            }}"
        ))
        .await;
    // What ServiceEntries may say is kept for a few seconds only.
    let reply = dig(server.dns_addr(), "db1.mesh A").await;
    assert_eq!(reply.answer, ["db1.mesh. 5 IN A 240.1.131.9"], "{}", reply.text);
    server
        .must_say(&[
            ("foo.remote A", "NOERROR 240.0.0.10"),
            ("foo.remote AAAA", "NODATA remote. 30"),
            ("db1.mesh AAAA", "NODATA mesh. 5"),
            ("www.svc.cluster.local.remote A", "NXDOMAIN remote. 30"),
            ("web.ns1.svc.cluster.local A", "SERVFAIL cluster.local. 5"),
        ])
        .await;
}

/// A fleet of `east` and a member by kubeconfig, with a suffix.
async fn serving(local: &ApiServer, member: &ApiServer, lines: &str) -> DnsServer {
    let members = fleet::members(&[("west", member)]);
    let suffix = "sentinel remote {\nanswer 240.0.0.10\n}";
    FLEETDNS.start(&fleet::corefile(local, &members, lines, suffix)).await
}

#[tokio::test]
async fn s29_a_member_that_is_lost_is_still_answered() {
    let east = &ControlPlane::shared().await.east;
    let mut west = ControlPlane::cluster("lost", "10.140.0.0/16").await;
    west.apply(&(namespace("s29") + &service("s29", "far"))).await;
    east.apply(&(namespace("s29-here") + &service("s29-here", "near"))).await;
    let far = format!("NOERROR {}", west.cluster_ips("s29", "far").await[0]);
    let near = format!("NOERROR {}", east.cluster_ips("s29-here", "near").await[0]);
    let server = serving(east, &west, "").await;
    let expected = [
        ("far.s29.svc.cluster.local A", far.as_str()),
        ("near.s29-here.svc.cluster.local A", near.as_str()),
        ("foo.remote A", "NOERROR 240.0.0.10"),
    ];
    for (question, answer) in expected {
        server.comes_to_say(question, answer).await;
    }
    west.kill();
    server.keeps_saying(&expected, server.comes_to_log("the watch fails")).await;
    // For a short time each, and with a reason.
    let question = "far.s29.svc.cluster.local A";
    crate::harness::eventually("a stale answer", crate::harness::LONG, async || {
        let reply = dig(server.dns_addr(), question).await;
        let is_short = reply.answer.first().is_some_and(|record| record.contains(" 5 IN A "));
        let why = "EDE: 3 (Stale Answer): (west is out of reach; it said this last)";
        if is_short && reply.edns.iter().any(|line| line == why) { Ok(()) } else { Err(reply.text) }
    })
    .await;
    let reply = dig(server.dns_addr(), "near.s29-here.svc.cluster.local A").await;
    assert!(!reply.text.contains("EDE"), "{}", reply.text);

    // Another server keeps it for a second only; it is there again when the member is.
    west.restart().await;
    let server = serving(east, &west, "stale 1s").await;
    server.comes_to_say(question, &far).await;
    west.kill();
    server
        .keeps_saying(&expected[1..], server.comes_to_say(question, "NXDOMAIN cluster.local. 5"))
        .await;
    server.comes_to_log("what it said is forgotten until it is back").await;
    west.restart().await;
    server.comes_to_say(question, &far).await;
}

/// The example of `zones/views`, with other networks: by who asks.
#[tokio::test]
async fn s30_clients_outside_of_the_mesh_get_the_gateway_or_no_such_name() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/zones/views/Corefile");
    let example = fs::read_to_string(example).expect("read the example");
    let corefile = example
        .replace(":53 {", ":{PORT} {\nbind 127.0.0.1")
        .replace("10.244.0.0/16", "127.0.0.2/32")
        .replace("10.1.0.0/16", "127.0.0.3/32")
        .replace(" 127.0.0.0/8", " 127.0.0.1/32");
    let server = FLEETDNS.start(&corefile).await;
    for (client, a, aaaa) in [
        ("127.0.0.2", "NOERROR 240.0.0.1", "NOERROR"),
        ("127.0.0.3", "NOERROR 203.0.113.10", "NOERROR"),
        ("127.0.0.4", "NXDOMAIN", "NXDOMAIN"),
    ] {
        let ask = async |question: &str| {
            let reply = dig(server.dns_addr(), &format!("-b {client} {question}")).await;
            let answers = reply.answer.iter().map(|record| record.rsplit(' ').next().unwrap_or(""));
            let said: Vec<&str> = std::iter::once(reply.status.as_str()).chain(answers).collect();
            assert!(!reply.answer.is_empty() || reply.authority.len() == 1, "{}", reply.text);
            said.join(" ")
        };
        assert_eq!(ask("foo.remote A").await, a, "{client}");
        assert_eq!(ask("foo.remote AAAA").await, aaaa, "{client}");
    }
    let reply = dig(server.dns_addr(), "-b 127.0.0.4 example.org A").await;
    assert_eq!(reply.status, "REFUSED", "{}", reply.text);
}

#[tokio::test]
async fn s31_the_health_check_of_a_forwarder_gets_an_answer() {
    let server = FLEETDNS
        .start("remote:{PORT} {\nbind 127.0.0.1\nsentinel remote {\nanswer 240.0.0.10\n}\n}")
        .await;
    let reply = server.ask(".", RecordType::NS).await;
    assert_eq!(reply.metadata.response_code, ResponseCode::Refused);
}

/// Scenarios 33 to 35: a Service of a member alone, with an address that is the local cluster's, one that
/// both have, and a namespace that only the member has.
#[tokio::test]
async fn s33_s34_s35_services_of_members() {
    // Their ranges are equal, so that the first free address is the same in both.
    let (east, west) = tokio::join!(
        ControlPlane::cluster("same-east", "10.141.0.0/24"),
        ControlPlane::cluster("same-west", "10.141.0.0/24"),
    );
    let of = |name: &str, ip: &str| {
        let spec = serde_json::json!({"clusterIP": ip, "ports": [{"name": "http", "port": 80}]});
        crate::harness::objects::service_of("pay", name, &spec)
    };
    east.apply(&(namespace("pay") + &of("mine", "10.141.0.7") + &of("both", "10.141.0.8"))).await;
    let others = of("theirs", "10.141.0.7") + &of("both", "10.141.0.9") + &of("far", "10.141.0.10");
    let space = namespace("only-there") + &service("only-there", "web");
    west.apply(&(namespace("pay") + &others + &space)).await;
    let there = format!("NOERROR {}", west.cluster_ips("only-there", "web").await[0]);
    // Whatever lies in a range of the local cluster leads nowhere else, unless it is allowed.
    let server = serving(&east, &west, "overlap allow").await;
    server.comes_to_say("far.pay.svc.cluster.local A", "NOERROR 10.141.0.10").await;
    server
        .must_say(&[
            // 33: it would lead to another Service.
            ("theirs.pay.svc.cluster.local A", "NODATA cluster.local. 5"),
            ("7.0.141.10.in-addr.arpa PTR", "NOERROR mine.pay.svc.cluster.local."),
            // 34
            ("both.pay.svc.cluster.local A", "NOERROR 10.141.0.8"),
            // 35
            ("web.only-there.svc.cluster.local A", &there),
        ])
        .await;
    let server = serving(&east, &west, "overlap sentinel 240.0.0.9").await;
    for name in ["far", "theirs"] {
        let question = format!("{name}.pay.svc.cluster.local A");
        server.comes_to_say(&question, "NOERROR 240.0.0.9").await;
    }
    // The range comes from the API server, or from the Corefile.
    for more in ["", "cidrs 10.141.0.0/24"] {
        let server = serving(&east, &west, more).await;
        server.comes_to_say("far.pay.svc.cluster.local A", "NODATA cluster.local. 5").await;
        server
            .must_say(&[
                ("both.pay.svc.cluster.local A", "NOERROR 10.141.0.8"),
                ("10.0.141.10.in-addr.arpa PTR", "NXDOMAIN in-addr.arpa. 5"),
            ])
            .await;
        let reply = dig(server.dns_addr(), "theirs.pay.svc.cluster.local A").await;
        let why = "EDE: 0 (Other): (10.141.0.7 of pay/theirs in west is left out: pay/mine in east has it)";
        assert!(reply.edns.iter().any(|line| line == why), "{}", reply.text);
        let reply = dig(server.dns_addr(), "far.pay.svc.cluster.local A").await;
        assert!(reply.text.contains("it is in the local range 10.141.0.0/24"), "{}", reply.text);
        server.comes_to_log("it is in the local range 10.141.0.0/24").await;
    }
}
