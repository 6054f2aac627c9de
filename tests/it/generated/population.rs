//! Objects from a seed.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// The namespaces that populations live in. The last holds nothing but what tells the end.
pub const NAMESPACES: [&str; 5] = ["gen-a", "gen-b", "gen-c", "gen-empty", "gen-marker"];

/// Names of Services that could be taken for something else, beside `web-1` and the like.
const NAMES: [&str; 10] =
    ["svc", "pod", "any", "local", "cluster", "dns", "ns", "arpa", "a", "x--y"];
const HOSTNAMES: [&str; 6] = ["db-0", "db-1", "a", "1-2-3-4", "10-44-0-1", "tcp"];
const ZONES: [&str; 4] = ["eu-a", "EU-B", "eu.c", "x"];
/// What ExternalNames and endpoints of type FQDN point to, beside each other.
const TARGETS: [&str; 12] = [
    "www.upstream.example",
    "alias.upstream.example",
    "www.upstream.example.",
    "nothing.upstream.example",
    "gone.example",
    "x.refused.example",
    "ns.dns.cluster.local",
    "cluster.local",
    "svc.cluster.local",
    "gen-a.svc.cluster.local",
    "10-44-0-1.gen-a.pod.cluster.local",
    "_http._tcp.web-1.gen-a.svc.cluster.local",
];

/// What a seed makes.
#[derive(Debug, Default)]
pub struct Population {
    pub objects: Vec<Object>,
    /// Namespace and name of every Service.
    pub services: Vec<(String, String)>,
    /// The first label of an endpoint, its Service's name and its namespace.
    pub endpoints: Vec<[String; 3]>,
    /// Every address that anything has. ClusterIPs come when the API server gives them.
    pub addresses: Vec<String>,
}

/// An object of the API.
#[derive(Clone, Debug)]
pub struct Object {
    /// Of its kind: `/api/v1/namespaces/gen-a/services`.
    pub path: String,
    pub body: Value,
    /// Written afterwards, as the API server takes no status with an object.
    pub status: Option<Value>,
}

/// A kind of object.
pub struct Kind {
    version: &'static str,
    plural: &'static str,
    kind: &'static str,
}

pub const SERVICE: Kind = Kind { version: "v1", plural: "services", kind: "Service" };
pub const POD: Kind = Kind { version: "v1", plural: "pods", kind: "Pod" };
pub const SLICE: Kind =
    Kind { version: "discovery.k8s.io/v1", plural: "endpointslices", kind: "EndpointSlice" };

impl Object {
    /// An object with labels, and what else `rest` says of it.
    pub fn new(kind: &Kind, namespace: &str, name: &str, labels: Value, rest: Value) -> Self {
        let root = if kind.version.contains('/') { "/apis" } else { "/api" };
        let mut body = rest;
        body["apiVersion"] = json!(kind.version);
        body["kind"] = json!(kind.kind);
        body["metadata"] = json!({"name": name, "namespace": namespace, "labels": labels});
        let path = format!("{root}/{}/namespaces/{namespace}/{}", kind.version, kind.plural);
        Object { path, body, status: None }
    }
}

struct Maker {
    rng: StdRng,
    made: Population,
    /// All addresses of endpoints are of a few, so that some are shared.
    block: u64,
}

impl Population {
    pub fn generate(seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        let mut maker = Maker { rng, made: Population::default(), block: seed % 200 };
        for namespace in &NAMESPACES[..3] {
            let count = maker.rng.random_range(14..22);
            for index in 0..count {
                maker.service(namespace, index);
            }
            for index in 0..6 {
                maker.pod(namespace, index);
            }
        }
        maker.made
    }
}

impl Maker {
    fn pick<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.rng.random_range(0..all.len())]
    }

    fn chance(&mut self, share: f64) -> bool {
        self.rng.random_bool(share)
    }

    /// A label that the selectors of the option sets know.
    fn tier(&mut self) -> &'static str {
        self.pick(&["keep", "keep", "keep", "other", "drop"])
    }

    fn name(&mut self, index: usize) -> String {
        match self.rng.random_range(0..10) {
            0 => self.pick(&NAMES).to_owned(),
            1 => format!("{}-{index}", "n".repeat(60)),
            2 => format!("svc-{index}"),
            _ => format!("web-{index}"),
        }
    }

    fn address(&mut self, v6: bool) -> String {
        let host = self.rng.random_range(1..24);
        match (v6, host) {
            (false, _) => format!("10.44.{}.{host}", self.block),
            // One that ends in a colon, and one that is long.
            (true, 1) => format!("fd00:44:{:x}::", self.block + 1),
            (true, 2..4) => format!("fd00:44:{:x}:1:2:3:4:{host:x}", self.block + 1),
            (true, _) => format!("fd00:44:{:x}::{host:x}", self.block + 1),
        }
    }

    fn ports(&mut self, least: usize, has_number: f64) -> Vec<Value> {
        let sets: [&[(&str, &str, u16)]; 8] = [
            &[],
            &[("", "TCP", 80)],
            &[("http", "TCP", 80)],
            &[("http", "TCP", 80), ("admin", "TCP", 8080)],
            &[("dns", "UDP", 53), ("dns-tcp", "TCP", 53)],
            &[("http", "TCP", 80), ("http-udp", "UDP", 80), ("s", "SCTP", 80)],
            &[("a", "TCP", 1), ("tcp", "UDP", 2)],
            &[("x-1", "SCTP", 65_535)],
        ];
        let set = sets[self.rng.random_range(least..sets.len())];
        let port = |(name, protocol, number): &(&str, &str, u16)| {
            let mut port = json!({"protocol": protocol, "port": number});
            if !name.is_empty() {
                port["name"] = json!(name);
            }
            port
        };
        let mut ports: Vec<Value> = set.iter().map(port).collect();
        for port in &mut ports {
            if !self.rng.random_bool(has_number) {
                port.as_object_mut().expect("a port").remove("port");
            }
        }
        ports
    }

    fn service(&mut self, namespace: &str, index: usize) {
        let name = self.name(index);
        let services = &mut self.made.services;
        let key = (namespace.to_owned(), name.clone());
        if services.contains(&key) {
            return;
        }
        services.push(key);
        let families =
            [json!(["IPv4"]), json!(["IPv6"]), json!(["IPv4", "IPv6"]), json!(["IPv6", "IPv4"])];
        let families = families[self.rng.random_range(0..families.len())].clone();
        let policy = if families[1].is_null() { "SingleStack" } else { "RequireDualStack" };
        let mut spec = json!({"ipFamilies": families, "ipFamilyPolicy": policy});
        let kind = self.rng.random_range(0..10);
        match kind {
            0..4 => {
                spec["ports"] = self.ports(1, 1.0).into();
                spec["type"] =
                    self.pick(&["ClusterIP", "ClusterIP", "NodePort", "LoadBalancer"]).into();
                if self.chance(0.2) {
                    spec["externalIPs"] = json!(["192.0.2.77"]);
                }
            }
            4..8 => {
                spec["clusterIP"] = json!("None");
                spec["ports"] = self.ports(0, 1.0).into();
                spec["publishNotReadyAddresses"] = json!(self.rng.random_bool(0.3));
            }
            _ => {
                let target = self.target();
                spec = json!({"type": "ExternalName", "externalName": target});
                if self.chance(0.2) {
                    spec["ports"] = self.ports(1, 1.0).into();
                }
            }
        }
        let labels = json!({"tier": self.tier()});
        let object = Object::new(&SERVICE, namespace, &name, labels, json!({"spec": spec}));
        self.made.objects.push(object);
        for number in 0..self.rng.random_range(0..4) {
            self.slice(namespace, &name, number);
        }
        if self.chance(0.1) {
            // Of a Service that is not there.
            self.slice(namespace, &format!("orphan-{index}"), 9);
        }
    }

    /// Where an alias points: out of the cluster, or to another Service, or itself.
    fn target(&mut self) -> String {
        if self.chance(0.05) {
            return "192.0.2.9".into();
        }
        if self.chance(0.5) {
            return self.pick(&TARGETS).to_owned();
        }
        let (namespace, name) =
            self.made.services[self.rng.random_range(0..self.made.services.len())].clone();
        format!("{name}.{namespace}.svc.cluster.local")
    }

    fn slice(&mut self, namespace: &str, service: &str, number: usize) {
        let kind = self.pick(&["IPv4", "IPv4", "IPv4", "IPv6", "IPv6", "FQDN"]);
        let mut endpoints = Vec::new();
        for _ in 0..self.rng.random_range(0..5) {
            let endpoint = self.endpoint(kind, namespace, service);
            endpoints.push(endpoint);
        }
        let name = format!("{}-{number}", service);
        let labels = json!({"kubernetes.io/service-name": service, "tier": self.tier()});
        let rest = json!({
            "addressType": kind,
            "endpoints": endpoints,
            "ports": self.ports(0, 0.9),
        });
        self.made.objects.push(Object::new(&SLICE, namespace, &name, labels, rest));
    }

    fn endpoint(&mut self, kind: &str, namespace: &str, service: &str) -> Value {
        let mut addresses = Vec::new();
        for _ in 0..self.rng.random_range(1..3) {
            let address = match kind {
                "FQDN" => self
                    .pick(&["www.upstream.example", "gone.example", "a.b", "svc.cluster.local"])
                    .to_owned(),
                _ => self.address(kind == "IPv6"),
            };
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let mut endpoint = json!({"addresses": addresses});
        let mut labels: Vec<String> =
            addresses.iter().map(|address| address.replace(['.', ':'], "-")).collect();
        let conditions = [
            json!(null),
            json!({"ready": true}),
            json!({"ready": true}),
            json!({}),
            json!({"ready": false}),
            json!({"ready": false, "serving": true, "terminating": true}),
            json!({"ready": true, "serving": false}),
        ];
        let condition = &conditions[self.rng.random_range(0..conditions.len())];
        if !condition.is_null() {
            endpoint["conditions"] = condition.clone();
        }
        if self.chance(0.3) {
            let hostname = self.pick(&HOSTNAMES);
            endpoint["hostname"] = json!(hostname);
            labels.push(hostname.into());
        }
        if self.chance(0.4) {
            let long = "p".repeat(63);
            let longer = "p".repeat(64);
            let name =
                self.pick(&["pod-1", "pod-2", "dotted.pod", &long, &longer, "db-0"]).to_owned();
            endpoint["targetRef"] = json!({"kind": "Pod", "name": name, "namespace": namespace});
            labels.push(name);
        }
        if self.chance(0.5) {
            endpoint["zone"] = json!(self.pick(&ZONES));
        }
        for label in labels {
            let [service, namespace] = [service, namespace].map(str::to_owned);
            self.made.endpoints.push([label, service, namespace]);
        }
        self.made.addresses.extend(addresses.into_iter().filter(|_| kind != "FQDN"));
        endpoint
    }

    fn pod(&mut self, namespace: &str, index: usize) {
        let mut ips = vec![self.address(false)];
        if self.chance(0.4) {
            ips.push(self.address(true));
        }
        self.made.addresses.extend(ips.iter().cloned());
        let phase = self.pick(&["Running", "Running", "Pending", "Succeeded", "Failed"]);
        let listed: Vec<Value> = ips.iter().map(|ip| json!({"ip": ip})).collect();
        let status = json!({"phase": phase, "podIP": ips[0], "podIPs": listed});
        let labels = json!({"tier": self.tier()});
        let rest = json!({"spec": {"containers": [{"name": "c", "image": "i"}]}});
        let mut pod = Object::new(&POD, namespace, &format!("pod-{index}"), labels, rest);
        pod.status = Some(status);
        self.made.objects.push(pod);
    }
}
