//! fleetdns behind a real CoreDNS, which forwards suffixes to it: a stub domain.

use std::net::SocketAddr;

use crate::harness::objects::{namespace, service};
use crate::harness::{COREDNS, ControlPlane, DigReply, DnsServer, FLEETDNS, dig};

/// Serves what only the other cluster has, and a suffix; says each question that it gets.
async fn stub() -> DnsServer {
    let west = &ControlPlane::shared().await.west;
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            log
            kubernetes cluster.local in-addr.arpa {{
                kubeconfig {}
                ttl 30
            }}
            sentinel remote {{
                answer 240.0.0.1
                ttl 20
            }}
        }}",
        west.kubeconfig().display()
    );
    FLEETDNS.start(&corefile).await
}

/// The TTL of a record, which counts down in a cache: at least 1 and at most `most`.
fn within(record: &str, most: u32) -> bool {
    let ttl = record.split(' ').nth(1).and_then(|ttl| ttl.parse().ok());
    ttl.is_some_and(|ttl: u32| (1..=most).contains(&ttl))
}

/// The records of a section without their TTLs.
fn untimed(records: &[String]) -> Vec<String> {
    let untimed = |record: &String| {
        let words: Vec<&str> = record.split(' ').collect();
        [&words[..1], &words[2..]].concat().join(" ")
    };
    records.iter().map(untimed).collect()
}

async fn ask(at: SocketAddr, args: &str, status: &str) -> DigReply {
    let reply = dig(at, args).await;
    assert_eq!(reply.status, status, "{args}: {}", reply.text);
    reply
}

#[tokio::test]
async fn a_suffix_and_the_other_clusters_names_are_answered_through_coredns() {
    let west = &ControlPlane::shared().await.west;
    west.apply(&(namespace("stub") + &service("stub", "web"))).await;
    let ip = &west.cluster_ips("stub", "web").await[0];
    let web = "web.stub.svc.cluster.local";
    let stub = stub().await;
    stub.comes_to_say(&format!("{web} A"), &format!("NOERROR {ip}")).await;
    let coredns = COREDNS
        .start(&format!(
            "remote:{{PORT}} {{
                bind 127.0.0.1
                forward . {at}
                cache 30
            }}
            cluster.local:{{PORT}} {{
                bind 127.0.0.1
                forward . {at}
                cache 30
            }}",
            at = stub.dns_addr()
        ))
        .await;
    let at = coredns.dns_addr();

    for transport in ["+notcp", "+tcp"] {
        let a = ask(at, &format!("httpbin.bar.remote A {transport}"), "NOERROR").await;
        assert_eq!(untimed(&a.answer), ["httpbin.bar.remote. IN A 240.0.0.1"], "{}", a.text);
        assert!(within(&a.answer[0], 20), "{}", a.text);
        let a = ask(at, &format!("{web} A {transport}"), "NOERROR").await;
        assert_eq!(untimed(&a.answer), [format!("{web}. IN A {ip}")], "{}", a.text);
        let srv = ask(at, &format!("_http._tcp.{web} SRV {transport}"), "NOERROR").await;
        let owner = format!("_http._tcp.{web}.");
        assert_eq!(untimed(&srv.answer), [format!("{owner} IN SRV 0 100 80 {web}.")]);
        assert_eq!(untimed(&srv.additional), [format!("{web}. IN A {ip}")], "{}", srv.text);
    }
    for (args, status, soa, most) in [
        ("httpbin.bar.remote AAAA", "NOERROR", "remote.", 20),
        ("httpbin.bar.remote HTTPS", "NOERROR", "remote.", 20),
        ("remote A", "NOERROR", "remote.", 20),
        ("web.stub.svc.cluster.local AAAA", "NOERROR", "cluster.local.", 30),
        ("no.stub.svc.cluster.local A", "NXDOMAIN", "cluster.local.", 30),
        ("web.no.svc.cluster.local AAAA", "NXDOMAIN", "cluster.local.", 30),
    ] {
        let first = ask(at, args, status).await;
        assert!(first.answer.is_empty(), "{}", first.text);
        let zone = format!("{soa} IN SOA ");
        assert!(untimed(&first.authority)[0].starts_with(&zone), "{}", first.text);
        assert!(within(&first.authority[0], most), "{}", first.text);

        // The SOA lets CoreDNS keep it: the second question goes no further.
        let (name, kind) = args.split_once(' ').expect("NAME TYPE");
        let asked = || stub.logs().matches(&format!("\"{kind} IN {name}. ")).count();
        assert_eq!(asked(), 1, "{args}: {}", stub.logs());
        let second = ask(at, args, status).await;
        assert_eq!(untimed(&second.authority), untimed(&first.authority), "{}", second.text);
        assert_eq!(asked(), 1, "{args}: {}", stub.logs());
    }
}

#[tokio::test]
async fn names_that_the_local_coredns_lacks_fall_through_to_the_other_cluster() {
    let ControlPlane { east, west } = ControlPlane::shared().await;
    let both = namespace("stub-through") + &service("stub-through", "both");
    east.apply(&both).await;
    west.apply(&(both + &service("stub-through", "far"))).await;
    let ip = async |cluster: &crate::harness::ApiServer, name: &str| {
        format!("NOERROR {}", cluster.cluster_ips("stub-through", name).await[0])
    };
    let (here, far) = (ip(east, "both").await, ip(west, "far").await);
    let [both, far_name, none] =
        ["both", "far", "none"].map(|name| format!("{name}.stub-through.svc.cluster.local A"));
    let stub = stub().await;
    stub.comes_to_say(&far_name, &far).await;
    let coredns = COREDNS
        .start(&format!(
            ".:{{PORT}} {{
                bind 127.0.0.1
                kubernetes cluster.local in-addr.arpa {{
                    kubeconfig {} east
                    fallthrough
                }}
                forward cluster.local {at}
                forward in-addr.arpa {at}
            }}",
            east.kubeconfig().display(),
            at = stub.dns_addr()
        ))
        .await;
    coredns.comes_to_say(&both, &here).await;
    coredns.comes_to_say(&far_name, &far).await;
    let far_ip = far.trim_start_matches("NOERROR ").split('.').rev().collect::<Vec<_>>().join(".");
    coredns
        .must_say(&[
            (&none, "NXDOMAIN cluster.local. 30"),
            (&format!("{far_ip}.in-addr.arpa PTR"), "NOERROR far.stub-through.svc.cluster.local."),
        ])
        .await;
}
