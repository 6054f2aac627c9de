//! `health`: whether the process is alive, and how long it goes on when it is told to end (CoreDNS,
//! plugin/health).
//!
//! In: its lines. Out: `/health`, which the process also asks itself, for how long that takes tells
//! whether it has too much to do ([`probe`]).

pub mod probe;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use tracing::info;

use super::setup::Setup;
use crate::admin::listen_address;
use crate::corefile::{Diagnostic, Directive, GoDuration, parse_duration};

const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 8080);

/// What the Corefile says of `health`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub addr: SocketAddr,
    /// The address in the Corefile's words.
    pub shown: String,
    /// How long questions are answered after the end was asked for.
    pub lameduck: Duration,
}

/// Reads `health [ADDRESS] { lameduck DURATION }`, of which the last in a server block counts. Each
/// block that has one adds its address and its lameduck time to those of the process.
///
/// # Errors
/// A wrong word.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let mut health =
        Health { addr: DEFAULT_ADDRESS, shown: ":8080".to_owned(), lameduck: Duration::ZERO };
    for directive in directives {
        if let Some(word) = directive.optional_arg("health [ADDRESS]")? {
            (health.addr, health.shown) = (listen_address(word)?, word.text.clone());
        }
        for line in directive.lines() {
            match line.name().text.as_str() {
                "lameduck" => {
                    health.lameduck = parse_duration(line.one_arg("lameduck DURATION")?)?;
                }
                _ => return Err(line.unknown("health", &["lameduck"])),
            }
        }
    }
    setup.process.health.push(health);
    Ok(())
}

impl Health {
    /// Lets the time pass in which a load balancer learns that this process ends; questions and
    /// `/health` are answered meanwhile.
    pub async fn lameduck(&self) {
        if !self.lameduck.is_zero() {
            info!("Going into lameduck mode for {}", GoDuration(self.lameduck));
            tokio::time::sleep(self.lameduck).await;
        }
    }
}

/// `/health`: always 200 `OK`.
pub fn router() -> Router {
    Router::new().route("/health", any(async || "OK"))
}
