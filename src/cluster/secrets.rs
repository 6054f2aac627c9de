//! Members from Secrets, by Istio's convention.
//!
//! In: the Secrets of one namespace of the local cluster that are labelled `istio/multiCluster=true`,
//! as `istioctl create-remote-secret` writes them: each data key is a cluster's ID, its value a
//! kubeconfig. Out: [`Claim`]s, all of them at each change. Nothing of a value is ever logged.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::runtime::watcher;
use kube::{Api, Client};
use serde::{Deserialize, Serialize};

use super::claim::Claim;
use super::client::{self, Contact, Timing};
use super::event::Update;
use super::exported::Sieve;
use super::guarded::Guarded;
use super::id::ClusterId;
use super::identity::Identity;
use super::kinds::{ObjectKey, key_of, needed};
use super::kubeconfig::Allowed;
use super::limits::Limiter;
use super::watch::{Told, Watch};

const SELECTOR: &str = "istio/multiCluster=true";

/// Which Secrets are watched, and how.
pub struct Following {
    pub client: Client,
    pub identity: Identity,
    /// Names the local cluster in the log.
    pub local: ClusterId,
    pub namespace: String,
    pub allowed: Allowed,
    pub limiter: Arc<Limiter>,
    pub timing: Timing,
}

/// Watches the Secrets of a namespace until dropped.
pub async fn follow(following: Following, mut publish: impl FnMut(Vec<Claim>)) {
    let Following { client, identity, local, namespace, allowed, limiter, timing } = following;
    let contact = Arc::new(Contact::default());
    let client = client::probe(client, contact.clone(), limiter, &timing);
    let api: Api<Guarded<SecretObject>> = Api::namespaced(client, &namespace);
    let watch = Watch {
        cluster: local,
        kind: "member Secrets",
        quotable: false,
        identity,
        contact,
        peers: Arc::default(),
        timing,
        ends_at: &[],
    };
    let mut secrets = Secrets { allowed, ..Secrets::default() };
    watch
        .run(api, watcher::Config::default().labels(SELECTOR), Sieve::none(), |told| {
            if let Told::Update(update) = told {
                publish(secrets.take(update));
            }
        })
        .await;
}

/// The Secrets as last seen.
#[derive(Default)]
pub(super) struct Secrets {
    allowed: Allowed,
    /// In the order of names: the same claims on every replica that sees the same Secrets.
    known: BTreeMap<ObjectKey, BTreeMap<String, ByteString>>,
    claims: Vec<Claim>,
}

impl Secrets {
    /// Applies a change and returns all claims.
    pub fn take(&mut self, update: Update<SecretObject>) -> Vec<Claim> {
        match update {
            Update::Upsert(secret) => {
                self.insert(secret);
            }
            Update::Delete(key) => {
                self.known.remove(&key);
            }
            Update::Reset(secrets) => {
                self.known.clear();
                for secret in secrets {
                    self.insert(secret);
                }
            }
        }
        let mut claims = Vec::new();
        for (key, data) in &self.known {
            for (id, value) in data {
                let id = ClusterId::new(id.as_str());
                let origin = format!("Secret {key}, key {id}");
                claims.push(Claim::kubeconfig(id, origin, &value.0, self.allowed, &self.claims));
            }
        }
        self.claims.clone_from(&claims);
        claims
    }

    fn insert(&mut self, secret: SecretObject) {
        self.known.insert(key_of(&secret.metadata), secret.data.unwrap_or_default());
    }
}

/// A Secret as the API writes it, less what is not needed.
#[derive(kube::Resource, Deserialize, Serialize, Clone)]
#[resource(inherit = Secret)]
pub(super) struct SecretObject {
    #[serde(deserialize_with = "needed")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    pub data: Option<BTreeMap<String, ByteString>>,
}

impl fmt::Debug for SecretObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecretObject").field(&key_of(&self.metadata)).finish()
    }
}
