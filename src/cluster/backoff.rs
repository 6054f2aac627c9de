//! How long to wait after a failure.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

use super::client::Timing;

/// Growing waits between attempts, with jitter so that many watches do not return in step.
#[derive(Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
    last: Option<Instant>,
}

impl Backoff {
    pub fn new(timing: &Timing) -> Self {
        Backoff::between(timing.retry_min, timing.retry_max)
    }

    pub fn between(min: Duration, max: Duration) -> Self {
        Backoff { min, max, next: min, last: None }
    }

    /// The next wait. It starts again from the shortest one when the last failure is long ago: a
    /// success alone is no reason, for a server may accept each watch and fail it at once.
    pub fn next(&mut self) -> Duration {
        let now = Instant::now();
        let quiet = self.max * 3;
        if self.last.is_none_or(|last| now.duration_since(last) > quiet) {
            self.next = self.min;
        }
        self.last = Some(now);
        let wait = self.next;
        self.next = wait.mul_f64(1.7).min(self.max);
        // Between three quarters and one and a quarter of it. `RandomState` is seeded by the
        // system, which is random enough for this.
        let random = RandomState::new().build_hasher().finish() % 1000;
        wait.mul_f64(0.75 + random as f64 / 2000.0)
    }
}
