//! The servers, each on the servers' core.
//!
//! In: the cluster, and how much of everything. Out: running servers with the loads that they have names for. A
//! program that is not installed is left out.

mod corefiles;
mod members;
mod others;

use std::env;
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

pub use others::installed;

use super::cluster::Cluster;
use super::harness::process::{Process, prefixed};
use super::harness::{COREDNS, DnsServer, FLEETDNS, Program, ports};
use super::kind::Kind::{self, Cached, Hit, Many, Mix, One, Ptr, Sentinel, Srv, Tcp};
use super::single::Single;
use super::{Sizes, cores};

/// What an answer of fleetdns to an address question has more than the question.
const ANSWER: u16 = 50;
/// How often a server is started for the time that it takes.
const STARTS: usize = 3;

/// A running server.
pub struct Server {
    pub name: &'static str,
    pub at: SocketAddr,
    /// From its start to its first right answer, of several starts.
    pub ready: Vec<Duration>,
    /// The loads that it has names for.
    kinds: &'static [Kind],
    running: Running,
}

/// A process, and what it needs.
enum Running {
    Dns(DnsServer),
    Other(Process),
}

impl Server {
    pub fn process(&self) -> &Process {
        match &self.running {
            Running::Dns(server) => &server.process,
            Running::Other(process) => process,
        }
    }

    pub fn has(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }

    /// Starts it some times, and keeps the last.
    fn start(
        name: &'static str,
        kinds: &'static [Kind],
        cluster: &Cluster,
        launch: impl Fn() -> (Running, SocketAddr),
    ) -> Self {
        let packets = cluster.packets(kinds[0]);
        let mut ready = Vec::new();
        loop {
            let start = Instant::now();
            let (running, at) = launch();
            wait(name, at, &packets[packets.len() - 1], start);
            ready.push(start.elapsed());
            if ready.len() == STARTS {
                return Server { name, at, ready, kinds, running };
            }
        }
    }

    fn of_corefile(
        program: Program,
        kinds: &'static [Kind],
        cluster: &Cluster,
        text: &str,
    ) -> Self {
        Self::start(program.name, kinds, cluster, || {
            let server = program.with(text).run_by(pinned()).launch();
            let at = server.dns_addr();
            (Running::Dns(server), at)
        })
    }

    fn of_command(
        name: &'static str,
        kinds: &'static [Kind],
        cluster: &Cluster,
        command: impl Fn(u16) -> Command,
    ) -> Self {
        Self::start(name, kinds, cluster, || {
            let port = ports::free();
            let process = Process::start(name, &prefixed(pinned(), &command(port)));
            (Running::Other(process), SocketAddr::from(([127, 0, 0, 1], port)))
        })
    }
}

/// The server of names that are forwarded, on a core of the clients, and its port.
pub fn upstream() -> (Process, u16) {
    let port = ports::free();
    let process = Process::start("upstream", &itself(&["upstream".into(), port.to_string()]));
    cores::off_the_servers(process.pid());
    (process, port)
}

/// Starts all that are asked beside each other, one after the other.
pub fn start(cluster: &Cluster, sizes: &Sizes, upstream: u16) -> Vec<Server> {
    let zones = others::zones(sizes);
    let of_zones = &[Hit, Mix, Sentinel, Tcp];
    let mut servers = Vec::new();
    servers.push(Server::of_command(
        "echo",
        &[Hit, Mix, Srv, Ptr, Sentinel, Cached],
        cluster,
        |port| itself(&["echo".into(), port.to_string(), ANSWER.to_string()]),
    ));
    for program in [FLEETDNS, COREDNS] {
        let text = corefiles::standard(program, &cluster.server, upstream);
        let kinds = &[Hit, Mix, Srv, Ptr, Sentinel, Cached, Tcp];
        servers.push(Server::of_corefile(program, kinds, cluster, &text));
    }
    if let Some(nsd) = installed("nsd") {
        let command = |port| others::nsd(&nsd, &zones, port);
        servers.push(Server::of_command("nsd", of_zones, cluster, command));
    }
    if let Some(knot) = installed("knotd") {
        let command = |port| others::knot(&knot, &zones, port);
        servers.push(Server::of_command("knot", of_zones, cluster, command));
    }
    if let Some(unbound) = installed("unbound") {
        let command = |port| others::unbound(&unbound, upstream, port);
        servers.push(Server::of_command("unbound", &[Cached], cluster, command));
    }
    for (kinds, members) in [(&[One], 1), (&[Many], sizes.members)] {
        let text = corefiles::fleet(&members::folders(members, sizes));
        servers.push(Server::of_corefile(FLEETDNS, kinds, cluster, &text));
    }
    servers
}

/// One that keeps no answers, so that what it says is what it knows.
pub fn plain(program: Program, cluster: &Cluster) -> Server {
    let text = corefiles::plain(&cluster.server);
    Server::of_corefile(program, &[Hit], cluster, &text)
}

/// This program as one of the servers that it has in itself.
fn itself(words: &[String]) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(words);
    command
}

fn pinned() -> [String; 3] {
    ["taskset".into(), "-c".into(), cores::SERVER.to_string()]
}

/// Waits for an answer that is no failure.
fn wait(name: &str, at: SocketAddr, packet: &[u8], start: Instant) {
    let mut single = Single::patient(at, Duration::from_millis(20));
    // An echo has no code in its header.
    while single.ask(packet).is_none_or(|answer| answer[3] & 15 != 0) {
        assert!(start.elapsed() < Duration::from_secs(120), "{name} does not answer at {at}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
