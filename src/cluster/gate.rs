//! The door between a member's tasks and the sink.
//!
//! In: [`Change`]s of one member. Out: the same to the [`Sink`], unless the door is held (a successor
//! that is not yet complete) or closed (a member that was stopped, whose tasks may still be at work).

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use super::event::{Change, Sink};
use super::held::Held;
use super::id::ClusterId;

/// Passes one member's changes on, in order.
pub struct Gate {
    cluster: ClusterId,
    sink: Arc<dyn Sink>,
    door: Mutex<Door>,
}

enum Door {
    Open,
    /// Changes wait here until the gate is opened.
    Held(Held),
    Closed,
}

impl Gate {
    pub fn opened(cluster: ClusterId, sink: Arc<dyn Sink>) -> Self {
        Gate { cluster, sink, door: Mutex::new(Door::Open) }
    }

    pub fn held(cluster: ClusterId, sink: Arc<dyn Sink>) -> Self {
        Gate { cluster, sink, door: Mutex::new(Door::Held(Held::default())) }
    }

    pub fn apply(&self, change: Change) {
        // The lock is held while the sink works: that is what keeps the order.
        match &mut *self.door() {
            Door::Open => self.pass(change),
            Door::Held(waiting) => waiting.push(change),
            Door::Closed => {}
        }
    }

    /// Lets pass what waits and all that follows. A closed gate stays closed.
    pub fn open(&self) {
        let mut door = self.door();
        if let Door::Held(waiting) = &mut *door {
            // Together: nobody sees a part of what a successor knows.
            let mut objects = Vec::new();
            for change in waiting.take() {
                if !matches!(change, Change::Lost(_) | Change::Left) {
                    objects.push(change);
                    continue;
                }
                self.pass(Change::Together(std::mem::take(&mut objects)));
                self.pass(change);
            }
            self.pass(Change::Together(objects));
            *door = Door::Open;
        }
    }

    /// Nothing passes after this returns.
    pub fn close(&self) {
        *self.door() = Door::Closed;
    }

    /// Closes, and tells the sink that the cluster is no member any more.
    pub fn leave(&self) {
        let mut door = self.door();
        if matches!(*door, Door::Open) {
            self.pass(Change::Left);
        }
        *door = Door::Closed;
    }

    fn pass(&self, change: Change) {
        let is_small = is_small(&change);
        let pass = || self.sink.apply(&self.cluster, change);
        if is_small { pass() } else { aside(pass) }
    }

    fn door(&self) -> std::sync::MutexGuard<'_, Door> {
        // A sink that panicked is the registry's trouble; the door itself is whole.
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one object means is told in as many changes at most: an EndpointSlice comes with since when it is so.
const FEW: usize = 16;

/// Whether a change is done in no time: not a list, nor the end of a cluster, however short they are.
fn is_small(change: &Change) -> bool {
    match change {
        Change::Triggered(_) | Change::Lost(_) => true,
        Change::Together(all) => all.len() <= FEW && all.iter().all(is_small),
        other => other.key().is_some(),
    }
}

/// Does what may take long. A worker of the runtime hands all else that it has to another thread first: with it
/// goes the part of the runtime that hears of packets, so that questions would have no answer until the end.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
    match flavor {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        // A test, or a thread that is there for such work.
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use super::super::event::Update;
    use super::super::kinds::ObjectKey;
    use super::*;

    /// A sink that has much to do until it is told otherwise.
    struct Slow(Mutex<Receiver<()>>);

    impl Sink for Slow {
        fn apply(&self, _: &ClusterId, _: Change) {
            let told = self.0.lock().unwrap().recv_timeout(Duration::from_secs(60));
            told.expect("another task of the runtime says so");
        }
    }

    #[test]
    fn an_object_is_small_and_a_list_is_not() {
        let deleted = || Change::EndpointSlice(Update::Delete(ObjectKey::new("shop", "web-1")));
        let listed = || Change::EndpointSlice(Update::Reset(Vec::new()));
        let many = |count| Change::Together((0..count).map(|_| deleted()).collect());
        for (change, expected) in [
            (deleted(), true),
            (Change::Together(vec![deleted(), Change::Triggered(Vec::new())]), true),
            (many(FEW), true),
            (many(FEW + 1), false),
            (listed(), false),
            (Change::Together(vec![listed(), Change::Triggered(Vec::new())]), false),
            (Change::Lost(true), true),
            (Change::Left, false),
        ] {
            assert_eq!(is_small(&change), expected, "{change:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_long_list_holds_up_no_other_task_of_its_worker() {
        let (sender, receiver) = channel();
        let gate = Gate::opened(ClusterId::new("east"), Arc::new(Slow(Mutex::new(receiver))));
        let listed = tokio::spawn(async move {
            // It waits in the queue of the same worker, at the place that others cannot take from.
            tokio::spawn(async move { sender.send(()) });
            gate.apply(Change::Service(Update::Reset(Vec::new())));
        });
        listed.await.unwrap();
    }
}
