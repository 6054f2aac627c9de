//! Asking the running server, over HTTP on its own machine.
//!
//! In: where it listens, and the path of a page. Out: what the page says. Commands that show what only the
//! server knows share this.

use std::error::Error as StdError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::net::TcpStream;

/// How long a running server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Nobody there says what was asked.
#[derive(Debug, Error)]
#[error("no server answers at {at}: {reason}")]
pub struct NoAnswer {
    at: SocketAddr,
    reason: String,
}

/// What a page of JSON says. Blocks for ten seconds at most.
///
/// # Errors
/// Nobody answers at this address, or it is another page.
pub fn ask<T: DeserializeOwned>(at: SocketAddr, path: &str) -> Result<T, NoAnswer> {
    let mut failure = None;
    for at in local(at) {
        match get(at, path) {
            Ok(said) => return Ok(said),
            Err(error) => failure = Some(NoAnswer { at, reason: error.to_string() }),
        }
    }
    // There is at least one address to ask.
    Err(failure.unwrap_or_else(|| NoAnswer { at, reason: "it has no address".to_owned() }))
}

/// Where a server that listens there is reached from its own machine, which may have one family alone.
fn local(address: SocketAddr) -> Vec<SocketAddr> {
    let loopbacks: &[IpAddr] = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => &[IpAddr::V4(Ipv4Addr::LOCALHOST)],
        IpAddr::V6(ip) if ip.is_unspecified() => {
            &[IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
        }
        _ => return vec![address],
    };
    loopbacks.iter().map(|ip| SocketAddr::new(*ip, address.port())).collect()
}

fn get<T: DeserializeOwned>(at: SocketAddr, path: &str) -> Result<T, Box<dyn StdError>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let exchange = async {
            let stream = TcpStream::connect(at).await?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            let request = http::Request::get(path)
                .header(http::header::HOST, at.to_string())
                .body(Empty::<hyper::body::Bytes>::new())?;
            let reply = sender.send_request(request).await?;
            if !reply.status().is_success() {
                return Err(format!("it says {}", reply.status()).into());
            }
            Ok(serde_json::from_slice(&reply.into_body().collect().await?.to_bytes())?)
        };
        let late = || format!("nothing came within {PATIENCE:?}");
        tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| late())?
    })
}
