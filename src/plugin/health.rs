//! `health`: whether the process is alive, and how long it goes on when it is told to end.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use tracing::info;

use super::setup::{Setup, refuse};
use crate::admin::{listen_address, one_address};
use crate::corefile::{Diagnostic, Directive, parse_duration};

const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 8080);

/// What the Corefile says of `health`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    pub addr: SocketAddr,
    /// How long questions are answered after the end was asked for.
    pub lameduck: Duration,
}

/// Reads `health [ADDRESS] { lameduck DURATION }`, of which the last in a server block counts. The
/// process has one; of several blocks the longest lameduck counts.
///
/// # Errors
/// A wrong word, or another address than that of another block.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let mut health = Health { addr: DEFAULT_ADDRESS, lameduck: Duration::ZERO };
    for directive in directives {
        if let Some(word) = directive.optional_arg("health [ADDRESS]")? {
            health.addr = listen_address(word)?;
        }
        for line in directive.lines() {
            match line.name().text.as_str() {
                "lameduck" => {
                    health.lameduck = parse_duration(line.one_arg("lameduck DURATION")?)?;
                }
                _ => return Err(refuse("health", line, &["lameduck"], &[])),
            }
        }
    }
    if let (Some(before), Some(last)) = (setup.process.health, directives.last()) {
        one_address(&last.name, Some(before.addr), health.addr)?;
        health.lameduck = health.lameduck.max(before.lameduck);
    }
    setup.process.health = Some(health);
    Ok(())
}

impl Health {
    /// Lets the time pass in which a load balancer learns that this process ends; questions and
    /// `/health` are answered meanwhile.
    pub async fn lameduck(&self) {
        if !self.lameduck.is_zero() {
            info!("Going into lameduck mode for {:?}", self.lameduck);
            tokio::time::sleep(self.lameduck).await;
        }
    }
}

/// `/health`: always 200 `OK`.
pub fn router() -> Router {
    Router::new().route("/health", any(async || "OK"))
}
