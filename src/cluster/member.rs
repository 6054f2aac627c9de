//! One cluster: its client, its watches and its state.
//!
//! In: how to reach it ([`Access`]). Out: its [`Change`]s, through a [`Gate`], and its
//! [`Condition`]. The tasks of a member end when it is dropped, and nothing reaches the sink after
//! that.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use kube::core::DeserializeGuard;
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::warn;

use super::backoff::Backoff;
use super::client::{self, Timing};
use super::condition::Condition;
use super::event::{Change, Update};
use super::gate::Gate;
use super::kinds::{
    EndpointSlice, EndpointSliceObject, Namespace, NamespaceObject, Service, ServiceObject,
};
use super::labels::LabelSelector;
use super::limits::Limiter;
use super::manifests;
use super::selection::Selection;
use super::source::{Source, SourceError};
use super::watch::{Told, Watch, describe};

/// How the objects of a cluster are reached.
#[derive(Clone)]
pub enum Access {
    /// The local cluster's API, from the operator's own configuration.
    Source(Source),
    /// A remote API, from a sanitised kubeconfig.
    Remote(Arc<kube::Config>),
    /// A directory of Kubernetes YAML.
    Manifests(PathBuf),
}

/// A running member. Dropping it stops it.
pub struct Member {
    condition: Arc<Condition>,
    gate: Arc<Gate>,
    _tasks: JoinSet<()>,
}

/// What a member is started with, besides its [`Gate`].
pub struct Plan {
    pub access: Access,
    pub selection: Selection,
    pub limiter: Arc<Limiter>,
    pub timing: Timing,
}

impl Plan {
    /// How many watches it will have.
    pub fn watches(&self) -> usize {
        match self.access {
            Access::Manifests(_) | Access::Source(Source::Manifests(_)) => 1,
            _ => 2 + usize::from(self.selection.endpoints),
        }
    }
}

impl Member {
    /// Starts the member's tasks on the current runtime.
    pub fn start(plan: Plan, condition: Condition, gate: Gate) -> Self {
        let condition = Arc::new(condition);
        let gate = Arc::new(gate);
        let mut tasks = JoinSet::new();
        let running = (condition.clone(), gate.clone());
        match &plan.access {
            Access::Source(Source::Manifests(directory)) | Access::Manifests(directory) => {
                let (directory, selection) = (directory.clone(), plan.selection);
                tasks.spawn(manifests::serve(directory, selection, running.0, running.1));
            }
            _ => {
                tasks.spawn(watch_api(plan, running.0, running.1));
            }
        }
        Member { condition, gate, _tasks: tasks }
    }

    pub fn condition(&self) -> &Arc<Condition> {
        &self.condition
    }

    /// Takes the place of `predecessor`, whose objects stay until this one's replace them.
    pub fn take_over(&self, predecessor: Member) {
        predecessor.gate.close();
        self.gate.open();
    }

    /// Stops, and tells the sink that the cluster left the fleet.
    pub fn leave(self) {
        self.gate.leave();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Aborted tasks end at their next await; the gate ends what they say at once.
        self.gate.close();
    }
}

async fn watch_api(plan: Plan, condition: Arc<Condition>, gate: Arc<Gate>) {
    let Plan { access, selection, limiter, timing } = plan;
    let client = connect(&access, &timing, &condition).await;
    let run = Run { client, limiter, timing, condition, gate, peers: Arc::default() };
    let labelled = selected(&selection.labels);
    let services =
        run.watch::<ServiceObject, Service>(0, "Services", labelled.clone(), Change::Service);
    let namespaces = run.watch::<NamespaceObject, Namespace>(
        1,
        "Namespaces",
        selected(&selection.namespace_labels),
        Change::Namespace,
    );
    let slices = async {
        if selection.endpoints {
            let (kind, change) = ("EndpointSlices", Change::EndpointSlice);
            run.watch::<EndpointSliceObject, EndpointSlice>(2, kind, labelled, change).await;
        }
    };
    // One task polls all three: they are idle nearly always.
    tokio::join!(services, namespaces, slices);
}

/// A watch of the objects with such labels.
fn selected(labels: &LabelSelector) -> watcher::Config {
    let config = watcher::Config::default();
    if labels.is_empty() { config } else { config.labels(&labels.to_string()) }
}

/// Makes the client, again and again until it succeeds: the files of the local configuration may be
/// written late.
async fn connect(access: &Access, timing: &Timing, condition: &Condition) -> Client {
    let mut backoff = Backoff::new(timing);
    let mut told = false;
    loop {
        let error = match try_connect(access.clone(), timing.clone()).await {
            Ok(client) => return client,
            Err(error) => error,
        };
        if !std::mem::replace(&mut told, true) {
            warn!(cluster = %condition.id, source = condition.source, error,
                "no client can be made; tried again");
            condition.set_failing(0, true);
        }
        tokio::time::sleep(backoff.next()).await;
    }
}

/// Makes the client of an access. The error is for the log and holds no credential.
pub(super) async fn try_connect(access: Access, timing: Timing) -> Result<Client, String> {
    let handle = tokio::runtime::Handle::current();
    // Reading files and running a credential program block.
    let made = tokio::task::spawn_blocking(move || {
        let _runtime = handle.enter();
        let config = match access {
            Access::Source(source) => source.config().map_err(|error| error.to_string())?,
            Access::Remote(config) => (*config).clone(),
            Access::Manifests(directory) => {
                return Err(SourceError::NoDirectory(directory).to_string());
            }
        };
        client::connect(config, &timing).map_err(|error| describe(&error))
    });
    made.await.unwrap_or_else(|error| Err(error.to_string()))
}

struct Run {
    client: Client,
    limiter: Arc<Limiter>,
    timing: Timing,
    condition: Arc<Condition>,
    gate: Arc<Gate>,
    peers: Arc<Notify>,
}

impl Run {
    /// Watches one kind. `index` is its place in the [`Condition`].
    async fn watch<O, S>(
        &self,
        index: usize,
        kind: &'static str,
        selected: watcher::Config,
        change: impl Fn(Update<S>) -> Change,
    ) where
        O: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send + 'static,
        S: From<O>,
    {
        let contact = self.condition.contact(index).clone();
        let (client, limiter) = (self.client.clone(), self.limiter.clone());
        let client = client::probe(client, contact.clone(), limiter, &self.timing);
        let watch = Watch {
            cluster: self.condition.id.clone(),
            kind,
            quotable: true,
            contact,
            peers: self.peers.clone(),
            timing: self.timing.clone(),
        };
        let api: Api<DeserializeGuard<O>> = Api::all(client);
        watch
            .run(api, selected, |told| match told {
                Told::Update(update) => self.gate.apply(change(update.map(S::from))),
                Told::Listed => self.condition.set_synced(index),
                Told::Failing => self.condition.set_failing(index, true),
                Told::Working => self.condition.set_failing(index, false),
            })
            .await;
    }
}

#[cfg(test)]
#[path = "member_tests.rs"]
mod tests;
