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

use super::fast::Stance;
use super::names::Zones;
use super::passing::{Passed, Passing};
use super::setup::{Setup, named};
use super::{Next, Outcome, Plugin, Reply, Request};
use crate::admin;
use crate::admin::tls::TlsFile;
use crate::corefile::{Corefile, Diagnostic, Directive, Line};
use crate::telemetry::metrics::Observation;
use crate::telemetry::{Metrics, uncompressed_len};
use crate::zone::name::WireName;

const NAME: &str = "prometheus";
/// Where the page is without an address.
const DEFAULT_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9153);
/// The media type of the page, as CoreDNS sends it.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

/// The plugin.
#[derive(Debug)]
pub struct Prometheus {
    /// Shared with transfers, which are counted when they are done.
    counting: Arc<Counting>,
}

#[derive(Debug)]
struct Counting {
    metrics: Arc<Metrics>,
    /// The zones of the block, on whichever port their keys are.
    zones: Zones,
    root: Arc<str>,
}

/// Reads `prometheus [ADDRESS] { runtime_metrics; tls FILE }`. Of several blocks with one address the first
/// says whether it is served over TLS, as in CoreDNS.
///
/// # Errors
/// It stands twice, the address is none, or the file of `tls` cannot be used.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    let address = address(directive)?;
    let mut tls = None;
    for line in directive.lines() {
        match line.name().text.as_str() {
            // It is for numbers of Go's runtime, which is not here: see the README.
            "runtime_metrics" => line.no_args()?,
            "tls" if tls.is_some() => {
                return Err(line.name().error("prometheus has two tls lines", "keep one of them"));
            }
            "tls" => tls = Some(tls_file(line)?),
            _ => return Err(line.unknown(NAME, &["runtime_metrics", "tls"])),
        }
    }
    let zones = setup.zones();
    setup.process.prometheus.entry(address).or_insert(tls);
    let metrics = setup.process.metrics.clone();
    setup.push(Prometheus::new(metrics, &zones));
    Ok(())
}

fn tls_file(line: &Line) -> Result<TlsFile, Diagnostic> {
    let word = line.one_arg("tls FILE")?;
    let file = TlsFile(word.text.as_str().into());
    match file.read() {
        Ok(_) => Ok(file),
        Err(error) => Err(word.error(
            format!("'{word}' is no TLS file: {error}"),
            "write a tls_server_config with cert_file and key_file",
        )),
    }
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
        let counting = Counting { metrics, zones: Zones::new(zones), root: Arc::from(".") };
        Prometheus { counting: Arc::new(counting) }
    }
}

/// What was written for a question.
struct Written {
    rcode: ResponseCode,
    /// [`uncompressed_len`] of all messages.
    size: usize,
    /// The plugin that wrote it; empty where none did.
    plugin: &'static str,
}

impl Counting {
    fn count(&self, request: &Request, written: &Written, start: Instant) {
        let left = request.left();
        let edns = left.message.edns.as_ref();
        self.metrics.observe(&Observation {
            server: &request.server,
            zone: self.zones.longest(request.qname()).unwrap_or(&self.root),
            view: request.view.as_ref(),
            proto: request.transport.label(),
            ipv6: request.client.ip().to_canonical().is_ipv6(),
            qtype: left.qtype(),
            dnssec_ok: edns.is_some_and(|edns| edns.flags().dnssec_ok),
            request_size: request.size,
            response_size: written.size,
            rcode: written.rcode,
            plugin: written.plugin,
            duration: start.elapsed(),
        });
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

    fn stance(&self) -> Stance {
        let mut zones = self.counting.zones.all();
        zones.push((WireName::root(), self.counting.root.clone()));
        Stance::Counts(zones)
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let start = Instant::now();
        let outcome = next.run(NAME, request).await;
        let plugin = next.name().unwrap_or_default();
        let nothing = |rcode| Written { rcode, size: 0, plugin: "" };
        let written = match outcome {
            Ok(Reply::Message(ref message)) => {
                let rcode = message.metadata.response_code;
                Written { rcode, size: uncompressed_len(message), plugin }
            }
            Ok(Reply::Messages(messages)) => {
                let (counting, request) = (self.counting.clone(), request.clone());
                let end = move |passed: Passed| {
                    let rcode = passed.last.map(|header| header.response_code);
                    let rcode = rcode.unwrap_or(ResponseCode::NoError);
                    counting.count(
                        &request,
                        &Written { rcode, size: passed.octets, plugin },
                        start,
                    );
                };
                return Ok(Reply::Messages(Box::new(Passing::new(messages, end))));
            }
            Ok(Reply::Silence) => nothing(ResponseCode::NoError),
            Err(ref failure) => nothing(failure.code),
        };
        self.counting.count(request, &written, start);
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
