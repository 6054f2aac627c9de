//! What the fast path knows of a chain: which of its plugins matter, and how they answer at once.
//!
//! In: a question as octets. Out: an answer as octets, by the same zone code as in the chain; or nothing,
//! and the chain is asked as if nobody had been before. A plugin that does not say how it stands
//! ([`Stance`]) is in the way: questions that would come to it take the chain.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Plugin, Request};
use crate::zone::answer::Answer;
use crate::zone::name::WireName;

/// How a plugin stands to the questions of the fast path, which have no EDNS options and are for one of the
/// usual types: not ANY, HINFO, DS or a transfer.
pub enum Stance {
    /// They must come to it.
    InTheWay,
    /// It leaves them and their answers as they are.
    Aside,
    /// It answers some of them, by [`Plugin::answer_now`].
    Answers,
    /// It puts the addresses of an answer into random order.
    Shuffles,
    /// It counts them by these zones, the longest first (`prometheus`).
    Counts(Vec<(WireName, Arc<str>)>),
    /// It has nothing for what the registry answers, and counts that in these zones, so called (`cache`).
    Misses(Vec<WireName>, Arc<str>),
}

/// A question.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    pub name: &'a WireName,
    pub qtype: u16,
    /// The ID of its message.
    pub id: u16,
    /// Who asks.
    pub client: IpAddr,
    /// Whether it has an OPT record, so that the answer may say why it is no other.
    pub has_edns: bool,
}

impl<'a> Question<'a> {
    /// That of a request, whose name is `name`.
    pub fn of(request: &Request, name: &'a WireName) -> Self {
        Question {
            name,
            qtype: request.qtype().into(),
            id: request.message.metadata.id,
            client: request.client.ip().to_canonical(),
            has_edns: request.message.edns.is_some(),
        }
    }
}

/// What a plugin says to a question at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Now {
    /// The answer is written.
    Answered,
    /// The next plugin is to be asked.
    Passes,
    /// The chain must be asked.
    Unknown,
}

/// The plugins of a chain that matter to the fast path.
#[derive(Default)]
pub struct Fast {
    /// Those that may answer, in the order of the chain.
    answering: Vec<Arc<dyn Plugin>>,
    pub shuffles: bool,
    /// The zones of `prometheus`, and the plugin behind it.
    pub counts: Option<Counts>,
    pub misses: Option<(Vec<WireName>, Arc<str>)>,
}

/// How `prometheus` counts.
pub struct Counts {
    /// By these zones, the longest first.
    pub zones: Vec<(WireName, Arc<str>)>,
    /// The plugin behind it.
    pub next: &'static str,
}

impl Fast {
    /// The fast path of a chain; `None` where it would answer nothing.
    pub fn of(chain: &[Arc<dyn Plugin>]) -> Option<Self> {
        let mut fast = Fast::default();
        for (number, plugin) in chain.iter().enumerate() {
            match plugin.stance() {
                Stance::InTheWay => break,
                Stance::Aside => {}
                Stance::Answers => fast.answering.push(plugin.clone()),
                Stance::Shuffles => fast.shuffles = true,
                Stance::Counts(zones) => {
                    let next = chain.get(number + 1).map_or("", |next| next.name());
                    fast.counts = Some(Counts { zones, next });
                }
                Stance::Misses(zones, label) => fast.misses = Some((zones, label)),
            }
        }
        (!fast.answering.is_empty()).then_some(fast)
    }

    /// Asks the plugins in their order. Says whether `answer`, which is clear, is the answer.
    pub fn answer(&self, question: &Question<'_>, answer: &mut Answer) -> bool {
        for plugin in &self.answering {
            match plugin.answer_now(question, answer) {
                Now::Answered => return true,
                Now::Passes => {}
                Now::Unknown => return false,
            }
        }
        false
    }
}
