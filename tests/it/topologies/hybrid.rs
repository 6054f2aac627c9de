//! Some members in the same network, others behind their gateways.

use super::clusters::{Clusters, FAR_GATEWAY, resolver};
use super::overlay::Overlay;
use crate::harness::objects::{endpoints, headless, namespace, service};

#[tokio::test]
async fn the_neighbour_is_reached_itself_and_the_others_by_their_gateways() {
    let Clusters { east, west, far, .. } = Clusters::shared().await;
    let overlay = Overlay::install("hybrid", &[east]).await;
    let space = "hybrid";
    let db = |name: &str, ip: &str| headless(space, name) + &endpoints(space, name, &[("", ip)]);
    west.apply(&(namespace(space) + &service(space, "near") + &db("near-db", "10.245.61.5"))).await;
    far.apply(&(namespace(space) + &service(space, "away") + &db("away-db", "10.245.62.5"))).await;
    let server = overlay.serve(east, &resolver().await).await;
    let name = |name: &str| format!("{name}.{space}.svc.cluster.local A");
    let near = format!("NOERROR {}", west.cluster_ips(space, "near").await[0]);
    let away = format!("NOERROR {FAR_GATEWAY}");
    server.comes_to_say(&name("near"), &near).await;
    server.comes_to_say(&name("near-db"), "NOERROR 10.245.61.5").await;
    server.comes_to_say(&name("away"), &away).await;
    server.comes_to_say(&name("away-db"), &away).await;
    let logs = server.logs();
    assert!(!logs.contains("fails") && !logs.contains("may not"), "{logs}");
}
