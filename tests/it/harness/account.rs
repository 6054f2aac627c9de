//! Service accounts of a cluster, whose tokens end when they do, and what they may do.

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
        self.token_of(space, name).await
    }

    /// A token of an account that is there, as the kubelet puts it into a pod.
    pub async fn token_of(&self, space: &str, name: &str) -> String {
        let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"expirationSeconds": 3600}});
        let path = format!("/api/v1/namespaces/{space}/serviceaccounts/{name}/token");
        let request = http::Request::post(path).header("content-type", "application/json");
        let request = request.body(body.to_string().into_bytes()).expect("a request");
        let made: Value = self.client().await.request(request).await.expect("a token");
        made["status"]["token"].as_str().expect("a token").to_owned()
    }

    /// Whether the API server lets whoever has this token do so with a resource (`group/plural`) in a
    /// namespace, or in all of them where it is empty.
    pub async fn may(&self, token: &str, verb: &str, resource: &str, space: &str) -> bool {
        let (group, resource) = resource.split_once('/').expect("group/plural");
        let attributes =
            json!({"verb": verb, "group": group, "resource": resource, "namespace": space});
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        });
        let request = http::Request::post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
            .header("content-type", "application/json")
            .body(review.to_string().into_bytes())
            .expect("a request");
        let said: Value = self.client_of(token).await.request(request).await.expect("a review");
        said["status"]["allowed"].as_bool().expect("allowed")
    }
}
