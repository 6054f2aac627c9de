//! Objects as an API server writes them, for [`super::fake`].

use serde_json::{Value, json};

/// A Service with a ClusterIP.
pub fn service(namespace: &str, name: &str, ip: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"type": "ClusterIP", "clusterIP": ip, "clusterIPs": [ip],
            "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}})
}

pub fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

/// A pod that runs.
pub fn pod(namespace: &str, name: &str, ip: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": namespace, "name": name},
        "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]}})
}

/// Endpoints of a Service: for each port the addresses that have it.
pub fn endpoints(namespace: &str, name: &str, subsets: &[(u16, &[&str])]) -> Value {
    let subset = |(port, ips): &(u16, &[&str])| {
        let addresses: Vec<_> = ips.iter().map(|ip| json!({"ip": ip})).collect();
        json!({"addresses": addresses, "ports": [{"port": port, "protocol": "TCP"}]})
    };
    let subsets: Vec<_> = subsets.iter().map(subset).collect();
    json!({"apiVersion": "v1", "kind": "Endpoints", "subsets": subsets,
        "metadata": {"namespace": namespace, "name": name}})
}

/// An EndpointSlice of a Service with one port.
pub fn slice(namespace: &str, name: &str, service: &str, ips: &[&str]) -> Value {
    let endpoints: Vec<_> = ips.iter().map(|ip| json!({"addresses": [ip]})).collect();
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"namespace": namespace, "name": name,
            "labels": {"kubernetes.io/service-name": service}},
        "endpoints": endpoints, "ports": [{"port": 80, "protocol": "TCP"}]})
}

/// A ServiceEntry with an address.
pub fn entry(namespace: &str, name: &str, ip: &str) -> Value {
    json!({"apiVersion": "x", "kind": "ServiceEntry",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"hosts": [format!("{name}.mesh")], "addresses": [ip]}})
}

/// A ServiceCIDR of one address.
pub fn cidr(name: &str, ip: &str) -> Value {
    json!({"apiVersion": "x", "kind": "ServiceCIDR", "metadata": {"name": name},
        "spec": {"cidrs": [format!("{ip}/32")]}})
}

/// A Node whose pods have one address.
pub fn node(name: &str, ip: &str) -> Value {
    let cidr = format!("{ip}/32");
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        "spec": {"podCIDR": &cidr, "podCIDRs": [&cidr]}})
}

/// A ServiceImport with an address.
pub fn import(namespace: &str, name: &str, ip: &str) -> Value {
    json!({"apiVersion": "x", "kind": "ServiceImport",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"type": "ClusterSetIP", "ips": [ip], "ports": [{"port": 80}]}})
}

/// A ServiceExport.
pub fn export(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "x", "kind": "ServiceExport",
        "metadata": {"namespace": namespace, "name": name,
            "creationTimestamp": "1970-01-01T00:01:40Z"}})
}
