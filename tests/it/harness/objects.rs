//! Kubernetes objects as YAML documents, each begun by `---` so that they can be strung together.

use k8s_openapi::ByteString;
use serde_json::{Map, Value, json};

use super::parts;

/// A Namespace.
pub fn namespace(name: &str) -> String {
    document(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
}

/// A Service with a ClusterIP of the API server's choice and the port `http` 80.
pub fn service(namespace: &str, name: &str) -> String {
    service_of(namespace, name, &json!({"ports": [{"name": "http", "port": 80}]}))
}

/// A headless Service with the port `http` 80.
pub fn headless(namespace: &str, name: &str) -> String {
    let spec = json!({"clusterIP": "None", "ports": [{"name": "http", "port": 80}]});
    service_of(namespace, name, &spec)
}

/// A Service that is an alias.
pub fn external_name(namespace: &str, name: &str, target: &str) -> String {
    service_of(namespace, name, &json!({"type": "ExternalName", "externalName": target}))
}

/// A Service with this `spec`.
pub fn service_of(namespace: &str, name: &str, spec: &Value) -> String {
    document(&json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }))
}

/// The ready IPv4 endpoints of a Service on the port `http` 80: hostname (or nothing) and address.
pub fn endpoints(namespace: &str, service: &str, endpoints: &[(&str, &str)]) -> String {
    let endpoint = |(hostname, address): &(&str, &str)| {
        let mut endpoint = json!({"addresses": [address], "conditions": {"ready": true}});
        if !hostname.is_empty() {
            endpoint["hostname"] = json!(hostname);
        }
        endpoint
    };
    document(&json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": format!("{service}-1"),
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
        "endpoints": endpoints.iter().map(endpoint).collect::<Vec<_>>(),
    }))
}

/// A Secret as `istioctl create-remote-secret` writes it: a kubeconfig for each cluster ID.
pub fn remote_secret(namespace: &str, name: &str, kubeconfigs: &[(&str, &str)]) -> String {
    let encoded = |text: &str| json!(ByteString(text.as_bytes().to_vec()));
    let data: Map<_, _> =
        kubeconfigs.iter().map(|(id, text)| ((*id).to_owned(), encoded(text))).collect();
    document(&json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"istio/multiCluster": "true"},
        },
        "data": data,
    }))
}

/// Lets the group `readers` list and watch these resources (`group/plural`) in all namespaces.
pub fn grant_readers(resources: &[&str]) -> String {
    let group =
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "readers"});
    grant("readers", &group, resources)
}

/// Lets a subject of RBAC list and watch these resources (`group/plural`) in all namespaces, and nothing
/// besides, by a ClusterRole and a binding of this name.
pub fn grant(name: &str, subject: &Value, resources: &[&str]) -> String {
    let rule = |resource: &&str| {
        let (group, plural) = resource.split_once('/').expect("group/plural");
        json!({"apiGroups": [group], "resources": [plural], "verbs": ["list", "watch"]})
    };
    role(name, subject, &resources.iter().map(rule).collect())
}

/// A ClusterRole with these rules and its binding to a subject, both of this name.
pub fn role(name: &str, subject: &Value, rules: &Value) -> String {
    let version = "rbac.authorization.k8s.io/v1";
    document(&json!({
        "apiVersion": version,
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    })) + &document(&json!({
        "apiVersion": version,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": name,
        },
        "subjects": [subject],
    }))
}

/// A ServiceExport.
pub fn service_export(namespace: &str, name: &str) -> String {
    document(&json!({
        "apiVersion": "multicluster.x-k8s.io/v1beta1",
        "kind": "ServiceExport",
        "metadata": {"name": name, "namespace": namespace},
    }))
}

/// The CRD of ServiceExports in these versions, as that of ServiceImports.
pub fn service_export_crd(versions: &[(&str, bool)]) -> String {
    multicluster_crd("ServiceExport", versions)
}

/// The CRD of ServiceImports in these versions and whether each is served; the first is stored. Any
/// `spec` will do.
pub fn service_import_crd(versions: &[(&str, bool)]) -> String {
    multicluster_crd("ServiceImport", versions)
}

fn multicluster_crd(kind: &str, versions: &[(&str, bool)]) -> String {
    let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {"spec": anything}}});
    let version = |(index, (name, served)): (usize, &(&str, bool))| {
        let is_stored = index == 0;
        json!({"name": name, "served": served, "storage": is_stored, "schema": schema})
    };
    let singular = kind.to_lowercase();
    let names = json!({"kind": kind, "listKind": format!("{kind}List"),
        "plural": format!("{singular}s"), "singular": singular});
    document(&json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{singular}s.multicluster.x-k8s.io"),
            // Groups below k8s.io are reserved; this is the proposal that this one comes from.
            "annotations": {"api-approved.kubernetes.io": "KEP-1645"},
        },
        "spec": {
            "group": "multicluster.x-k8s.io",
            "names": names,
            "scope": "Namespaced",
            "versions": versions.iter().enumerate().map(version).collect::<Vec<_>>(),
        },
    }))
}

/// Istio's own CRD of ServiceEntries.
pub fn service_entry_crd() -> String {
    let all = std::fs::read_to_string(parts::istio_crds()).expect("read Istio's CRDs");
    let is_it = |crd: &&str| crd.contains("\n  name: serviceentries.networking.istio.io\n");
    format!("---\n{}\n", all.split("\n---\n").find(is_it).expect("the CRD of ServiceEntries"))
}

/// A ServiceEntry with a TCP port, whose status says which addresses the control plane gave it:
/// `HOST=ADDRESS`.
pub fn service_entry(namespace: &str, name: &str, spec: &Value, given: &[&str]) -> String {
    let mut spec = spec.clone();
    spec["ports"] = json!([{"number": 3306, "name": "tcp", "protocol": "TCP"}]);
    if spec["resolution"].is_null() {
        spec["resolution"] = json!("STATIC");
    }
    let given = given.iter().map(|given| {
        let (host, value) = given.split_once('=').expect("HOST=ADDRESS");
        json!({"host": host, "value": value})
    });
    document(&json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
        "status": {"addresses": given.collect::<Vec<_>>()},
    }))
}

/// Any object. JSON is YAML.
pub fn document(object: &Value) -> String {
    format!("---\n{object}\n")
}
