//! Services that the local cluster and a member have: by the Corefile's line, and by an annotation.

use serde_json::json;

use crate::harness::objects::{document, endpoints, headless, namespace, service};
use crate::harness::{ControlPlane, DnsServer, FLEETDNS, fleet};

const SPACE: &str = "merging";

async fn server(merge: &str) -> DnsServer {
    let ControlPlane { east, west } = ControlPlane::shared().await;
    let members = fleet::members(&[("west", west)]);
    FLEETDNS.start(&fleet::corefile(east, &members, merge, "")).await
}

/// The Service with an annotation.
fn annotated(name: &str, annotation: &str, value: &str) -> String {
    document(&json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": SPACE, "annotations": {annotation: value}},
        "spec": {"ports": [{"name": "http", "port": 80}]},
    }))
}

#[tokio::test]
async fn endpoints_are_merged_and_failover_follows_readiness_there_and_back() {
    let ControlPlane { east, west } = ControlPlane::shared().await;
    let ready = endpoints(SPACE, "web", &[("", "10.249.1.1")]);
    let both = namespace(SPACE) + &service(SPACE, "web") + &headless(SPACE, "db");
    east.apply(&(both.clone() + &ready + &endpoints(SPACE, "db", &[("", "10.249.1.2")]))).await;
    let far = endpoints(SPACE, "web", &[("", "10.249.2.1")]);
    west.apply(&(both + &far + &endpoints(SPACE, "db", &[("", "10.249.2.2")]))).await;
    west.apply(&annotated("secret", "fleetdns.io/expose", "false")).await;
    let ip = async |cluster: &crate::harness::ApiServer| {
        format!("NOERROR {}", cluster.cluster_ips(SPACE, "web").await[0])
    };
    let (here, there) = (ip(east).await, ip(west).await);
    let (first, union, failover) =
        tokio::join!(server(""), server("merge union"), server("merge failover"));
    let (web, db) = ("web.merging.svc.cluster.local A", "db.merging.svc.cluster.local A");
    union.comes_to_say(db, "NOERROR 10.249.1.2, 10.249.2.2").await;
    for server in [&first, &union, &failover] {
        server.comes_to_say(web, &here).await;
        let hidden = "secret.merging.svc.cluster.local A";
        server.comes_to_say(hidden, "NXDOMAIN cluster.local. 5").await;
    }
    first.comes_to_say(db, "NOERROR 10.249.1.2").await;
    failover.comes_to_say(db, "NOERROR 10.249.1.2").await;

    east.delete(&ready).await;
    failover.comes_to_say(web, &there).await;
    first.must_say(&[(web, &here)]).await;
    east.apply(&ready).await;
    failover.comes_to_say(web, &here).await;

    // The annotation of the local Service, and of no other.
    west.apply(&annotated("web", "fleetdns.io/merge", "local-first")).await;
    east.delete(&ready).await;
    failover.comes_to_say(web, &there).await;
    east.apply(&annotated("web", "fleetdns.io/merge", "local-first")).await;
    failover.comes_to_say(web, &here).await;
    east.apply(&annotated("web", "fleetdns.io/merge", "failover")).await;
    first.comes_to_say(web, &there).await;
}
