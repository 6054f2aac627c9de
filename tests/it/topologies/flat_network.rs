//! Clusters of one network, each of which runs fleetdns.

use super::clusters::{Clusters, resolver};
use super::overlay::Overlay;
use crate::harness::objects::{endpoints, headless, namespace, service};

#[tokio::test]
async fn each_cluster_answers_what_the_other_has() {
    let Clusters { east, west, .. } = Clusters::shared().await;
    let overlay = Overlay::install("flat-network", &[east, west]).await;
    let space = "flat";
    east.apply(&(namespace(space) + &service(space, "here") + &service(space, "both"))).await;
    west.apply(
        &(namespace(space)
            + &service(space, "there")
            + &endpoints(space, "there", &[("", "10.245.60.5")])
            + &service(space, "both")
            + &headless(space, "db")
            + &endpoints(space, "db", &[("db-0", "10.245.60.6")])),
    )
    .await;
    let nodes = resolver().await;
    let name = |name: &str| format!("{name}.{space}.svc.cluster.local A");
    let flat = overlay.corefile().replace("reach * direct", "reach * endpoints");
    let (of_east, of_west, without_mesh) = tokio::join!(
        overlay.serve(east, &nodes),
        overlay.serve(west, &nodes),
        overlay.serve_with(east, &nodes, &flat),
    );
    for (server, own, other, theirs) in
        [(&of_east, east, west, "there"), (&of_west, west, east, "here")]
    {
        let there = format!("NOERROR {}", other.cluster_ips(space, theirs).await[0]);
        server.comes_to_say(&name(theirs), &there).await;
        let here = format!("NOERROR {}", own.cluster_ips(space, "both").await[0]);
        server.comes_to_say(&name("db-0.db"), "NOERROR 10.245.60.6").await;
        server
            .must_say(&[(&name("both"), &here), ("www.example.com A", "NOERROR 192.0.2.80")])
            .await;
        let logs = server.logs();
        assert!(!logs.contains("fails") && !logs.contains("may not"), "{logs}");
    }
    without_mesh.comes_to_say(&name("there"), "NOERROR 10.245.60.5").await;
}
