//! Members behind gateways that have no fixed addresses: host names, and load balancers of Services.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::harness::objects::{document, headless, namespace, service};
use crate::harness::{
    COREDNS, ControlPlane, DnsServer, FLEETDNS, LONG, dig, eventually, fleet, scratch,
};

/// A server for the names of `hosts`, which it reads again when the file changes.
async fn upstream(hosts: &Path) -> DnsServer {
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            hosts {} {{
                ttl 2
                reload 100ms
                no_reverse
            }}
        }}",
        hosts.display()
    );
    COREDNS.start(&corefile).await
}

/// Replaced in one step: half a file would be another answer.
fn write(hosts: &Path, text: &str) {
    let new = hosts.with_extension("new");
    fs::write(&new, text).expect("write hosts");
    fs::rename(&new, hosts).expect("replace hosts");
}

/// A Service with this load balancer.
fn balanced(space: &str, ingress: &serde_json::Value) -> String {
    document(&json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": space, "name": "eastwest"},
        "spec": {"type": "LoadBalancer", "ports": [{"name": "tls", "port": 15443}]},
        "status": {"loadBalancer": {"ingress": ingress}},
    }))
}

#[tokio::test]
async fn a_gateway_by_its_host_name_follows_what_the_upstreams_say() {
    let ControlPlane { east, west } = ControlPlane::shared().await;
    let space = "gw-host";
    west.apply(&(namespace(space) + &service(space, "web") + &headless(space, "db"))).await;
    let hosts = scratch::folder("hosts").join("hosts");
    write(&hosts, "192.0.2.99 other.example.com\n");
    let upstream = upstream(&hosts).await;
    let members = fleet::members(&[("west", west)]);
    let lines =
        "reach west gateway gw.Example.com. 198.51.100.4\nreach north gateway gone.example.com";
    let forward = format!("forward . {}", upstream.dns_addr());
    let server = FLEETDNS.start(&fleet::corefile(east, &members, lines, &forward)).await;
    let (web, db) =
        (format!("web.{space}.svc.cluster.local"), format!("db.{space}.svc.cluster.local"));
    // Not known yet: what has a fixed address answers.
    server.comes_to_say(&format!("{web} A"), "NOERROR 198.51.100.4").await;
    server.must_say(&[(&format!("{web} AAAA"), "NODATA cluster.local. 5")]).await;
    write(&hosts, "192.0.2.10 gw.example.com\n2001:db8::10 gw.example.com\n");
    server.comes_to_say(&format!("{web} A"), "NOERROR 192.0.2.10, 198.51.100.4").await;
    let srv = format!("_http._tcp.{db}");
    server
        .must_say(&[
            (&format!("{web} AAAA"), "NOERROR 2001:db8::10"),
            (&format!("{db} A"), "NOERROR 192.0.2.10, 198.51.100.4"),
            (
                &format!("{srv} SRV"),
                &format!(
                    "NOERROR 0 33 80 {db}. + {db}. 192.0.2.10, {db}. 198.51.100.4, {db}. 2001:db8::10"
                ),
            ),
            ("10.2.0.192.in-addr.arpa PTR", "NXDOMAIN in-addr.arpa. 5"),
        ])
        .await;
    // It moves, as load balancers of clouds do.
    write(&hosts, "192.0.2.11 gw.example.com\n");
    server.comes_to_say(&format!("{web} A"), "NOERROR 192.0.2.11, 198.51.100.4").await;
    server.comes_to_say(&format!("{web} AAAA"), "NODATA cluster.local. 5").await;
    // Upstreams that are gone take nothing away.
    drop(upstream);
    server.comes_to_log("known=[192.0.2.11]").await;
    server.must_say(&[(&format!("{web} A"), "NOERROR 192.0.2.11, 198.51.100.4")]).await;
}

#[tokio::test]
async fn a_gateway_by_its_service_follows_its_load_balancer() {
    let east = &ControlPlane::shared().await.east;
    let west = ControlPlane::cluster("gw-service", "10.154.0.0/16").await;
    let space = "gw-service";
    west.apply(&(namespace(space) + &namespace("istio-system") + &service(space, "web"))).await;
    let hosts = scratch::folder("hosts").join("hosts");
    write(&hosts, "192.0.2.20 lb-1.example.com\n");
    let upstream = upstream(&hosts).await;
    let members = fleet::members(&[("west", &west)]);
    // What the member exposes need not have its gateway.
    let lines =
        format!("expose west namespaces {space}\nreach west gateway service istio-system/eastwest");
    let forward = format!("forward . {}", upstream.dns_addr());
    let server = FLEETDNS.start(&fleet::corefile(east, &members, &lines, &forward)).await;
    let web = format!("web.{space}.svc.cluster.local");
    let question = format!("{web} A");
    server.comes_to_say(&question, "NODATA cluster.local. 5").await;
    let reply = dig(server.dns_addr(), &question).await;
    let why = "EDE: 14 (Not Ready): (the gateway's Service istio-system/eastwest in west has no load balancer)";
    assert!(reply.text.contains(why), "{}", reply.text);
    west.apply(&balanced("istio-system", &json!([{"ip": "203.0.113.20"}, {"ip": "2001:db8::20"}])))
        .await;
    server.comes_to_say(&question, "NOERROR 203.0.113.20").await;
    server.must_say(&[(&format!("{web} AAAA"), "NOERROR 2001:db8::20")]).await;
    west.apply(&balanced("istio-system", &json!([{"ip": "203.0.113.21"}]))).await;
    server.comes_to_say(&question, "NOERROR 203.0.113.21").await;
    // A host name, as some clouds give.
    west.apply(&balanced("istio-system", &json!([{"hostname": "lb-1.example.com"}]))).await;
    server.comes_to_say(&question, "NOERROR 192.0.2.20").await;
    west.apply(&balanced("istio-system", &json!([{"hostname": "lb-2.example.com"}]))).await;
    server.comes_to_say(&question, "NODATA cluster.local. 5").await;
    let reply = dig(server.dns_addr(), &question).await;
    let why = "EDE: 14 (Not Ready): (the gateway lb-2.example.com of west has no known address)";
    assert!(reply.text.contains(why), "{}", reply.text);
    write(&hosts, "192.0.2.22 lb-2.example.com\n");
    server.comes_to_say(&question, "NOERROR 192.0.2.22").await;
    west.delete(&balanced("istio-system", &json!([]))).await;
    server.comes_to_say(&question, "NODATA cluster.local. 5").await;
}

/// Two server blocks share the watches of their clusters, and not what their upstreams say.
#[tokio::test]
async fn each_server_block_asks_its_own_upstream_and_nobody_counts_it() {
    let ControlPlane { east, west } = ControlPlane::shared().await;
    let space = "gw-blocks";
    west.apply(&(namespace(space) + &service(space, "web"))).await;
    let folder = scratch::folder("hosts");
    let mut upstreams = Vec::new();
    for number in 1..=2 {
        let hosts = folder.join(format!("hosts-{number}"));
        write(&hosts, &format!("192.0.2.3{number} gw.example.com\n"));
        upstreams.push(upstream(&hosts).await);
    }
    let members = fleet::members(&[("west", west)]);
    let block = |port: &str, upstream: &DnsServer| {
        format!(
            ".:{{{port}}} {{
                bind 127.0.0.1
                log
                errors
                prometheus 127.0.0.1:{{METRICS_PORT}}
                kubernetes cluster.local {{
                    kubeconfig {}
                }}
                fleet {{
                    local east
                    members kubeconfig {}/*.yaml
                    reach west gateway gw.example.com
                    reach north gateway web.{space}.svc.cluster.local
                }}
                forward . {}
            }}\n",
            east.kubeconfig().display(),
            members.display(),
            upstream.dns_addr()
        )
    };
    let corefile = block("PORT", &upstreams[0]) + &block("OTHER_PORT", &upstreams[1]);
    let server = FLEETDNS.start(&corefile).await;
    let question = format!("web.{space}.svc.cluster.local");
    server.comes_to_say(&format!("{question} A"), "NOERROR 192.0.2.31").await;
    let other = server.addr("OTHER_PORT");
    eventually("the other block", LONG, async || {
        let reply = dig(other, &format!("{question} A")).await;
        match reply.text.contains("192.0.2.32") && !reply.text.contains("192.0.2.31") {
            true => Ok(()),
            false => Err(reply.text),
        }
    })
    .await;
    // A name of a member is no way to another one.
    server.comes_to_log("reason=\"it has no address\"").await;
    let logs = server.logs();
    assert!(!logs.contains("gw.example.com. udp") && !logs.contains("plugin/errors"), "{logs}");
    assert!(!logs.contains("A IN gw.example.com"), "{logs}");
}
