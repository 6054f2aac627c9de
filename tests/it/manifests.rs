//! The Kubernetes manifests of this repository, given to a real API server.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::manifests::documents;
use crate::harness::outside::outside_of_a_cluster;
use crate::harness::{ApiServer, ControlPlane, FLEETDNS, LONG, eventually, objects, scratch};
use crate::oracle;

const NAMESPACE: &str = "kube-system";
const NAME: &str = "fleetdns";
/// Where the Secrets of the members are.
const MEMBERS: &str = "fleetdns-members";

fn base() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/base")
}

fn read(file: &str) -> String {
    fs::read_to_string(base().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// The files that `kubectl apply -k` would apply, in that order.
fn resources() -> Vec<String> {
    let [kustomization] = &documents(&read("kustomization.yaml"))[..] else {
        panic!("a kustomization is one document")
    };
    let resources = kustomization["resources"].as_array().expect("resources");
    resources.iter().map(|file| file.as_str().expect("a file").to_owned()).collect()
}

/// The only object of this kind and name.
fn object(kind: &str) -> Value {
    let files = resources();
    let mut all = files.iter().flat_map(|file| documents(&read(file)));
    all.find(|object| object["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))
}

fn corefile() -> String {
    object("ConfigMap")["data"]["Corefile"].as_str().expect("a Corefile").to_owned()
}

#[test]
fn the_kustomization_lists_every_file() {
    let mut listed = resources();
    listed.sort();
    let mut found: Vec<String> = fs::read_dir(base())
        .expect("manifests/base")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .filter(|name| name != "kustomization.yaml")
        .collect();
    found.sort();
    assert_eq!(listed, found);
}

#[tokio::test]
async fn the_api_server_takes_every_object() {
    let east = &ControlPlane::shared().await.east;
    east.apply(&(objects::namespace(NAMESPACE) + &objects::namespace(MEMBERS))).await;
    let mut kinds = Vec::new();
    for file in resources() {
        let text = read(&file);
        east.server_side_dry_run(&text).await.unwrap_or_else(|e| panic!("{file}: {e}"));
        kinds.extend(documents(&text).iter().map(|object| object["kind"].to_string()));
    }
    for kind in ["ServiceAccount", "ClusterRole", "Role", "ConfigMap", "Deployment", "Service"] {
        assert!(kinds.contains(&format!("{kind:?}")), "no {kind} among {kinds:?}");
    }
    // A dry run is no proof if the API server takes anything.
    let wrong = read("deployment.yaml").replace("containerPort: 9153", "containerPort: 91530");
    let refused = east.server_side_dry_run(&wrong).await.expect_err("an impossible port");
    assert!(refused.contains("65535"), "{refused}");
}

/// What must fit together and no API server checks.
#[test]
fn the_objects_fit_together() {
    let deployment = object("Deployment");
    let pod = &deployment["spec"]["template"];
    let container = &pod["spec"]["containers"][0];
    assert_eq!(pod["spec"]["serviceAccountName"], object("ServiceAccount")["metadata"]["name"]);
    assert_eq!(
        pod["spec"]["volumes"][0]["configMap"]["name"],
        object("ConfigMap")["metadata"]["name"]
    );
    let service = object("Service");
    let selector = service["spec"]["selector"].as_object().expect("a selector");
    for (label, value) in selector {
        assert_eq!(pod["metadata"]["labels"][label], *value, "{label}");
    }
    // As `image.rs` runs it.
    let user = json!({"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532});
    for (field, value) in user.as_object().expect("an object") {
        assert_eq!(pod["spec"]["securityContext"][field], *value, "{field}");
    }
    let rights = &container["securityContext"];
    assert_eq!(rights["capabilities"], json!({"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}));
    assert_eq!(rights["allowPrivilegeEscalation"], false);
    assert_eq!(rights["readOnlyRootFilesystem"], true);
    // The ports of the Corefile, and where the kubelet and Prometheus look.
    let corefile = corefile();
    for (name, word, port) in [
        ("dns", ".:53 {", 53),
        ("dns-tcp", ".:53 {", 53),
        ("metrics", "prometheus :9153", 9153),
        ("liveness-probe", "health", 8080),
        ("readiness-probe", "ready", 8181),
    ] {
        assert!(corefile.contains(word), "{word} in {corefile}");
        let ports = container["ports"].as_array().expect("ports");
        let found = ports.iter().find(|port| port["name"] == name).expect(name);
        assert_eq!(found["containerPort"], port, "{name}");
    }
    for (probe, path) in [("livenessProbe", "/health"), ("readinessProbe", "/ready")] {
        assert_eq!(container[probe]["httpGet"]["path"], path);
    }
}

/// The manifests' Corefile and rights at work: who has the ServiceAccount's token can do what the
/// program needs, and nothing beside.
#[tokio::test]
async fn the_corefile_works_with_the_rights_of_the_service_account() {
    let clusters = tokio::join!(
        ControlPlane::cluster("rights", "10.120.0.0/16"),
        ControlPlane::cluster("rights-west", "10.121.0.0/16"),
    );
    let (east, west) = clusters;
    east.apply(&objects::namespace(NAMESPACE)).await;
    for file in resources() {
        east.apply(&read(&file)).await;
    }
    let token = east.token_of(NAMESPACE, NAME).await;
    let namespace = objects::namespace("rights");
    let fixed = |name: &str, ip: &str| {
        let spec = json!({"clusterIP": ip, "ports": [{"name": "http", "port": 80}]});
        objects::service_of("rights", name, &spec)
    };
    let pods = objects::headless("rights", "db")
        + &objects::endpoints("rights", "db", &[("db-0", "10.244.0.5")]);
    east.apply(&format!("{namespace}{}{pods}", fixed("web", "10.120.0.7"))).await;
    west.apply(&format!("{namespace}{}", fixed("pay", "10.121.0.7"))).await;
    let member = objects::remote_secret(MEMBERS, "west", &[("west", &west.kubeconfig_yaml())]);
    east.apply(&member).await;

    let folder = scratch::folder("rights");
    let kubeconfig = folder.join("kubeconfig.yaml");
    fs::write(&kubeconfig, east.kubeconfig_yaml_of(&token)).expect("write a kubeconfig");
    // The resolvers of the node.
    let nodes = oracle::upstream().await;
    let forward = format!("forward . {}", nodes.dns_addr());
    let corefile = corefile().replace("forward . /etc/resolv.conf", &forward);
    let mut dns = FLEETDNS
        .with(&outside_of_a_cluster(&corefile, &kubeconfig))
        .env("CLUSTER_ID", "east")
        .start()
        .await;
    dns.comes_to_say("web.rights.svc.cluster.local A", "NOERROR 10.120.0.7").await;
    dns.comes_to_say("pay.rights.svc.cluster.local A", "NOERROR 10.121.0.7").await;
    dns.must_say(&[
        ("db-0.db.rights.svc.cluster.local A", "NOERROR 10.244.0.5"),
        ("7.0.120.10.in-addr.arpa PTR", "NOERROR web.rights.svc.cluster.local."),
        ("httpbin.bar.remote A", "NOERROR 240.0.0.1"),
        ("fleetdns.kube-system.svc.cluster.local TXT", "NODATA cluster.local. 30"),
    ])
    .await;
    let ready = dns.addr("READY_PORT");
    eventually("/ready", LONG, async || match crate::harness::get(ready, "/ready").await {
        Ok((200, _)) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    // Changes come too: it may watch what it may list.
    east.apply(&fixed("late", "10.120.0.8")).await;
    dns.comes_to_say("late.rights.svc.cluster.local A", "NOERROR 10.120.0.8").await;
    east.delete(&member).await;
    dns.comes_to_say("pay.rights.svc.cluster.local A", "NXDOMAIN cluster.local. 30").await;
    let logs = dns.logs().to_lowercase();
    assert!(!logs.contains("forbidden") && !logs.contains("fails"), "{logs}");
    assert_eq!(dns.terminate().await.code(), Some(0), "{}", dns.logs());

    has_no_other_rights(&east, &token).await;
}

/// What the API server says of the rights of whoever has this token.
async fn has_no_other_rights(cluster: &ApiServer, token: &str) {
    for (expected, verb, resource, namespace) in [
        (true, "list", "/services", ""),
        (true, "watch", "/services", ""),
        (true, "watch", "/namespaces", ""),
        (true, "watch", "discovery.k8s.io/endpointslices", ""),
        (true, "watch", "/secrets", MEMBERS),
        (false, "get", "/secrets", "default"),
        (false, "list", "/secrets", ""),
        (false, "watch", "/secrets", "rights"),
        (false, "watch", "/secrets", NAMESPACE),
        (false, "create", "/secrets", MEMBERS),
        (false, "update", "/services", NAMESPACE),
        (false, "delete", "/services", ""),
        (false, "list", "/pods", ""),
        (true, "list", "/nodes", ""),
        (false, "update", "/nodes", ""),
        (true, "watch", "networking.k8s.io/servicecidrs", ""),
        (true, "watch", "networking.istio.io/serviceentries", ""),
        (false, "list", "/configmaps", NAMESPACE),
        (false, "create", "/serviceaccounts/token", NAMESPACE),
        (false, "impersonate", "/users", ""),
    ] {
        let may = cluster.may(token, verb, resource, namespace).await;
        assert_eq!(may, expected, "{verb} {resource} in {namespace:?}");
    }
}
