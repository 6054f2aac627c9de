//! How the clusters of a view are, for status pages and metrics.
//!
//! In: a [`View`]. Out: a [`FleetStatus`], which is also the form in which it travels as JSON, and
//! [`ClusterSample`]s. Neither holds a credential.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::{Served, View, Views};
use crate::cluster::{ClusterId, Complaint, Kind, MemberState, MemberStatus};
use crate::telemetry::{ClusterSample, Metrics};
use crate::zone::name::WireName;

/// All clusters of a Corefile.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Fleets {
    pub fleets: Vec<FleetStatus>,
}

/// A local cluster with its members.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FleetStatus {
    /// The zones of the server blocks that it serves.
    pub zones: Vec<String>,
    /// The local one first, then by ID.
    pub clusters: Vec<ClusterStatus>,
    /// Sources of members that could not be read yet, as the lines of the Corefile.
    pub unread_sources: Vec<String>,
}

/// A cluster, or an ID that is claimed in vain.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClusterStatus {
    pub id: String,
    pub local: bool,
    /// A Secret and key, a file, a folder.
    pub source: String,
    pub state: State,
    /// Why it is failing or stale, for people.
    pub problem: Option<String>,
    /// Unix time in seconds; `null` before the first.
    pub last_contact: Option<f64>,
    /// Objects that are held, by the plural of their kind. Kinds that are not watched are left out.
    pub objects: BTreeMap<String, usize>,
    /// Ready endpoints that are held.
    pub endpoints: usize,
    /// How it is reached: the words of the Corefile, several if server blocks differ. None of the local one.
    pub reach: Vec<String>,
    /// Resources that its credentials may not list and watch, as a role names them.
    pub missing_rules: Vec<String>,
    /// Claims of this ID that are not used.
    pub unused_claims: Vec<UnusedClaim>,
    /// How often a watch worked again after it failed, or new credentials took over.
    pub reconnects: u64,
    /// New credentials that are tried, while the old ones serve.
    pub successor: Option<Successor>,
}

/// New credentials of a cluster that do not work yet.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Successor {
    pub state: State,
    /// Why it is failing, for people.
    pub problem: Option<String>,
}

/// What is to be known first of a cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not all of its first lists are finished.
    Connecting,
    /// All is known, and all watches work.
    Synced,
    /// A watch fails, and is tried again.
    Failing,
    /// It is out of reach; what it said last is served.
    Stale,
    /// No claim of this ID can be used.
    Refused,
}

/// A claim that leads to no member.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UnusedClaim {
    /// Where it is written.
    pub source: String,
    /// `local`, `taken` or `unusable`.
    pub fault: String,
    /// The same with its reason, for people.
    pub text: String,
}

/// How the clusters of all server blocks are.
pub fn fleets(blocks: &[Served]) -> Fleets {
    let mut by_view: Vec<(&Arc<View>, Vec<&Served>)> = Vec::new();
    for block in blocks {
        match by_view.iter_mut().find(|(view, _)| Arc::ptr_eq(view, &block.view)) {
            Some((_, all)) => all.push(block),
            None => by_view.push((&block.view, vec![block])),
        }
    }
    let fleets = by_view.into_iter().map(|(view, blocks)| view.status(&blocks)).collect();
    Fleets { fleets }
}

/// Has the metrics tell of all clusters.
pub fn measure(views: &Views, metrics: &Metrics) {
    let views: Vec<_> = views.all().cloned().collect();
    metrics.fleet.watch(move || views.iter().flat_map(|view| view.samples()).collect());
}

impl View {
    /// How its clusters are. `blocks` are the server blocks that it serves.
    fn status(&self, blocks: &[&Served]) -> FleetStatus {
        let zones = blocks.iter().flat_map(|block| &block.zones.zones).map(WireName::to_string);
        let zones = once_each(zones);
        let clusters = self.states().into_iter().map(|one| self.cluster(&one, blocks)).collect();
        let unread = self.fleet().silent_sources().into_iter().map(|source| source.describe());
        FleetStatus { zones, clusters, unread_sources: unread.collect() }
    }

    fn cluster(&self, one: &One, blocks: &[&Served]) -> ClusterStatus {
        let objects = self.objects(one).map(|(kind, count)| (kind.to_owned(), count)).collect();
        let members = blocks.iter().filter(|_| !one.is_local());
        let reach = once_each(members.map(|block| block.ways.get(&one.id).clone()));
        let first = one.complaints.first().map(|complaint| complaint.origin.clone());
        let of = one.status.as_ref();
        ClusterStatus {
            id: one.id.to_string(),
            local: one.is_local(),
            source: of.map(|of| of.source.clone()).or(first).unwrap_or_default(),
            state: of.map_or(State::Refused, state),
            problem: of.and_then(|of| of.problem.clone()),
            last_contact: of.and_then(|of| of.last_contact).map(seconds),
            objects,
            endpoints: self.registry().endpoints(&one.id),
            reach,
            missing_rules: of.iter().flat_map(|of| &of.missing_rules).map(|&r| r.into()).collect(),
            unused_claims: one.complaints.iter().map(unused).collect(),
            reconnects: of.map_or(0, |of| of.reconnects),
            successor: one.successor.clone(),
        }
    }

    fn samples(&self) -> Vec<(String, ClusterSample)> {
        let sample = |one: One| {
            let conflicts = one.complaints.iter().filter(|of| of.fault.is_conflict()).count();
            let of = one.status.as_ref();
            let sample = ClusterSample {
                is_up: of.is_some_and(|of| of.is_up),
                is_synced: of.is_some_and(|of| of.state == MemberState::Synced),
                is_stale: of.is_some_and(MemberStatus::is_stale),
                last_contact: of.and_then(|of| of.last_contact),
                objects: self.objects(&one).collect(),
                conflicts,
                refused: one.complaints.len() - conflicts,
                reconnects: of.map_or(0, |of| of.reconnects),
            };
            (one.id.to_string(), sample)
        };
        self.states().into_iter().map(sample).collect()
    }

    /// All clusters, the local one first, and the IDs that are claimed in vain.
    fn states(&self) -> Vec<One> {
        let mut complaints: BTreeMap<ClusterId, Vec<Complaint>> = BTreeMap::new();
        for complaint in self.fleet().complaints() {
            complaints.entry(complaint.id.clone()).or_default().push(complaint);
        }
        let successors = self.fleet().successors();
        let successor = |id: &ClusterId| {
            let of = successors.iter().find(|of| of.id == *id)?;
            Some(Successor { state: state(of), problem: of.problem.clone() })
        };
        let of = |status: MemberStatus| One {
            complaints: complaints.remove(&status.id).unwrap_or_default(),
            successor: successor(&status.id),
            id: status.id.clone(),
            status: Some(status),
        };
        let mut all: Vec<One> = self.fleet().members().into_iter().map(of).collect();
        let refused = complaints.into_iter();
        let refused =
            refused.map(|(id, complaints)| One { id, status: None, complaints, successor: None });
        all.extend(refused);
        all.sort_by(|one, other| (!one.is_local(), &one.id).cmp(&(!other.is_local(), &other.id)));
        all
    }

    /// How many objects are held of each kind that is watched of a cluster.
    fn objects(&self, one: &One) -> impl Iterator<Item = (&'static str, usize)> {
        let spec = self.fleet().spec();
        let selection = match one.is_local() {
            true => spec.selection.clone(),
            false => spec.selection_of(&one.id),
        };
        let kinds: Vec<_> = one.status.iter().flat_map(|_| selection.kinds()).collect();
        let count = |kind: Kind| Some((kind.name(), self.registry().count(&one.id, kind)?));
        kinds.into_iter().filter_map(count)
    }
}

/// What is known of an ID.
struct One {
    id: ClusterId,
    /// `None` where nobody has it.
    status: Option<MemberStatus>,
    complaints: Vec<Complaint>,
    successor: Option<Successor>,
}

impl One {
    fn is_local(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.is_local)
    }
}

fn once_each(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for one in all {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    once
}

fn state(of: &MemberStatus) -> State {
    match of.state {
        _ if of.is_stale() => State::Stale,
        _ if of.is_failing => State::Failing,
        MemberState::Synced => State::Synced,
        MemberState::Connecting => State::Connecting,
    }
}

fn unused(complaint: &Complaint) -> UnusedClaim {
    UnusedClaim {
        source: complaint.origin.clone(),
        fault: complaint.fault.name().into(),
        text: complaint.to_string(),
    }
}

/// Unix time. Before 1970 it is 0, as nothing was heard then.
fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            State::Connecting => "connecting",
            State::Synced => "synced",
            State::Failing => "failing",
            State::Stale => "stale",
            State::Refused => "refused",
        })
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
