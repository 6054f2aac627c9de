//! What the fast path knows of a chain: which of its plugins matter, and how they answer at once.
//!
//! In: a question as octets. Out: an answer as octets, by the same zone code as in the chain; or nothing,
//! and the chain is asked as if nobody had been before. A plugin that does not say how it stands
//! ([`Stance`]) is in the way: questions that would come to it take the chain.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::{Plugin, Request, names};
use crate::telemetry::cache::Kept;
use crate::zone::answer::{Answer, RecordRef, Section};
use crate::zone::name::WireName;
use crate::zone::{rcode, rtype};

/// How a plugin stands to the questions of the fast path, which have no EDNS options and are for one of the
/// usual types: not ANY, HINFO, DS or a transfer.
pub enum Stance {
    /// They must come to it.
    InTheWay,
    /// It leaves them and their answers as they are.
    Aside,
    /// It answers some of them, by [`Plugin::answer_now`], and no `cache` keeps what it answers
    /// ([`Plugin::holds`]).
    Answers,
    /// It says by [`Plugin::answer_now`] which of them it leaves as they are; what it does with the others, a
    /// `cache` before it may keep.
    Chooses,
    /// It puts the addresses of an answer into random order.
    Shuffles,
    /// It leaves out of positive answers what nobody asked for (`minimal`).
    Trims,
    /// It counts them by these zones, the longest first (`prometheus`).
    Counts(Vec<(WireName, Arc<str>)>),
    /// It has nothing for what those answer that answer, and may have something for the rest; it counts both in
    /// these zones, so called (`cache`).
    Keeps(Vec<WireName>, Arc<str>),
}

/// A question.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    pub name: &'a WireName,
    pub qtype: u16,
    /// The ID of its message.
    pub id: u16,
    /// When it was taken, or the first of those that were taken with it.
    pub now: Instant,
    /// Who asks.
    pub client: IpAddr,
    /// Whether it has an OPT record, so that the answer may say why it is no other.
    pub has_edns: bool,
    /// DO, CD and AD.
    pub dnssec_ok: bool,
    pub checking_disabled: bool,
    pub authentic_data: bool,
}

impl<'a> Question<'a> {
    /// That of a request, whose name is `name`.
    pub fn of(request: &Request, name: &'a WireName) -> Self {
        Question {
            name,
            qtype: request.qtype().into(),
            id: request.message.metadata.id,
            now: Instant::now(),
            client: request.client.ip().to_canonical(),
            has_edns: request.message.edns.is_some(),
            dnssec_ok: request.message.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok),
            checking_disabled: request.message.metadata.checking_disabled,
            authentic_data: request.message.metadata.authentic_data,
        }
    }
}

/// What a plugin says to a question at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Now {
    /// The answer is written.
    Answered,
    /// So it is, from what was kept.
    Kept(Kept),
    /// The next plugin is to be asked.
    Passes,
    /// The chain must be asked.
    Unknown,
}

/// The plugins of a chain that matter to the fast path.
#[derive(Default)]
pub struct Fast {
    /// In the order of the chain.
    steps: Vec<Step>,
    /// How many of them stand before `cache`.
    before: usize,
    /// Whether `minimal` is among the plugins, which stands before all that answer.
    trims: bool,
    pub shuffles: bool,
    pub counts: Option<Counts>,
    pub keeps: Option<Keeps>,
}

/// A plugin that a question comes to.
enum Step {
    InTheWay,
    Answers(Arc<dyn Plugin>),
    Chooses(Arc<dyn Plugin>),
}

/// How `cache` keeps.
pub struct Keeps {
    plugin: Arc<dyn Plugin>,
    zones: Vec<WireName>,
    /// The zones in words.
    pub label: Arc<str>,
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
        let (mut is_free, mut may_answer) = (true, false);
        for (number, plugin) in chain.iter().enumerate() {
            match plugin.stance() {
                Stance::InTheWay => {
                    is_free = false;
                    fast.steps.push(Step::InTheWay);
                }
                Stance::Answers => {
                    may_answer |= is_free;
                    fast.steps.push(Step::Answers(plugin.clone()));
                }
                Stance::Chooses => {
                    may_answer |= is_free;
                    fast.steps.push(Step::Chooses(plugin.clone()));
                }
                _ if !is_free => {}
                Stance::Aside => {}
                Stance::Shuffles => fast.shuffles = true,
                Stance::Trims => fast.trims = true,
                Stance::Counts(zones) => {
                    let next = chain.get(number + 1).map_or("", |next| next.name());
                    fast.counts = Some(Counts { zones, next });
                }
                Stance::Keeps(zones, label) => {
                    fast.before = fast.steps.len();
                    fast.keeps = Some(Keeps { plugin: plugin.clone(), zones, label });
                }
            }
        }
        (may_answer || fast.keeps.is_some()).then_some(fast)
    }

    /// Asks the plugins in their order. Says where the answer is from, if there is one; `answer` is clear.
    pub fn answer(&self, question: &Question<'_>, answer: &mut Answer) -> Option<From> {
        let keeps = self.keeps.as_ref().filter(|keeps| keeps.is_for(question.name));
        // Until a plugin is in the way: then only what was kept before it may be the answer.
        let mut is_free = true;
        for (number, step) in self.steps.iter().enumerate() {
            let is_behind = keeps.is_some() && number >= self.before;
            let says = match step {
                Step::InTheWay => Now::Unknown,
                Step::Chooses(_) if !is_free => continue,
                Step::Answers(plugin) | Step::Chooses(plugin) => {
                    plugin.answer_now(question, answer)
                }
            };
            match (says, step) {
                (Now::Passes, _) => answer.clear(),
                (Now::Answered, Step::Answers(_)) if is_free => {
                    return Some(self.given(is_behind, answer));
                }
                (Now::Answered, Step::Chooses(_)) if is_free && !is_behind => {
                    return Some(self.given(false, answer));
                }
                // Nothing is kept for as long as one of these answers it.
                (_, Step::Answers(_)) => return None,
                _ if is_behind => {
                    is_free = false;
                    answer.clear();
                }
                _ => return None,
            }
        }
        match keeps?.plugin.answer_now(question, answer) {
            Now::Kept(kept) => Some(From::Cache(kept)),
            Now::Answered | Now::Passes | Now::Unknown => None,
        }
    }

    /// What a plugin answered, as it leaves the chain; `cache` had nothing of it if it was asked.
    fn given(&self, missed: bool, answer: &mut Answer) -> From {
        if self.trims && is_positive(answer) {
            answer.keep(Section::Answer);
        }
        From::Plugin { missed }
    }
}

/// Whether it has records, or nothing at all, as [`super::response::Kind::NoError`] says it of a message.
fn is_positive(answer: &Answer) -> bool {
    let denies = |record: RecordRef<'_>| {
        record.section == Section::Authority && matches!(record.rtype, rtype::SOA | rtype::NS)
    };
    answer.code == rcode::NOERROR
        && (!answer.is_empty(Section::Answer) || !answer.records().any(denies))
}

impl Keeps {
    fn is_for(&self, name: &WireName) -> bool {
        names::wire_within(&self.zones, name)
    }
}

/// Where an answer is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum From {
    /// A plugin; `cache` had nothing, where it keeps such names.
    Plugin {
        missed: bool,
    },
    Cache(Kept),
}
