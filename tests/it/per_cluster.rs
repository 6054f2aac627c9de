//! Names of one cluster, whoever else has them, and without asking the others.

use crate::harness::objects::{endpoints, headless, namespace, service};
use crate::harness::{ControlPlane, FLEETDNS, dig, fleet};

const SPACE: &str = "each";

#[tokio::test]
async fn a_name_says_which_cluster_is_meant() {
    let ControlPlane { east, west } = ControlPlane::shared().await;
    let both = namespace(SPACE) + &service(SPACE, "web") + &headless(SPACE, "db");
    east.apply(&(both.clone() + &endpoints(SPACE, "db", &[("db-0", "10.243.1.1")]))).await;
    west.apply(&(both + &endpoints(SPACE, "db", &[("db-0", "10.243.2.1")]))).await;
    let ip = async |cluster: &crate::harness::ApiServer| {
        format!("NOERROR {}", cluster.cluster_ips(SPACE, "web").await[0])
    };
    let (here, there) = (ip(east).await, ip(west).await);
    let members = fleet::members(&[("west", west)]);
    let corefile = fleet::corefile(east, &members, "per_cluster clusters.local", "");
    let server = FLEETDNS.start(&corefile).await;
    server.comes_to_say("web.each.svc.west.clusters.local A", &there).await;
    server.comes_to_say("web.each.svc.cluster.local A", &here).await;
    server
        .must_say(&[
            ("web.each.svc.east.clusters.local A", &here),
            ("db.each.svc.west.clusters.local A", "NOERROR 10.243.2.1"),
            ("db-0.db.each.svc.East.Clusters.local A", "NOERROR 10.243.1.1"),
            ("web.each.svc.north.clusters.local A", "NXDOMAIN clusters.local. 5"),
            ("gone.each.svc.west.clusters.local A", "NXDOMAIN clusters.local. 5"),
            ("west.clusters.local A", "NODATA clusters.local. 5"),
        ])
        .await;
    let reply = dig(server.dns_addr(), "_http._tcp.db.each.svc.west.clusters.local SRV").await;
    let target = "db-0.db.each.svc.west.clusters.local.";
    let owner = "_http._tcp.db.each.svc.west.clusters.local.";
    assert_eq!(reply.answer, [format!("{owner} 5 IN SRV 0 100 80 {target}")], "{}", reply.text);
    assert_eq!(reply.additional, [format!("{target} 5 IN A 10.243.2.1")], "{}", reply.text);
    let reply = dig(server.dns_addr(), "clusters.local SOA").await;
    assert_eq!(reply.answer.len(), 1, "{}", reply.text);
}
