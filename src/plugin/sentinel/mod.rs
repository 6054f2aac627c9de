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

use super::kubernetes::View;
use super::{Failure, Next, Outcome, Plugin, Reply, Request, names};
use crate::cluster::ClusterId;
use crate::plugin::explain::Told;
use crate::zone::answer::Answer;
use crate::zone::explain::Steps;
use crate::zone::name::WireName;
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
        match self.ask(request, &name, &mut answer) {
            Verdict::Answered => Reply::message(answer.message(request.reply())),
            Verdict::Used => {
                if let Some(Rule::Pools(pools)) = self.zones.giving(&name).map(|of| &of.rule) {
                    self.pools.used(pools, &name);
                }
                Reply::message(answer.message(request.reply()))
            }
            Verdict::Refused => Err(Failure::code(ResponseCode::Refused)),
            Verdict::Elsewhere => next.run(NAME, request).await,
        }
    }

    fn holds(&self, request: &Request) -> bool {
        let name = names::wire(request.qname());
        self.ask(request, &name, &mut Answer::default()) != Verdict::Elsewhere
    }

    fn explain(&self, request: &Request, steps: &mut Steps) -> Told {
        let name = names::wire(request.qname());
        self.asked(request, &name, |asked| {
            self.zones.explain(asked, steps);
            match self.zones.answer(asked, &mut Answer::default()) {
                Verdict::Elsewhere => Told::Passes,
                Verdict::Answered | Verdict::Used | Verdict::Refused => Told::Answers,
            }
        })
    }
}

impl Sentinel {
    fn ask(&self, request: &Request, name: &WireName, answer: &mut Answer) -> Verdict {
        self.asked(request, name, |asked| self.zones.answer(asked, answer))
    }

    /// Hands the question to `take`, with what the client may see.
    fn asked<T>(
        &self,
        request: &Request,
        name: &WireName,
        take: impl FnOnce(&Asked<'_>) -> T,
    ) -> T {
        // Clients choose IDs at random. Counted turns would be the same again and again for those that
        // ask A and AAAA in turn.
        let turn = usize::from(request.message.metadata.id);
        let (mut most, mut viewer) = (u32::MAX, None);
        let mut namespaces = Vec::new();
        if let Some(Entries { view, local }) = &self.entries {
            let known = view.known();
            if !(known.local && known.members) {
                most = NOT_KNOWN;
            }
            let pods = view.registry().pods(request.client.ip().to_canonical());
            let of = pods.iter().flat_map(|pods| pods.iter());
            namespaces.extend(of.map(|owner| owner.pod.key.namespace.clone()));
            let eyes = Eyes::Namespaces(&namespaces);
            let (registry, knows_services) = (view.registry(), known.local);
            viewer = Some(Viewer { registry, local, eyes, knows_services });
        }
        let qtype = request.qtype().into();
        take(&Asked { name, qtype, turn, most, viewer })
    }
}
