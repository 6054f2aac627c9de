//! A mesh with one control plane: its configuration is in the primary, and pods are in both.

use serde_json::json;

use super::clusters::{Clusters, resolver};
use super::overlay::{Overlay, apply};
use crate::harness::kubectl;
use crate::harness::manifests::documents;
use crate::harness::objects::{namespace, service, service_entry, service_entry_crd};

#[tokio::test]
async fn the_remote_answers_what_the_primary_has_and_says() {
    let Clusters { east: primary, west: remote, .. } = Clusters::shared().await;
    let overlay = Overlay::install("primary-remote", &[primary, remote]).await;
    let reader = documents(&kubectl::kustomize("manifests/overlays/primary-remote/member"));
    for cluster in [primary, remote] {
        apply(cluster, &reader).await;
    }
    let space = "primary-remote";
    let ledger = json!({"hosts": ["ledger.remote"], "addresses": ["10.99.0.5"]});
    primary.apply(&(service_entry_crd() + &namespace(space) + &service(space, "orders"))).await;
    let given = json!({"hosts": ["given.remote"]});
    let entries = service_entry(space, "ledger", &ledger, &[])
        + &service_entry(space, "given", &given, &["given.remote=240.240.0.5"]);
    primary.apply_when_served(&entries).await;
    remote.apply(&(namespace(space) + &service(space, "stock"))).await;
    let nodes = resolver().await;
    let (of_primary, of_remote) =
        tokio::join!(overlay.serve(primary, &nodes), overlay.serve(remote, &nodes));
    for (server, other, theirs) in [(&of_primary, remote, "stock"), (&of_remote, primary, "orders")]
    {
        let there = format!("NOERROR {}", other.cluster_ips(space, theirs).await[0]);
        server.comes_to_say(&format!("{theirs}.{space}.svc.cluster.local A"), &there).await;
        server.comes_to_say("ledger.remote A", "NOERROR 10.99.0.5").await;
        server.must_say(&[("any.remote A", "NOERROR 240.0.0.1")]).await;
    }
    // Only the sidecars of the primary listen on what its Istio allocates.
    of_primary.comes_to_say("given.remote A", "NOERROR 240.240.0.5").await;
    of_remote.must_say(&[("given.remote A", "NOERROR 240.0.0.1")]).await;
}
