//! fleetdns beside its peers, on one core each and in one run: a bare echo of packets, CoreDNS with the same
//! Corefile, NSD and Knot with the same names, and unbound with the same names kept.
//!
//! For `cargo bench --bench peers`; benches/README.md says what it measures. In: the sizes, by environment
//! variables. Out: one table, on standard output and in benches/RESULTS.md. It never fails by a figure, but where
//! two servers say different things.

#[path = "../../tests/it/harness/mod.rs"]
mod harness;

mod cluster;
mod cores;
mod echo;
mod events;
mod kind;
mod load;
mod names;
mod report;
mod servers;
mod single;
mod table;
mod tcp;
mod told;
mod upstream;

use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

use cluster::Cluster;
use kind::Kind;
use load::Load;
use report::{Report, Time};
use servers::Server;
use single::Single;

/// The most questions that are compared before each load; all that a cache is to keep.
const COMPARED: usize = 1000;

/// What is run.
struct Sizes {
    services: usize,
    endpoints: usize,
    /// Members of the large fleet.
    members: usize,
    /// Services of each member.
    remote: usize,
    rounds: usize,
    /// Of one load.
    time: Duration,
    /// Changes in a round, one after the other and again at once.
    events: usize,
}

impl Sizes {
    fn read() -> Self {
        let number = |name: &str, default: f64| {
            env::var(name).map_or(default, |text| text.parse().expect("a number"))
        };
        Sizes {
            services: number("PEERS_SERVICES", 10_000.0) as usize,
            endpoints: number("PEERS_ENDPOINTS", 10.0) as usize,
            members: number("PEERS_MEMBERS", 100.0) as usize,
            remote: number("PEERS_REMOTE", 1000.0) as usize,
            rounds: number("PEERS_ROUNDS", 20.0) as usize,
            time: Duration::from_secs_f64(number("PEERS_SECONDS", 0.5)),
            events: number("PEERS_EVENTS", 25.0) as usize,
        }
    }
}

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let number = |word: &str| word.parse().expect("a number");
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["echo", port, octets] => echo::serve(number(port), number(octets).into()),
        ["upstream", port] => upstream::serve(number(port)),
        // cargo passes `--bench`, and `--test` where it only wants to know whether it builds.
        words if words.contains(&"--test") => {}
        _ => {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(run(&Sizes::read()));
        }
    }
}

async fn run(sizes: &Sizes) {
    let cluster = Cluster::start(sizes).await;
    println!("the cluster stands");
    cluster.step_aside();
    cores::off_the_servers(std::process::id());
    let (_upstream, port) = servers::upstream();
    let servers = servers::start(&cluster, sizes, port);
    println!("the servers stand");
    let mut report = Report::new(sizes);
    for server in servers.iter().filter(|server| server.has(Kind::Hit)) {
        report.times(server.name, Time::Ready, server.ready.clone());
    }
    let mut compared = Compared::default();
    for round in 0..sizes.rounds {
        // Another one first each time: what drifts, drifts for all.
        let order: Vec<&Server> =
            (0..servers.len()).map(|at| &servers[(at + round) % servers.len()]).collect();
        for kind in Kind::ALL {
            for server in order.iter().filter(|server| server.has(kind)) {
                let load = Load { at: server.at, packets: cluster.packets(kind), time: sizes.time };
                compared.compare(server, kind, &load.packets);
                let run = if kind == Kind::Tcp { Load::run_tcp } else { Load::run };
                let told = apart(move || run(&load)).await;
                println!("{} {}: {told}", server.name, kind.name());
                report.told(server.name, kind, told);
            }
        }
        for server in order.iter().filter(|server| server.has(Kind::Hit)) {
            let (at, packets, time) = (server.at, cluster.packets(Kind::Hit), sizes.time);
            let trips = apart(move || Single::to(at).trips(&packets, time)).await;
            report.times(server.name, Time::Trip, trips);
        }
    }
    for server in servers.iter().filter(|server| server.has(Kind::Hit)) {
        report.memory(server.name, server.process().usage().memory);
    }
    drop(servers);
    events::measure(&cluster, sizes, &mut report).await;
    report.write();
}

/// Has it run on the clients' first core.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let pinned = move || {
        cores::pin(cores::CLIENT);
        work()
    };
    tokio::task::spawn_blocking(pinned).await.expect("a load")
}

/// What was said to the questions of each load.
#[derive(Default)]
struct Compared(BTreeMap<Kind, Vec<(u8, u8)>>);

impl Compared {
    /// Asks each question once, so that it is kept where it is to be, and compares what is said: codes and numbers
    /// of records are those of the server before.
    fn compare(&mut self, server: &Server, kind: Kind, packets: &[Vec<u8>]) {
        if server.name == "echo" {
            return;
        }
        let step = packets.len().div_ceil(COMPARED);
        let said = Single::to(server.at).says(packets.iter().step_by(step));
        let first = self.0.entry(kind).or_insert_with(|| said.clone());
        let differs = said.iter().zip(first).position(|(one, other)| one != other);
        assert!(differs.is_none(), "{}, {}, question {differs:?}", server.name, kind.name());
    }
}
