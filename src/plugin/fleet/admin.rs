//! `admin ADDRESS` of `fleet`: status pages of the process, for whoever is on the machine.
//!
//! In: a line of the Corefile; then what the views of the process say. Out: JSON over HTTP, which
//! `fleetdns clusters` asks for. A page for another question is another route of [`router`].

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;

use crate::admin::{json, listen_address, one_address};
use crate::corefile::{Corefile, Diagnostic, Line, Token};
use crate::plugin::kubernetes::status;
use crate::plugin::setup::{Process, named};

/// Path of the page that says how all clusters are.
pub const CLUSTERS: &str = "/clusters";

const USAGE: &str = "admin ADDRESS";
const LOOPBACK: &str =
    "write a loopback address, e.g. 127.0.0.1:9154; kubectl port-forward reaches it, too";

/// The word and address of an `admin` line. `before` is that of another line of the same `fleet`.
///
/// # Errors
/// It is no address of a loopback interface, or another one than before.
pub fn read(
    line: &Line,
    before: Option<&(Token, SocketAddr)>,
) -> Result<(Token, SocketAddr), Diagnostic> {
    let word = line.one_arg(USAGE)?;
    let address =
        listen_address(word).map_err(|error| Diagnostic::new(error.at, error.problem, LOOPBACK))?;
    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
    if address.port() == 0 {
        return Err(word.error(format!("{word} has no port that anybody could know"), LOOPBACK));
    }
    if !address.ip().is_loopback() {
        return Err(word.error(
            format!("{word} would show the status of the fleet to other machines"),
            LOOPBACK,
        ));
    }
    one_address(line.name(), before.map(|(_, before)| *before), address)?;
    Ok((line.name().clone(), address))
}

/// Where a Corefile has the pages, if it says so.
///
/// # Errors
/// An `admin` line is wrong.
pub fn address(corefile: &Corefile) -> Result<Option<SocketAddr>, Diagnostic> {
    let fleets = corefile.blocks.iter().flat_map(|block| named(block, "fleet"));
    let mut lines =
        fleets.flat_map(|fleet| fleet.lines()).filter(|line| line.name().text == "admin");
    Ok(lines.next().map(|line| read(line, None)).transpose()?.map(|(_, address)| address))
}

/// All status pages.
pub fn router(process: &Process) -> Router {
    let blocks = process.kubernetes.clone();
    Router::new().route(CLUSTERS, get(async move || json(&status::fleets(&blocks))))
}

#[cfg(test)]
#[path = "admin_tests.rs"]
mod tests;
