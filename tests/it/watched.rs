//! What is learnt of a real API server, where answers do not show it.

use fleetdns::cluster::Selection;
use serde_json::{Value, json};

use crate::harness::objects::{document, namespace};
use crate::harness::{ControlPlane, Told};

/// A pod that, once it is deleted, terminates for as long as it is held.
fn pod(space: &str, name: &str, phase: &str, ips: &[&str], finalizers: &[&str]) -> String {
    let ips: Vec<Value> = ips.iter().map(|ip| json!({"ip": ip})).collect();
    document(&json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": space, "finalizers": finalizers},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
        "status": {"phase": phase, "podIPs": ips, "podIP": ips.first().map(|ip| &ip["ip"])},
    }))
}

#[tokio::test]
async fn pods_are_told_until_they_are_over_or_deleted() {
    let east = &ControlPlane::shared().await.east;
    let space = "watched-pods";
    let ends = |finalizers| pod(space, "ends", "Running", &["10.1.0.4"], finalizers);
    east.apply(
        &(namespace(space)
            + &pod(space, "a", "Running", &["10.1.0.1", "fd00::1"], &[])
            + &pod(space, "b", "Pending", &["10.1.0.2"], &[])
            + &pod(space, "over", "Succeeded", &["10.1.0.3"], &[])
            + &ends(&["example.com/held"])),
    )
    .await;
    let with_pods = || Selection { pods: true, ..Selection::default() };
    let (_fleet, told) = Told::watch(east, with_pods());
    told.comes_to_be("pod", space, &["a", "b", "ends"]).await;
    assert!(
        told.of("pod", space)[0].1.contains("[10.1.0.1, fd00::1]"),
        "{:?}",
        told.of("pod", space)
    );

    // It leaves what the field selector selects: the API server says that it is deleted.
    east.apply(&pod(space, "b", "Failed", &["10.1.0.2"], &[])).await;
    told.comes_to_be("pod", space, &["a", "ends"]).await;
    east.delete(&ends(&[])).await;
    east.apply(&pod(space, "new", "Running", &["10.1.0.5"], &[])).await;
    told.comes_to_be("pod", space, &["a", "ends", "new"]).await;
    let (_fleet, fresh) = Told::watch(east, with_pods());
    fresh.comes_to_be("pod", space, &["a", "new"]).await;
    east.apply(&ends(&[])).await;
    told.comes_to_be("pod", space, &["a", "new"]).await;
}
