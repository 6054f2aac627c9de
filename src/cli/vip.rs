//! `fleetdns vip`: which address a name has in a pool, and which addresses several names have.
//!
//! In: the words of the command. Out: lines of text. An address needs no server: it is a pure function of
//! name and pool ([`crate::zone::pool`]). Collisions are asked of the running one, over HTTP where its
//! metrics are.

use std::ffi::OsString;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use ipnet::IpNet;
use thiserror::Error;

use super::long;
use super::running::{NoAnswer, ask};
use crate::corefile::{Corefile, Diagnostic};
use crate::plugin::prometheus;
use crate::plugin::sentinel::{COLLISIONS, Shared};
use crate::zone::name::WireName;
use crate::zone::pool::Pool;

/// What `vip` is to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vip {
    /// The addresses of a name.
    Addresses { name: String, pools: Vec<Pool> },
    /// A ServiceEntry with them.
    ServiceEntry(ServiceEntry),
    /// The addresses that several names have, of the server that runs with this Corefile.
    Collisions { conf: PathBuf, server: Option<SocketAddr> },
}

/// A manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEntry {
    name: String,
    pools: Vec<Pool>,
    ports: Vec<(u16, String)>,
    endpoints: Vec<String>,
}

/// The address of a name in an address pool, for plain TCP under a sentinel's suffix.
#[derive(Debug, Parser)]
#[command(name = "fleetdns vip", no_binary_name = true, disable_version_flag = true)]
struct Words {
    /// The name, e.g. db1.mesh
    #[arg(required_unless_present = "collisions", conflicts_with = "collisions")]
    name: Option<String>,
    /// The network of the pool, as in the Corefile; give it once for each family
    #[arg(long = "pool", value_name = "NETWORK", required_unless_present = "collisions")]
    pools: Vec<String>,
    /// Print an Istio ServiceEntry that makes the sidecars listen on the address
    #[arg(long)]
    service_entry: bool,
    /// A port of the ServiceEntry [default: 80/TCP]
    #[arg(long = "port", value_name = "NUMBER[/PROTOCOL]", requires = "service_entry")]
    ports: Vec<String>,
    /// Where the ServiceEntry leads: an address, such as the other cluster's gateway
    #[arg(long = "endpoint", value_name = "ADDRESS", requires = "service_entry")]
    endpoints: Vec<String>,
    /// List the names in use that share an address, as the running server sees them
    #[arg(long)]
    collisions: bool,
    /// The Corefile of the running server, whose `prometheus` says where to ask
    #[arg(long, value_name = "FILE", default_value = super::DEFAULT_CONF, requires = "collisions")]
    conf: PathBuf,
    /// Where to ask instead
    #[arg(long, value_name = "ADDRESS:PORT", requires = "collisions")]
    server: Option<SocketAddr>,
}

/// Why collisions cannot be listed.
#[derive(Debug, Error)]
pub enum VipError {
    #[error(
        "{0} has no prometheus, over whose address the running server is asked; add `prometheus`, or name the server with --server ADDRESS:PORT"
    )]
    NoAddress(PathBuf),
    #[error(transparent)]
    Corefile(#[from] Diagnostic),
    #[error("{0}; is it running, with `prometheus` in its Corefile?")]
    NoAnswer(NoAnswer),
}

/// Reads the words behind `vip`.
///
/// # Errors
/// One of them is wrong; a request for help is an error too, with the help as its text.
pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Vip, clap::Error> {
    let words = Words::try_parse_from(words.into_iter().map(long))?;
    let wrong = |problem: String| Words::command().error(ErrorKind::ValueValidation, problem);
    if words.collisions {
        return Ok(Vip::Collisions { conf: words.conf, server: words.server });
    }
    let mut pools: Vec<Pool> = Vec::new();
    for text in &words.pools {
        let pool = pool(text, &pools).map_err(wrong)?;
        pools.push(pool);
    }
    // Required without --collisions.
    let text = words.name.unwrap_or_default();
    let is_host = |text: &str| {
        text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet))
    };
    let name = WireName::parse(&text).filter(|name| !name.is_root() && is_host(&text));
    let name = name.ok_or_else(|| wrong(format!("'{text}' is no host name")))?;
    let name = name.to_string().trim_end_matches('.').to_owned();
    if !words.service_entry {
        return Ok(Vip::Addresses { name, pools });
    }
    let ports = words.ports.iter().map(|text| port(text).map_err(wrong));
    let mut ports = ports.collect::<Result<Vec<_>, _>>()?;
    let twice = ports
        .iter()
        .enumerate()
        .find(|(index, (number, _))| ports[..*index].iter().any(|(other, _)| other == number));
    if let Some((_, (number, _))) = twice {
        return Err(wrong(format!("the port {number} is there twice")));
    }
    let is_endpoint = |text: &&String| text.parse::<IpAddr>().is_err() && !is_host(text);
    if let Some(text) = words.endpoints.iter().find(is_endpoint) {
        return Err(wrong(format!("'{text}' is neither an address nor a host name")));
    }
    if ports.is_empty() {
        ports.push((80, "TCP".into()));
    }
    Ok(Vip::ServiceEntry(ServiceEntry { name, pools, ports, endpoints: words.endpoints }))
}

fn pool(text: &str, others: &[Pool]) -> Result<Pool, String> {
    let network: IpNet =
        text.parse().map_err(|_| format!("'{text}' is no network; write e.g. 241.0.0.0/8"))?;
    let pool = Pool::new(network).map_err(|error| format!("{error}; {}", error.remedy()))?;
    pool.beside(others).map_err(|error| error.to_string())
}

fn port(text: &str) -> Result<(u16, String), String> {
    /// As Istio names them (networking/v1, ServicePort).
    const PROTOCOLS: [&str; 9] =
        ["TCP", "TLS", "HTTP", "HTTP2", "HTTPS", "GRPC", "GRPC-WEB", "MONGO", "MYSQL"];
    let (number, protocol) = text.split_once('/').unwrap_or((text, "TCP"));
    let protocol = protocol.to_ascii_uppercase();
    let digits = Some(number).filter(|number| number.bytes().all(|octet| octet.is_ascii_digit()));
    match digits.unwrap_or_default().parse() {
        Ok(number) if number > 0 && PROTOCOLS.contains(&protocol.as_str()) => {
            Ok((number, protocol))
        }
        Ok(number) if number > 0 => {
            Err(format!("'{text}' has no protocol of Istio's: {}", PROTOCOLS.join(", ")))
        }
        _ => Err(format!("'{text}' is no port; write e.g. 3306 or 3306/TCP")),
    }
}

impl Vip {
    /// What is to be printed.
    ///
    /// # Errors
    /// The running server cannot be asked. `load` reads a Corefile.
    pub fn text(
        &self,
        load: impl FnOnce(&Path) -> Result<Corefile, Diagnostic>,
    ) -> Result<String, VipError> {
        match self {
            Vip::Addresses { name, pools } => Ok(addresses(name, pools).join("\n")),
            Vip::ServiceEntry(entry) => Ok(entry.manifest()),
            Vip::Collisions { conf, server } => {
                let at = match server {
                    Some(server) => *server,
                    None => prometheus::addresses(&load(conf)?)?
                        .first()
                        .copied()
                        .ok_or_else(|| VipError::NoAddress(conf.clone()))?,
                };
                let shared: Vec<Shared> = ask(at, COLLISIONS).map_err(VipError::NoAnswer)?;
                Ok(table(&shared))
            }
        }
    }
}

fn addresses(name: &str, pools: &[Pool]) -> Vec<String> {
    let wire = WireName::parse(name).unwrap_or_else(WireName::root);
    pools.iter().map(|pool| pool.address(&wire).to_string()).collect()
}

impl ServiceEntry {
    /// YAML, ready for `kubectl apply -f -`.
    fn manifest(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let object: String = self.name.chars().map(plain).collect();
        let mut text = format!(
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata:\n  name: {}\nspec:\n  \
             hosts:\n  - {:?}\n  addresses:\n",
            object.trim_matches('-'),
            self.name
        );
        // A String takes all that is written.
        for address in addresses(&self.name, &self.pools) {
            let _ = writeln!(text, "  - {address:?}");
        }
        text.push_str("  ports:\n");
        for (number, protocol) in &self.ports {
            let _ = writeln!(
                text,
                "  - number: {number}\n    name: {}-{number}\n    protocol: {protocol}",
                protocol.to_ascii_lowercase()
            );
        }
        text.push_str("  resolution: STATIC\n");
        match self.endpoints.as_slice() {
            [] => text.push_str(
                "  endpoints: []  # --endpoint ADDRESS: where it leads, e.g. a gateway\n",
            ),
            endpoints => {
                text.push_str("  endpoints:\n");
                endpoints.iter().for_each(|address| {
                    let _ = writeln!(text, "  - address: {address:?}");
                });
            }
        }
        text
    }
}

/// One line for each address, with its pool and its names.
fn table(shared: &[Shared]) -> String {
    if shared.is_empty() {
        return "No two names in use share an address.".to_owned();
    }
    let line = |one: &Shared| format!("{} {} {}", one.pool, one.address, one.names.join(" "));
    shared.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
#[path = "vip_tests.rs"]
mod tests;
