//! An overlay of `manifests/overlays`, as `kubectl` builds it.

use std::fs;

use serde_json::Value;

use crate::harness::manifests::documents;
use crate::harness::objects::document;
use crate::harness::outside::outside_of_a_cluster;
use crate::harness::{ApiServer, DnsServer, FLEETDNS, kubectl, scratch};

/// Where the pods and their ServiceAccount are.
pub const NAMESPACE: &str = "kube-system";

/// Its objects, in the order in which they are applied.
pub struct Overlay {
    name: &'static str,
    objects: Vec<Value>,
}

impl Overlay {
    pub fn build(name: &'static str) -> Self {
        let objects = documents(&kubectl::kustomize(&format!("manifests/overlays/{name}")));
        Self { name, objects }
    }

    /// Builds it and applies all of it to these clusters.
    pub async fn install(name: &'static str, clusters: &[&ApiServer]) -> Self {
        let overlay = Self::build(name);
        for cluster in clusters {
            apply(cluster, &overlay.objects).await;
            // As its README says. Dry, for tests of other overlays are at work in the same cluster.
            let line = format!("kubectl apply --dry-run=server -k manifests/overlays/{name}");
            kubectl::shell(&cluster.kubeconfig(), &line, "");
        }
        overlay
    }

    /// The only object of this kind and name.
    pub fn object(&self, kind: &str, name: &str) -> &Value {
        let is_it = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
        let mut found = self.objects.iter().filter(is_it);
        let object = found.next().unwrap_or_else(|| panic!("no {kind} {name} in {}", self.name));
        assert!(found.next().is_none(), "two of {kind} {name} in {}", self.name);
        object
    }

    pub fn corefile(&self) -> &str {
        self.object("ConfigMap", "fleetdns")["data"]["Corefile"].as_str().expect("a Corefile")
    }

    /// Runs the program as a pod of it would run in this cluster, by the rights of its ServiceAccount.
    pub async fn serve(&self, cluster: &ApiServer, upstream: &DnsServer) -> DnsServer {
        self.serve_with(cluster, upstream, self.corefile()).await
    }

    /// The same with a Corefile that was changed.
    pub async fn serve_with(
        &self,
        cluster: &ApiServer,
        upstream: &DnsServer,
        corefile: &str,
    ) -> DnsServer {
        let token = cluster.token_of(NAMESPACE, "fleetdns").await;
        let kubeconfig = scratch::folder(self.name).join("kubeconfig.yaml");
        fs::write(&kubeconfig, cluster.kubeconfig_yaml_of(&token)).expect("write a kubeconfig");
        // The resolvers of the node.
        let corefile = corefile
            .replace("forward . /etc/resolv.conf", &format!("forward . {}", upstream.dns_addr()));
        let corefile = outside_of_a_cluster(&corefile, &kubeconfig);
        FLEETDNS.with(&corefile).env("CLUSTER_ID", cluster.name()).start().await
    }
}

/// Applies objects after asking the API server whether it takes them.
///
/// Namespaces are first: without them a dry run of what is in them fails.
pub async fn apply(cluster: &ApiServer, objects: &[Value]) {
    let (spaces, others): (Vec<&Value>, Vec<&Value>) =
        objects.iter().partition(|object| object["kind"] == "Namespace");
    let yaml = |objects: Vec<&Value>| objects.into_iter().map(document).collect::<String>();
    cluster.apply(&yaml(spaces)).await;
    let others = yaml(others);
    cluster.server_side_dry_run(&others).await.unwrap_or_else(|e| panic!("{e}"));
    cluster.apply(&others).await;
}
