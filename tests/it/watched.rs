//! What is learnt of a real API server, where answers do not show it.

use fleetdns::cluster::Selection;
use serde_json::{Value, json};

use crate::harness::objects::{document, namespace, service_import_crd};
use crate::harness::{ApiServer, ControlPlane, LONG, Told, eventually};

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

fn import(name: &str, version: &str, kind: &str) -> String {
    document(&json!({
        "apiVersion": format!("multicluster.x-k8s.io/{version}"),
        "kind": "ServiceImport",
        "metadata": {"name": name, "namespace": "imports"},
        "spec": {"type": kind, "ips": ["10.9.0.1"], "ports": [{"name": "http", "port": 80}]},
    }))
}

/// Applies a ServiceImport as soon as its version is served, which is a little after its CRD.
async fn apply_import(cluster: &ApiServer, yaml: &str) {
    eventually("ServiceImports to be served", LONG, async || {
        cluster.server_side_dry_run(yaml).await
    })
    .await;
    cluster.apply(yaml).await;
}

#[tokio::test]
async fn imports_come_with_their_crd_in_any_version_and_go_with_it() {
    let cluster = ControlPlane::cluster("watched-imports", "10.107.0.0/16").await;
    cluster.apply(&namespace("imports")).await;
    let with_imports = Selection { imports: true, ..Selection::default() };
    let (fleet, told) = Told::watch(&cluster, with_imports);
    // Synced without: nothing else waits for a CRD.
    eventually("a sync", LONG, async || fleet.local_synced().then_some(())).await;

    cluster.apply(&service_import_crd(&[("v1alpha1", true)])).await;
    apply_import(&cluster, &import("a", "v1alpha1", "ClusterSetIP")).await;
    told.comes_to_be("import", "imports", &["a"]).await;
    let said = &told.of("import", "imports")[0].1;
    assert!(said.contains("ClusterIp([10.9.0.1])") && said.contains("number: Some(80)"), "{said}");

    cluster.apply(&service_import_crd(&[("v1beta1", true), ("v1alpha1", true)])).await;
    apply_import(&cluster, &import("b", "v1beta1", "Headless")).await;
    told.comes_to_be("import", "imports", &["a", "b"]).await;

    // The version that is watched is not served any more.
    cluster.apply(&service_import_crd(&[("v1beta1", true), ("v1alpha1", false)])).await;
    apply_import(&cluster, &import("c", "v1beta1", "Headless")).await;
    told.comes_to_be("import", "imports", &["a", "b", "c"]).await;

    cluster.delete(&service_import_crd(&[("v1beta1", true)])).await;
    told.comes_to_be("import", "imports", &[]).await;
    cluster.apply(&service_import_crd(&[("v1beta1", true)])).await;
    apply_import(&cluster, &import("d", "v1beta1", "Headless")).await;
    told.comes_to_be("import", "imports", &["d"]).await;
}
