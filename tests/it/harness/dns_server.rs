//! A DNS server started from a Corefile: CoreDNS or fleetdns, handled alike.
//!
//! A Corefile may name ports as `{PORT}` (the DNS port), `{HEALTH_PORT}`, `{READY_PORT}`, any word
//! of capitals that ends in `PORT`: each gets a free port. Tests write `bind 127.0.0.1` themselves.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use hickory_proto::op::Message;
use hickory_proto::rr::RecordType;

use super::client::Question;
use super::netns::Namespace;
use super::process::{Process, prefixed};
use super::{parts, ports, scratch};

/// A program that is configured by a Corefile.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// How it is called in messages and logs.
    pub name: &'static str,
    path: fn() -> PathBuf,
}

/// The oracle.
pub const COREDNS: Program = Program { name: "coredns", path: parts::coredns };
/// The program under test.
pub const FLEETDNS: Program = Program { name: "fleetdns", path: parts::fleetdns };

impl Program {
    /// Starts it with this Corefile on free ports and waits until it answers.
    pub async fn start(self, corefile: &str) -> DnsServer {
        self.with(corefile).start().await
    }

    /// Starts it with a Corefile that it must refuse: how it ended, and what it said.
    pub async fn refuse(self, corefile: &str) -> (ExitStatus, String) {
        let mut server = self.with(corefile).launch();
        let status = server.process.wait().await;
        (status, server.logs())
    }

    /// Prepares a start, to add arguments, environment or a namespace.
    pub fn with(self, corefile: &str) -> Setup {
        let command = Command::new((self.path)());
        let (corefile, wrapper) = (corefile.into(), Vec::new());
        Setup { program: self, corefile, command, wrapper, namespace: None }
    }
}

/// A start in preparation.
#[derive(Debug)]
pub struct Setup {
    program: Program,
    corefile: String,
    command: Command,
    wrapper: Vec<String>,
    namespace: Option<Namespace>,
}

impl Setup {
    /// Adds an argument of the command line, after `-conf FILE`.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.command.arg(arg.into());
        self
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.command.env(key, value);
        self
    }

    /// Has it run by the words of another command, which must replace itself by it.
    pub fn run_by<S: Into<String>>(mut self, wrapper: impl IntoIterator<Item = S>) -> Self {
        self.wrapper = wrapper.into_iter().map(Into::into).collect();
        self
    }

    /// Runs it inside of a network namespace.
    pub fn inside(mut self, namespace: &Namespace) -> Self {
        self.namespace = Some(namespace.clone());
        self
    }

    /// Starts it and waits until it answers; with other ports if one was taken meanwhile.
    pub async fn start(&self) -> DnsServer {
        loop {
            let mut server = self.launch();
            if server.is_answering().await {
                return server;
            }
        }
    }

    /// Starts it without waiting for anything.
    pub fn launch(&self) -> DnsServer {
        let name = self.program.name;
        let corefile = scratch::folder(name).join("Corefile");
        let mut ports = BTreeMap::new();
        let text = fill_ports(&self.corefile, &mut ports);
        fs::write(&corefile, text).expect("write a Corefile");
        let mut command = Command::new(self.command.get_program());
        command.arg("-conf").arg(&corefile).args(self.command.get_args());
        for (key, value) in self.command.get_envs() {
            command.env(key, value.unwrap_or_default());
        }
        if !self.wrapper.is_empty() {
            command = prefixed(&self.wrapper, &command);
        }
        let command = match &self.namespace {
            Some(namespace) => namespace.wrap(&command),
            None => command,
        };
        let process = Process::start(name, &command);
        DnsServer { process, corefile, ports, namespace: self.namespace.clone() }
    }
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct DnsServer {
    /// Its process: logs, signals, end.
    pub process: Process,
    corefile: PathBuf,
    ports: BTreeMap<String, u16>,
    namespace: Option<Namespace>,
}

impl DnsServer {
    /// Where it answers: 127.0.0.1 and the port of `{PORT}`, 53 if the Corefile names none.
    pub fn dns_addr(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.ports.get("PORT").copied().unwrap_or(53)).into()
    }

    /// 127.0.0.1 and the port of this placeholder: `addr("HEALTH_PORT")`.
    pub fn addr(&self, placeholder: &str) -> SocketAddr {
        let port = self.ports.get(placeholder);
        ([127, 0, 0, 1], *port.unwrap_or_else(|| panic!("no {placeholder} in the Corefile"))).into()
    }

    /// All placeholders of its Corefile with their ports.
    pub fn ports(&self) -> impl Iterator<Item = (&str, u16)> {
        self.ports.iter().map(|(name, port)| (name.as_str(), *port))
    }

    /// Asks it over UDP; fails the test if no reply comes.
    pub async fn ask(&self, name: &str, kind: RecordType) -> Message {
        self.try_ask(name, kind).await.unwrap_or_else(|e| panic!("{name} {kind}: {e}"))
    }

    /// Asks it over UDP.
    pub async fn try_ask(&self, name: &str, kind: RecordType) -> Result<Message, String> {
        let question = Question::new(name, kind);
        let question = match &self.namespace {
            None => question,
            Some(namespace) => question.inside(namespace),
        };
        question.ask(self.dns_addr()).await
    }

    /// Waits until it answers anything at all over UDP.
    pub async fn wait_answering(&mut self) {
        assert!(self.is_answering().await, "a port was taken: {}", self.logs());
    }

    /// The file it was started with.
    pub fn corefile(&self) -> &Path {
        &self.corefile
    }

    /// Replaces its Corefile at once, as a ConfigMap volume does; the same placeholders work.
    pub fn write_corefile(&mut self, corefile: &str) {
        let text = fill_ports(corefile, &mut self.ports);
        let new = self.corefile.with_extension("new");
        fs::write(&new, text).expect("write a Corefile");
        fs::rename(&new, &self.corefile).expect("replace the Corefile");
    }

    /// All that it has written so far.
    pub fn logs(&self) -> String {
        self.process.logs()
    }

    /// SIGTERM, and how it ended.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.process.terminate().await
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    async fn is_answering(&mut self) -> bool {
        let mut question = Question::new(".", RecordType::SOA);
        if let Some(namespace) = &self.namespace {
            question = question.inside(namespace);
        }
        let at = self.dns_addr();
        self.process.is_up(async || question.ask(at).await).await
    }
}

fn fill_ports(corefile: &str, ports: &mut BTreeMap<String, u16>) -> String {
    let mut text = String::new();
    let mut rest = corefile;
    while let Some(open) = rest.find('{') {
        text.push_str(&rest[..open]);
        let inner = &rest[open + 1..];
        let word = inner.find('}').map(|close| &inner[..close]).filter(|w| is_placeholder(w));
        rest = match word {
            Some(word) => {
                let port = ports.entry(word.to_owned()).or_insert_with(ports::free);
                text.push_str(&port.to_string());
                &inner[word.len() + 1..]
            }
            None => {
                text.push('{');
                inner
            }
        };
    }
    text + rest
}

fn is_placeholder(word: &str) -> bool {
    word.ends_with("PORT") && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}
