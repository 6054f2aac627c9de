//! The oracle with a generator: populations of objects and questions from a seed, the same for CoreDNS
//! and fleetdns, under many Corefiles. Every difference is shown with its question, both answers, the
//! options and the seed.
//!
//! All pairs of servers run throughout, and watch one population make place for the next.

mod asked;
mod churn;
mod judge;
mod names;
mod options;
mod population;
mod servers;
mod writer;

use std::time::Instant;

use judge::Tally;
use options::OPTION_SETS;
use population::Population;
use servers::Servers;

/// The seeds of every run.
const SEEDS: [u64; 2] = [1, 2];
/// Questions of each option set about each population of these: 12,000 and more in all.
const QUESTIONS: usize = 510;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generated() {
    let mut run = Run::start("generated").await;
    for seed in SEEDS {
        run.population(seed, QUESTIONS).await;
    }
    run.finish(12_000);
}

/// `ORACLE_SEED` (default: the time) and `ORACLE_QUESTIONS` (default 100,000) say with what to begin
/// and how much to ask.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes as long as it is told to"]
async fn generated_long() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect(name));
    let now = || std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_secs();
    let first: u64 = number("ORACLE_SEED").unwrap_or_else(now);
    let wanted = number("ORACLE_QUESTIONS").unwrap_or(100_000) as usize;
    let mut run = Run::start("generated-long").await;
    let begin = Instant::now();
    for seed in first.. {
        run.population(seed, 4 * QUESTIONS).await;
        let asked = run.tally.asked();
        let rate = asked as f64 / begin.elapsed().as_secs_f64();
        println!("seed {seed}: {asked} questions so far, {rate:.0} a second");
        if asked >= wanted || run.tally.is_hopeless() {
            break;
        }
    }
    run.finish(wanted);
}

struct Run {
    servers: Servers,
    before: Option<Population>,
    tally: Tally,
}

impl Run {
    async fn start(cluster: &str) -> Self {
        Run {
            servers: Servers::start(cluster, OPTION_SETS).await,
            before: None,
            tally: Tally::default(),
        }
    }

    /// Puts a population in the place of the one before, and asks about both.
    async fn population(&mut self, seed: u64, questions: usize) {
        let mut population = Population::generate(seed);
        let writer = self.servers.writer();
        if let Some(before) = &self.before {
            writer.delete(before).await;
        }
        writer.create(&mut population).await;
        self.servers.settle(seed).await;
        for pair in self.servers.pairs() {
            let tally = match pair.set.transfers {
                true => pair.compare_transfers(seed).await,
                false => pair.compare(&population, self.before.as_ref(), seed, questions).await,
            };
            self.tally.add(pair.set.title, tally);
        }
        self.before = Some(population);
    }

    fn finish(self, wanted: usize) {
        self.tally.show();
        assert!(OPTION_SETS.len() >= 8);
        assert!(self.tally.asked() >= wanted, "only {} questions", self.tally.asked());
        self.tally.assert_clean();
    }
}
