//! What a plugin's setup sees of the Corefile, and what it may contribute: to the chain of its server
//! block, and to the process.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::bind::Bound;
use dashmap::DashSet;

use super::health::Health;
use super::ready::Readiness;
use super::tls::Identity;
use super::transfer::Notifier;
use super::view::View;
use super::{Plugin, crowds, kubernetes, sentinel, timeouts};
use crate::admin::tls::TlsFile;
use crate::corefile::{Diagnostic, Directive, Line, ServerBlock, Token};
use crate::telemetry::Metrics;

/// What the whole process shares, filled by the plugins of all blocks.
#[derive(Default)]
pub struct Process {
    /// What each block with `health` says of it.
    pub health: Vec<Health>,
    /// Addresses of `/ready`.
    pub ready: BTreeSet<SocketAddr>,
    pub readiness: Readiness,
    /// Address of the status pages, of a `fleet`.
    pub admin: Option<SocketAddr>,
    /// Addresses of `/metrics`, and how each is served over TLS.
    pub prometheus: BTreeMap<SocketAddr, Option<TlsFile>>,
    pub metrics: Arc<Metrics>,
    /// Whether the Corefile is checked and not served: where that is done says nothing of clusters.
    pub is_checked: bool,
    /// How often the Corefile is looked at; never without `reload`.
    pub reload: Option<Duration>,
    /// The EDNS options of questions that replies without options mirror.
    pub mirrored: Arc<DashSet<u16>>,
    /// The sets of clusters; equal blocks share one.
    pub views: kubernetes::Views,
    /// The Kubernetes zones of each server block that has some.
    pub kubernetes: Vec<kubernetes::Served>,
    /// The pools of sentinels; equal ones are one.
    pub pools: sentinel::Pools,
    /// Whether lines of the level DEBUG are logged (`debug`).
    pub debug: bool,
}

impl Process {
    /// Of a Corefile that replaces that of `before`: it counts on, and keeps the clusters and pools that are
    /// equal.
    pub fn after(before: &Process) -> Self {
        Process {
            metrics: before.metrics.clone(),
            views: kubernetes::Views::after(&before.views),
            pools: sentinel::Pools::after(&before.pools),
            ..Process::default()
        }
    }
}

/// What one server block is, besides its keys.
#[derive(Default)]
pub struct Chain {
    pub plugins: Vec<Arc<dyn Plugin>>,
    /// Addresses of `bind`; all addresses where it is empty.
    pub bind: Vec<Bound>,
    /// Octets of the longest answer over UDP, whatever clients take (`bufsize`).
    pub max_payload: Option<u16>,
    /// Which questions the block takes; all without a `view`.
    pub view: Option<Arc<View>>,
    /// Where relative paths begin (`root`); in the working directory without one.
    pub root: Option<PathBuf>,
    /// The certificate of encrypted listeners.
    pub tls: Option<Arc<Identity>>,
    pub timeouts: timeouts::Said,
    /// Sockets of a listener (`multisocket`); one for each core without it.
    pub sockets: Option<usize>,
    pub https: crowds::Https,
    pub quic: crowds::Quic,
    /// Who tells secondaries that a zone changed, where there is a `transfer`.
    pub notifier: Option<Arc<Notifier>>,
    /// Whether panics of its plugins are logged with the calls that led to them (`errors`).
    pub stacktrace: bool,
}

/// What a plugin's `setup` sees and may add to.
pub struct Setup<'a> {
    /// All server blocks of the Corefile.
    pub blocks: &'a [ServerBlock],
    pub block: &'a ServerBlock,
    pub chain: &'a mut Chain,
    pub process: &'a mut Process,
}

impl Setup<'_> {
    /// Adds a link to the chain.
    pub fn push(&mut self, plugin: impl Plugin + 'static) {
        self.chain.plugins.push(Arc::new(plugin));
    }

    /// The file that a word names, below `root` if it is relative.
    pub fn path(&self, word: &Token) -> PathBuf {
        let root = self.chain.root.as_deref().unwrap_or(Path::new(""));
        root.join(&word.text)
    }

    /// The zones of the block's keys.
    pub fn zones(&self) -> Vec<String> {
        self.block.keys.iter().map(|key| key.zone.clone()).collect()
    }

    /// The only directive of a plugin that may be used once in a server block.
    pub fn once<'d>(&self, directives: &[&'d Directive]) -> Result<&'d Directive, Diagnostic> {
        match directives {
            [one] => Ok(one),
            [first, again, ..] => Err(again.name.error(
                format!("{} is used twice in this server block", again.name.text),
                format!("it can be used once; merge it with the one at {}", first.name.at),
            )),
            [] => unreachable!("a plugin is set up for a directive that names it"),
        }
    }

    /// The other directives of this block with that name.
    pub fn directives(&self, name: &str) -> Vec<&Directive> {
        named(self.block, name).collect()
    }
}

/// The directives of a block with that name.
pub fn named<'a>(block: &'a ServerBlock, name: &str) -> impl Iterator<Item = &'a Directive> {
    block.directives.iter().filter(move |directive| directive.name.text == name)
}

/// That a line of a plugin's block has an option that is not `supported`: one of CoreDNS's that is to
/// come (`later`), or one that does not exist.
pub fn refuse(plugin: &str, line: &Line, supported: &[&str], later: &[&str]) -> Diagnostic {
    let name = line.name();
    if !later.contains(&name.text.as_str()) {
        return line.unknown(plugin, supported);
    }
    let remedy = match supported {
        [] => format!("take the line out; {plugin} has no options yet"),
        _ => format!("take the line out; supported: {}", supported.join(", ")),
    };
    name.error(format!("{plugin} option {} is not supported yet", name.text), remedy)
}
