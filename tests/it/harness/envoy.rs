//! The sidecar's proxy.

use std::fs;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::netns::Namespace;
use super::process::{Process, command};
use super::{parts, scratch};

/// A running Envoy; killed when dropped.
#[derive(Debug)]
pub struct Envoy {
    /// Its process: logs, signals, end.
    pub process: Process,
    namespace: Option<Namespace>,
}

impl Envoy {
    /// Starts it with a static configuration (YAML or JSON), inside of a namespace if one is given,
    /// and waits until it serves.
    pub async fn start(config: &str, inside: Option<&Namespace>) -> Self {
        let file = scratch::folder("envoy").join("envoy.yaml");
        fs::write(&file, config).expect("write Envoy's configuration");
        let args = ["--disable-hot-restart", "--concurrency", "1", "--config-path"];
        let mut command = command(parts::envoy(), args);
        command.arg(&file);
        if let Some(namespace) = inside {
            command = namespace.wrap(&command);
        }
        let mut process = Process::start("envoy", &command);
        let log = process.log().to_owned();
        let serving =
            async || fs::read_to_string(&log).is_ok_and(|text| text.contains("starting workers"));
        // Its ports are written in the configuration: after a clash no other start would work.
        assert!(process.is_up(serving).await, "a port of Envoy's is taken");
        Self { process, namespace: inside.cloned() }
    }
}

/// A sidecar's configuration: HTTP on 127.0.0.1:`port`, routed by authority to an address each.
pub fn sidecar(port: u16, routes: &[(&str, SocketAddr)]) -> String {
    let hosts: Vec<Value> = routes.iter().map(|(name, _)| virtual_host(name)).collect();
    let clusters: Vec<Value> = routes.iter().map(|(name, at)| cluster(name, *at)).collect();
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network\
                  .http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "sidecar",
        "strip_any_host_port": true,
        "route_config": {"virtual_hosts": hosts},
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            },
        }],
    });
    let filter = "envoy.filters.network.http_connection_manager";
    let listener = json!({
        "name": "sidecar",
        "address": address(([127, 0, 0, 1], port).into()),
        "filter_chains": [{"filters": [{"name": filter, "typed_config": manager}]}],
    });
    json!({"static_resources": {"listeners": [listener], "clusters": clusters}}).to_string()
}

fn virtual_host(name: &str) -> Value {
    json!({
        "name": name,
        "domains": [name],
        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": name}}],
    })
}

fn cluster(name: &str, at: SocketAddr) -> Value {
    let endpoint = json!({"endpoint": {"address": address(at)}});
    json!({
        "name": name,
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    })
}

fn address(at: SocketAddr) -> Value {
    json!({"socket_address": {"address": at.ip().to_string(), "port_value": at.port()}})
}
