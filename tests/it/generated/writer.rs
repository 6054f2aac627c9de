//! Writes objects as fast as the API server takes them.

use futures::StreamExt;
use futures::stream;
use http::{Method, Request};
use kube::Client;
use serde_json::{Value, json};

use super::options::Sees;
use super::population::{NAMESPACES, Object, Population};

/// How many requests are made at once.
const AT_ONCE: usize = 16;
/// What an API server may refuse of a population: names that one of its version does not take yet.
const REFUSED_AT_MOST: usize = 6;

pub struct Writer {
    client: Client,
}

/// The names of the last objects of their kinds.
#[derive(Clone, Debug)]
pub struct Marked {
    mark: u64,
}

impl Writer {
    pub fn new(client: Client) -> Self {
        Writer { client }
    }

    /// Makes the namespaces.
    pub async fn prepare(&self) {
        for (index, name) in NAMESPACES.into_iter().enumerate() {
            let env = if index == 1 { "drop" } else { "keep" };
            self.namespace(name, env).await;
        }
        let labels = json!({"name": "marker", "labels": {"tier": "keep"}});
        let service = json!({"metadata": labels, "spec": {"clusterIP": "None"}});
        self.send(Method::POST, &path("services"), Some(&service)).await.expect("a Service");
    }

    async fn namespace(&self, name: &str, env: &str) {
        let body = json!({"metadata": {"name": name, "labels": {"env": env}}});
        self.send(Method::POST, "/api/v1/namespaces", Some(&body)).await.expect("a Namespace");
    }

    /// Makes all objects of a population, and notes the ClusterIPs that Services are given.
    pub async fn create(&self, population: &mut Population) {
        let write = |object: Object| async move { self.put(&object).await };
        let made: Vec<Result<Value, String>> = stream::iter(population.objects.clone())
            .map(write)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut refused = Vec::new();
        for result in made {
            match result {
                Ok(object) => {
                    let ips = object.pointer("/spec/clusterIPs").and_then(Value::as_array);
                    let ips = ips.into_iter().flatten().filter_map(Value::as_str);
                    population.addresses.extend(ips.filter(|ip| *ip != "None").map(str::to_owned));
                }
                Err(error) => refused.push(error),
            }
        }
        assert!(refused.len() <= REFUSED_AT_MOST, "{}", refused.join("\n"));
        population.addresses.sort();
        population.addresses.dedup();
    }

    /// Makes an object, and its status where it has one.
    pub async fn put(&self, object: &Object) -> Result<Value, String> {
        let made = self.send(Method::POST, &object.path, Some(&object.body)).await?;
        if let Some(status) = &object.status {
            let path = format!("{}/{}/status", object.path, name(&object.body));
            self.send(Method::PATCH, &path, Some(&json!({"status": status}))).await?;
        }
        Ok(made)
    }

    /// Changes an object that is there, and its status where it has one.
    pub async fn change(&self, object: &Object) -> Result<Value, String> {
        let path = format!("{}/{}", object.path, name(&object.body));
        let mut body = object.body.clone();
        // Of a headless Service the API server takes no other.
        if let Some(spec) = body.get_mut("spec").and_then(Value::as_object_mut) {
            spec.remove("clusterIP");
        }
        let changed = self.send(Method::PATCH, &path, Some(&body)).await?;
        if let Some(status) = &object.status {
            let path = format!("{path}/status");
            self.send(Method::PATCH, &path, Some(&json!({"status": status}))).await?;
        }
        Ok(changed)
    }

    /// Deletes an object.
    pub async fn remove(&self, object: &Object) -> Result<Value, String> {
        let path = format!("{}/{}?gracePeriodSeconds=0", object.path, name(&object.body));
        self.send(Method::DELETE, &path, None).await
    }

    /// Deletes all objects of a population.
    pub async fn delete(&self, population: &Population) {
        let all = population.objects.iter().map(|object| self.remove(object));
        let gone = stream::iter(all).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
        let kept: Vec<String> = gone.into_iter().filter_map(Result::err).collect();
        assert!(kept.len() <= REFUSED_AT_MOST, "{}", kept.join("\n"));
    }

    /// Makes the last object of each kind.
    pub async fn mark(&self, mark: u64) -> Marked {
        let marked = Marked { mark };
        self.namespace(&marked.namespace(), "keep").await;
        let labels = json!({"tier": "keep"});
        let service = json!({
            "metadata": {"name": marked.service(), "labels": labels},
            "spec": {"type": "ExternalName", "externalName": "www.upstream.example"},
        });
        self.send(Method::POST, &path("services"), Some(&service)).await.expect("a Service");
        let labels = json!({"tier": "keep", "kubernetes.io/service-name": "marker"});
        let slice = json!({
            "metadata": {"name": marked.service(), "labels": labels},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.255.0.1"], "hostname": marked.service()}],
        });
        let slices = path("endpointslices");
        self.send(Method::POST, &slices, Some(&slice)).await.expect("an EndpointSlice");
        let pod = Object {
            path: path("pods"),
            body: json!({
                "metadata": {"name": marked.service(), "labels": {"tier": "keep"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            }),
            status: Some(json!({"phase": "Running", "podIPs": [{"ip": marked.pod()}]})),
        };
        self.put(&pod).await.expect("a Pod");
        marked
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, String> {
        let kind = match method {
            Method::PATCH => "application/merge-patch+json",
            _ => "application/json",
        };
        let bytes = body.map(|body| serde_json::to_vec(body).expect("JSON")).unwrap_or_default();
        let request = Request::builder().method(method).uri(path).header("Content-Type", kind);
        let request = request.body(bytes).expect("a request");
        self.client.request(request).await.map_err(|error| format!("{path}: {error}"))
    }
}

impl Marked {
    fn namespace(&self) -> String {
        format!("gen-mark-{}", self.mark)
    }

    fn service(&self) -> String {
        format!("mark-{}", self.mark)
    }

    fn pod(&self) -> String {
        let [.., a, b] = self.mark.to_be_bytes();
        format!("10.254.{a}.{b}")
    }

    /// Questions that say something when all was seen, in a zone.
    pub fn questions(&self, zone: &str, sees: Sees) -> Vec<String> {
        let zone = if zone == "." { String::new() } else { format!("{zone}.") };
        let service = self.service();
        let mut all = vec![format!("{service}.gen-marker.svc.{zone} CNAME")];
        if sees.slices {
            all.push(format!("{service}.marker.gen-marker.svc.{zone} A"));
        }
        if sees.namespaces {
            all.push(format!("{}.svc.{zone} A", self.namespace()));
        }
        if sees.pods {
            all.push(format!("{}.gen-marker.pod.{zone} A", self.pod().replace('.', "-")));
        }
        all
    }
}

/// Of a kind in the namespace of the last objects.
fn path(plural: &str) -> String {
    let root = if plural == "endpointslices" { "/apis/discovery.k8s.io/v1" } else { "/api/v1" };
    format!("{root}/namespaces/gen-marker/{plural}")
}

fn name(object: &Value) -> &str {
    object.pointer("/metadata/name").and_then(Value::as_str).expect("a name")
}
