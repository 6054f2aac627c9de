//! The door between a member's tasks and the sink.
//!
//! In: [`Change`]s of one member. Out: the same to the [`Sink`], unless the door is held (a successor
//! that is not yet complete) or closed (a member that was stopped, whose tasks may still be at work).

use std::sync::{Arc, Mutex, PoisonError};

use super::event::{Change, ClusterId, Sink};
use super::held::Held;

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
            Door::Open => self.sink.apply(&self.cluster, change),
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
                self.sink.apply(&self.cluster, Change::Together(std::mem::take(&mut objects)));
                self.sink.apply(&self.cluster, change);
            }
            self.sink.apply(&self.cluster, Change::Together(objects));
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
            self.sink.apply(&self.cluster, Change::Left);
        }
        *door = Door::Closed;
    }

    fn door(&self) -> std::sync::MutexGuard<'_, Door> {
        // A sink that panicked is the registry's trouble; the door itself is whole.
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
