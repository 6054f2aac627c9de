//! `ready`: whether all plugins that must wait for something have got it (CoreDNS, plugin/ready).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use tracing::info;

use super::setup::Setup;
use crate::admin::listen_address;
use crate::corefile::{Diagnostic, Directive, Line};

const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 8181);

/// The plugins whose readiness counts. Clones share what was seen, so a plugin that was ready once
/// stays ready in all of them.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    checks: Vec<Check>,
    pub monitor: Monitor,
}

/// For how long plugins are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Monitor {
    /// What was ready once stays ready.
    #[default]
    UntilReady,
    Continuously,
}

const MONITORS: [(&str, Monitor); 2] =
    [("until-ready", Monitor::UntilReady), ("continuously", Monitor::Continuously)];

/// What a plugin waits for, in words; `None` when it is ready.
type Waits = dyn Fn() -> Option<Vec<String>> + Send + Sync;

#[derive(Clone)]
struct Check {
    name: &'static str,
    waits: Arc<Waits>,
    was_ready: Arc<AtomicBool>,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Readiness {
    /// Adds a plugin of a server block. Of several with one name all must be ready.
    pub fn register(&mut self, name: &'static str, waits: Arc<Waits>) {
        self.checks.push(Check { name, waits, was_ready: Arc::default() });
    }

    /// The plugins that have not been ready yet, each once, and what they wait for; both in the order of
    /// the alphabet.
    pub fn not_ready(&self) -> BTreeMap<&'static str, BTreeSet<String>> {
        let mut all: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for check in &self.checks {
            if let Some(waits) = check.waits(self.monitor) {
                all.entry(check.name).or_default().extend(waits);
            }
        }
        all
    }
}

impl Check {
    fn waits(&self, monitor: Monitor) -> Option<Vec<String>> {
        // Nothing else is published by the flag, so no order with other memory is needed.
        if monitor == Monitor::UntilReady && self.was_ready.load(Ordering::Relaxed) {
            return None;
        }
        let waits = (self.waits)();
        self.was_ready.store(waits.is_none(), Ordering::Relaxed);
        waits
    }
}

/// Reads `ready [ADDRESS] { monitor until-ready|continuously }`. The plugins are those of the process at
/// each address, and of several `monitor` the last of the Corefile counts, as in CoreDNS.
///
/// # Errors
/// It stands twice, or has a wrong word.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    let address = match directive.optional_arg("ready [ADDRESS]")? {
        Some(word) => listen_address(word)?,
        None => DEFAULT_ADDRESS,
    };
    let mut monitor = Monitor::default();
    for line in directive.lines() {
        monitor = read_monitor(line)?;
    }
    setup.process.readiness.monitor = monitor;
    setup.process.ready.insert(address);
    Ok(())
}

fn read_monitor(line: &Line) -> Result<Monitor, Diagnostic> {
    if line.name().text != "monitor" {
        return Err(line.unknown("ready", &["monitor"]));
    }
    let word = line.one_arg("monitor until-ready|continuously")?;
    let known = MONITORS.iter().find(|(name, _)| *name == word.text);
    known
        .map(|(_, monitor)| *monitor)
        .ok_or_else(|| word.unknown("monitor of ready", &MONITORS.map(|(name, _)| name)))
}

/// `/ready`: 200 `OK`, or 503 with the names of the plugins that are not, as in CoreDNS, and below them
/// which members are waited for. The log says so, too.
pub fn router(readiness: Readiness) -> Router {
    let answer = move || async move {
        let waiting = readiness.not_ready();
        if waiting.is_empty() {
            return (StatusCode::OK, "OK".to_owned());
        }
        let names = waiting.keys().copied().collect::<Vec<_>>().join(",");
        let what: Vec<&str> = waiting.values().flatten().map(String::as_str).collect();
        let what = what.join(", ");
        if what.is_empty() {
            info!("Plugins not ready: {names:?}");
            return (StatusCode::SERVICE_UNAVAILABLE, names);
        }
        info!("Plugins not ready: {names:?}, waiting for {what}");
        (StatusCode::SERVICE_UNAVAILABLE, format!("{names}\nwaiting for {what}"))
    };
    Router::new().route("/ready", any(answer))
}
