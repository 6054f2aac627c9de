//! NSD as a secondary: it asks for zones, and serves what it was given.

use std::fs;
use std::net::SocketAddr;

use crate::harness::parts;
use crate::harness::says::{brief, parse};
use crate::harness::{Process, Question, ports, process, scratch};

/// A running NSD; killed when dropped.
pub struct Nsd {
    process: Process,
    at: SocketAddr,
}

impl Nsd {
    /// Starts it as the secondary of zones, and waits until it answers.
    pub async fn start(primary: SocketAddr, zones: &[&str]) -> Self {
        loop {
            let folder = scratch::folder("nsd");
            let port = ports::free();
            let zones: String = zones
                .iter()
                .map(|zone| {
                    let primary = format!("{}@{}", primary.ip(), primary.port());
                    format!("zone:\n  name: {zone}\n  request-xfr: AXFR {primary} NOKEY\n")
                })
                .collect();
            let path = folder.display();
            let config = format!(
                "server:\n  ip-address: 127.0.0.1@{port}\n  username: \"\"\n  server-count: 1\n  \
                 zonesdir: \"{path}\"\n  database: \"\"\n  logfile: \"{path}/nsd.log\"\n  \
                 pidfile: \"{path}/pid\"\n  xfrdfile: \"{path}/xfrd\"\n  zonelistfile: \"{path}/zones\"\n  \
                 xfrdir: \"{path}\"\n  verbosity: 2\nremote-control:\n  control-enable: no\n{zones}"
            );
            let file = folder.join("nsd.conf");
            fs::write(&file, config).expect("write NSD's configuration");
            let mut command = process::command(parts::system("nsd"), ["-d", "-c"]);
            command.arg(&file);
            let at = SocketAddr::from(([127, 0, 0, 1], port));
            let mut nsd = Nsd { process: Process::start("nsd", &command), at };
            let probe = async || says(at, ". SOA").await;
            if nsd.process.is_up(probe).await {
                return nsd;
            }
        }
    }

    /// What it says to a question written `NAME TYPE`.
    pub async fn says(&self, question: &str) -> String {
        says(self.at, question).await.unwrap_or_else(|error| error)
    }

    pub fn logs(&self) -> String {
        self.process.logs()
    }
}

async fn says(at: SocketAddr, question: &str) -> Result<String, String> {
    let (name, kind) = parse(question);
    Ok(brief(&Question::new(name, kind).ask(at).await?))
}
