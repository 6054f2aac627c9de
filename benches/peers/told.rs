//! What came of a load.

use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

/// What came of the questions of one load.
#[derive(Clone, Default)]
pub struct Told {
    pub answered: u64,
    pub lost: u64,
    /// Octets of all answers.
    pub octets: u64,
    pub time: Duration,
    /// How long the clients were at work: what sending took, and receiving where there was something to receive.
    pub busy: Duration,
}

impl Told {
    pub fn per_second(&self) -> f64 {
        self.answered as f64 / self.time.as_secs_f64()
    }

    /// How many answers a second the clients could have taken part in, if none had kept them waiting. They do at
    /// least so many: calls that move more packets cost less for each.
    pub fn capacity(&self) -> f64 {
        self.answered as f64 / self.busy.as_secs_f64()
    }
}

/// What several clients were told at the same time.
impl AddAssign for Told {
    fn add_assign(&mut self, other: Told) {
        // Their capacities add up.
        let capacity = self.capacity() + other.capacity();
        let is_first = self.answered == 0;
        self.answered += other.answered;
        self.lost += other.lost;
        self.octets += other.octets;
        self.time = self.time.max(other.time);
        self.busy = match is_first {
            true => other.busy,
            false => Duration::from_secs_f64(self.answered as f64 / capacity),
        };
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mean = self.octets as f64 / self.answered.max(1) as f64;
        let busy = 100.0 * self.busy.as_secs_f64() / self.time.as_secs_f64();
        let (rate, lost) = (self.per_second(), self.lost);
        write!(f, "{rate:.0}/s, {lost} lost, {mean:.0} octets, clients {busy:.0} % busy")
    }
}
