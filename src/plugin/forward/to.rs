//! What `TO...` means: addresses, files like /etc/resolv.conf and names of hosts
//! (CoreDNS, plugin/forward/resolve.go and plugin/pkg/parse/host.go).

use std::fs;
use std::net::{IpAddr, SocketAddr};

use super::{resolv_conf, resolve};
use crate::corefile::{Diagnostic, Token};
use crate::plugin::names;

/// How many words there may be.
const MOST: usize = 15;

/// What an upstream speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scheme {
    Dns,
    Tls,
    Https,
    Quic,
}

impl Scheme {
    fn port(self) -> u16 {
        match self {
            Scheme::Dns => 53,
            Scheme::Tls | Scheme::Quic => 853,
            Scheme::Https => 443,
        }
    }
}

/// One upstream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    pub scheme: Scheme,
    pub address: SocketAddr,
    /// The address as it is spelled, for metrics.
    pub to: String,
    /// What stands behind `%`: for TLS and QUIC the name of the server.
    pub server_name: Option<String>,
}

/// What one word means.
#[derive(Debug)]
enum Meaning {
    Targets(Vec<Target>),
    Host { scheme: Scheme, host: String, port: u16, server_name: Option<String> },
}

/// The upstreams of all words, each once, and by which word.
///
/// # Errors
/// A word that means none, or too many words.
pub(super) fn targets<'w>(
    words: &'w [Token],
    resolver: &[SocketAddr],
) -> Result<Vec<(Target, &'w Token)>, Diagnostic> {
    let mut all: Vec<(Target, &Token)> = Vec::new();
    let mut count = 0;
    for word in words {
        let targets = match meaning(word)? {
            // A file without name servers is none of the words that count.
            Meaning::Targets(targets) if targets.is_empty() => continue,
            Meaning::Targets(targets) => targets,
            Meaning::Host { scheme, host, port, server_name } => {
                let found = resolve::addresses(&host, resolver).map_err(|error| {
                    word.error(
                        format!("'{host}' has no address that is known ({error})"),
                        "write an address, or see that the name can be looked up",
                    )
                })?;
                let target = |address| {
                    let address = SocketAddr::new(address, port);
                    let server_name = server_name.clone();
                    Target { scheme, address, to: address.to_string(), server_name }
                };
                found.into_iter().map(target).collect()
            }
        };
        count += 1;
        for target in targets {
            if !all.iter().any(|(known, _)| known.is_same(&target)) {
                all.push((target, word));
            }
        }
    }
    let Some(last) = words.last() else { return Ok(all) };
    if count > MOST {
        return Err(
            last.error(format!("forward has {count} upstreams"), format!("write {MOST} at most"))
        );
    }
    if all.is_empty() {
        return Err(last.error(
            "forward has no upstream: no file names a name server",
            "write IP[:PORT], or a file with lines `nameserver IP`",
        ));
    }
    Ok(all)
}

impl Target {
    fn is_same(&self, other: &Self) -> bool {
        let name = |target: &Self| target.server_name.as_ref().map(|name| name.to_lowercase());
        self.scheme == other.scheme && self.to == other.to && name(self) == name(other)
    }
}

fn meaning(word: &Token) -> Result<Meaning, Diagnostic> {
    let (scheme, rest) = scheme(word)?;
    if rest.is_empty() {
        return Err(word.error(
            format!("'{}' has no address", word.text),
            "write an address, e.g. 192.0.2.1:53",
        ));
    }
    if scheme == Scheme::Https && rest.contains('/') {
        return Err(word
            .error(format!("'{}' has a path", word.text), "take the path out: it is /dns-query"));
    }
    let (host, port) = match split_port(rest) {
        Some((host, port)) => (host, Some(port)),
        None => (rest.trim_matches(['[', ']']), None),
    };
    let (bare, server_name) = match host.rsplit_once('%') {
        Some((bare, name)) => (bare, Some(name.to_owned())),
        None => (host, None),
    };
    let number = || match port {
        None => Ok(scheme.port()),
        Some(port) => port.parse().map_err(|_| {
            word.error(
                format!("'{port}' is no port, in '{}'", word.text),
                "write IP:PORT with a port from 0 to 65535, or the IP alone for the usual port",
            )
        }),
    };
    if let Ok(address) = bare.parse::<IpAddr>() {
        let address = SocketAddr::new(address, number()?);
        let shown = if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() };
        let to = format!("{shown}:{}", address.port());
        return Ok(Meaning::Targets(vec![Target { scheme, address, to, server_name }]));
    }
    // With a port too it may be the name of a file.
    let path = if port.is_some() { rest } else { host };
    match fs::read_to_string(path) {
        Ok(text) => file(word, path, &text),
        Err(_) if names::parse(bare).is_some() && !bare.contains('/') => {
            Ok(Meaning::Host { scheme, host: bare.to_owned(), port: number()?, server_name })
        }
        Err(error) => Err(word.error(
            format!("'{path}' is no IP address, no name of a host and no readable file ({error})"),
            "write IP[:PORT], the name of a host, or a file with lines `nameserver IP`",
        )),
    }
}

fn scheme(word: &Token) -> Result<(Scheme, &str), Diagnostic> {
    let Some((name, rest)) = word.text.split_once("://") else {
        return Ok((Scheme::Dns, &word.text));
    };
    match name {
        "dns" => Ok((Scheme::Dns, rest)),
        "tls" => Ok((Scheme::Tls, rest)),
        "https" => Ok((Scheme::Https, rest)),
        "quic" => Ok((Scheme::Quic, rest)),
        _ => Err(word.error(
            format!("forward cannot use {name}://"),
            "use dns://, tls://, https:// or quic://",
        )),
    }
}

/// Splits `HOST:PORT` and `[HOST]:PORT`; `None` for a host alone.
fn split_port(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_prefix('[') {
        return rest.rsplit_once("]:");
    }
    text.rsplit_once(':').filter(|(host, _)| !host.contains(':'))
}

/// The name servers of a file: they speak plain DNS on port 53, whatever scheme stands before it.
fn file(word: &Token, path: &str, text: &str) -> Result<Meaning, Diagnostic> {
    if word.text.contains("://") && !word.text.starts_with("dns://") {
        tracing::warn!("{}: the name servers of {path} are asked in plain text", word.at);
    }
    let found = resolv_conf::name_servers(text).map_err(|(server, _)| {
        word.error(
            format!("the name server '{server}' in {path} is no address"),
            "write lines `nameserver IP`",
        )
    })?;
    let target = |address: SocketAddr| Target {
        scheme: Scheme::Dns,
        address,
        to: address.to_string(),
        server_name: None,
    };
    Ok(Meaning::Targets(found.into_iter().map(target).collect()))
}

#[cfg(test)]
#[path = "to_tests.rs"]
mod tests;
