//! One cluster: its client, its watches and its state.
//!
//! In: how to reach it ([`Access`]). Out: its [`Change`]s, through a [`Gate`], and its
//! [`Condition`]. The tasks of a member end when it is dropped, and nothing reaches the sink after
//! that.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::warn;

use super::backoff::Backoff;
use super::client::{self, Timing};
use super::condition::Condition;
use super::event::Change;
use super::exported::Exported;
use super::failure::describe;
use super::gate::Gate;
use super::identity::Identity;
use super::limits::Limiter;
use super::manifests;
use super::parts::Parts;
use super::selection::{Number, Selection};
use super::source::{Source, SourceError};
use super::watches::Watches;

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
    /// How long what it said is kept while its API is out of reach; for ever where `None`.
    pub stale: Option<Duration>,
}

impl Plan {
    /// How many watches it will have.
    pub fn watches(&self) -> Number {
        match self.access {
            Access::Manifests(_) | Access::Source(Source::Manifests(_)) => {
                Number { all: 1, of_services: 1 }
            }
            _ => self.selection.watches(),
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
        self.condition.take_over(&predecessor.condition);
        predecessor.gate.close();
        self.gate.open();
        self.gate.apply(Change::Lost(false));
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
    let (client, identity) = connect(&plan.access, &plan.timing, &condition).await;
    loop {
        let watches = Watches {
            client: client.clone(),
            identity: identity.clone(),
            selection: plan.selection.clone(),
            limiter: plan.limiter.clone(),
            timing: plan.timing.clone(),
            condition: condition.clone(),
            gate: gate.clone(),
            parts: Parts::default(),
            exported: plan.selection.only_exported.then(Exported::default),
            peers: Arc::default(),
            stale: plan.stale,
        };
        tokio::select! {
            () = watches.run() => return,
            stale = expired(&condition, &gate, plan.stale) => {
                warn!(cluster = %condition.id,
                    "out of reach for {stale:?}: what it said is forgotten until it is back");
            }
        }
        // The watches begin anew, with lists of all there is.
        condition.reset();
        gate.apply(Change::Left);
    }
}

/// Says when the API of a member is out of reach and when it is back, and ends when it was so for too long
/// to go by what it said.
async fn expired(condition: &Condition, gate: &Gate, stale: Option<Duration>) -> Duration {
    let Some(stale) = stale else { return std::future::pending().await };
    let mut lost = condition.lost();
    loop {
        // The sender is in the condition: it outlives this.
        let _ = lost.wait_for(|lost| *lost).await;
        if condition.knows_any() {
            gate.apply(Change::Lost(true));
            if timeout(stale, lost.wait_for(|lost| !*lost)).await.is_err() {
                return stale;
            }
        }
        let _ = lost.wait_for(|lost| !*lost).await;
        gate.apply(Change::Lost(false));
    }
}

/// Makes the client, again and again until it succeeds: the files of the local configuration may be
/// written late.
async fn connect(access: &Access, timing: &Timing, condition: &Condition) -> (Client, Identity) {
    let mut backoff = Backoff::new(timing);
    let mut told = false;
    loop {
        let error = match try_connect(access.clone(), timing.clone()).await {
            Ok(connected) => return connected,
            Err(error) => error,
        };
        if !std::mem::replace(&mut told, true) {
            warn!(cluster = %condition.id, source = condition.source, error = error.as_str(),
                "no client can be made; tried again");
        }
        condition.fails(0, format!("no client can be made: {error}"));
        tokio::time::sleep(backoff.next()).await;
    }
}

/// Makes the client of an access. The error is for the log and holds no credential.
pub(super) async fn try_connect(
    access: Access,
    timing: Timing,
) -> Result<(Client, Identity), String> {
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
        let identity = Identity::of(&config.auth_info);
        let client = client::connect(config, &timing).map_err(|error| describe(&error))?;
        Ok((client, identity))
    });
    made.await.unwrap_or_else(|error| Err(error.to_string()))
}

#[cfg(test)]
#[path = "member_tests.rs"]
mod tests;
