//! fleetdns beside its peers, on one core each and in one run: a bare echo of packets, CoreDNS with the same
//! Corefile, and NSD with the same names.
//!
//! For `cargo bench --bench peers`; benches/README.md says what it measures. In: the sizes, by environment
//! variables. Out: one table, on standard output and in benches/RESULTS.md. It never fails by a figure.

#[path = "../../tests/it/harness/mod.rs"]
mod harness;

mod echo;
mod fill;
mod load;
mod report;
mod servers;

use std::env;
use std::time::Duration;

use load::{Kind, Load};
use report::Report;
use servers::Server;

/// The core of the servers, and that of the clients.
const SERVER: usize = 0;
const CLIENT: usize = 1;

/// What is run.
struct Sizes {
    services: usize,
    endpoints: usize,
    rounds: usize,
    /// Of one load.
    time: Duration,
}

impl Sizes {
    fn read() -> Self {
        let number = |name: &str, default: f64| {
            env::var(name).map_or(default, |text| text.parse().expect("a number"))
        };
        Sizes {
            services: number("PEERS_SERVICES", 10_000.0) as usize,
            endpoints: number("PEERS_ENDPOINTS", 10.0) as usize,
            rounds: number("PEERS_ROUNDS", 3.0) as usize,
            time: Duration::from_secs_f64(number("PEERS_SECONDS", 5.0)),
        }
    }
}

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["echo", port, octets] => {
            echo::serve(port.parse().expect("a port"), octets.parse().expect("a number"));
        }
        // cargo passes `--bench`, and `--test` where it only wants to know whether it builds.
        words if words.contains(&"--test") => {}
        _ => {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(run(&Sizes::read()));
        }
    }
}

async fn run(sizes: &Sizes) {
    let cluster = fill::cluster(sizes).await;
    println!("the cluster stands and is filled");
    let servers = servers::start(&cluster).await;
    let mut report = Report::new(sizes, &servers);
    for round in 0..sizes.rounds {
        for kind in Kind::ALL {
            // Another one first each time: what drifts, drifts for all.
            let order = (0..servers.len()).map(|at| (at + round) % servers.len());
            for server in order.map(|at| &servers[at]).filter(|server| server.has(kind)) {
                let load = Load { at: server.at, packets: cluster.packets(kind), time: sizes.time };
                let told = on_a_thread(move || load.run()).await;
                println!("{} {}: {told}", server.name, kind.name());
                report.told(server, kind, &told);
            }
        }
        for server in &servers {
            let load =
                Load { at: server.at, packets: cluster.packets(Kind::Hit), time: sizes.time };
            let trips = on_a_thread(move || load.trips()).await;
            report.trips(server, trips);
        }
    }
    servers.iter().for_each(|server| report.memory(server));
    report.write();
}

/// Has it run on the clients' core.
async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let pinned = move || {
        pin(CLIENT);
        work()
    };
    // A thread of its own: it keeps its core.
    let thread = std::thread::spawn(pinned);
    tokio::task::spawn_blocking(|| thread.join().expect("a load")).await.expect("a thread")
}

/// Keeps this thread on a core, where the machine has so many.
fn pin(core: usize) {
    let mut set = rustix::thread::CpuSet::new();
    set.set(core);
    let _ = rustix::thread::sched_setaffinity(None, &set);
}

impl Server {
    /// Whether it has the names of a load.
    fn has(&self, kind: Kind) -> bool {
        self.name != "nsd" || matches!(kind, Kind::Hit | Kind::Mix)
    }
}
