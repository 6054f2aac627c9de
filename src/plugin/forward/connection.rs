//! A connection to an upstream: a connected UDP socket, or a stream over TCP or TLS.
//!
//! In: an address, and from where. Out: messages sent and received, or what went wrong in the words of Go's
//! library, for which logs are searched. Source ports are the kernel's choice, which is random. A UDP socket
//! is connected, so that nobody else's datagrams arrive and ICMP errors do.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::{Instant, timeout, timeout_at};

use super::tls::Tls;

/// How long a message may take to be sent.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// An open connection.
pub(super) struct Connection {
    wire: Wire,
    /// `udp 10.0.0.1:3000->10.0.0.2:53`, as Go names it.
    path: String,
    pub created: Instant,
    /// When it was given back.
    pub used: Instant,
}

enum Wire {
    Udp(UdpSocket),
    Stream(Box<dyn Stream>),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// How a connection is opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dial<'a> {
    pub to: SocketAddr,
    /// The source address; the kernel's choice without one.
    pub source: Option<IpAddr>,
    pub tls: Option<&'a Tls>,
    /// Over UDP; TLS is over TCP whatever this says.
    pub udp: bool,
    /// How long it may take.
    pub patience: Duration,
    /// When TLS must be up, besides.
    pub tls_deadline: Option<Instant>,
}

/// Why nothing more comes over a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// The other end closed it between two messages.
    #[error("EOF")]
    Ended,
    #[error("{0}")]
    Failed(String),
}

impl Dial<'_> {
    /// Opens it.
    ///
    /// # Errors
    /// Nobody is there, or time is up. In Go's words.
    pub async fn open(self) -> Result<Connection, String> {
        match self.tls {
            None if self.udp => {
                let socket = udp(self.to, self.source).map_err(|step| self.failed("udp", step))?;
                let path = path("udp", socket.local_addr().ok(), self.to);
                Ok(Connection::new(Wire::Udp(socket), path))
            }
            None => {
                let opened = timeout(self.patience, tcp(self.to, self.source)).await;
                let stream = self.opened(opened)?;
                let path = path("tcp", stream.local_addr().ok(), self.to);
                Ok(Connection::new(Wire::Stream(Box::new(stream)), path))
            }
            Some(tls) => self.open_tls(tls).await,
        }
    }

    async fn open_tls(self, tls: &Tls) -> Result<Connection, String> {
        let mut deadline = Instant::now() + self.patience;
        if let Some(earlier) = self.tls_deadline {
            deadline = deadline.min(earlier);
        }
        let stream = self.opened(timeout_at(deadline, tcp(self.to, self.source)).await)?;
        let path = path("tcp", stream.local_addr().ok(), self.to);
        match timeout_at(deadline, tls.connect(stream)).await {
            Ok(Ok(stream)) => Ok(Connection::new(Wire::Stream(Box::new(stream)), path)),
            Ok(Err(error)) => Err(words(&error)),
            Err(_) => Err("context deadline exceeded".to_owned()),
        }
    }

    fn opened<E>(self, opened: Result<Result<TcpStream, Step>, E>) -> Result<TcpStream, String> {
        match opened {
            Ok(opened) => opened.map_err(|step| self.failed("tcp", step)),
            Err(_) => Err(format!("dial {}: i/o timeout", self.way("tcp"))),
        }
    }

    fn failed(self, network: &str, (step, error): Step) -> String {
        format!("dial {}: {step}: {}", self.way(network), words(&error))
    }

    /// `udp 10.0.0.2:53`, with the source address before it where it was chosen.
    fn way(self, network: &str) -> String {
        path(network, self.source.map(|source| SocketAddr::new(source, 0)), self.to)
    }
}

impl Connection {
    fn new(wire: Wire, path: String) -> Self {
        let now = Instant::now();
        Connection { wire, path, created: now, used: now }
    }

    pub fn is_udp(&self) -> bool {
        matches!(self.wire, Wire::Udp(_))
    }

    /// Sends a message.
    pub async fn send(&mut self, message: &[u8]) -> Result<(), Broken> {
        let sent = match &mut self.wire {
            Wire::Udp(socket) => {
                timeout(WRITE_TIMEOUT, socket.send(message)).await.map(|sent| sent.map(drop))
            }
            Wire::Stream(stream) => {
                let Ok(length) = u16::try_from(message.len()) else {
                    return Err(Broken::Failed("message too large".to_owned()));
                };
                // One write, so that length and message leave in one packet.
                let framed = [&length.to_be_bytes(), message].concat();
                timeout(WRITE_TIMEOUT, async {
                    stream.write_all(&framed).await?;
                    stream.flush().await
                })
                .await
            }
        };
        self.done("write", sent)
    }

    /// The next message, of a datagram at most `buffer` octets.
    pub async fn receive(&mut self, buffer: usize, deadline: Instant) -> Result<Vec<u8>, Broken> {
        let mut message = Vec::new();
        let received = match &mut self.wire {
            Wire::Udp(socket) => {
                message.resize(buffer, 0);
                let received = timeout_at(deadline, socket.recv(&mut message)).await;
                received.map(|received| received.map(Some))
            }
            Wire::Stream(stream) => timeout_at(deadline, framed(stream, &mut message)).await,
        };
        match self.done("read", received)? {
            Some(length) => {
                message.truncate(length);
                Ok(message)
            }
            None => Err(Broken::Ended),
        }
    }

    fn done<T, E>(&self, verb: &str, done: Result<io::Result<T>, E>) -> Result<T, Broken> {
        match done {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(Broken::Failed("unexpected EOF".to_owned()))
            }
            Ok(Err(error)) => {
                Err(Broken::Failed(format!("{verb} {}: {verb}: {}", self.path, words(&error))))
            }
            Err(_) => Err(Broken::Failed(format!("{verb} {}: i/o timeout", self.path))),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

/// Reads a message behind its length (RFC 1035 §4.2.2) and returns that; `None` where the stream ends
/// before it.
async fn framed(stream: &mut dyn Stream, message: &mut Vec<u8>) -> io::Result<Option<usize>> {
    let mut length = [0; 2];
    match stream.read(&mut length[..1]).await {
        Ok(0) => return Ok(None),
        Ok(_) => {}
        // TLS that ends without being closed is an end, too, for many servers are in a hurry.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    stream.read_exact(&mut length[1..]).await?;
    let length = usize::from(u16::from_be_bytes(length));
    message.resize(length, 0);
    stream.read_exact(message).await?;
    Ok(Some(length))
}

/// What failed, and how.
type Step = (&'static str, io::Error);

/// A connected socket that hears of unreachable hosts and networks, too (plugin/pkg/proxy/recverr_linux.go).
fn udp(to: SocketAddr, source: Option<IpAddr>) -> Result<UdpSocket, Step> {
    let open = || {
        let socket = Socket::new(Domain::for_address(to), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        match to {
            SocketAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?,
            SocketAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?,
        }
        Ok(socket)
    };
    let socket = open().map_err(|error| ("socket", error))?;
    if let Some(source) = source {
        socket.bind(&SocketAddr::new(source, 0).into()).map_err(|error| ("bind", error))?;
    }
    socket.connect(&to.into()).map_err(|error| ("connect", error))?;
    UdpSocket::from_std(socket.into()).map_err(|error| ("socket", error))
}

/// A connected stream that sends at once, as Go's do.
pub(super) async fn tcp(to: SocketAddr, source: Option<IpAddr>) -> Result<TcpStream, Step> {
    let socket = match to {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    };
    let socket = socket.map_err(|error| ("socket", error))?;
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0)).map_err(|error| ("bind", error))?;
    }
    let stream = socket.connect(to).await.map_err(|error| ("connect", error))?;
    stream.set_nodelay(true).map_err(|error| ("setsockopt", error))?;
    Ok(stream)
}

fn path(network: &str, local: Option<SocketAddr>, to: SocketAddr) -> String {
    match local {
        Some(local) => format!("{network} {local}->{to}"),
        None => format!("{network} {to}"),
    }
}

/// The error in Go's words.
pub(super) fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset by peer".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network is unreachable".to_owned(),
        io::ErrorKind::HostUnreachable => "no route to host".to_owned(),
        io::ErrorKind::TimedOut => "connection timed out".to_owned(),
        io::ErrorKind::BrokenPipe => "broken pipe".to_owned(),
        io::ErrorKind::AddrNotAvailable => "cannot assign requested address".to_owned(),
        io::ErrorKind::UnexpectedEof => "EOF".to_owned(),
        // TLS says by this kind what it does not like.
        io::ErrorKind::InvalidData => format!("tls: {error}"),
        _ => error.to_string(),
    }
}
