//! `ready`: whether all plugins that must wait for something have got it.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use tracing::info;

use super::setup::{Setup, refuse};
use crate::admin::{listen_address, one_address};
use crate::corefile::{Diagnostic, Directive};

const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 8181);

/// The plugins whose readiness counts. Clones share what was seen, so a plugin that was ready once
/// stays ready in all of them.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    checks: Vec<Check>,
}

#[derive(Clone)]
struct Check {
    name: &'static str,
    check: Arc<dyn Fn() -> bool + Send + Sync>,
    was_ready: Arc<AtomicBool>,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Readiness {
    /// Adds a plugin of a server block. Of several with one name all must be ready.
    pub fn register(&mut self, name: &'static str, check: Arc<dyn Fn() -> bool + Send + Sync>) {
        self.checks.push(Check { name, check, was_ready: Arc::default() });
    }

    /// The plugins that have not been ready yet, each once, in the order of the alphabet.
    pub fn not_ready(&self) -> Vec<String> {
        let waiting = self.checks.iter().filter(|check| !check.is_ready());
        let names: BTreeSet<&str> = waiting.map(|check| check.name).collect();
        names.into_iter().map(str::to_owned).collect()
    }
}

impl Check {
    fn is_ready(&self) -> bool {
        // Nothing else is published by the flag, so no order with other memory is needed.
        if !self.was_ready.load(Ordering::Relaxed) && (self.check)() {
            self.was_ready.store(true, Ordering::Relaxed);
        }
        self.was_ready.load(Ordering::Relaxed)
    }
}

/// Reads `ready [ADDRESS]`. The process has one.
///
/// # Errors
/// A wrong word, an option (not supported yet), or another address than that of another block.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    let address = match directive.optional_arg("ready [ADDRESS]")? {
        Some(word) => listen_address(word)?,
        None => DEFAULT_ADDRESS,
    };
    if let Some(line) = directive.lines().first() {
        return Err(refuse("ready", line, &[], &["monitor"]));
    }
    one_address(&directive.name, setup.process.ready, address)?;
    setup.process.ready = Some(address);
    Ok(())
}

/// `/ready`: 200 `OK`, or 503 with the names of the plugins that are not.
pub fn router(readiness: Readiness) -> Router {
    let answer = move || async move {
        let waiting = readiness.not_ready().join(",");
        if waiting.is_empty() {
            return (StatusCode::OK, "OK".to_owned());
        }
        info!("Plugins not ready: {waiting:?}");
        (StatusCode::SERVICE_UNAVAILABLE, waiting)
    };
    Router::new().route("/ready", any(answer))
}
