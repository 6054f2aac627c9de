//! `kubernetes`: the zones of a cluster, or with `fleet` of many.
//!
//! In: a question. Out: what [`crate::zone::kubernetes`] says to it, after the first sync or the end of
//! the wait for it; names that do not exist may fall through to the next plugin.

mod conflicts;
mod gateways;
mod hidden;
mod lines;
mod metadata;
mod overlaps;
mod progress;
mod search;
mod setup;
pub mod status;
mod transfer;
mod view;
mod watching;

use std::sync::Arc;

use async_trait::async_trait;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::Name;

use overlaps::Overlaps;
pub use setup::{Clusters, clusters, setup, zones_of};
pub use view::{View, Views};
pub use watching::labels;

use super::background::Background;
use super::bind::Bound;
use super::explain::{Told, explain};
use super::fast::{Now, Question, Stance};
use super::metadata::Values;
use super::request::Asker;
use super::transfer::Transferred;
use super::{Failure, Next, Outcome, Plugin, Reply, Request, names};
use crate::cluster::PerMember;
use crate::registry::PodOwner;
use crate::telemetry::Metrics;
use crate::zone::answer::Answer;
use crate::zone::explain::{Steps, list};
pub use crate::zone::kubernetes::Kubernetes as Zones;
use crate::zone::kubernetes::{Elsewhere, Known, Pods, Verdict};
use crate::zone::name::WireName;
use crate::zone::rcode;
use crate::zone::why::Why;

const NAME: &str = "kubernetes";
/// How often a question looks for what aliases point to.
const MAX_LOOKS: usize = 4;

/// The plugin.
pub struct Kubernetes {
    zones: Arc<Zones>,
    view: Arc<View>,
    overlaps: Overlaps,
    /// Zones whose missing names the next plugin is asked for.
    fallthrough: Vec<WireName>,
    /// The search path of this machine, for `autopath`.
    search: Vec<Option<Name>>,
}

/// The zones of one server block, and the clusters that they are of.
#[derive(Clone)]
pub struct Served {
    pub zones: Arc<Zones>,
    pub view: Arc<View>,
    /// An address and port that the block listens on; the address of all is `None`.
    pub at: (Option<Bound>, u16),
    /// How members are reached, in the words of the Corefile.
    pub ways: PerMember<String>,
}

/// Starts what goes on beside the questions.
///
/// `asker` asks the server that listens on an address.
pub fn start(
    all: &[Served],
    metrics: &Arc<Metrics>,
    asker: impl Fn((Option<Bound>, u16)) -> Option<Asker>,
    background: &Background,
) {
    for (number, served) in once_each(all.iter()).into_iter().enumerate() {
        hidden::start(number, served.clone(), metrics.clone(), background);
    }
    for served in all {
        if let Some(asker) = asker(served.at) {
            gateways::start(served.clone(), asker, background);
        }
    }
    let with_set = all.iter().filter(|served| !served.zones.clusterset.is_empty());
    for served in once_each(with_set) {
        conflicts::start(served.zones.clone(), served.view.clone(), metrics.clone(), background);
    }
}

/// One of each that have the same clusters and answer for the same of them.
fn once_each<'a>(all: impl Iterator<Item = &'a Served>) -> Vec<&'a Served> {
    let mut once: Vec<&Served> = Vec::new();
    for served in all {
        let same = |other: &&Served| {
            Arc::ptr_eq(&other.view, &served.view)
                && other.zones.fleet == served.zones.fleet
                && other.zones.namespaces == served.zones.namespaces
        };
        if !once.iter().any(same) {
            once.push(served);
        }
    }
    once
}

/// Waits until the addresses of all gateways that have names were asked for, or have had their time.
pub async fn settled(all: &[Served]) {
    futures::future::join_all(all.iter().map(gateways::settled)).await;
}

#[async_trait]
impl Plugin for Kubernetes {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let name = names::wire(request.qname());
        let Some(left) = self.zones.find(&name) else { return next.run(NAME, request).await };
        let mut answer = Answer::default();
        let (verdict, known) = self.look(request, &name, left, &mut answer).await;
        match verdict {
            Verdict::Answered => self.reply(request, &answer),
            // What it leads to was asked for as often as was right.
            Verdict::Chase(_) => Err(Failure::code(ResponseCode::ServFail)),
            Verdict::Refused => Err(Failure::code(ResponseCode::Refused)),
            Verdict::NameError if self.falls_through(&name) => next.run(NAME, request).await,
            Verdict::NameError => {
                // Nothing can be said of a cluster that is not known yet (plugin/kubernetes/handler.go).
                let code = if known.local { rcode::NXDOMAIN } else { rcode::SERVFAIL };
                let registry = self.view.registry();
                self.zones.negative(registry, known, (&name, left), code, &mut answer);
                let waiting = self.view.waiting();
                if !(known.local && known.members || waiting.is_empty()) {
                    answer.why = Some(Why::NotReady(waiting));
                }
                self.reply(request, &answer)
            }
        }
    }

    fn holds(&self, request: &Request) -> bool {
        let name = names::wire(request.qname());
        let Some(left) = self.zones.find(&name) else { return false };
        if !self.falls_through(&name) {
            return true;
        }
        let (registry, known) = (self.view.registry(), self.view.known());
        let question = (&name, u16::from(request.qtype()));
        // What is not known yet, it may have.
        !(known.local && known.members)
            || self.zones.answer(registry, known, question, left, &mut Answer::default())
                != Verdict::NameError
    }

    fn stance(&self) -> Stance {
        Stance::Answers
    }

    fn answer_now(&self, question: &Question<'_>, answer: &mut Answer) -> Now {
        let Some(left) = self.zones.find(question.name) else { return Now::Passes };
        let (registry, known) = (self.view.registry(), self.view.known());
        // Else there is something to wait for.
        if !(known.local && known.members) {
            return Now::Unknown;
        }
        let asked = (question.name, question.qtype);
        match self.zones.answer(registry, known, asked, left, answer) {
            Verdict::Answered => {}
            Verdict::NameError if self.falls_through(question.name) => return Now::Passes,
            Verdict::NameError => {
                let (name, code) = ((question.name, left), rcode::NXDOMAIN);
                self.zones.negative(registry, known, name, code, answer);
            }
            Verdict::Chase(_) | Verdict::Refused => return Now::Unknown,
        }
        // What is noted, or said to the client, is the chain's.
        let is_told = match &answer.why {
            Some(Why::Overlap(_)) => true,
            why => question.has_edns && why.is_some(),
        };
        if is_told || answer.ports_differ.is_some() { Now::Unknown } else { Now::Answered }
    }

    async fn transfer(&self, request: &Request) -> Transferred {
        self.view.local().await;
        // What a member has not told yet would be missing until the next refresh.
        self.view.members().await;
        transfer::contents(&self.zones, &self.view, &names::wire(request.qname()))
    }

    fn metadata(&self, request: &Request, values: &mut Values) {
        if self.zones.pods == Pods::Verified
            && let Some(pods) = self.view.registry().pods(request.client.ip().to_canonical())
            && let Some(owner) = pods.first()
        {
            let key = &owner.pod.key;
            values.insert("kubernetes/client-namespace".into(), key.namespace.to_string());
            values.insert("kubernetes/client-pod-name".into(), key.name.to_string());
            for (label, value) in owner.pod.labels.iter() {
                values.insert(format!("kubernetes/client-label/{label}"), value.to_string());
            }
        }
        let name = names::wire(request.qname());
        if let Some(left) = self.zones.find(&name) {
            metadata::put(&name, left, self.zones.grammar(&name, left), values);
        }
    }

    fn search_path(&self, request: &Request) -> Option<Vec<Option<Name>>> {
        if self.zones.pods != Pods::Verified {
            return None;
        }
        let pods = self.view.registry().pods(request.client.ip().to_canonical())?;
        // A client that asks here is more likely of this cluster than of a member.
        let is_local = |owner: &&PodOwner| owner.cluster == self.zones.fleet.local;
        let pod = pods.iter().find(is_local).or(pods.first())?;
        let zones = self.zones.zones.iter().map(names::name);
        let zone =
            zones.filter(|zone| zone.zone_of(request.qname())).max_by_key(Name::num_labels)?;
        search::path(&pod.pod.key.namespace, &zone, &self.search)
    }

    fn explain(&self, request: &Request, steps: &mut Steps) -> Told {
        let name = names::wire(request.qname());
        let Some(left) = self.zones.find(&name) else {
            steps.add("zone", "the name is in none of its zones");
            return Told::Passes;
        };
        let (registry, known) = (self.view.registry(), self.view.known());
        self.zones.explain(registry, known, &name, left, steps);
        for cluster in self.view.waiting() {
            steps.of("members", &cluster, "is not known yet");
        }
        let question = (&name, u16::from(request.qtype()));
        match self.zones.answer(registry, known, question, left, &mut Answer::default()) {
            Verdict::NameError if self.falls_through(&name) => {
                steps.add("fallthrough", "names that do not exist go to the next plugin");
                Told::Passes
            }
            Verdict::NameError if !known.local => {
                steps.add("local", "is not known yet, so nothing can be denied");
                Told::Answers
            }
            Verdict::Chase(targets) => {
                steps.add("alias", format!("the server is asked for {}", list(targets)));
                Told::Answers
            }
            Verdict::NameError | Verdict::Answered | Verdict::Refused => Told::Answers,
        }
    }
}

impl Kubernetes {
    /// Whether the next plugin is asked for a name that does not exist.
    fn falls_through(&self, name: &WireName) -> bool {
        self.fallthrough.iter().any(|zone| name.left_of(zone).is_some())
    }

    /// The reply, with the reason why it is no other, if there is one.
    fn reply(&self, request: &Request, answer: &Answer) -> Outcome {
        let mut reply = answer.message(request.reply());
        if let Some(service) = &answer.ports_differ {
            self.overlaps.note_ports(service);
        }
        if let Some(why) = &answer.why {
            if let Why::Overlap(overlapped) = why {
                self.overlaps.note(overlapped);
            }
            explain(request, why, &mut reply);
        }
        Reply::message(reply)
    }

    /// Asks the zone: once the local cluster is known, and again once the members are, where the name
    /// is one that a member may have (or before that, where all decide together); and again with what the
    /// whole server says of the names that its aliases point to. Says what was known before it was asked
    /// last: a cluster that comes to be known right after may have the name.
    async fn look(
        &self,
        request: &Request,
        name: &WireName,
        left: usize,
        answer: &mut Answer,
    ) -> (Verdict, Known) {
        self.view.local().await;
        if self.zones.is_of_set(name, left) {
            self.view.members().await;
        }
        let qtype = u16::from(request.qtype());
        let mut elsewhere = Elsewhere::default();
        let mut known = self.view.known();
        let mut ask = |elsewhere: &Elsewhere| {
            answer.clear();
            known = self.view.known();
            let registry = self.view.registry();
            self.zones.complete(registry, known, (name, qtype), left, elsewhere, answer)
        };
        let mut verdict = ask(&elsewhere);
        if verdict == Verdict::NameError && self.view.members().await {
            verdict = ask(&elsewhere);
        }
        // What aliases point to may change between two looks; not for ever.
        for _ in 0..MAX_LOOKS {
            let Verdict::Chase(targets) = verdict else { return (verdict, known) };
            for target in targets {
                let said = request.ask(names::name(&target), request.qtype()).await;
                let said = said.and_then(|message| Answer::from_message(&message).ok());
                elsewhere.tell(target, said);
            }
            verdict = ask(&elsewhere);
        }
        (verdict, known)
    }
}
