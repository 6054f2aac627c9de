//! Members that are reached through a gateway or captured by a sentinel, not by their own addresses.

use crate::harness::api_server::READER;
use crate::harness::objects::{
    endpoints, external_name, grant_readers, headless, namespace, service, service_of,
};
use crate::harness::{
    ApiServer, ControlPlane, DnsServer, FLEETDNS, LONG, eventually, fleet, get, scratch,
};

const SPACE: &str = "reach";

/// A server whose member `west` may be read only as far as `READER` may.
async fn reaching(member: &ApiServer, reach: &str) -> DnsServer {
    let folder = scratch::folder("members");
    let kubeconfig = member.kubeconfig_yaml_of(READER);
    std::fs::write(folder.join("west.yaml"), kubeconfig).expect("write a kubeconfig");
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            ready 127.0.0.1:{{READY_PORT}}
            kubernetes cluster.local in-addr.arpa {{
                kubeconfig {}
                ttl 30
            }}
            fleet {{
                local east
                members kubeconfig {}/*.yaml
                reach west {reach}
            }}
        }}",
        ControlPlane::shared().await.east.kubeconfig().display(),
        folder.display()
    );
    FLEETDNS.start(&corefile).await
}

/// What is true of a gateway and a sentinel alike.
async fn answers_with(server: &DnsServer, address: &str, own: &str) {
    let name = |rest: &str| rest.replace('@', "reach.svc.cluster.local.");
    let at = format!("NOERROR {address}");
    // With its full TTL: all members are synced.
    server.comes_to_say(&name("missing.@ A"), "NXDOMAIN cluster.local. 30").await;
    server.comes_to_say(&name("web.@ A"), &at).await;
    let srv = |service: &str| {
        let target = name(&format!("{service}.@"));
        format!("NOERROR 0 100 80 {target} + {target} {address}")
    };
    for (question, expected) in [
        ("web.@ AAAA", "NODATA cluster.local. 30".to_owned()),
        ("web.@ TXT", "NODATA cluster.local. 30".into()),
        ("web.@ SRV", srv("web")),
        ("_http._tcp.web.@ SRV", srv("web")),
        ("_no._tcp.web.@ SRV", "NXDOMAIN cluster.local. 30".into()),
        ("db.@ A", at.clone()),
        ("_http._tcp.db.@ SRV", srv("db")),
        ("db-0.db.@ A", "NXDOMAIN cluster.local. 30".into()),
        ("10-245-4-5.db.@ A", "NXDOMAIN cluster.local. 30".into()),
        ("outside.@ CNAME", "NOERROR api.example.com.".into()),
    ] {
        assert_eq!(server.says(&name(question)).await, expected, "to {question}");
    }
    for address in [own, address, "10.245.4.5"] {
        let address: std::net::IpAddr = address.parse().expect("an address");
        let question = format!("{} PTR", hickory_proto::rr::Name::from(address));
        let nothing = "NXDOMAIN in-addr.arpa. 30";
        assert_eq!(server.says(&question).await, nothing, "to {question}");
    }
    eventually("/ready", LONG, async || match get(server.addr("READY_PORT"), "/ready").await {
        Ok((200, _)) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    let logs = server.logs();
    assert!(!logs.contains("fails"), "the member is not watched as it should be: {logs}");
}

#[tokio::test]
async fn a_gateway_or_sentinel_answers_for_a_member_whose_endpoints_may_not_be_read() {
    let west = ControlPlane::cluster("reach", "10.99.0.0/16").await;
    west.apply(
        &(namespace(SPACE)
            + &service(SPACE, "web")
            + &headless(SPACE, "db")
            + &endpoints(SPACE, "db", &[("db-0", "10.245.4.5")])
            + &external_name(SPACE, "outside", "api.example.com")
            + &grant_readers(&["/services", "/namespaces"])),
    )
    .await;
    let own = &west.cluster_ips(SPACE, "web").await[0];
    let (gateway, sentinel, direct) = tokio::join!(
        reaching(&west, "gateway 203.0.113.10"),
        reaching(&west, "sentinel 240.0.0.9"),
        reaching(&west, "direct"),
    );
    tokio::join!(
        answers_with(&gateway, "203.0.113.10", own),
        answers_with(&sentinel, "240.0.0.9", own),
        // Proves that the rights are as narrow as they should be.
        direct.comes_to_log("kind=EndpointSlices"),
    );

    west.apply(&service(SPACE, "late")).await;
    gateway.comes_to_say("late.reach.svc.cluster.local A", "NOERROR 203.0.113.10").await;
    west.delete(&service(SPACE, "late")).await;
    gateway.comes_to_say("late.reach.svc.cluster.local A", "NXDOMAIN cluster.local. 30").await;
}

#[tokio::test]
async fn a_gateway_of_both_families_answers_for_all_members_that_have_no_line() {
    let ControlPlane { east, west } = ControlPlane::shared().await;
    let space = "reach-both";
    west.apply(&(namespace(space) + &service(space, "web"))).await;
    let members = fleet::members(&[("west", west)]);
    let lines = "reach * gateway 203.0.113.11 203.0.113.12 2001:db8::11\nreach north direct";
    let server = FLEETDNS.start(&fleet::corefile(east, &members, lines, "")).await;
    let at = format!("web.{space}.svc.cluster.local.");
    server.comes_to_say(&format!("{at} A"), "NOERROR 203.0.113.11, 203.0.113.12").await;
    server.comes_to_say(&format!("{at} AAAA"), "NOERROR 2001:db8::11").await;
}

/// In a flat network without a mesh: pods are routed, and ClusterIPs of other clusters are not.
#[tokio::test]
async fn a_flat_network_answers_with_the_ready_endpoints() {
    let west = ControlPlane::cluster("reach-flat", "10.98.0.0/16").await;
    let spec = serde_json::json!({"ports": [{"name": "http", "port": 8080, "targetPort": 80}]});
    west.apply(
        &(namespace(SPACE)
            + &service(SPACE, "web")
            + &endpoints(SPACE, "web", &[("", "10.245.7.5"), ("", "10.245.7.6")])
            + &service_of(SPACE, "other", &spec)
            + &endpoints(SPACE, "other", &[("", "10.245.7.7")])
            + &grant_readers(&["/services", "/namespaces", "discovery.k8s.io/endpointslices"])),
    )
    .await;
    let own = west.cluster_ips(SPACE, "web").await.remove(0);
    let own: std::net::IpAddr = own.parse().expect("an address");
    let server = reaching(&west, "endpoints").await;
    let name = |rest: &str| rest.replace('@', "reach.svc.cluster.local.");
    server.comes_to_say(&name("web.@ A"), "NOERROR 10.245.7.5, 10.245.7.6").await;
    let srv = "NOERROR 0 100 80 10-245-7-7.other.@ + 10-245-7-7.other.@ 10.245.7.7";
    server
        .must_say(&[
            (&name("10-245-7-5.web.@ A"), "NOERROR 10.245.7.5"),
            ("5.7.245.10.in-addr.arpa PTR", &name("NOERROR 10-245-7-5.web.@")),
            (&format!("{} PTR", hickory_proto::rr::Name::from(own)), "NXDOMAIN in-addr.arpa. 30"),
            // The endpoints' port, not that of the Service.
            (&name("_http._tcp.other.@ SRV"), &name(srv)),
        ])
        .await;
    server.comes_to_log("reach/other in west has another targetPort than port").await;
    assert!(!server.logs().contains("reach/web in west has another"), "{}", server.logs());
    west.delete(&endpoints(SPACE, "web", &[])).await;
    server.comes_to_say(&name("web.@ A"), "NXDOMAIN cluster.local. 30").await;
}
