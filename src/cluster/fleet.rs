//! A fleet: the local cluster and its members, and who they are.
//!
//! In: a [`FleetSpec`], the Corefile's words. Out: the [`Change`](super::Change)s of all clusters to
//! one [`Sink`], and whether they are synced, which every question for a Kubernetes zone asks. The
//! clusters fail on their own: none waits for another.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tracing::warn;

use super::backoff::Backoff;
use super::claim::Claim;
use super::client::Timing;
use super::complaint::Complaint;
use super::condition::{Condition, MemberState, MemberStatus};
use super::event::Sink;
use super::expose::Expose;
use super::gate::Gate;
use super::id::ClusterId;
use super::kinds::ObjectKey;
use super::kubeconfig::Allowed;
use super::limits::{Limiter, Limits};
use super::member::{Access, Member, Plan, try_connect};
use super::per_member::PerMember;
use super::roster::Roster;
use super::secrets::Following;
use super::selection::Selection;
use super::source::{Source, SourceError, check_directory};
use super::{kubeconfigs, secrets};

/// How long what a member said is kept without `stale`.
pub const STALE: Duration = Duration::from_secs(3600);

/// Which clusters are watched, and for what. Equal specs can share one [`Fleet`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FleetSpec {
    /// The local cluster's ID.
    pub local: ClusterId,
    pub source: Source,
    /// In the order of the Corefile; without any, the fleet is the local cluster.
    pub members: Vec<MemberSource>,
    /// What is watched of every cluster.
    pub selection: Selection,
    /// The members whose endpoints are of no use, as a gateway or sentinel answers for them.
    pub replaced: PerMember<bool>,
    /// The Services that are the gateways of members.
    pub gateways: PerMember<Option<ObjectKey>>,
    pub expose: PerMember<Expose>,
    /// Whether the ranges of members are watched, where those of the local cluster are.
    pub member_ranges: bool,
    /// How long what a member said is kept while its API is out of reach.
    pub stale: Duration,
    /// What the kubeconfigs of members may do besides.
    pub allowed: Allowed,
    /// Of each cluster's client.
    pub limits: Limits,
}

/// Where members come from.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum MemberSource {
    /// Secrets labelled `istio/multiCluster=true` in a namespace of the local cluster.
    Secrets { namespace: String },
    /// Kubeconfig files that match a glob pattern; the stem is the ID.
    Kubeconfigs { pattern: String },
    /// A directory of Kubernetes YAML is one member.
    Manifests { id: ClusterId, directory: PathBuf },
}

impl MemberSource {
    /// As a line of the Corefile.
    pub fn describe(&self) -> String {
        match self {
            MemberSource::Secrets { namespace } => format!("members secrets {namespace}"),
            MemberSource::Kubeconfigs { pattern } => format!("members kubeconfig {pattern}"),
            MemberSource::Manifests { id, directory } => {
                format!("members manifests {id} {}", directory.display())
            }
        }
    }
}

impl FleetSpec {
    /// A fleet of one cluster.
    pub fn single(local: ClusterId, source: Source) -> Self {
        FleetSpec {
            local,
            source,
            members: Vec::new(),
            selection: Selection::default(),
            replaced: PerMember::default(),
            gateways: PerMember::default(),
            expose: PerMember::default(),
            member_ranges: false,
            stale: STALE,
            allowed: Allowed::default(),
            limits: Limits::default(),
        }
    }

    /// Finds the mistakes that can be found without a connection. Blocks on files.
    pub fn check(&self) -> Result<(), SourceError> {
        self.source.check()?;
        (0..self.members.len()).try_for_each(|index| self.check_member(index))
    }

    /// The same for one of [`FleetSpec::members`] and those before it.
    ///
    /// # Panics
    /// There is none of this index.
    pub fn check_member(&self, index: usize) -> Result<(), SourceError> {
        match &self.members[index] {
            MemberSource::Secrets { .. } if matches!(self.source, Source::Manifests(_)) => {
                Err(SourceError::SecretsWithoutApi)
            }
            MemberSource::Secrets { .. } => Ok(()),
            MemberSource::Kubeconfigs { pattern } => kubeconfigs::check(pattern),
            MemberSource::Manifests { id, .. } if *id == self.local => {
                Err(SourceError::OwnId(id.clone()))
            }
            MemberSource::Manifests { id, directory } => {
                let same = |other: &MemberSource| matches!(other, MemberSource::Manifests { id: other, .. } if other == id);
                if self.members[..index].iter().any(same) {
                    return Err(SourceError::TwiceNamed(id.clone()));
                }
                check_directory(directory)
            }
        }
    }

    /// What is watched of a member.
    pub fn selection_of(&self, member: &ClusterId) -> Selection {
        let replaced = *self.replaced.get(member);
        let endpoints = self.selection.endpoints && !replaced;
        let ranges = self.selection.ranges && self.member_ranges && !replaced;
        let gateway = self.gateways.get(member).clone();
        let (pods, imports) = (false, false);
        let all = self.selection.clone();
        let selection = Selection { endpoints, pods, imports, ranges, gateway, ..all };
        match self.expose.get(member).clone() {
            Expose::All => selection,
            Expose::Labels(exposed) => Selection { exposed, ..selection },
            Expose::Namespaces(names) => Selection { namespaces: Some(names), ..selection },
            // Nobody can export a ServiceEntry.
            Expose::ServiceExports => {
                Selection { exports: true, only_exported: true, entries: false, ..selection }
            }
        }
    }
}

/// A change of what [`Fleet::subscribe`] tells.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct FleetState {
    pub local_synced: bool,
    pub members_synced: bool,
    /// Counts every change of a member or its state; [`Fleet::members`] has the details.
    pub generation: u64,
}

/// A running fleet. Dropping it stops everything; the sink is told nothing of that.
pub struct Fleet {
    spec: FleetSpec,
    sink: Arc<dyn Sink>,
    timing: Timing,
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    local_synced: AtomicBool,
    members_synced: AtomicBool,
    state: watch::Sender<FleetState>,
    conditions: Mutex<Vec<Arc<Condition>>>,
    successors: Mutex<Vec<Arc<Condition>>>,
    complaints: Mutex<Vec<Complaint>>,
    /// Sources that have not spoken, by their places.
    silent: Mutex<Vec<usize>>,
}

impl Fleet {
    /// Does nothing yet but take the parts.
    pub fn new(spec: FleetSpec, sink: Arc<dyn Sink>) -> Self {
        Fleet::with_timing(spec, sink, Timing::default())
    }

    pub(super) fn with_timing(spec: FleetSpec, sink: Arc<dyn Sink>, timing: Timing) -> Self {
        let shared = Arc::new(Shared::default());
        Fleet { spec, sink, timing, shared, task: Mutex::new(None) }
    }

    /// Begins to watch, on the current tokio runtime. A second call does nothing.
    pub fn start(&self) {
        let mut task = lock(&self.task);
        if task.is_none() {
            let (spec, sink, timing) = (self.spec.clone(), self.sink.clone(), self.timing.clone());
            *task = Some(tokio::spawn(run(spec, sink, timing, self.shared.clone())));
        }
    }

    pub fn spec(&self) -> &FleetSpec {
        &self.spec
    }

    /// Whether the local cluster's objects are known. Stays true when its API is lost.
    pub fn local_synced(&self) -> bool {
        self.shared.local_synced.load(Ordering::Acquire)
    }

    /// Whether all sources of members were read once and each member is synced. True for a fleet
    /// without members, once started; false again while a new member is not yet synced.
    pub fn members_synced(&self) -> bool {
        self.shared.members_synced.load(Ordering::Acquire)
    }

    /// Tells of every change of the above and of each member's state.
    pub fn subscribe(&self) -> watch::Receiver<FleetState> {
        self.shared.state.subscribe()
    }

    /// All clusters, the local one first, then by ID.
    pub fn members(&self) -> Vec<MemberStatus> {
        lock(&self.shared.conditions).iter().map(|condition| condition.status()).collect()
    }

    /// Members with a new kubeconfig that wait to take over from those that serve, by ID.
    pub fn successors(&self) -> Vec<MemberStatus> {
        lock(&self.shared.successors).iter().map(|condition| condition.status()).collect()
    }

    /// The claims that are not used, in the order of their IDs.
    pub fn complaints(&self) -> Vec<Complaint> {
        lock(&self.shared.complaints).clone()
    }

    /// The sources of members that could not be read yet, which may name members that nobody knows.
    pub fn silent_sources(&self) -> Vec<&MemberSource> {
        lock(&self.shared.silent).iter().filter_map(|index| self.spec.members.get(*index)).collect()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if let Some(task) = lock(&self.task).take() {
            task.abort();
        }
    }
}

/// Runs the fleet until dropped: the local member, the sources of members and the roster.
async fn run(spec: FleetSpec, sink: Arc<dyn Sink>, timing: Timing, shared: Arc<Shared>) {
    let changed = Arc::new(Notify::new());
    let limiter = Arc::new(Limiter::new(&spec.limits));
    let local = start_local(&spec, &sink, &limiter, &timing, &changed);
    let mut roster = Roster::new(spec.clone(), sink, timing.clone(), changed.clone());
    let (claims, mut claimed) = mpsc::unbounded_channel();
    let _sources = start_sources(&spec, &limiter, &timing, claims);
    loop {
        shared.publish(&local, &roster);
        tokio::select! {
            () = changed.notified() => roster.settle(),
            Some((source, claims)) = claimed.recv() => roster.claim(source, claims),
        }
    }
}

fn start_local(
    spec: &FleetSpec,
    sink: &Arc<dyn Sink>,
    limiter: &Arc<Limiter>,
    timing: &Timing,
    changed: &Arc<Notify>,
) -> Member {
    let plan = Plan {
        access: Access::Source(spec.source.clone()),
        selection: spec.selection.clone(),
        limiter: limiter.clone(),
        timing: timing.clone(),
        // What the local cluster said is answered for ever.
        stale: None,
    };
    let id = spec.local.clone();
    let source = spec.source.describe();
    let condition = Condition::new(id.clone(), true, source, plan.watches(), changed.clone());
    Member::start(plan, condition, Gate::opened(id, sink.clone()))
}

type Claims = mpsc::UnboundedSender<(usize, Vec<Claim>)>;

fn start_sources(
    spec: &FleetSpec,
    limiter: &Arc<Limiter>,
    timing: &Timing,
    claims: Claims,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for (index, member) in spec.members.iter().cloned().enumerate() {
        let claims = claims.clone();
        // The roster ends together with the sources; what it no longer hears is of no use.
        let publish = move |list| drop(claims.send((index, list)));
        match member {
            MemberSource::Manifests { id, directory } => {
                publish(vec![Claim::manifests(id, directory)]);
            }
            MemberSource::Kubeconfigs { pattern } => {
                let allowed = spec.allowed;
                tasks.spawn(async move { kubeconfigs::follow(&pattern, allowed, publish).await });
            }
            MemberSource::Secrets { namespace } => {
                let (source, local) = (spec.source.clone(), spec.local.clone());
                let allowed = spec.allowed;
                let (limiter, timing) = (limiter.clone(), timing.clone());
                tasks.spawn(async move {
                    let mut backoff = Backoff::new(&timing);
                    let mut told = false;
                    let (client, identity) = loop {
                        match try_connect(Access::Source(source.clone()), timing.clone()).await {
                            Ok(connected) => break connected,
                            Err(error) if !std::mem::replace(&mut told, true) => {
                                warn!(cluster = %local, namespace, error,
                                    "the member Secrets cannot be read; tried again");
                            }
                            Err(_) => {}
                        }
                        tokio::time::sleep(backoff.next()).await;
                    };
                    let following =
                        Following { client, identity, local, namespace, allowed, limiter, timing };
                    secrets::follow(following, publish).await;
                });
            }
        }
    }
    tasks
}

impl Shared {
    /// Makes the state of the members that of the handle.
    fn publish(&self, local: &Member, roster: &Roster) {
        let local_synced = local.condition().state() == MemberState::Synced;
        let members_synced = roster.is_synced();
        let conditions = std::iter::once(local.condition()).chain(roster.conditions());
        *lock(&self.conditions) = conditions.cloned().collect();
        *lock(&self.successors) = roster.successors().cloned().collect();
        *lock(&self.complaints) = roster.complaints().cloned().collect();
        *lock(&self.silent) = roster.silent().collect();
        self.local_synced.store(local_synced, Ordering::Release);
        self.members_synced.store(members_synced, Ordering::Release);
        self.state.send_modify(|state| {
            let generation = state.generation + 1;
            *state = FleetState { local_synced, members_synced, generation };
        });
    }
}

/// What the locks guard is replaced whole, so that a panic elsewhere cannot leave it half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
