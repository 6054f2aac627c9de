//! Waiting for what must come true, instead of sleeping.

use std::fmt::Display;
use std::time::{Duration, Instant};

use super::process::shared_tails;

/// Long enough for anything that is not broken, on a busy machine.
pub const LONG: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(10);
/// A probe that hangs is given up and made again.
const PROBE: Duration = Duration::from_secs(15);

/// What a probe may say: `bool`, `Option` or `Result`.
pub trait Outcome {
    /// What there is once it has come true.
    type Value;
    /// The value, or why it is not there yet.
    fn outcome(self) -> Result<Self::Value, String>;
}

impl Outcome for bool {
    type Value = ();
    fn outcome(self) -> Result<(), String> {
        self.then_some(()).ok_or_else(|| "not so".into())
    }
}

impl<T> Outcome for Option<T> {
    type Value = T;
    fn outcome(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing".into())
    }
}

impl<T, E: Display> Outcome for Result<T, E> {
    type Value = T;
    fn outcome(self) -> Result<T, String> {
        self.map_err(|e| e.to_string())
    }
}

/// Probes until it comes true; fails the test, saying what was awaited, when that takes too long.
#[track_caller]
pub fn eventually<O: Outcome>(
    what: &str,
    timeout: Duration,
    mut probe: impl AsyncFnMut() -> O,
) -> impl Future<Output = O::Value> {
    let caller = std::panic::Location::caller();
    async move {
        let end = Instant::now() + timeout;
        let mut last;
        loop {
            match tokio::time::timeout(PROBE, probe()).await.map(O::outcome) {
                Ok(Ok(value)) => return value,
                Ok(Err(why)) => last = why,
                Err(_) => last = format!("the probe hung for {PROBE:?}"),
            }
            if Instant::now() > end {
                let logs = shared_tails();
                panic!("waited {timeout:?} for {what} (at {caller}), last: {last}\n{logs}");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
