//! What was measured, and the figures that are made of it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Sizes;
use super::kind::Kind;
use super::told::Told;

/// Something that takes a while.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Time {
    /// From a start to the first right answer.
    Ready,
    /// From a question to its answer, where there is no other question.
    Trip,
    /// From a change's reply to the answer that shows it, of one change and of many at once.
    Change,
    Changes,
}

/// All that was measured, by the names of the servers.
pub struct Report {
    /// How much there was of everything.
    pub sizes: String,
    told: BTreeMap<(&'static str, Kind), Vec<Told>>,
    times: BTreeMap<(&'static str, Time), Vec<Duration>>,
    /// In KiB.
    memory: BTreeMap<&'static str, usize>,
}

/// A number about a server.
#[derive(Clone, Copy)]
pub enum Figure {
    /// Answers in a second: the median of the rounds.
    Rate(Kind),
    /// Seconds that are enough for this part of all, such as 0.5 for the median.
    Time(Time, f64),
    /// KiB in RAM after all loads.
    Memory,
}

impl Report {
    pub fn new(sizes: &Sizes) -> Self {
        let Sizes { services, endpoints, members, remote, rounds, time, events } = sizes;
        let sizes = format!(
            "{services} Services with {endpoints} endpoints each; fleets of one and of {members} members with \
             {remote} Services each; {rounds} rounds, in which each load runs for {time:?} and {events} changes \
             are made one after the other and as many at once",
        );
        Report { sizes, told: BTreeMap::new(), times: BTreeMap::new(), memory: BTreeMap::new() }
    }

    /// What came of a load, in the order of the rounds.
    pub fn told(&mut self, name: &'static str, kind: Kind, told: Told) {
        self.told.entry((name, kind)).or_default().push(told);
    }

    pub fn times(&mut self, name: &'static str, time: Time, all: Vec<Duration>) {
        self.times.entry((name, time)).or_default().extend(all);
    }

    pub fn memory(&mut self, name: &'static str, memory: usize) {
        self.memory.insert(name, memory);
    }

    /// Questions without an answer.
    pub fn lost(&self) -> u64 {
        self.told.values().flatten().map(|told| told.lost).sum()
    }

    pub fn value(&self, name: &'static str, figure: Figure) -> Option<f64> {
        match figure {
            Figure::Rate(kind) => median(self.rates(name, kind, Told::per_second)),
            Figure::Time(time, part) => {
                let seconds = self.times.get(&(name, time))?.iter().map(Duration::as_secs_f64);
                at(&sorted(seconds), part)
            }
            Figure::Memory => self.memory.get(name).map(|memory| *memory as f64),
        }
    }

    /// The least and the most of the rounds.
    pub fn spread(&self, name: &'static str, kind: Kind) -> Option<(f64, f64)> {
        let rates = sorted(self.rates(name, kind, Told::per_second));
        Some((*rates.first()?, *rates.last()?))
    }

    /// One figure by another one; of two rates the median of the rounds' ratios.
    pub fn ratio(&self, one: (&'static str, Figure), by: (&'static str, Figure)) -> Option<f64> {
        match (one.1, by.1) {
            (Figure::Rate(kind), Figure::Rate(by_kind)) => {
                let rates = self.rates(one.0, kind, Told::per_second);
                let by = self.rates(by.0, by_kind, Told::per_second);
                median(rates.into_iter().zip(by).map(|(one, by)| one / by))
            }
            _ => Some(self.value(one.0, one.1)? / self.value(by.0, by.1)?),
        }
    }

    /// How many answers a second the clients can take part in, as shown while a server was asked.
    pub fn capacity(&self, name: &'static str, kind: Kind) -> Option<f64> {
        median(self.rates(name, kind, Told::capacity))
    }

    fn rates(&self, name: &'static str, kind: Kind, rate: fn(&Told) -> f64) -> Vec<f64> {
        self.told.get(&(name, kind)).into_iter().flatten().map(rate).collect()
    }
}

fn median(all: impl IntoIterator<Item = f64>) -> Option<f64> {
    at(&sorted(all), 0.5)
}

fn sorted(all: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut all: Vec<f64> = all.into_iter().collect();
    all.sort_by(f64::total_cmp);
    all
}

/// What is enough for a part of them.
fn at(sorted: &[f64], part: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * part).round() as usize).copied()
}
