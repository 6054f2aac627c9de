//! Where a kind may not be listed (RBAC), and another is read instead.
//!
//! In: which of the two is read at present. Out: a line in the log for each change of that, which names
//! the rule that is missing, and the same in the member's [`Condition`].

use tracing::{info, warn};

use super::condition::Condition;
use super::selection::Kind;

/// What is read of a kind.
pub struct Rights<'a> {
    condition: &'a Condition,
    /// Which of its watches.
    watch: usize,
    kind: Kind,
    instead: &'static str,
    reading: Option<Reading>,
}

/// What answers are made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading {
    /// The kind itself.
    Itself,
    /// The other one.
    Instead,
    /// Neither: what was known before stays.
    Nothing,
}

impl<'a> Rights<'a> {
    pub fn new(
        (condition, watch): (&'a Condition, usize),
        kind: Kind,
        instead: &'static str,
    ) -> Self {
        Rights { condition, watch, kind, instead, reading: None }
    }

    /// Notes what is read now, and says it if it is new.
    pub fn now(&mut self, reading: Reading) {
        let before = self.reading.replace(reading);
        if before == Some(reading) {
            return;
        }
        let missing = (reading != Reading::Itself).then_some(self.kind);
        self.condition.set_missing(self.watch, missing);
        let (cluster, instead) = (&self.condition.id, self.instead);
        let (kind, rule) = (self.kind.name(), self.kind.rule());
        match reading {
            Reading::Itself if before.is_none() => {}
            Reading::Itself => info!(%cluster, kind, "may list {rule} now"),
            Reading::Instead => warn!(%cluster, kind,
                "may not list {rule}; reading {instead} instead: allow list and watch of {rule}"),
            Reading::Nothing => warn!(%cluster, kind,
                "may list neither {rule} nor {instead}; what is known stays: \
                 allow list and watch of {rule}"),
        }
    }
}
