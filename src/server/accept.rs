//! Connections of TCP, for all that is asked over them.
//!
//! The accept loop is our own: an accept that fails (too many open files, a client that is gone again)
//! does not end it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::door::Door;
use super::site::Ends;
use super::{https, stream};
use crate::corefile::Scheme;

/// Pause after an accept that failed for want of memory or file descriptors.
const PAUSE: Duration = Duration::from_millis(50);
/// What is spoken over HTTPS, in the order in which it is preferred (ALPN).
const HTTP: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Accepts connections until `stop`. Open ones then read no further questions, and send the answers to
/// those that they have read.
pub async fn serve(
    listener: TcpListener,
    scheme: Scheme,
    door: Arc<Door>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let mut failing = false;
    loop {
        let next = async {
            let room = door.service().room().await;
            (listener.accept().await, room)
        };
        let (accepted, room) = tokio::select! {
            next = next => next,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, client)) => {
                failing = false;
                // A connection that has no address any more is at its end.
                let Ok(local) = stream.local_addr() else { continue };
                let ends = Ends { client, local };
                let (door, stop) = (door.clone(), stop.clone());
                tasks.spawn(async move {
                    connection(stream, scheme, ends, door, stop).await;
                    drop(room);
                });
            }
            Err(error) if of_the_client(&error) => {}
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "connections cannot be accepted; trying on");
                }
                failing = true;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Whether only the connection that was to be accepted is lost.
fn of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

async fn connection(
    stream: TcpStream,
    scheme: Scheme,
    ends: Ends,
    door: Arc<Door>,
    stop: CancellationToken,
) {
    // Without it the second of two small answers waits for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = door.service();
    let protocols: &[&[u8]] = if scheme == Scheme::Https { &HTTP } else { &[] };
    let identity = service.tls.as_ref().filter(|_| scheme != Scheme::Dns);
    match identity.map(|identity| TlsAcceptor::from(identity.config(protocols))) {
        None if scheme == Scheme::Https => https::connection(stream, ends, door, stop).await,
        None => stream::connection(stream, ends, door, stop).await,
        Some(tls) => {
            let stream = tokio::select! {
                stream = timeout(service.timeouts.read, tls.accept(stream)) => stream,
                () = stop.cancelled() => return,
            };
            match stream {
                Ok(Ok(stream)) if scheme == Scheme::Https => {
                    https::connection(stream, ends, door, stop).await;
                }
                Ok(Ok(stream)) => stream::connection(stream, ends, door, stop).await,
                Ok(Err(error)) => {
                    tracing::debug!(client = %ends.client, %error, "a TLS handshake failed");
                }
                Err(_) => tracing::debug!(client = %ends.client, "a TLS handshake took too long"),
            }
        }
    }
}
