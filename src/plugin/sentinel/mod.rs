//! `sentinel`: suffixes whose every name is answered without asking anybody, and the hosts of Istio's
//! ServiceEntries.
//!
//! In: a question. Out: what [`crate::zone::sentinel`] says to it; names elsewhere go to the next
//! plugin. Nothing here waits for a cluster: a suffix answers at once, and for a few seconds only while
//! it is not known what ServiceEntries say.

mod counting;
mod lines;
mod pools;
mod replaceable;
mod setup;
mod status;

use std::sync::Arc;

use async_trait::async_trait;
use hickory_proto::op::ResponseCode;

pub use counting::start;
pub use lines::any_line;
pub use pools::Pools;
pub use replaceable::replaceable;
pub use setup::setup;
pub use status::{COLLISIONS, Shared, router};

use super::fast::{Now, Question, Stance};
use super::kubernetes::View;
use super::{Failure, Next, Outcome, Plugin, Reply, Request, names};
use crate::cluster::ClusterId;
use crate::plugin::explain::Told;
use crate::zone::answer::Answer;
use crate::zone::explain::Steps;
use crate::zone::sentinel::{Asked, Eyes, Rule, Sentinel as Zones, Verdict, Viewer};

const NAME: &str = "sentinel";
/// Seconds that answers may be kept while it is not known what ServiceEntries say.
const NOT_KNOWN: u32 = 5;

/// The plugin: all suffixes of a server block.
pub struct Sentinel {
    zones: Arc<Zones>,
    entries: Option<Entries>,
    pools: Pools,
}

/// Where ServiceEntries come from.
struct Entries {
    view: Arc<View>,
    local: ClusterId,
}

#[async_trait]
impl Plugin for Sentinel {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let name = names::wire(request.qname());
        let mut answer = Answer::default();
        let question = Question::of(request, &name);
        match self.answer_now(&question, &mut answer) {
            Now::Answered => Reply::message(answer.message(request.reply())),
            Now::Kept(_) | Now::Unknown => Err(Failure::code(ResponseCode::Refused)),
            Now::Passes => next.run(NAME, request).await,
        }
    }

    fn stance(&self) -> Stance {
        Stance::Answers
    }

    fn answer_now(&self, question: &Question<'_>, answer: &mut Answer) -> Now {
        match self.ask(question, answer) {
            Verdict::Answered => Now::Answered,
            Verdict::Used => {
                let of = self.zones.giving(question.name);
                if let Some(Rule::Pools(pools)) = of.map(|of| &of.rule) {
                    self.pools.used(pools, question.name);
                }
                Now::Answered
            }
            Verdict::Refused => Now::Unknown,
            Verdict::Elsewhere => Now::Passes,
        }
    }

    fn holds(&self, request: &Request) -> bool {
        let name = names::wire(request.qname());
        self.ask(&Question::of(request, &name), &mut Answer::default()) != Verdict::Elsewhere
    }

    fn explain(&self, request: &Request, steps: &mut Steps) -> Told {
        let name = names::wire(request.qname());
        self.asked(&Question::of(request, &name), |asked| {
            self.zones.explain(asked, steps);
            match self.zones.answer(asked, &mut Answer::default()) {
                Verdict::Elsewhere => Told::Passes,
                Verdict::Answered | Verdict::Used | Verdict::Refused => Told::Answers,
            }
        })
    }
}

impl Sentinel {
    fn ask(&self, question: &Question<'_>, answer: &mut Answer) -> Verdict {
        self.asked(question, |asked| self.zones.answer(asked, answer))
    }

    /// Hands the question to `take`, with what the client may see.
    fn asked<T>(&self, question: &Question<'_>, take: impl FnOnce(&Asked<'_>) -> T) -> T {
        // Clients choose IDs at random. Counted turns would be the same again and again for those that
        // ask A and AAAA in turn.
        let turn = usize::from(question.id);
        let (mut most, mut viewer) = (u32::MAX, None);
        let mut namespaces = Vec::new();
        if let Some(Entries { view, local }) = &self.entries {
            let known = view.known();
            if !(known.local && known.members) {
                most = NOT_KNOWN;
            }
            let pods = view.registry().pods(question.client);
            let of = pods.iter().flat_map(|pods| pods.iter());
            namespaces.extend(of.map(|owner| owner.pod.key.namespace.clone()));
            let eyes = Eyes::Namespaces(&namespaces);
            let (registry, knows_services) = (view.registry(), known.local);
            viewer = Some(Viewer { registry, local, eyes, knows_services });
        }
        let Question { name, qtype, .. } = *question;
        take(&Asked { name, qtype, turn, most, viewer })
    }
}
