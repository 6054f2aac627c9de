//! Endpoints over TLS, as a file says that is in the format of Prometheus's own programs
//! (github.com/prometheus/exporter-toolkit, docs/web-configuration.md).
//!
//! In: connections. Out: those whose handshake succeeded, and all where there is no such file. The file is
//! read again for each connection, so that new certificates need no restart.

mod file;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

pub use file::{TlsFile, TlsFileError};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Pause after an accept that failed for want of memory or file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections, over TLS while there is a file that says so.
#[derive(Debug)]
pub struct TlsListener {
    tcp: TcpListener,
    file: Arc<ArcSwapOption<TlsFile>>,
    /// Those that have not shaken hands yet: a slow client holds up nobody else.
    shaking: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl TlsListener {
    pub fn new(tcp: TcpListener, file: Arc<ArcSwapOption<TlsFile>>) -> Self {
        TlsListener { tcp, file, shaking: JoinSet::new() }
    }
}

impl Listener for TlsListener {
    type Io = Either<TcpStream, TlsStream<TcpStream>>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            tokio::select! {
                accepted = self.tcp.accept() => match accepted {
                    Ok((stream, client)) => match self.file.load_full() {
                        Some(file) => drop(self.shaking.spawn(shake(stream, client, file))),
                        None => return (Either::Left(stream), client),
                    },
                    Err(_) => tokio::time::sleep(PAUSE).await,
                },
                Some(shaken) = self.shaking.join_next() => {
                    if let Ok(Some((stream, client))) = shaken {
                        return (Either::Right(stream), client);
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// A connection whose client speaks TLS in time.
async fn shake(
    stream: TcpStream,
    client: SocketAddr,
    file: Arc<TlsFile>,
) -> Option<(TlsStream<TcpStream>, SocketAddr)> {
    let config = match file.read() {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(%client, %error, "a connection is closed: the TLS file is wrong");
            return None;
        }
    };
    let handshake = TlsAcceptor::from(config).accept(stream);
    let stream = timeout(HANDSHAKE, handshake).await.ok()?.ok()?;
    Some((stream, client))
}
