//! Service accounts of a cluster, whose tokens end when they do.

use serde_json::{Value, json};

use super::api_server::ApiServer;
use super::objects::{document, namespace};

/// A ServiceAccount.
pub fn account(namespace: &str, name: &str) -> String {
    document(&json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": namespace}}))
}

/// All accounts of a namespace, as RBAC names them.
pub fn accounts(namespace: &str) -> Value {
    let group = format!("system:serviceaccounts:{namespace}");
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group})
}

impl ApiServer {
    /// Makes an account and its namespace, and returns a token for it.
    pub async fn token(&self, space: &str, name: &str) -> String {
        self.apply(&(namespace(space) + &account(space, name))).await;
        let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"expirationSeconds": 3600}});
        let path = format!("/api/v1/namespaces/{space}/serviceaccounts/{name}/token");
        let request = http::Request::post(path).header("content-type", "application/json");
        let request = request.body(body.to_string().into_bytes()).expect("a request");
        let made: Value = self.client().await.request(request).await.expect("a token");
        made["status"]["token"].as_str().expect("a token").to_owned()
    }
}
