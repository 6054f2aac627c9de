//! Clusters whose networks do not meet, with the same addresses in both.

use serde_json::json;

use super::clusters::{Clusters, EAST_GATEWAY, FAR_GATEWAY, resolver};
use super::overlay::Overlay;
use crate::harness::objects::{namespace, service, service_of};

#[tokio::test]
async fn each_cluster_answers_the_others_gateway_whatever_the_addresses_are() {
    let Clusters { east, west, far, .. } = Clusters::shared().await;
    let overlay = Overlay::install("separate-networks", &[east, far]).await;
    let space = "separate";
    let fixed = |name: &str| {
        let spec = json!({"clusterIP": "10.160.77.7", "ports": [{"name": "http", "port": 80}]});
        namespace(space) + &service_of(space, name, &spec)
    };
    east.apply(&fixed("here")).await;
    far.apply(&fixed("there")).await;
    west.apply(&(namespace(space) + &service(space, "west"))).await;
    let nodes = resolver().await;
    let lines = "reach far direct\nreach west gateway eastwest.west.example.com\noverlap sentinel";
    let others = overlay.corefile().replace("overlap sentinel", lines);
    let (of_east, of_far, direct) = tokio::join!(
        overlay.serve(east, &nodes),
        overlay.serve(far, &nodes),
        overlay.serve_with(east, &nodes, &others),
    );
    for (server, own, theirs, gateway) in
        [(&of_east, "here", "there", FAR_GATEWAY), (&of_far, "there", "here", EAST_GATEWAY)]
    {
        let name = |name: &str| format!("{name}.{space}.svc.cluster.local");
        server.comes_to_say(&(name(theirs) + " A"), &format!("NOERROR {gateway}")).await;
        server
            .must_say(&[
                (&(name(own) + " A"), "NOERROR 10.160.77.7"),
                ("7.77.160.10.in-addr.arpa PTR", &format!("NOERROR {}.", name(own))),
                ("any.remote A", "NOERROR 240.0.0.1"),
            ])
            .await;
    }
    // A gateway's name of one's own, and a member whose address would lead to `here`.
    let name = |name: &str| format!("{name}.{space}.svc.cluster.local A");
    direct.comes_to_say(&name("west"), "NOERROR 203.0.113.20").await;
    direct.comes_to_say(&name("there"), "NOERROR 240.0.0.1").await;
}
