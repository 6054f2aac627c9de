//! The kustomize base: what it says is what a real API server takes, and enough for the program to work.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::harness::api_server::READER;
use crate::harness::manifests::documents;
use crate::harness::objects::{namespace, remote_secret, service};
use crate::harness::{ControlPlane, FLEETDNS, LONG, eventually, scratch};

fn base() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/base"))
}

/// The files of the base, but for the kustomization.
fn files() -> BTreeSet<String> {
    let entries = std::fs::read_dir(base()).expect("the base");
    let names = entries.map(|entry| entry.expect("a file").file_name().into_string());
    names.map(|name| name.expect("UTF-8")).filter(|name| name != "kustomization.yaml").collect()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(base().join(file)).expect("a file of the base")
}

#[test]
fn the_kustomization_has_every_file() {
    let kustomization = documents(&read("kustomization.yaml")).remove(0);
    let listed = kustomization["resources"].as_array().expect("resources");
    let listed: BTreeSet<String> =
        listed.iter().map(|file| file.as_str().expect("a name").to_owned()).collect();
    assert_eq!(listed, files());
}

#[tokio::test]
async fn an_api_server_takes_every_object() {
    let cluster = ControlPlane::cluster("base", "10.99.0.0/16").await;
    let all: Vec<String> = files().iter().map(|file| read(file)).collect();
    let kinds: Vec<String> = all
        .iter()
        .flat_map(|yaml| documents(yaml))
        .map(|object| object["kind"].as_str().expect("a kind").to_owned())
        .collect();
    for kind in ["Deployment", "Service", "ConfigMap", "ServiceAccount", "ClusterRole"] {
        assert!(kinds.iter().any(|other| other == kind), "{kind} is missing in {kinds:?}");
    }
    // The namespace and the priority class are made by the API server itself, soon after its start.
    eventually("a dry run of the base", LONG, async || {
        for yaml in &all {
            cluster.server_side_dry_run(yaml).await?;
        }
        Ok::<_, String>(())
    })
    .await;
}

/// The rights of the base, and the Corefile of its ConfigMap, are all that the program needs: a Service
/// of this cluster, one of a member whose Secret it reads, a suffix, and nothing denied.
#[tokio::test]
async fn its_rights_and_its_corefile_are_enough() {
    let cluster = ControlPlane::cluster("rights", "10.99.0.0/16").await;
    let member = ControlPlane::cluster("rights-member", "10.98.0.0/16").await;
    let rights = read("rbac.yaml").replace(
        "  - kind: ServiceAccount\n    name: fleetdns\n    namespace: kube-system\n",
        "  - kind: Group\n    name: readers\n    apiGroup: rbac.authorization.k8s.io\n",
    );
    assert_eq!(rights.matches("name: readers").count(), 2, "both bindings are for the readers");
    eventually("kube-system", LONG, async || cluster.server_side_dry_run(&rights).await).await;
    cluster.apply(&rights).await;
    cluster.apply(&(namespace("shop") + &service("shop", "web"))).await;
    member.apply(&(namespace("pay") + &service("pay", "api"))).await;
    let secret = remote_secret("kube-system", "west", &[("west", &member.kubeconfig_yaml())]);
    cluster.apply(&secret).await;

    let config = documents(&read("configmap.yaml")).remove(0);
    let corefile = config["data"]["Corefile"].as_str().expect("a Corefile");
    let kubeconfig = scratch::folder("rights").join("kubeconfig");
    std::fs::write(&kubeconfig, cluster.kubeconfig_yaml_of(READER)).expect("write");
    // Elsewhere than in a pod: other ports, and the API server by name.
    let adapted = corefile
        .replace(".:53 {", ".:{PORT} {\n    bind 127.0.0.1")
        .replace("health {", "health 127.0.0.1:{HEALTH_PORT} {")
        .replace("    ready\n", "    ready 127.0.0.1:{READY_PORT}\n")
        .replace("prometheus :9153", "prometheus 127.0.0.1:{METRICS_PORT}")
        .replace("lameduck 5s", "lameduck 0s")
        .replace("pods insecure", &format!("pods insecure\n kubeconfig {}", kubeconfig.display()));
    let mut server = FLEETDNS.start(&adapted).await;
    let web = &cluster.cluster_ips("shop", "web").await[0];
    let api = &member.cluster_ips("pay", "api").await[0];
    server.comes_to_say("web.shop.svc.cluster.local A", &format!("NOERROR {web}")).await;
    server.comes_to_say("api.pay.svc.cluster.local A", &format!("NOERROR {api}")).await;
    server.must_say(&[("foo.remote A", "NOERROR 240.0.0.1")]).await;
    assert!(!server.logs().contains("fails"), "{}", server.logs());
    assert_eq!(server.terminate().await.code(), Some(0));
}
