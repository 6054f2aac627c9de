//! Rules that lead aliases elsewhere (CoreDNS, plugin/rewrite/cname_target.go).

use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::{Name, RData, Record};

use super::pattern::Pattern;
use crate::plugin::{Request, names};
use crate::telemetry::mnemonic;

/// Questions that a rule makes in a row, which may meet it again.
const MAX_DEPTH: u8 = 8;
/// Lines of CoreDNS that name no plugin.
const TARGET: &str = "fleetdns::rewrite";

/// A rule: the targets that are meant, and what they become.
#[derive(Debug)]
pub struct CnameRule {
    pub from: Pattern,
    pub to: String,
}

/// The answer section while rules are applied to its records one by one.
pub struct Answers {
    /// The records as they came.
    pub old: Vec<Record>,
    /// Which are answered: some of those, and others that were asked for.
    now: Vec<Slot>,
    /// Whether those that were asked for would have been more.
    pub truncated: Option<bool>,
}

enum Slot {
    Old(usize),
    New(Box<Record>),
}

impl Answers {
    pub fn new(old: Vec<Record>) -> Self {
        let now = (0..old.len()).map(Slot::Old).collect();
        Answers { old, now, truncated: None }
    }

    /// The records that are answered.
    pub fn finish(self) -> Vec<Record> {
        let mut old: Vec<Option<Record>> = self.old.into_iter().map(Some).collect();
        let record = |slot| match slot {
            // Each stands there once.
            Slot::Old(index) => old[index].take(),
            Slot::New(record) => Some(*record),
        };
        self.now.into_iter().filter_map(record).collect()
    }

    /// Leads all aliases up to the one to `from` on to `to`, and asks for what is there.
    fn lead(&mut self, from: &str, to: &Name, found: Vec<Record>) {
        let mut kept = Vec::new();
        for slot in std::mem::take(&mut self.now) {
            let record = match &slot {
                Slot::Old(index) => &self.old[*index],
                Slot::New(record) => record,
            };
            let Some(target) = target(record) else { continue };
            let is_last = target == from;
            kept.push(slot);
            if is_last {
                break;
            }
        }
        if let Some(last) = kept.last_mut() {
            let record = match last {
                Slot::Old(index) => &mut self.old[*index],
                Slot::New(record) => record,
            };
            if target(record).is_some_and(|target| target == from) {
                record.data = RData::CNAME(CNAME(to.clone()));
            }
        }
        self.now = kept
            .into_iter()
            .chain(found.into_iter().map(|record| Slot::New(Box::new(record))))
            .collect();
    }
}

fn target(record: &Record) -> Option<String> {
    match &record.data {
        RData::CNAME(CNAME(target)) => Some(mnemonic::spelled(target)),
        _ => None,
    }
}

impl CnameRule {
    /// Leads the alias that is record `index` of the answers elsewhere, if it is meant.
    pub async fn apply(&self, answers: &mut Answers, index: usize, request: &Request) {
        let Some(from) = target(&answers.old[index]) else { return };
        let Some(to) = self.from.replace(&from, &self.to) else { return };
        if request.depth > MAX_DEPTH {
            return;
        }
        let Some(to) = names::parse(&to) else {
            tracing::error!(target: TARGET, "upstream lookup failed: {to} is no name");
            return;
        };
        // Those before see the name that was asked for last, as in CoreDNS.
        let mut message = (*request.message).clone();
        message.queries[0].set_name(to.clone());
        request.changes.hands_on(message.into());
        let Some(found) = request.ask(to.clone(), request.qtype()).await else {
            tracing::error!(target: TARGET, "upstream lookup returned nil");
            return;
        };
        answers.truncated = Some(found.metadata.truncation);
        answers.lead(&from, &to, found.answers);
    }
}
