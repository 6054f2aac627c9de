//! The sidecar's proxy.

use std::fs;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::netns::Namespace;
use super::pki::Pki;
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

/// What a sidecar sends where.
#[derive(Debug, Default)]
pub struct Sidecar<'a> {
    /// Where iptables sends what the pod opens, at 127.0.0.1.
    pub port: u16,
    /// HTTP by authority.
    pub http: &'a [(&'a str, SocketAddr)],
    /// TLS by server name, to a TLS server that answers with its name; Envoy plays that, too.
    pub tls: &'a [(&'a str, SocketAddr)],
    /// Plain TCP by the address that was connected to: a listener on it, as Istio makes them.
    pub tcp: &'a [(SocketAddr, SocketAddr)],
}

impl Sidecar<'_> {
    /// Its configuration.
    pub fn config(&self) -> String {
        let hosts: Vec<Value> = self.http.iter().map(|(name, _)| virtual_host(name)).collect();
        let mut clusters: Vec<Value> =
            self.http.iter().chain(self.tls).map(|(name, at)| cluster(name, *at)).collect();
        let by_name = |(name, _): &(&str, SocketAddr)| json!({"filter_chain_match": {"server_names": [name]}, "filters": [tcp_proxy(name)]});
        let mut chains: Vec<Value> = self.tls.iter().map(by_name).collect();
        chains.push(json!({"filters": [http(json!(hosts))]}));
        let mut listeners = vec![json!({
            "name": "sidecar",
            "address": address(([127, 0, 0, 1], self.port).into()),
            "use_original_dst": true,
            "listener_filters": [
                listener_filter("tls_inspector", "TlsInspector"),
                listener_filter("original_dst", "OriginalDst"),
            ],
            "filter_chains": chains,
        })];
        for (to, at) in self.tcp {
            let name = to.to_string();
            listeners.push(json!({
                "name": name,
                "address": address(*to),
                "bind_to_port": false,
                "filter_chains": [{"filters": [tcp_proxy(&name)]}],
            }));
            clusters.push(cluster(&name, *at));
        }
        listeners.extend(self.tls.iter().map(|(name, at)| tls_server(name, *at)));
        json!({"static_resources": {"listeners": listeners, "clusters": clusters}}).to_string()
    }
}

/// A sidecar's configuration: HTTP on 127.0.0.1:`port`, routed by authority to an address each.
pub fn sidecar(port: u16, routes: &[(&str, SocketAddr)]) -> String {
    Sidecar { port, http: routes, ..Sidecar::default() }.config()
}

/// Routes by authority.
fn http(hosts: Value) -> Value {
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
    json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": manager})
}

fn tcp_proxy(cluster: &str) -> Value {
    json!({
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": cluster,
            "cluster": cluster,
        },
    })
}

fn listener_filter(name: &str, kind: &str) -> Value {
    let kind = format!("type.googleapis.com/envoy.extensions.filters.listener.{name}.v3.{kind}");
    json!({"name": format!("envoy.filters.listener.{name}"), "typed_config": {"@type": kind}})
}

/// A TLS server that says which one it is.
fn tls_server(name: &str, at: SocketAddr) -> Value {
    let pki = Pki::shared();
    let certificate =
        json!({"certificate_chain": {"filename": pki.cert}, "private_key": {"filename": pki.key}});
    let context = json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {"tls_certificates": [certificate]},
    });
    let says = json!({"status": 200, "body": {"inline_string": format!("TLS of {name}\n")}});
    let host = json!({
        "name": name,
        "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, "direct_response": says}],
    });
    json!({
        "name": format!("tls {name}"),
        "address": address(at),
        "filter_chains": [{
            "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": context},
            "filters": [http(json!([host]))],
        }],
    })
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
