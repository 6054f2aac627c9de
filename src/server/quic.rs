//! Questions over QUIC (RFC 9250): one for each stream.
//!
//! quinn carries the protocol. 0-RTT is not offered: what is asked in it may be replayed (RFC 9250 §4.5).

use std::io;
use std::net::UdpSocket;
use std::sync::Arc;

use quinn::crypto::rustls::{NoInitialCipherSuite, QuicServerConfig};
use quinn::{
    Endpoint, EndpointConfig, Incoming, RecvStream, SendStream, ServerConfig, TokioRuntime,
};
use quinn::{TransportConfig, VarInt};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::door::{Door, Service};
use super::site::Ends;
use super::stream::framed;
use crate::plugin::Transport;
use crate::plugin::tls::Identity;

/// What is spoken (ALPN).
const DOQ: [&[u8]; 1] = [b"doq"];
/// Error codes (RFC 9250 §4.3).
const NO_ERROR: u32 = 0;
const INTERNAL_ERROR: u32 = 1;
const PROTOCOL_ERROR: u32 = 2;
/// The EDNS option that may not come over QUIC (RFC 9250 §5.5.2, RFC 7828).
const TCP_KEEPALIVE: u16 = 11;

/// Takes connections until `stop`. Open ones then take no further questions, and answer those that they
/// have.
///
/// # Errors
/// The socket cannot be used.
pub async fn serve(
    socket: UdpSocket,
    door: Arc<Door>,
    tasks: TaskTracker,
    stop: CancellationToken,
) -> io::Result<()> {
    let config = EndpointConfig::default();
    let endpoint = Endpoint::new(config, None, socket, Arc::new(TokioRuntime))?;
    let pool = Arc::new(Semaphore::new(door.service().quic.questions()));
    loop {
        // The certificate may have been renewed, and the limits changed.
        let service = door.service();
        let Some(identity) = &service.tls else {
            return Err(io::Error::other("QUIC without a certificate"));
        };
        match server_config(identity, &service) {
            Ok(config) => endpoint.set_server_config(Some(config)),
            Err(error) => tracing::error!(%error, "the certificate cannot be used for QUIC"),
        }
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            () = stop.cancelled() => break,
        };
        let Some(incoming) = incoming else { break };
        let Ok(room) = door.service().room_now() else {
            incoming.refuse();
            continue;
        };
        let (door, pool, stop) = (door.clone(), pool.clone(), stop.clone());
        tasks.spawn(async move {
            connection(incoming, door, pool, stop).await;
            drop(room);
        });
    }
    endpoint.set_server_config(None);
    endpoint.wait_idle().await;
    Ok(())
}

fn server_config(
    identity: &Identity,
    service: &Service,
) -> Result<ServerConfig, NoInitialCipherSuite> {
    let tls = QuicServerConfig::try_from(identity.config(&DOQ))?;
    let mut config = ServerConfig::with_crypto(Arc::new(tls));
    let mut transport = TransportConfig::default();
    transport.max_concurrent_bidi_streams(service.quic.streams().into());
    transport.max_concurrent_uni_streams(VarInt::from_u32(0));
    // Longer than can be said is not said.
    transport.max_idle_timeout(service.timeouts.idle.try_into().ok());
    config.transport_config(Arc::new(transport));
    Ok(config)
}

async fn connection(
    incoming: Incoming,
    door: Arc<Door>,
    pool: Arc<Semaphore>,
    stop: CancellationToken,
) {
    let client = incoming.remote_address();
    let local = incoming.local_ip();
    let service = door.service();
    let connection = match timeout(service.timeouts.read, incoming).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            return tracing::debug!(%client, %error, "a handshake of QUIC failed");
        }
        Err(_) => return tracing::debug!(%client, "a handshake of QUIC took too long"),
    };
    let port = service.site.port();
    let local =
        local.map_or((std::net::Ipv4Addr::UNSPECIFIED, port).into(), |ip| (ip, port).into());
    let ends = Ends { client, local };
    let questions = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = connection.accept_bi() => accepted,
            () = stop.cancelled() => break,
        };
        let Ok((mut send, receive)) = accepted else { break };
        // The semaphore is never closed.
        let Ok(permit) = pool.clone().acquire_owned().await else { break };
        let (service, connection) = (door.service(), connection.clone());
        questions.spawn(async move {
            let code = match answer(&mut send, receive, ends, &service).await {
                Ok(()) => Some(NO_ERROR),
                Err(Wrong::Stream) => Some(INTERNAL_ERROR),
                Err(Wrong::Protocol) => {
                    connection.close(PROTOCOL_ERROR.into(), b"");
                    Some(PROTOCOL_ERROR)
                }
                Err(Wrong::Gone) => None,
            };
            if let Some(code) = code {
                service.site.metrics().encrypted.quic(service.site.label(), code);
            }
            drop(permit);
        });
    }
    questions.close();
    questions.wait().await;
    connection.close(NO_ERROR.into(), b"");
}

/// Why a question got no answer.
enum Wrong {
    /// What the whole connection is closed for.
    Protocol,
    /// What only this stream is given up for.
    Stream,
    /// The client is.
    Gone,
}

async fn answer(
    send: &mut SendStream,
    mut receive: RecvStream,
    ends: Ends,
    service: &Service,
) -> Result<(), Wrong> {
    let packet = match timeout(service.timeouts.read, question(&mut receive)).await {
        Ok(packet) => packet,
        Err(_) => Err(Wrong::Stream),
    };
    let packet = packet.inspect_err(|wrong| {
        if matches!(wrong, Wrong::Stream) {
            // Fails only where the stream is at its end.
            let _ = send.reset(INTERNAL_ERROR.into());
        }
    })?;
    let sent = async {
        let reply = service.site.answer(&packet, ends, Transport::Quic).await;
        if let Some(reply) = reply {
            send.write_all(&framed(&reply)).await.map_err(|_| Wrong::Gone)?;
        }
        send.finish().map_err(|_| Wrong::Gone)?;
        // Until the client has it all: the connection may be closed after that.
        let _ = timeout(service.timeouts.write, send.stopped()).await;
        Ok(())
    };
    sent.await
}

/// The message of a stream (RFC 9250 §4.2): with ID 0, and whole.
async fn question(receive: &mut RecvStream) -> Result<Vec<u8>, Wrong> {
    use quinn::{ReadError, ReadExactError};
    let wrong = |error| match error {
        ReadExactError::FinishedEarly(_) => Wrong::Protocol,
        ReadExactError::ReadError(ReadError::Reset(_)) => Wrong::Stream,
        ReadExactError::ReadError(_) => Wrong::Gone,
    };
    let mut length = [0; 2];
    receive.read_exact(&mut length).await.map_err(wrong)?;
    let mut packet = vec![0; usize::from(u16::from_be_bytes(length))];
    receive.read_exact(&mut packet).await.map_err(wrong)?;
    let message = hickory_proto::op::Message::from_vec(&packet).map_err(|_| Wrong::Protocol)?;
    let keeps_alive = message.edns.as_ref().is_some_and(|edns| {
        edns.options().options.iter().any(|(code, _)| u16::from(*code) == TCP_KEEPALIVE)
    });
    if message.metadata.id != 0 || keeps_alive {
        return Err(Wrong::Protocol);
    }
    Ok(packet)
}
