//! Figures, medians and ratios.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;
use std::time::Duration;

use super::Sizes;
use super::load::{Kind, Told};
use super::servers::Server;

/// All that was measured.
pub struct Report {
    head: String,
    names: Vec<&'static str>,
    /// Answers in a second, of each round.
    rates: BTreeMap<(&'static str, Kind), Vec<f64>>,
    trips: BTreeMap<&'static str, Vec<Duration>>,
    ready: BTreeMap<&'static str, Duration>,
    memory: BTreeMap<&'static str, u64>,
    lost: u64,
}

fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map(|of| String::from_utf8_lossy(&of.stdout).trim().to_owned()).unwrap_or_default()
}

impl Report {
    pub fn new(sizes: &Sizes, servers: &[Server]) -> Self {
        let head = format!(
            "{} Services with {} endpoints each; {} rounds of {:?}. {}, {}, Linux {}, {} cores: the servers \
             on one, the clients on the other.",
            sizes.services,
            sizes.endpoints,
            sizes.rounds,
            sizes.time,
            said("date", &["-I"]),
            said("git", &["describe", "--always", "--dirty"]),
            said("uname", &["-r"]),
            said("nproc", &[]),
        );
        Report {
            head,
            names: servers.iter().map(|server| server.name).collect(),
            rates: BTreeMap::new(),
            trips: BTreeMap::new(),
            ready: servers.iter().map(|server| (server.name, server.ready)).collect(),
            memory: BTreeMap::new(),
            lost: 0,
        }
    }

    pub fn told(&mut self, server: &Server, kind: Kind, told: &Told) {
        self.rates.entry((server.name, kind)).or_default().push(told.per_second());
        self.lost += told.lost;
    }

    pub fn trips(&mut self, server: &Server, trips: Vec<Duration>) {
        self.trips.entry(server.name).or_default().extend(trips);
    }

    pub fn memory(&mut self, server: &Server) {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", server.pid()));
        let text = text.expect("the server runs");
        let pages: u64 = text.split(' ').nth(1).expect("pages").parse().expect("a number");
        self.memory.insert(server.name, pages * 4096);
    }

    /// Prints the table, and writes it to benches/RESULTS.md.
    pub fn write(mut self) {
        self.trips.values_mut().for_each(|trips| trips.sort());
        let mut text = String::from("# Beside the peers\n\n");
        let _ = writeln!(text, "Written by `cargo bench --bench peers`. {}", self.head);
        let _ = writeln!(text, "Questions without an answer: {}.\n", self.lost);
        let kinds = Kind::ALL.map(|kind| format!("{}, 1000/s (least to most)", kind.name()));
        let _ = writeln!(
            text,
            "| server | {} | hit by echo | hit by CoreDNS | mix by hit | round trip p50/p99, µs | ready, s | RSS, MiB |",
            kinds.join(" | ")
        );
        let _ = writeln!(text, "|{}", "---|".repeat(Kind::ALL.len() + 7));
        for name in &self.names {
            let _ = write!(text, "| {name} |");
            for kind in Kind::ALL {
                let _ = write!(text, " {} |", self.shown(name, kind));
            }
            let rate = |of: &'static str, kind| self.median(of, kind);
            for (one, other) in [
                (rate(name, Kind::Hit), rate("echo", Kind::Hit)),
                (rate(name, Kind::Hit), rate("coredns", Kind::Hit)),
                (rate(name, Kind::Mix), rate(name, Kind::Hit)),
            ] {
                let _ = write!(text, " {:.2} |", one / other);
            }
            let trip = |part: f64| {
                let trips = &self.trips[name];
                let at = ((trips.len() - 1) as f64 * part) as usize;
                trips.get(at).map_or(0, Duration::as_micros)
            };
            let _ = write!(text, " {}/{} |", trip(0.5), trip(0.99));
            let (ready, memory) = (self.ready[name].as_secs_f64(), self.memory[name] >> 20);
            let _ = writeln!(text, " {ready:.2} | {memory} |");
        }
        println!("{text}");
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/RESULTS.md");
        std::fs::write(file, text).expect("write the results");
    }

    fn median(&self, name: &'static str, kind: Kind) -> f64 {
        let mut rates = self.rates.get(&(name, kind)).cloned().unwrap_or_default();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn shown(&self, name: &'static str, kind: Kind) -> String {
        let Some(rates) = self.rates.get(&(name, kind)) else { return "-".into() };
        let thousands = |rate: f64| rate / 1000.0;
        let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
        let most = rates.iter().copied().fold(0.0, f64::max);
        let median = self.median(name, kind);
        let (median, least, most) = (thousands(median), thousands(least), thousands(most));
        format!("{median:.0} ({least:.0} to {most:.0})")
    }
}
