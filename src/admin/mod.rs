//! The HTTP endpoints of the process: `/health`, `/ready` and (from the plugin `prometheus`)
//! `/metrics`.
//!
//! In: the words of the Corefile, and what the plugins say of their readiness. Out: [`axum::Router`]s
//! that [`serve`] answers with, within CoreDNS's limits. Listening is the server's, so that what cannot be
//! bound is reported in one place.

mod elsewhere;
mod serving;
pub mod tls;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

pub use elsewhere::elsewhere;
pub use serving::serve;

use crate::corefile::{self, Diagnostic, Token};

/// A page of JSON. What pages show is text and numbers, which always are JSON.
pub fn json(page: &impl Serialize) -> Response {
    match serde_json::to_string(page) {
        Ok(text) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// The address of an endpoint: `HOST:PORT`, or `:PORT` for all addresses of both families (`[::]`). Of
/// the addresses of a host's name it is the first IPv4 one, as in Go.
///
/// # Errors
/// It is none, or the name is unknown.
pub fn listen_address(word: &Token) -> Result<SocketAddr, Diagnostic> {
    let (host, port) = corefile::parse_listen_address(word)?;
    if host.is_empty() {
        return Ok(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port));
    }
    if host == "localhost" {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    if let Ok(address) = host.parse() {
        return Ok(SocketAddr::new(address, port));
    }
    let unknown = |why: String| {
        word.error(
            format!("the host '{host}' has no address: {why}"),
            "write an IP address and a port, or :PORT for all addresses",
        )
    };
    let found = (host.as_str(), port).to_socket_addrs();
    let found: Vec<SocketAddr> = found.map_err(|error| unknown(error.to_string()))?.collect();
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().ok_or_else(|| unknown("it has none".to_owned()))
}

/// That an endpoint of the process, of which there is one, is not on two addresses.
///
/// # Errors
/// It is on another one already.
pub fn one_address(
    word: &Token,
    before: Option<SocketAddr>,
    address: SocketAddr,
) -> Result<(), Diagnostic> {
    match before {
        Some(before) if before != address => Err(word.error(
            format!("{} is on {before} already", word.text),
            format!("give every {} of the Corefile the same address", word.text),
        )),
        _ => Ok(()),
    }
}
