//! One set of clusters with its registry: shared by all server blocks that say the same of them.

use std::future::Future;
use std::sync::{Arc, Once, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::sync::watch::error::RecvError;
use tokio::time::{Instant, timeout_at};

use super::progress;
use crate::cluster::{ClusterId, Fleet, FleetSpec, FleetState, MemberState};
use crate::registry::Registry;
use crate::zone::kubernetes::Known;

/// How long questions wait for the first lists of the members, from the start. Later members are not
/// waited for: a new cluster that is down must not slow every search list.
const MEMBERS: Duration = Duration::from_secs(10);

/// How long changes are gathered: lists come in pieces, and each look is at all there is.
const PAUSE: Duration = Duration::from_secs(1);

/// Waits for a change of objects or of the clusters' state, and for those that come with it.
///
/// # Errors
/// The view is gone.
pub(super) async fn gathered(
    objects: &mut watch::Receiver<u64>,
    clusters: &mut watch::Receiver<FleetState>,
) -> Result<(), RecvError> {
    tokio::select! {
        changed = objects.changed() => changed,
        changed = clusters.changed() => changed,
    }?;
    tokio::time::sleep(PAUSE).await;
    Ok(())
}

/// All sets of clusters of the process.
#[derive(Default)]
pub struct Views {
    all: Vec<(FleetSpec, Arc<View>)>,
    /// Those of the Corefile before, which are taken over where they are equal.
    before: Vec<(FleetSpec, Arc<View>)>,
}

/// A set of clusters.
pub struct View {
    registry: Arc<Registry>,
    fleet: Fleet,
    /// `startup_timeout`: how long questions wait for the first lists of the local cluster.
    startup: Duration,
    started: OnceLock<Instant>,
    /// Whether the log tells how its clusters are.
    following: Once,
}

impl Views {
    /// Those of a Corefile that replaces the one of `views`.
    pub fn after(views: &Views) -> Self {
        Views { all: Vec::new(), before: views.all.clone() }
    }

    /// The set of clusters of this description: one that is there already, or a new one.
    pub fn share(&mut self, spec: FleetSpec, startup: Duration) -> Arc<View> {
        let same =
            |(other, view): &&(FleetSpec, Arc<View>)| *other == spec && view.startup == startup;
        if let Some((_, view)) = self.all.iter().find(same) {
            return view.clone();
        }
        if let Some(kept) = self.before.iter().find(same).cloned() {
            self.all.push(kept.clone());
            return kept.1;
        }
        let registry = Arc::new(Registry::default());
        let fleet = Fleet::new(spec.clone(), registry.clone());
        let view = Arc::new(View {
            registry,
            fleet,
            startup,
            started: OnceLock::new(),
            following: Once::new(),
        });
        self.all.push((spec, view.clone()));
        view
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Arc<View>> {
        self.all.iter().map(|(_, view)| view)
    }

    /// Starts all watches that do not go on already, on the current runtime.
    pub fn start(&self) {
        for (_, view) in &self.all {
            view.started.get_or_init(Instant::now);
            view.following.call_once(|| progress::follow(view));
            view.fleet.start();
        }
    }

    /// Waits until all clusters are known, or until nothing waits for them any more.
    pub async fn settled(&self) {
        futures::future::join_all(self.all().map(|view| view.settled())).await;
    }
}

impl View {
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    pub fn known(&self) -> Known {
        Known { local: self.fleet.local_synced(), members: self.fleet.members_synced() }
    }

    /// All clusters, the local one first.
    pub fn clusters(&self) -> Vec<ClusterId> {
        self.fleet.members().into_iter().map(|of| of.id).collect()
    }

    /// Tells of every change of a cluster's state.
    pub fn changes(&self) -> watch::Receiver<FleetState> {
        self.fleet.subscribe()
    }

    /// The clusters that are not known yet.
    pub fn waiting(&self) -> Vec<ClusterId> {
        let all = self.fleet.members().into_iter();
        all.filter(|of| of.state == MemberState::Connecting).map(|of| of.id).collect()
    }

    /// What is waited for, in words: clusters that are not known yet, and sources of members that could
    /// not be read.
    pub fn awaited(&self) -> Vec<String> {
        let clusters = self.waiting().into_iter().map(|id| id.to_string());
        clusters.chain(self.fleet.silent_sources().iter().map(|source| source.describe())).collect()
    }

    /// Waits for the first lists of the local cluster, as long as they may take.
    pub async fn local(&self) {
        if !self.fleet.local_synced() {
            self.wait(self.startup, |fleet| fleet.local_synced()).await;
        }
    }

    /// Waits for the first lists of the members, as long as they may take. Says whether it waited.
    pub async fn members(&self) -> bool {
        let late = self.deadline(MEMBERS) <= Instant::now();
        if late || !self.fleet.local_synced() || self.fleet.members_synced() {
            return false;
        }
        self.wait(MEMBERS, |fleet| fleet.members_synced()).await;
        true
    }

    /// Whether the server may be sent questions: the local cluster is known, and the members are or
    /// have had their time.
    pub fn ready(&self) -> bool {
        let known = self.known();
        known.local && (known.members || self.deadline(MEMBERS) <= Instant::now())
    }

    /// Waits until all clusters are known, as long as anything may wait for them.
    async fn settled(&self) {
        let all = |fleet: &Fleet| fleet.local_synced() && fleet.members_synced();
        self.wait(self.startup.max(MEMBERS), all).await;
    }

    /// When nothing waits for the local cluster any more.
    pub(super) fn local_deadline(&self) -> Instant {
        self.deadline(self.startup)
    }

    /// When nothing waits for the members any more.
    pub(super) fn members_deadline(&self) -> Instant {
        self.deadline(MEMBERS)
    }

    fn deadline(&self, wait: Duration) -> Instant {
        *self.started.get_or_init(Instant::now) + wait
    }

    fn wait(
        &self,
        most: Duration,
        done: impl Fn(&Fleet) -> bool + Send + Sync,
    ) -> impl Future<Output = ()> + Send {
        let mut changes = self.fleet.subscribe();
        async move {
            let met = async {
                while !done(&self.fleet) {
                    if changes.changed().await.is_err() {
                        return;
                    }
                }
            };
            // After the time is over the answer says what is known by then.
            let _ = timeout_at(self.deadline(most), met).await;
        }
    }
}
