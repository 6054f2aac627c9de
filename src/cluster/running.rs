//! A member under test, against the server that misbehaves.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::condition::{Condition, MemberState};
use super::fake::{self, Fake, NAMESPACES, SERVICES};
use super::gate::Gate;
use super::id::ClusterId;
use super::limits::{Limiter, Limits};
use super::member::{Access, Member, Plan};
use super::record::Record;
use super::selection::Selection;

/// The member `west`.
pub struct Running {
    pub member: Member,
    pub record: Arc<Record>,
    changed: Arc<Notify>,
}

impl Running {
    pub fn start(fake: &Fake, endpoints: bool) -> Self {
        Running::start_with(
            fake,
            Selection { endpoints, ..Selection::default() },
            Limits::default(),
        )
    }

    pub fn start_with(fake: &Fake, selection: Selection, limits: Limits) -> Self {
        Running::start_as(fake, selection, limits, None)
    }

    /// One that is forgotten when it was out of reach for so long.
    pub fn start_as(
        fake: &Fake,
        selection: Selection,
        limits: Limits,
        stale: Option<Duration>,
    ) -> Self {
        let record = Arc::new(Record::default());
        let changed = Arc::new(Notify::new());
        let access = Access::Source(fake.source());
        let limiter = Arc::new(Limiter::new(&limits));
        let plan = Plan { access, selection, limiter, timing: fake::timing(), stale };
        let id = ClusterId::new("west");
        let condition =
            Condition::new(id.clone(), false, "test".into(), plan.watches(), changed.clone());
        let member = Member::start(plan, condition, Gate::opened(id, record.clone()));
        Running { member, record, changed }
    }

    pub async fn until(&self, wanted: impl Fn(&Condition) -> bool) {
        while !wanted(self.member.condition()) {
            let wait = tokio::time::timeout(std::time::Duration::from_secs(30), async {
                self.changed.notified().await;
            });
            wait.await.unwrap_or_else(|_| panic!("stays {:?}", self.member.condition().status()));
        }
    }

    pub async fn until_synced(&self) {
        self.until(|condition| condition.state() == MemberState::Synced).await;
    }

    pub async fn until_failing(&self, is_failing: bool) {
        self.until(|condition| condition.status().is_failing == is_failing).await;
    }

    pub async fn until_services(&self, names: &[&str]) {
        self.record.until(|seen| seen.services("west") == names).await;
    }
}

/// A cluster with two Services and their namespace.
pub async fn with_two_services() -> Fake {
    let fake = Fake::start().await;
    fake.put(SERVICES, fake::service("n", "a", "10.0.0.1"));
    fake.put(SERVICES, fake::service("n", "b", "10.0.0.2"));
    fake.put(NAMESPACES, fake::namespace("n"));
    fake
}
