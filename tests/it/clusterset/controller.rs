//! A multi-cluster controller by the letter of KEP-1645: reads what clusters export, and writes the
//! ServiceImports and EndpointSlices that CoreDNS reads. It knows nothing of fleetdns's code.
//!
//! What the KEP leaves to controllers: the address of a ClusterSetIP is the local cluster's, if it exports
//! the Service, else that of the oldest export.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::harness::ApiServer;
use crate::harness::objects::{document, namespace};

const EXPORTS: &str = "/apis/multicluster.x-k8s.io/v1beta1/serviceexports";
const SLICES: &str = "/apis/discovery.k8s.io/v1/endpointslices";

pub struct Controller<'a> {
    /// The local cluster first.
    pub members: [(&'static str, &'a ApiServer); 3],
    /// Where it writes.
    pub oracle: &'a ApiServer,
    /// What it has written: kind, namespace and name, and the object.
    written: BTreeMap<(String, String), Value>,
}

/// A Service that a cluster exports.
struct Export {
    /// When; times of one format are in order as text.
    created: String,
    cluster: &'static str,
    service: Value,
    slices: Vec<Value>,
}

impl<'a> Controller<'a> {
    pub fn new(members: [(&'static str, &'a ApiServer); 3], oracle: &'a ApiServer) -> Self {
        Controller { members, oracle, written: BTreeMap::new() }
    }

    /// Writes what is due now, and deletes what is not any more.
    pub async fn sync(&mut self) {
        let mut spaces = BTreeSet::new();
        let mut exports: BTreeMap<(String, String), Vec<Export>> = BTreeMap::new();
        for (cluster, api) in self.members {
            let all = list(api, "/api/v1/namespaces").await;
            spaces.extend(all.iter().map(|space| text(space, "/metadata/name").to_owned()));
            for (key, export) in exported(cluster, api).await {
                exports.entry(key).or_default().push(export);
            }
        }
        let spaces: String = spaces.iter().map(|name| namespace(name)).collect();
        self.oracle.apply(&spaces).await;
        let mut due = BTreeMap::new();
        for ((space, name), mut all) in exports {
            all.sort_by(|a, b| (&a.created, a.cluster).cmp(&(&b.created, b.cluster)));
            for object in import(&space, &name, &all, self.members[0].0) {
                let kind = text(&object, "/kind").to_owned();
                due.insert((kind, format!("{space}/{}", text(&object, "/metadata/name"))), object);
            }
        }
        for (key, object) in &due {
            if self.written.get(key) != Some(object) {
                self.oracle.apply(&document(object)).await;
            }
        }
        for (key, object) in &self.written {
            if !due.contains_key(key) {
                self.oracle.delete(&document(object)).await;
            }
        }
        self.written = due;
    }
}

/// What one cluster exports, by namespace and name.
async fn exported(cluster: &'static str, api: &ApiServer) -> Vec<((String, String), Export)> {
    let services = list(api, "/api/v1/services").await;
    let slices = list(api, SLICES).await;
    let mut all = Vec::new();
    for export in list(api, EXPORTS).await {
        let key = key(&export);
        let Some(service) = services.iter().find(|service| self::key(service) == key) else {
            continue;
        };
        let annotation = service.pointer("/metadata/annotations/fleetdns.io~1expose");
        let is_hidden = annotation.and_then(Value::as_str) == Some("false");
        if text(service, "/spec/type") == "ExternalName" || is_hidden {
            continue;
        }
        let is_of = |slice: &&Value| {
            let label = slice.pointer("/metadata/labels/kubernetes.io~1service-name");
            label.and_then(Value::as_str) == Some(&key.1)
                && text(slice, "/metadata/namespace") == key.0
        };
        let slices = slices.iter().filter(is_of).cloned().collect();
        let created = text(&export, "/metadata/creationTimestamp").to_owned();
        all.push((key, Export { created, cluster, service: service.clone(), slices }));
    }
    all
}

/// The ServiceImport of a name and its EndpointSlices. `all` are sorted by age.
fn import(space: &str, name: &str, all: &[Export], local: &str) -> Vec<Value> {
    let is_headless = |export: &Export| text(&export.service, "/spec/clusterIP") == "None";
    let headless = is_headless(&all[0]);
    let mut spec = json!({"type": if headless { "Headless" } else { "ClusterSetIP" }});
    if !headless {
        let addressed = || all.iter().filter(|export| !is_headless(export));
        let of_local = addressed().find(|export| export.cluster == local);
        let chosen = of_local.or_else(|| addressed().next()).expect("the oldest");
        spec["ips"] = chosen.service["spec"]["clusterIPs"].clone();
    }
    let mut names = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    let mut ports = Vec::new();
    for port in all.iter().filter_map(|export| export.service["spec"]["ports"].as_array()).flatten()
    {
        let name = port["name"].as_str().unwrap_or_default().to_owned();
        let number = (text(port, "/protocol").to_owned(), port["port"].as_u64());
        if !names.contains(&name) && !numbers.contains(&number) {
            ports.push(json!({"name": name, "protocol": number.0, "port": number.1}));
            names.insert(name);
            numbers.insert(number);
        }
    }
    spec["ports"] = json!(ports);
    let metadata = json!({"namespace": space, "name": name});
    let import = json!({"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceImport",
        "metadata": metadata, "spec": spec});
    let slices = all.iter().flat_map(|export| {
        export.slices.iter().map(|slice| {
            let name =
                format!("{}-{}", export.cluster.to_lowercase(), text(slice, "/metadata/name"));
            json!({
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "namespace": space,
                    "name": name,
                    "labels": {
                        "multicluster.kubernetes.io/service-name": text(&import, "/metadata/name"),
                        "multicluster.kubernetes.io/source-cluster": export.cluster,
                    },
                },
                "addressType": slice["addressType"],
                "ports": slice["ports"].as_array().cloned().unwrap_or_default(),
                "endpoints": slice["endpoints"],
            })
        })
    });
    let slices: Vec<Value> = slices.collect();
    [vec![import], slices].concat()
}

async fn list(api: &ApiServer, path: &str) -> Vec<Value> {
    let request = http::Request::get(path).body(Vec::new()).expect("a request");
    let mut list: Value = api.client().await.request(request).await.expect("a list");
    list["items"].as_array_mut().map(std::mem::take).unwrap_or_default()
}

fn key(object: &Value) -> (String, String) {
    (text(object, "/metadata/namespace").to_owned(), text(object, "/metadata/name").to_owned())
}

fn text<'v>(object: &'v Value, path: &str) -> &'v str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}
