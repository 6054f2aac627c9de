//! `prometheus`: counts the questions of a server block, and serves what the process counted.
//!
//! In: a question and its outcome. Out: the same outcome, and an observation in
//! [`Metrics`]. The page `/metrics` is one for the process, on every
//! address that a `prometheus` names.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::any;
use hickory_proto::op::ResponseCode;

use super::names::Zones;
use super::setup::{Setup, named, refuse};
use super::{Next, Outcome, Plugin, Reply, Request};
use crate::admin;
use crate::corefile::{Corefile, Diagnostic, Directive};
use crate::telemetry::metrics::Observation;
use crate::telemetry::{Metrics, uncompressed_len};

const NAME: &str = "prometheus";
/// Where the page is without an address.
const DEFAULT_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9153);
/// The media type of the page, as CoreDNS sends it.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

/// The plugin.
#[derive(Debug)]
pub struct Prometheus {
    metrics: Arc<Metrics>,
    /// The zones of the block, on whichever port their keys are.
    zones: Zones,
    root: Arc<str>,
}

/// Reads `prometheus [ADDRESS]`.
///
/// # Errors
/// The address is none, or there is an option: those are not supported yet.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    let address = address(directive)?;
    if let Some(line) = directive.lines().first() {
        return Err(refuse(NAME, line, &[], &["runtime_metrics", "tls"]));
    }
    let zones = setup.zones();
    setup.process.prometheus.insert(address);
    let metrics = setup.process.metrics.clone();
    setup.push(Prometheus::new(metrics, &zones));
    Ok(())
}

/// Where a Corefile has the page, in its order.
///
/// # Errors
/// A word is no address.
pub fn addresses(corefile: &Corefile) -> Result<Vec<SocketAddr>, Diagnostic> {
    corefile.blocks.iter().flat_map(|block| named(block, NAME)).map(address).collect()
}

fn address(directive: &Directive) -> Result<SocketAddr, Diagnostic> {
    match directive.optional_arg("prometheus [ADDRESS]")? {
        Some(word) => admin::listen_address(word),
        None => Ok(DEFAULT_ADDRESS),
    }
}

impl Prometheus {
    fn new(metrics: Arc<Metrics>, zones: &[String]) -> Self {
        Prometheus { metrics, zones: Zones::new(zones), root: Arc::from(".") }
    }
}

#[async_trait]
impl Plugin for Prometheus {
    fn name(&self) -> &'static str {
        NAME
    }

    fn looks_on(&self) -> bool {
        true
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let start = Instant::now();
        let outcome = next.run(NAME, request).await;
        let (rcode, response_size, plugin) = match &outcome {
            Ok(Reply::Message(message)) => (
                message.metadata.response_code,
                uncompressed_len(message),
                next.name().unwrap_or_default(),
            ),
            // How much it is will be known when it is sent.
            Ok(Reply::Messages(_)) => (ResponseCode::NoError, 0, next.name().unwrap_or_default()),
            Ok(Reply::Silence) => (ResponseCode::NoError, 0, ""),
            Err(failure) => (failure.code, 0, ""),
        };
        let edns = request.message.edns.as_ref();
        self.metrics.observe(&Observation {
            server: &request.server,
            zone: self.zones.longest(request.qname()).unwrap_or(&self.root),
            view: request.view.as_ref(),
            proto: request.transport.label(),
            ipv6: request.client.ip().to_canonical().is_ipv6(),
            qtype: request.qtype(),
            dnssec_ok: edns.is_some_and(|edns| edns.flags().dnssec_ok),
            request_size: request.size,
            response_size,
            rcode,
            plugin,
            duration: start.elapsed(),
        });
        outcome
    }
}

/// The page `/metrics`.
pub fn router(metrics: Arc<Metrics>) -> Router {
    let page = move || async move { ([(CONTENT_TYPE, TEXT_FORMAT)], metrics.page()) };
    Router::new().route("/metrics", any(page))
}

#[cfg(test)]
#[path = "prometheus_tests.rs"]
mod tests;
