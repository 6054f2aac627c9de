//! The servers, each on the servers' core.

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use super::SERVER;
use super::fill::Cluster;
use super::harness::process::{Process, prefixed};
use super::harness::{COREDNS, DnsServer, FLEETDNS, Program, parts, ports, scratch};
use super::load::Kind;

/// The plugins of Kubernetes' standard Corefile.
const COREFILE: &str = ".:{PORT} {
    errors
    health 127.0.0.1:{HEALTH_PORT} {
        lameduck 5s
    }
    ready 127.0.0.1:{READY_PORT}
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig KUBECONFIG
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    prometheus 127.0.0.1:{METRICS_PORT}
    forward . 127.0.0.1:9
    cache 30
    loop
    reload
    loadbalance
}
";
/// What an answer of fleetdns to an address question has more than the question.
const ANSWER: usize = 50;

/// A running server.
pub struct Server {
    pub name: &'static str,
    pub at: SocketAddr,
    /// From its start to its first right answer.
    pub ready: Duration,
    running: Running,
}

enum Running {
    Dns(DnsServer),
    Other(Process),
}

impl Server {
    pub fn pid(&self) -> u32 {
        match &self.running {
            Running::Dns(server) => server.process.pid(),
            Running::Other(process) => process.pid(),
        }
    }
}

fn pinned() -> [String; 3] {
    ["taskset".into(), "-c".into(), SERVER.to_string()]
}

/// Starts them one after the other.
pub async fn start(cluster: &Cluster) -> Vec<Server> {
    vec![echo(cluster), of_corefile(FLEETDNS, cluster), of_corefile(COREDNS, cluster), nsd(cluster)]
}

fn of_corefile(program: Program, cluster: &Cluster) -> Server {
    let text = COREFILE.replace("KUBECONFIG", &cluster.server.kubeconfig().display().to_string());
    let start = Instant::now();
    let server = program.with(&text).run_by(pinned()).launch();
    let at = server.dns_addr();
    let ready = answers(at, cluster, start);
    Server { name: program.name, at, ready, running: Running::Dns(server) }
}

fn echo(cluster: &Cluster) -> Server {
    let port = ports::free();
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.arg("echo").arg(port.to_string()).arg(ANSWER.to_string());
    other("echo", port, &command, cluster)
}

fn nsd(cluster: &Cluster) -> Server {
    let (port, folder) = (ports::free(), scratch::folder("nsd"));
    std::fs::write(folder.join("zone"), cluster.zone()).expect("write a zone");
    let path = folder.display();
    let text = format!(
        "server:\n  ip-address: 127.0.0.1@{port}\n  server-count: 1\n  rrl-ratelimit: 0\n  \
         username: \"\"\n  zonesdir: \"{path}\"\n  database: \"\"\n  pidfile: \"\"\n  \
         xfrdfile: \"{path}/xfrd\"\n  xfrdir: \"{path}\"\n  zonelistfile: \"{path}/list\"\n\
         remote-control:\n  control-enable: no\n\
         zone:\n  name: cluster.local\n  zonefile: zone\n"
    );
    let file = folder.join("nsd.conf");
    std::fs::write(&file, text).expect("write a configuration");
    let mut command = Command::new(parts::system("nsd"));
    command.arg("-d").arg("-c").arg(file);
    other("nsd", port, &command, cluster)
}

fn other(name: &'static str, port: u16, command: &Command, cluster: &Cluster) -> Server {
    let start = Instant::now();
    let process = Process::start(name, &prefixed(pinned(), command));
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    let ready = answers(at, cluster, start);
    Server { name, at, ready, running: Running::Other(process) }
}

/// Waits for an answer that is no failure.
fn answers(at: SocketAddr, cluster: &Cluster, start: Instant) -> Duration {
    let packets = cluster.packets(Kind::Hit);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a time limit");
    socket.connect(at).expect("a way to the server");
    let mut answer = [0; 4096];
    loop {
        let _ = socket.send(&packets[packets.len() - 1]);
        // The code of the header: an echo has none.
        if socket.recv(&mut answer).is_ok() && answer[3] & 15 == 0 {
            return start.elapsed();
        }
        assert!(start.elapsed() < Duration::from_secs(120), "{at} does not answer");
        std::thread::sleep(Duration::from_millis(1));
    }
}
