//! The words of `forward`.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::AtomicUsize;

use hickory_proto::rr::Name;
use tracing::warn;

use super::policy::Policy;
use super::{Forward, NAME, READ_TIMEOUT, resolv_conf};
use crate::corefile::{Diagnostic, Directive, Line, Token, parse_number};
use crate::plugin::names;
use crate::plugin::setup::{Setup, refuse};

/// How many upstreams there may be.
const MOST: usize = 15;
const USAGE: &str = "forward FROM TO...";

const SUPPORTED: [&str; 5] = ["except", "force_tcp", "max_concurrent", "policy", "prefer_udp"];
const LATER: [&str; 16] = [
    "doh_method",
    "expire",
    "failfast_all_unhealthy_upstreams",
    "failover",
    "health_check",
    "max_age",
    "max_connect_attempts",
    "max_fails",
    "max_idle_conns",
    "next",
    "next_on_nodata",
    "read_timeout",
    "resolver",
    "source_address",
    "tls",
    "tls_servername",
];

/// Reads every `forward FROM TO... { except ZONES...; force_tcp; prefer_udp; policy POLICY;
/// max_concurrent N }`; the first that takes a question forwards it.
///
/// # Errors
/// A wrong word, or a `TO` that is neither an address nor a readable file.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    for directive in directives {
        let forward = read(directive)?;
        setup.push(forward);
    }
    Ok(())
}

fn read(directive: &Directive) -> Result<Forward, Diagnostic> {
    let [from, to @ ..] = directive.args_within(2.., USAGE)? else {
        return Err(directive.name.error("forward has no arguments", format!("write `{USAGE}`")));
    };
    let mut forward = Forward {
        from: zone(from)?,
        except: Vec::new(),
        upstreams: upstreams(directive, to)?,
        policy: Policy::Random,
        force_tcp: false,
        prefer_udp: false,
        max_concurrent: 0,
        concurrent: AtomicUsize::new(0),
        read_timeout: READ_TIMEOUT,
    };
    for line in directive.lines() {
        option(&mut forward, line)?;
    }
    Ok(forward)
}

fn option(forward: &mut Forward, line: &Line) -> Result<(), Diagnostic> {
    match line.name().text.as_str() {
        "except" => {
            let words = line.args_within(1.., "except ZONES...")?;
            forward.except.extend(names::zones(words)?);
        }
        "force_tcp" => {
            line.no_args()?;
            forward.force_tcp = true;
        }
        "prefer_udp" => {
            line.no_args()?;
            forward.prefer_udp = true;
        }
        "max_concurrent" => {
            let word = line.one_arg("max_concurrent NUMBER")?;
            forward.max_concurrent =
                parse_number(word, "number of queries", 0..=u32::MAX as usize)?;
        }
        "policy" => {
            let word = line.one_arg("policy POLICY")?;
            forward.policy =
                Policy::named(&word.text).ok_or_else(|| word.unknown("policy", &Policy::NAMES))?;
        }
        _ => return Err(refuse(NAME, line, &SUPPORTED, &LATER)),
    }
    Ok(())
}

/// The zone of `FROM`; of a network that is several zones the first, as in CoreDNS.
fn zone(word: &Token) -> Result<Name, Diagnostic> {
    let zones = names::zones(std::slice::from_ref(word))?;
    if zones.len() > 1 {
        warn!("{}: {} is several zones; only {} is forwarded", word.at, word.text, zones[0]);
    }
    // A word is at least one zone.
    Ok(zones.into_iter().next().unwrap_or_else(Name::root))
}

/// The addresses of all `TO`, each once.
fn upstreams(directive: &Directive, to: &[Token]) -> Result<Vec<SocketAddr>, Diagnostic> {
    let mut all: Vec<SocketAddr> = Vec::new();
    for word in to {
        for upstream in addresses(word)? {
            if !all.contains(&upstream) {
                all.push(upstream);
            }
        }
    }
    if all.len() > MOST {
        return Err(directive.name.error(
            format!("forward has {} upstreams", all.len()),
            format!("write {MOST} at most"),
        ));
    }
    Ok(all)
}

/// What one `TO` means.
fn addresses(word: &Token) -> Result<Vec<SocketAddr>, Diagnostic> {
    let text = match word.text.split_once("://") {
        None => word.text.as_str(),
        Some(("dns", rest)) => rest,
        Some((scheme @ ("tls" | "https" | "quic"), _)) => {
            return Err(word.error(
                format!("forwarding to {scheme}:// is not supported yet"),
                "write the address of a server for DNS over UDP and TCP, e.g. 192.0.2.1:53",
            ));
        }
        Some((scheme, _)) => {
            return Err(word.error(
                format!("forward cannot use {scheme}://"),
                "write an address, e.g. 192.0.2.1:53",
            ));
        }
    };
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(vec![address]);
    }
    if let Some(address) = bare(text) {
        return Ok(vec![SocketAddr::new(address, 53)]);
    }
    if let Some((host, port)) = text.rsplit_once(':')
        && bare(host).is_some()
    {
        return Err(word.error(
            format!("'{port}' is no port, in '{}'", word.text),
            "write IP:PORT with a port from 0 to 65535, or the IP alone for port 53",
        ));
    }
    file(word, text)
}

/// An address without a port; IPv6 ones may have brackets.
fn bare(text: &str) -> Option<IpAddr> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    inner.unwrap_or(text).parse().ok()
}

/// The name servers of a file.
fn file(word: &Token, path: &str) -> Result<Vec<SocketAddr>, Diagnostic> {
    let wrong = |problem: String| {
        word.error(
            problem,
            "write IP[:PORT] or a file with lines `nameserver IP`; names of hosts are not supported yet",
        )
    };
    let text = fs::read_to_string(path).map_err(|error| {
        wrong(format!("'{path}' is no IP address and no readable file ({error})"))
    })?;
    let found = resolv_conf::name_servers(&text).map_err(|(server, _)| {
        wrong(format!("the name server '{server}' in {path} is no address"))
    })?;
    if found.is_empty() {
        return Err(wrong(format!("{path} names no name server")));
    }
    Ok(found)
}

#[cfg(test)]
#[path = "setup_tests.rs"]
mod tests;
