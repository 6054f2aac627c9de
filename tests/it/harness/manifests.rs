//! Objects of a cluster from YAML, written through its API server as `kubectl` would.

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::discovery::{ApiCapabilities, Scope, pinned_kind};
use kube::{Client, Result};
use serde_json::{Value, json};

use super::api_server::ApiServer;
use super::eventually::{LONG, eventually};

const FIELD_MANAGER: &str = "fleetdns-tests";

impl ApiServer {
    /// Applies every document of `yaml` (server-side apply), in their order.
    ///
    /// A `status` is written too, through the subresource, as no controller runs to do it.
    pub async fn apply(&self, yaml: &str) {
        let client = self.client().await;
        for document in documents(yaml) {
            let name = describe(&document);
            if let Err(e) = apply(&client, document, false).await {
                panic!("cannot apply {name} to {}: {e}", self.name());
            }
        }
    }

    /// The same as soon as the kinds are served, which is a little after their CRDs are there.
    pub async fn apply_when_served(&self, yaml: &str) {
        let what = "the kinds of new objects to be served";
        eventually(what, LONG, async || self.server_side_dry_run(yaml).await).await;
        self.apply(yaml).await;
    }

    /// Asks the API server whether it would take every document, without keeping them.
    pub async fn server_side_dry_run(&self, yaml: &str) -> Result<(), String> {
        let client = self.client().await;
        for document in documents(yaml) {
            let name = describe(&document);
            apply(&client, document, true).await.map_err(|e| format!("{name}: {e}"))?;
        }
        Ok(())
    }

    /// The ClusterIPs that the API server gave to a Service.
    pub async fn cluster_ips(&self, namespace: &str, service: &str) -> Vec<String> {
        let path = format!("/api/v1/namespaces/{namespace}/services/{service}");
        let request = http::Request::get(path).body(Vec::new()).expect("a request");
        let service: Value = self.client().await.request(request).await.expect("the Service");
        let ips =
            service.pointer("/spec/clusterIPs").and_then(Value::as_array).expect("ClusterIPs");
        ips.iter().map(|ip| ip.as_str().expect("an address").to_owned()).collect()
    }

    /// Deletes the object of every document at once, without waiting for anything.
    ///
    /// Of a Namespace only the object itself goes: no controller runs that empties it.
    pub async fn delete(&self, yaml: &str) {
        let client = self.client().await;
        for document in documents(yaml) {
            let name = describe(&document);
            if let Err(e) = delete(&client, &document).await {
                panic!("cannot delete {name} from {}: {e}", self.name());
            }
        }
    }
}

/// The documents of a YAML text as JSON, without empty ones.
pub fn documents(yaml: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(yaml).expect("YAML");
    all.into_iter().filter(|document| !document.is_null()).collect()
}

async fn apply(client: &Client, document: Value, dry_run: bool) -> Result<()> {
    let (api, capabilities, _) = api_of(client, &document).await?;
    let mut params = PatchParams::apply(FIELD_MANAGER).force();
    params.dry_run = dry_run;
    let name = field(&document, "/metadata/name");
    api.patch(name, &params, &Patch::Apply(&document)).await?;
    let has_status = capabilities.subresources.iter().any(|(r, _)| r.plural.ends_with("status"));
    if has_status && !dry_run && document.get("status").is_some() {
        api.patch_status(name, &params, &Patch::Apply(&document)).await?;
    }
    Ok(())
}

async fn delete(client: &Client, document: &Value) -> Result<()> {
    let (api, _, resource) = api_of(client, document).await?;
    let name = field(document, "/metadata/name");
    api.delete(name, &DeleteParams::default().grace_period(0)).await?;
    if resource.kind == "Namespace" {
        let end = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let request = http::Request::put(format!("/api/v1/namespaces/{name}/finalize"))
            .header("Content-Type", "application/json")
            .body(end.to_string().into_bytes())
            .expect("a request");
        client.request_text(request).await?;
    }
    Ok(())
}

async fn api_of(
    client: &Client,
    document: &Value,
) -> Result<(Api<DynamicObject>, ApiCapabilities, ApiResource)> {
    let version = field(document, "/apiVersion");
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let kind = GroupVersionKind::gvk(group, version, field(document, "/kind"));
    let (resource, capabilities) = pinned_kind(client, &kind).await?;
    let api = match capabilities.scope {
        Scope::Cluster => Api::all_with(client.clone(), &resource),
        Scope::Namespaced => {
            let namespace = document.pointer("/metadata/namespace").and_then(Value::as_str);
            Api::namespaced_with(client.clone(), namespace.unwrap_or("default"), &resource)
        }
    };
    Ok((api, capabilities, resource))
}

fn describe(document: &Value) -> String {
    format!("{} {}", field(document, "/kind"), field(document, "/metadata/name"))
}

fn field<'a>(document: &'a Value, path: &str) -> &'a str {
    let value = document.pointer(path).and_then(Value::as_str);
    value.unwrap_or_else(|| panic!("no {path} in {document}"))
}
