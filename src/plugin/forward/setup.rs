//! The words of `forward`.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use hickory_proto::op::{self, Message, MessageType, OpCode};
use hickory_proto::rr::{Name, RecordType};
use tracing::warn;

use super::Forward;
use super::dns::{DialTime, Dns};
use super::https::{self, Https};
use super::options::{self, Health, Options};
use super::pool::Pool;
use super::quic::{self, Quic};
use super::tls::Tls;
use super::to::{self, Scheme, Target};
use super::upstream::{Check, Upstream, Way};
use crate::corefile::{Diagnostic, Directive, Token};
use crate::plugin::names;
use crate::plugin::setup::Setup;
use crate::telemetry::forward::Upstream as Counts;

const USAGE: &str = "forward FROM TO...";

/// Reads every `forward FROM TO... { OPTIONS }`; the first that takes a question forwards it.
///
/// # Errors
/// A wrong word, or a `TO` that means no address.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    for directive in directives {
        let forward = read(setup, directive)?;
        setup.push(forward);
    }
    Ok(())
}

fn read(setup: &Setup<'_>, directive: &Directive) -> Result<Forward, Diagnostic> {
    let [from, to @ ..] = directive.args_within(2.., USAGE)? else {
        return Err(directive.name.error("forward has no arguments", format!("write `{USAGE}`")));
    };
    let from = zone(from)?;
    let options = Options::read(directive, &|word| setup.path(word))?;
    let metrics = setup.process.metrics.clone();
    let question = question(&options.health);
    let mut upstreams = Vec::new();
    for (target, word) in to::targets(to, &options.resolver)? {
        let way = way(word, &target, &options)?;
        let to: Arc<str> = target.to.into();
        let check = Check { question: question.clone(), interval: options.health.interval };
        let counts = Counts::new(&metrics.forward, to.clone());
        upstreams.push(Arc::new(Upstream::new(to, way, check, counts)));
    }
    Ok(Forward { from, options, upstreams, concurrent: AtomicUsize::new(0), metrics })
}

/// The zone of `FROM`; of a network that is several zones the first, as in CoreDNS.
fn zone(word: &Token) -> Result<Name, Diagnostic> {
    let zones = names::zones(std::slice::from_ref(word))?;
    if zones.len() > 1 {
        warn!(
            "Unsupported CIDR notation: '{}' expands to multiple zones. Using only '{}'.",
            word.text, zones[0]
        );
    }
    // A word is at least one zone.
    Ok(zones.into_iter().next().unwrap_or_else(Name::root))
}

/// How the upstream is spoken to.
fn way(word: &Token, target: &Target, options: &Options) -> Result<Way, Diagnostic> {
    let unusable = |error: &dyn std::fmt::Display| {
        let remedy = "see what `tls` and `tls_servername` say";
        word.error(format!("'{}' cannot be used over TLS ({error})", target.to), remedy)
    };
    let config =
        |alpn: &[&[u8]]| options.credentials.config(alpn).map_err(|error| unusable(&error));
    let Target { scheme, address, .. } = *target;
    Ok(match scheme {
        Scheme::Dns => Way::Dns(dns(target, options, None)),
        Scheme::Tls => {
            let name = options::server_name(word, &server_name(word, target, options)?)?;
            Way::Dns(dns(target, options, Some(Tls::new(Arc::new(config(&[])?), name))))
        }
        Scheme::Https => {
            let server = https::Server {
                address,
                source: options.source,
                name: options.server_name.as_ref().map(|(_, text)| text.as_str()),
                config: config(&[])?,
                method: options.doh_method.clone(),
                max_idle: options.lifetime.max_idle,
            };
            Way::Https(Box::new(Https::new(server).map_err(|error| unusable(&error))?))
        }
        Scheme::Quic => {
            let server = quic::Server {
                address,
                source: options.source,
                name: server_name(word, target, options)?,
                tls: config(&[quic::ALPN])?,
                lifetime: options.lifetime,
                read_timeout: options.read_timeout,
            };
            // That it can be a name.
            options::server_name(word, &server.name)?;
            Way::Quic(Quic::new(server).map_err(|error| unusable(&error))?)
        }
    })
}

fn dns(target: &Target, options: &Options, tls: Option<Tls>) -> Dns {
    Dns {
        address: target.address,
        source: options.source,
        tls,
        probes_tcp: options.force_tcp,
        read_timeout: options.read_timeout,
        pool: Pool::new(options.lifetime),
        dialled: DialTime::default(),
    }
}

/// Whom the upstream's certificate must be for: what its own word says or `tls_servername`, or its address.
fn server_name(word: &Token, target: &Target, options: &Options) -> Result<String, Diagnostic> {
    match (&target.server_name, &options.server_name) {
        (Some(own), Some((_, all))) => Err(word.error(
            format!(
                "the server of '{}' is called '{own}' here, and '{all}' by tls_servername",
                target.to
            ),
            "take one of both out",
        )),
        (Some(own), None) => Ok(own.clone()),
        (None, Some((_, all))) => Ok(all.clone()),
        (None, None) => Ok(target.address.ip().to_string()),
    }
}

/// What health checks ask: for the name servers of a domain.
fn question(health: &Health) -> Vec<u8> {
    let mut question = Message::new(0, MessageType::Query, OpCode::Query);
    question.metadata.recursion_desired = health.recursion_desired;
    question.add_query(op::Query::query(health.domain.clone(), RecordType::NS));
    // A question for a name is always written.
    question.to_vec().unwrap_or_default()
}

#[cfg(test)]
#[path = "setup_tests.rs"]
mod tests;
