//! Who is a member: the claims of all sources, and the members that run because of them.
//!
//! In: the [`Claim`]s of each source. Out: running [`Member`]s. The first to claim an ID keeps it;
//! another claim of it is logged, and takes over when the first is gone. A claim whose content
//! changes gets a successor that is made before the old member is broken: its objects replace the old
//! ones in one step when it is complete, and until then the old member serves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::Notify;
use tracing::{info, warn};

use super::claim::{Claim, Content};
use super::client::Timing;
use super::complaint::{Complaint, Fault};
use super::condition::{Condition, MemberState};
use super::event::Sink;
use super::fleet::FleetSpec;
use super::gate::Gate;
use super::id::ClusterId;
use super::limits::Limiter;
use super::member::{Access, Member, Plan};

/// The members of a fleet, without the local cluster.
pub struct Roster {
    spec: FleetSpec,
    sink: Arc<dyn Sink>,
    timing: Timing,
    changed: Arc<Notify>,
    /// One place for each source, in the order of the configuration.
    sources: Vec<Option<Vec<Claim>>>,
    seats: BTreeMap<ClusterId, Seat>,
    /// What was logged and still holds.
    complaints: BTreeSet<Complaint>,
}

/// A cluster ID and who has it.
struct Seat {
    owner: Owner,
    member: Member,
    content: Content,
    successor: Option<(Member, Content)>,
}

#[derive(Clone, PartialEq, Eq)]
struct Owner {
    source: usize,
    origin: String,
}

impl Roster {
    /// `changed` is told of every change of a member's state, upon which [`Roster::settle`] is to be
    /// called.
    pub fn new(spec: FleetSpec, sink: Arc<dyn Sink>, timing: Timing, changed: Arc<Notify>) -> Self {
        let sources = spec.members.iter().map(|_| None).collect();
        let (seats, complaints) = (BTreeMap::new(), BTreeSet::new());
        Roster { spec, sink, timing, changed, sources, seats, complaints }
    }

    /// Replaces all claims of one source, and starts and stops members accordingly.
    pub fn claim(&mut self, source: usize, claims: Vec<Claim>) {
        self.sources[source] = Some(claims);
        let mut complaints = BTreeSet::new();
        let sources = std::mem::take(&mut self.sources);
        let mut wanted: BTreeMap<&ClusterId, Vec<(Owner, &Claim)>> = BTreeMap::new();
        for (source, claims) in sources.iter().enumerate() {
            for claim in claims.iter().flatten() {
                let complaint = |fault| {
                    let (id, origin) = (claim.id.clone(), claim.origin.clone());
                    Complaint { id, origin, fault }
                };
                if claim.id == self.spec.local {
                    complaints.insert(complaint(Fault::Local));
                    continue;
                }
                if let Err(error) = &claim.access {
                    complaints.insert(complaint(Fault::Unusable(error.to_string())));
                }
                let owner = Owner { source, origin: claim.origin.clone() };
                wanted.entry(&claim.id).or_default().push((owner, claim));
            }
        }
        self.unseat(|id| wanted.contains_key(id));
        for (id, claims) in wanted {
            self.seat(id, &claims, &mut complaints);
        }
        self.sources = sources;
        for complaint in complaints.difference(&self.complaints) {
            warn!("{complaint}");
        }
        self.complaints = complaints;
        self.changed.notify_one();
    }

    /// Lets successors take over that know all that is known. To be called when a member's state changed.
    pub fn settle(&mut self) {
        for (id, seat) in &mut self.seats {
            let is_ready = |(member, _): &mut (Member, Content)| {
                // One that may not read all is no reason to give up what it does read.
                member.condition().knows_all_of(seat.member.condition())
            };
            if let Some((member, content)) = seat.successor.take_if(is_ready) {
                let predecessor = std::mem::replace(&mut seat.member, member);
                seat.member.take_over(predecessor);
                seat.content = content;
                info!(cluster = %id, source = seat.owner.origin, "the member runs anew");
            }
        }
    }

    /// Whether every source has spoken and every member is synced.
    pub fn is_synced(&self) -> bool {
        let is_synced = |seat: &Seat| seat.member.condition().state() == MemberState::Synced;
        self.silent().next().is_none() && self.seats.values().all(is_synced)
    }

    /// The sources that have not spoken yet, by their places.
    pub fn silent(&self) -> impl Iterator<Item = usize> {
        let all = self.sources.iter().enumerate();
        all.filter(|(_, claims)| claims.is_none()).map(|(source, _)| source)
    }

    /// The claims that are not used, in the order of their IDs.
    pub fn complaints(&self) -> impl Iterator<Item = &Complaint> {
        self.complaints.iter()
    }

    /// The states of the members that serve, in the order of their IDs.
    pub fn conditions(&self) -> impl Iterator<Item = &Arc<Condition>> {
        self.seats.values().map(|seat| seat.member.condition())
    }

    /// The states of the successors that are not complete yet, likewise.
    pub fn successors(&self) -> impl Iterator<Item = &Arc<Condition>> {
        let successors = self.seats.values().filter_map(|seat| seat.successor.as_ref());
        successors.map(|(member, _)| member.condition())
    }

    fn unseat(&mut self, is_wanted: impl Fn(&ClusterId) -> bool) {
        let gone: Vec<_> = self.seats.keys().filter(|id| !is_wanted(id)).cloned().collect();
        for id in gone {
            if let Some(seat) = self.seats.remove(&id) {
                info!(cluster = %id, source = seat.owner.origin, "left the fleet");
                seat.member.leave();
            }
        }
    }

    /// Gives an ID to one of those who claim it.
    fn seat(
        &mut self,
        id: &ClusterId,
        claims: &[(Owner, &Claim)],
        complaints: &mut BTreeSet<Complaint>,
    ) {
        let holder = self.seats.get(id).map(|seat| seat.owner.clone());
        let held = claims.iter().find(|(owner, _)| Some(owner) == holder.as_ref());
        // A broken kubeconfig keeps the ID of a member that runs: what it was stays good.
        let chosen = held.or_else(|| claims.iter().find(|(_, claim)| claim.access.is_ok()));
        let Some((owner, claim)) = chosen else {
            // The holder is gone and no other claim is of use.
            self.unseat(|other| other != id);
            return;
        };
        for (other, _) in claims.iter().filter(|(other, _)| other != owner) {
            let fault = Fault::Taken { by: owner.origin.clone() };
            complaints.insert(Complaint { id: id.clone(), origin: other.origin.clone(), fault });
        }
        if let Ok(access) = &claim.access {
            self.run(owner, claim, access);
        }
    }

    /// Makes the member of an ID be the one that `claim` says.
    fn run(&mut self, owner: &Owner, claim: &Claim, access: &Access) {
        let Some(seat) = self.seats.get(&claim.id) else {
            info!(cluster = %claim.id, source = owner.origin, "joined the fleet");
            let gate = Gate::opened(claim.id.clone(), self.sink.clone());
            let seat = Seat {
                owner: owner.clone(),
                member: self.start(owner, claim, access, gate),
                content: claim.content.clone(),
                successor: None,
            };
            self.seats.insert(claim.id.clone(), seat);
            return;
        };
        let is_current = seat.content == claim.content;
        let is_coming = matches!(&seat.successor, Some((_, content)) if *content == claim.content);
        let successor = (!is_current && !is_coming).then(|| {
            let gate = Gate::held(claim.id.clone(), self.sink.clone());
            (self.start(owner, claim, access, gate), claim.content.clone())
        });
        // Looked up above; starting a member does not touch the seats.
        let Some(seat) = self.seats.get_mut(&claim.id) else { return };
        seat.owner = owner.clone();
        if is_current {
            seat.successor = None;
        } else if successor.is_some() {
            seat.successor = successor;
        }
    }

    fn start(&self, owner: &Owner, claim: &Claim, access: &Access, gate: Gate) -> Member {
        let plan = Plan {
            access: access.clone(),
            selection: self.spec.selection_of(&claim.id),
            limiter: Arc::new(Limiter::new(&self.spec.limits)),
            timing: self.timing.clone(),
            stale: Some(self.spec.stale),
        };
        let condition = Condition::new(
            claim.id.clone(),
            false,
            owner.origin.clone(),
            plan.watches(),
            self.changed.clone(),
        );
        Member::start(plan, condition, gate)
    }
}
