//! An upstream over QUIC (RFC 9250): one connection, and a stream of its own for each question
//! (CoreDNS, plugin/pkg/proxy/doq.go).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex as Locked, PoisonError};
use std::time::Duration;

use hickory_proto::op::Message;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, ReadExactError, RecvStream, SendStream, VarInt};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::pool::Lifetime;
use super::query::Query;
use super::{Error, read};
use crate::telemetry::forward::Upstream as Counts;

/// The protocol that is offered (RFC 9250 §7.1).
pub(super) const ALPN: &[u8] = b"doq";
/// The value of the label `proto`.
const PROTO: &str = "quic";
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a connection stays without a question, at least.
const IDLE: Duration = Duration::from_secs(30);
/// How long a health check may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// DOQ_NO_ERROR, DOQ_PROTOCOL_ERROR and DOQ_REQUEST_CANCELLED (RFC 9250 §4.3).
const NO_ERROR: VarInt = VarInt::from_u32(0);
const PROTOCOL_ERROR: VarInt = VarInt::from_u32(2);
const CANCELLED: VarInt = VarInt::from_u32(3);

/// The upstream.
#[derive(Debug)]
pub(super) struct Quic {
    address: SocketAddr,
    source: Option<IpAddr>,
    /// Whom its certificate must be for.
    name: String,
    config: ClientConfig,
    lifetime: Lifetime,
    read_timeout: Duration,
    /// Held while a connection is opened: others wait for it.
    current: Mutex<Option<Arc<Link>>>,
}

/// A connection; closed when nobody has it any more.
#[derive(Debug)]
struct Link {
    connection: Connection,
    created: Instant,
    /// When a question was done last.
    used: Locked<Instant>,
    /// Its socket.
    _endpoint: Endpoint,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.connection.close(NO_ERROR, b"");
    }
}

impl Link {
    fn used(&self) -> Instant {
        // The guarded value is one number.
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

/// What an upstream over QUIC is.
#[derive(Debug)]
pub(super) struct Server {
    pub address: SocketAddr,
    pub source: Option<IpAddr>,
    pub name: String,
    pub tls: rustls::ClientConfig,
    pub lifetime: Lifetime,
    pub read_timeout: Duration,
}

impl Quic {
    /// # Errors
    /// TLS 1.3 cannot be spoken with this configuration.
    pub fn new(server: Server) -> Result<Self, quinn::crypto::rustls::NoInitialCipherSuite> {
        let crypto = QuicClientConfig::try_from(server.tls)?;
        let mut config = ClientConfig::new(Arc::new(crypto));
        let mut transport = quinn::TransportConfig::default();
        let idle = IDLE.max(server.lifetime.expire).max(server.read_timeout);
        // Longer than QUIC can say is for ever.
        transport.max_idle_timeout(idle.try_into().ok());
        transport.max_concurrent_bidi_streams(NO_ERROR).max_concurrent_uni_streams(NO_ERROR);
        config.transport_config(Arc::new(transport));
        Ok(Quic {
            address: server.address,
            source: server.source,
            name: server.name,
            config,
            lifetime: server.lifetime,
            read_timeout: server.read_timeout,
            current: Mutex::default(),
        })
    }

    /// Asks once.
    pub async fn ask(&self, query: &Query, counts: &Counts) -> Result<Message, Error> {
        if query.is_transfer() {
            return Err(Error::Unsupported);
        }
        let wire = query.for_quic().map_err(|error| Error::Invalid(error.to_string()))?;
        self.exchange(&wire, self.read_timeout, counts).await
    }

    /// Whether it says anything to this question.
    pub async fn probe(&self, question: &[u8], counts: &Counts) -> Result<(), String> {
        let wire = [&[0, 0], &question[2..]].concat();
        let probe = async || match timeout(
            PROBE_TIMEOUT,
            self.exchange(&wire, PROBE_TIMEOUT, counts),
        )
        .await
        {
            Ok(done) => done.map(drop),
            Err(_) => Err(late()),
        };
        let probed = match probe().await {
            Err(Error::Closed) => probe().await,
            probed => probed,
        };
        probed.map_err(|error| error.to_string())
    }

    /// Lets go of a connection that is too old, or was idle for too long.
    pub fn clean(&self) {
        // Whoever holds it cleans up itself.
        if let Ok(mut current) = self.current.try_lock() {
            self.clean_up(&mut current);
        }
    }

    fn clean_up(&self, current: &mut Option<Arc<Link>>) {
        let now = Instant::now();
        let Lifetime { expire, max_age, .. } = self.lifetime;
        let is_over = |link: &Arc<Link>| {
            let is_idle = Arc::strong_count(link) == 1;
            link.connection.close_reason().is_some()
                || (is_idle && now.duration_since(link.used()) >= expire)
                || (!max_age.is_zero() && now.duration_since(link.created) >= max_age)
        };
        if current.as_ref().is_some_and(is_over) {
            *current = None;
        }
    }

    /// The connection, and whether there was one already.
    async fn link(&self, counts: &Counts) -> Result<(Arc<Link>, bool), Error> {
        let mut current = self.current.lock().await;
        self.clean_up(&mut current);
        if let Some(link) = &*current {
            counts.hit(PROTO);
            return Ok((link.clone(), true));
        }
        counts.miss(PROTO);
        let link = Arc::new(self.dial().await?);
        *current = Some(link.clone());
        Ok((link, false))
    }

    async fn dial(&self) -> Result<Link, Error> {
        let any: IpAddr = match self.address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let local = SocketAddr::new(self.source.unwrap_or(any), 0);
        let endpoint = Endpoint::client(local).map_err(failed)?;
        let config = self.config.clone();
        let connecting = endpoint.connect_with(config, self.address, &self.name).map_err(failed)?;
        let connection = match timeout(HANDSHAKE, connecting).await {
            Ok(connected) => connected.map_err(failed)?,
            Err(_) => return Err(late()),
        };
        let now = Instant::now();
        Ok(Link { connection, created: now, used: Locked::new(now), _endpoint: endpoint })
    }

    async fn exchange(
        &self,
        wire: &[u8],
        patience: Duration,
        counts: &Counts,
    ) -> Result<Message, Error> {
        let (link, cached) = self.link(counts).await?;
        let done = timeout(patience, over(&link.connection, wire, cached)).await;
        link.release();
        done.unwrap_or_else(|_| Err(late()))
    }
}

/// Asks on a stream of its own, which is cancelled where nobody waits for the reply any more.
async fn over(connection: &Connection, wire: &[u8], cached: bool) -> Result<Message, Error> {
    let (send, receive) = match connection.open_bi().await {
        Ok(stream) => stream,
        Err(_) if cached => {
            connection.close(NO_ERROR, b"");
            return Err(Error::Closed);
        }
        Err(error) => return Err(failed(error)),
    };
    let mut stream = Stream { send, receive, is_done: false };
    let length = u16::try_from(wire.len())
        .map_err(|_| Error::Invalid("DNS message is too large for DoQ".to_owned()))?;
    stream.send.write_all(&[&length.to_be_bytes(), wire].concat()).await.map_err(failed)?;
    stream.send.finish().map_err(failed)?;
    let reply = stream.reply().await;
    stream.is_done = reply.is_ok();
    reply.map_err(|wrong| match wrong {
        Wrong::Lost(error) => Error::Failed(error),
        Wrong::Protocol(what) => {
            let why = format!("DNS-over-QUIC protocol error: {what}");
            connection.close(PROTOCOL_ERROR, why.as_bytes());
            Error::Failed(why)
        }
    })
}

struct Stream {
    send: SendStream,
    receive: RecvStream,
    is_done: bool,
}

impl Drop for Stream {
    fn drop(&mut self) {
        if !self.is_done {
            // Where either is over already there is nothing to cancel.
            let _ = self.send.reset(CANCELLED);
            let _ = self.receive.stop(CANCELLED);
        }
    }
}

/// Why there is no reply on a stream.
enum Wrong {
    Lost(String),
    /// The server does not keep to RFC 9250: the connection is given up.
    Protocol(String),
}

impl Stream {
    /// The one message of the server, and the end of its stream.
    async fn reply(&mut self) -> Result<Message, Wrong> {
        let mut length = [0; 2];
        self.fill(&mut length, || "incomplete message length".to_owned()).await?;
        let length = usize::from(u16::from_be_bytes(length));
        if length == 0 {
            return Err(Wrong::Protocol("zero-length DNS message".to_owned()));
        }
        let mut bytes = vec![0; length];
        self.fill(&mut bytes, || format!("message ended before {length} bytes")).await?;
        match self.receive.read(&mut [0]).await {
            Ok(None) => {}
            Ok(Some(_)) => {
                let what = "multiple responses on one query stream";
                return Err(Wrong::Protocol(what.to_owned()));
            }
            Err(error) => return Err(Wrong::Lost(error.to_string())),
        }
        let reply = read::message(&bytes)
            .map_err(|error| Wrong::Protocol(format!("invalid DNS response: {error}")))?;
        match reply.metadata.id {
            0 => Ok(reply),
            id => Err(Wrong::Protocol(format!("response message ID is {id}, want 0"))),
        }
    }

    async fn fill(
        &mut self,
        buffer: &mut [u8],
        short: impl FnOnce() -> String,
    ) -> Result<(), Wrong> {
        self.receive.read_exact(buffer).await.map_err(|error| match error {
            ReadExactError::FinishedEarly(_) => Wrong::Protocol(short()),
            ReadExactError::ReadError(error) => Wrong::Lost(error.to_string()),
        })
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Failed(error.to_string())
}

fn late() -> Error {
    Error::Failed("context deadline exceeded".to_owned())
}
