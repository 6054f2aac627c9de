//! Where a kind may not be listed (RBAC), and another is read instead.
//!
//! In: which of the two is read at present. Out: a line in the log for each change of that, which names
//! the rule that is missing.

use tracing::{info, warn};

use super::event::ClusterId;
use super::selection::Kind;

/// What is read of a kind.
pub struct Rights<'a> {
    cluster: &'a ClusterId,
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
    pub fn new(cluster: &'a ClusterId, kind: Kind, instead: &'static str) -> Self {
        Rights { cluster, kind, instead, reading: None }
    }

    /// Notes what is read now, and says it if it is new.
    pub fn now(&mut self, reading: Reading) {
        let before = self.reading.replace(reading);
        if before == Some(reading) {
            return;
        }
        let Rights { cluster, instead, .. } = self;
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
