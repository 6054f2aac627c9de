//! A network namespace with `lo`, and `eth0` as one end of a veth pair whose other end is inside too.
//!
//! The default route leads to `eth0`: over `lo` alone a connection that iptables redirects would lose
//! its replies. Nothing leaves the namespace.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, LazyLock};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::process::prefixed;
use super::{parts, scratch};

/// A namespace of the test's own; deleted when its last clone is dropped.
///
/// What runs inside holds a clone, so that it ends first.
#[derive(Clone, Debug)]
pub struct Namespace(Arc<Named>);

#[derive(Debug)]
struct Named(String);

/// Whether this user may make namespaces and redirect in them, or why not.
pub fn can_netns() -> Result<(), String> {
    static CAN: LazyLock<Result<(), String>> = LazyLock::new(|| {
        let namespace = Namespace::try_new()?;
        namespace.try_redirect("240.0.0.0/4", 15001)
    });
    CAN.clone()
}

impl Namespace {
    /// A new one; where the rights are missing, says loudly that `test` is skipped, and fails in CI.
    pub fn or_skip(test: &str) -> Option<Self> {
        let Err(why) = can_netns() else {
            return Some(Self::try_new().expect("make a network namespace"));
        };
        let in_ci = env::var_os("CI").is_some_and(|ci| !ci.is_empty());
        assert!(!in_ci, "{test} needs network namespaces: {why}");
        // Not eprintln, which is captured in a test that passes.
        let _ = writeln!(io::stderr(), "\nSKIPPED {test}: no network namespaces here: {why}\n");
        None
    }

    fn try_new() -> Result<Self, String> {
        static SWEPT: LazyLock<()> = LazyLock::new(sweep);
        LazyLock::force(&SWEPT);
        let name = format!("{PREFIX}{}-{}", std::process::id(), scratch::unique());
        system("ip", &format!("netns add {name}"))?;
        let namespace = Self(Arc::new(Named(name)));
        let ip = |args: &str| system("ip", &format!("-n {} {args}", namespace.name()));
        ip("link set lo up")?;
        ip("link add eth0 type veth peer name eth0-peer")?;
        ip("address add 198.18.0.2/24 dev eth0")?;
        ip("link set eth0-peer up")?;
        ip("link set eth0 up")?;
        ip("route add default via 198.18.0.1 dev eth0")?;
        Ok(namespace)
    }

    /// Gives it an IPv6 address and route beside those of IPv4, as a pod of a dual-stack cluster has.
    pub fn add_ipv6(&self) {
        // Nobody else has this address: it need not be looked for first.
        self.ip("address add fd12::2/64 dev eth0 nodad");
        self.ip("route add default via fd12::1 dev eth0");
    }

    /// Takes away its link-local addresses, which clients count as IPv6 that works.
    pub fn remove_ipv6(&self) {
        for link in ["eth0", "eth0-peer"] {
            // First of all no new one.
            self.ip(&format!("link set {link} addrgenmode none"));
            self.ip(&format!("-6 address flush dev {link}"));
        }
    }

    /// Its name, as `ip netns` lists it.
    pub fn name(&self) -> &str {
        &self.0.0
    }

    /// The command, to be run inside.
    pub fn wrap(&self, command: &Command) -> Command {
        prefixed(["ip", "netns", "exec", self.name()], command)
    }

    /// Runs a command line inside to its end, off the test's thread.
    pub async fn run(&self, line: &str) -> Output {
        self.run_words(line.split_whitespace()).await
    }

    /// Runs a command, given as its words, inside to its end, off the test's thread.
    pub async fn run_words(&self, words: impl IntoIterator<Item: AsRef<str>>) -> Output {
        let mut words = words.into_iter();
        let program = words.next().expect("a command");
        let mut command = Command::new(parts::system(program.as_ref()));
        for word in words {
            command.arg(word.as_ref());
        }
        let mut command = self.wrap(&command);
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        output.expect("a thread").expect("ip runs")
    }

    /// Runs `make` inside, to open sockets there; they stay there wherever they are used.
    pub fn within<T: Send>(&self, make: impl FnOnce() -> T + Send) -> T {
        let enter = || {
            let file = fs::File::open(Path::new("/var/run/netns").join(self.name()));
            let file = file.expect("open a network namespace");
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                .expect("enter a network namespace");
            make()
        };
        // A namespace is a thread's own: this one enters and ends.
        thread::scope(|scope| scope.spawn(enter).join()).expect("what ran in the namespace")
    }

    /// `make` inside of `namespace` if there is one, else here.
    pub fn run_in<T: Send>(namespace: Option<&Self>, make: impl FnOnce() -> T + Send) -> T {
        match namespace {
            Some(namespace) => namespace.within(make),
            None => make(),
        }
    }

    /// Sends TCP for these addresses, of IPv4 or IPv6, to a port of the namespace, as a sidecar's rules
    /// do.
    pub fn redirect_tcp(&self, to: &str, port: u16) {
        self.try_redirect(to, port).expect("redirect");
    }

    /// Makes `nameserver` the resolver of what starts inside from now on.
    pub fn resolve_with(&self, nameserver: IpAddr) {
        self.write_resolv_conf(&format!("nameserver {nameserver}\noptions ndots:1\n"));
    }

    /// Makes this the `resolv.conf` of what starts inside from now on, which goes by it alone whatever
    /// services this machine uses to resolve.
    pub fn write_resolv_conf(&self, text: &str) {
        let folder = self.configuration();
        fs::create_dir_all(&folder).expect("make the namespace's folder");
        fs::write(folder.join("resolv.conf"), text).expect("write resolv.conf");
        fs::write(folder.join("nsswitch.conf"), "hosts: files dns\n").expect("write nsswitch.conf");
    }

    fn ip(&self, args: &str) {
        system("ip", &format!("-n {} {args}", self.name())).expect("change the namespace");
    }

    fn try_redirect(&self, to: &str, port: u16) -> Result<(), String> {
        let iptables = parts::system(if to.contains(':') { "ip6tables" } else { "iptables" });
        let rule = format!("-t nat -A OUTPUT -d {to} -p tcp -j REDIRECT --to-ports {port}");
        let line = format!("netns exec {} {} {rule}", self.name(), iptables.display());
        system("ip", &line)
    }

    fn configuration(&self) -> PathBuf {
        configuration(self.name())
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

const PREFIX: &str = "fleetdns-test-";

fn configuration(name: &str) -> PathBuf {
    Path::new("/etc/netns").join(name)
}

fn remove(name: &str) {
    let _ = system("ip", &format!("netns delete {name}"));
    let folder = configuration(name);
    let _ = fs::remove_dir_all(&folder);
    let _ = fs::remove_dir(folder.parent().expect("a parent")); // if it was the last
}

/// Removes what runs left behind that were killed.
fn sweep() {
    for folder in ["/var/run/netns", "/etc/netns"] {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
            if pid.is_some_and(|pid| !scratch::is_running(pid)) {
                remove(&name);
            }
        }
    }
}

fn system(program: &str, line: &str) -> Result<(), String> {
    let output = Command::new(parts::system(program)).args(line.split_whitespace()).output();
    let output = output.map_err(|e| format!("{program}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program} {line}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
