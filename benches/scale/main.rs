//! A fleet of a hundred clusters, on real API servers as far as this machine carries them.
//!
//! A long run, for `cargo bench --bench scale`; benches/README.md says what it measures. In: the sizes, by
//! environment variables. Out: a report on standard output. It ends with exit code 1 where an answer was
//! wrong or lost.

#[path = "../../tests/it/harness/mod.rs"]
mod harness;

mod fill;
mod load;
mod usage;

use std::env;
use std::fmt::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fill::Member;
use harness::{ApiServer, DnsServer, FLEETDNS};
use usage::Usage;

/// What is run.
struct Sizes {
    members: usize,
    /// Members that are API servers; the others are folders.
    real: usize,
    /// Those of them with many Services.
    large: usize,
    services: [usize; 2],
    minutes: f64,
    rate: u64,
    changes: usize,
}

impl Sizes {
    fn read() -> Self {
        let number = |name: &str, default: f64| {
            env::var(name).map_or(default, |text| text.parse().expect("a number"))
        };
        Sizes {
            members: number("SCALE_MEMBERS", 100.0) as usize,
            real: number("SCALE_REAL", 20.0) as usize,
            large: number("SCALE_LARGE", 3.0) as usize,
            services: [
                number("SCALE_SERVICES", 500.0) as usize,
                number("SCALE_MANY", 1e4) as usize,
            ],
            minutes: number("SCALE_MINUTES", 10.0),
            rate: number("SCALE_RATE", 50_000.0) as u64,
            changes: number("SCALE_CHANGES", 2_000.0) as usize,
        }
    }
}

fn main() -> ExitCode {
    // cargo passes `--bench`, and `--test` where it only wants to know whether it builds.
    if env::args().any(|word| word == "--test") {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match runtime.block_on(run(&Sizes::read())) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

async fn run(sizes: &Sizes) -> bool {
    let started = Instant::now();
    let (local, members) = fill::clusters(sizes).await;
    println!("{} clusters stand and are filled after {:?}", members.len() + 1, started.elapsed());
    let started = Instant::now();
    let server = serve(&local, &members).await;
    for member in &members {
        comes_to_answer(&server, member).await;
    }
    println!("all are answered {:?} after the start", started.elapsed());
    let pid = server.process.pid();
    usage::report("idle", pid, Duration::from_secs(60)).await;
    let flapping = Arc::new(AtomicBool::new(true));
    let restless =
        flap(members.iter().filter_map(|member| member.server.clone()).rev().take(2), &flapping);
    usage::report("two flap every second", pid, Duration::from_secs(60)).await;
    let time = Duration::from_secs_f64(sizes.minutes * 60.0);
    let before = Usage::of(pid);
    let names = fill::names(&local, &members);
    let at = server.dns_addr();
    let rate = sizes.rate;
    let told = tokio::task::spawn_blocking(move || load::run(at, &names, rate, time)).await;
    let told = told.expect("the load");
    println!("{told}");
    println!("under load: {}", Usage::of(pid).since(&before));
    flapping.store(false, Ordering::Relaxed);
    restless.await.expect("the flapping");
    cost_of_changes(sizes, &local, &members, &server).await;
    told.is_good()
}

async fn serve(local: &Member, members: &[Member]) -> DnsServer {
    let mut lines = String::new();
    let folder = harness::scratch::folder("members");
    for member in members {
        match &member.server {
            Some(server) => {
                let file = folder.join(&member.id).with_extension("yaml");
                std::fs::write(file, server.kubeconfig_yaml()).expect("write a kubeconfig");
            }
            None => {
                let directory = member.folder.display();
                writeln!(lines, "members manifests {} {directory}", member.id).expect("a String");
            }
        }
    }
    let local = local.server.as_ref().expect("the local cluster is an API server");
    FLEETDNS.start(&harness::fleet::corefile(local, &folder, &lines, "errors")).await
}

async fn comes_to_answer(server: &DnsServer, member: &Member) {
    for index in [0, member.services - 1] {
        let question = format!("{} A", member.name(index));
        server.comes_to_say(&question, &format!("NOERROR {}", member.address(index))).await;
    }
}

/// Freezes servers for a second, and lets them go on for one, while it is told to.
fn flap(
    servers: impl Iterator<Item = Arc<ApiServer>>,
    on: &Arc<AtomicBool>,
) -> tokio::task::JoinHandle<()> {
    let (servers, on): (Vec<_>, _) = (servers.collect(), on.clone());
    tokio::spawn(async move {
        while on.load(Ordering::Relaxed) {
            servers.iter().for_each(|server| server.process().stop());
            tokio::time::sleep(Duration::from_secs(1)).await;
            servers.iter().for_each(|server| server.process().cont());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
}

/// What a change of one Service costs a server of all members, and one of a single member.
async fn cost_of_changes(sizes: &Sizes, local: &Member, members: &[Member], all: &DnsServer) {
    let one = serve(local, &members[..1]).await;
    comes_to_answer(&one, &members[0]).await;
    let pids = [one.process.pid(), all.process.pid()];
    let idle = pids.map(Usage::of);
    let started = Instant::now();
    tokio::time::sleep(Duration::from_secs(30)).await;
    let idle_seconds = started.elapsed().as_secs_f64();
    let idle: Vec<f64> = idle
        .iter()
        .zip(pids)
        .map(|(before, pid)| Usage::of(pid).since(before).seconds() / idle_seconds)
        .collect();
    let before = pids.map(Usage::of);
    let started = Instant::now();
    fill::change(&members[0], sizes.changes).await;
    let seconds = started.elapsed().as_secs_f64();
    for ((pid, before), (idle, who)) in
        pids.into_iter().zip(&before).zip(idle.into_iter().zip(["1 member", "all members"]))
    {
        let used = Usage::of(pid).since(before).seconds() - idle * seconds;
        println!(
            "a change with {who}: {:.0} µs of CPU ({} changes in {seconds:.1} s)",
            used * 1e6 / sizes.changes as f64,
            sizes.changes
        );
    }
}
