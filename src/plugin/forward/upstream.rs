//! One exchange with one upstream.
//!
//! In: the client's message and an address. Out: the upstream's reply under the client's ID, or what
//! went wrong in the words of CoreDNS. Each exchange has a socket of its own, so its port is one of the
//! kernel's choice, and an ID from the system's random numbers; a UDP socket is connected, so
//! that nobody else's datagrams arrive and ICMP errors do.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::ProtoError;
use hickory_proto::op::{self, Message, MessageType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout, timeout_at};

/// Why there is no reply.
#[derive(Debug)]
pub(super) enum Error {
    /// The upstream replied to another question.
    WrongReply,
    /// Nothing came back; another upstream may be tried.
    Failed(String),
}

/// A client's message, ready to be sent.
#[derive(Debug)]
pub(super) struct Query {
    /// The client's ID, which the reply gets back.
    id: u16,
    /// The message under our ID.
    wire: Vec<u8>,
    question: op::Query,
    /// How long a reply is taken over UDP.
    buffer: usize,
}

impl Query {
    /// The client's message as it is: options, flags and all.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(message: &Message, buffer: usize) -> Result<Self, ProtoError> {
        let mut wire = message.to_vec()?;
        let question = message.queries.first().cloned().unwrap_or_default();
        let id = message.metadata.id;
        wire[..2].copy_from_slice(&rand::random::<u16>().to_be_bytes());
        Ok(Query { id, wire, question, buffer })
    }

    /// Asks by a datagram. Replies to other IDs are ignored while there is time; one to another
    /// question is [`Error::WrongReply`] only when the time is up, for anybody could have sent it.
    pub async fn over_udp(&self, to: SocketAddr, wait: Duration) -> Result<Message, Error> {
        let socket = connect_udp(to)
            .await
            .map_err(|error| Error::Failed(format!("dial udp {to}: connect: {}", words(&error))))?;
        let path = path("udp", socket.local_addr().ok(), to);
        let failed = |verb: &str, error: &io::Error| {
            Error::Failed(format!("{verb} {path}: {verb}: {}", words(error)))
        };
        socket.send(&self.wire).await.map_err(|error| failed("write", &error))?;
        let deadline = Instant::now() + wait;
        let mut buffer = vec![0; self.buffer];
        let mut wrong = false;
        loop {
            let length = match timeout_at(deadline, socket.recv(&mut buffer)).await {
                Ok(length) => length.map_err(|error| failed("read", &error))?,
                Err(_) if wrong => return Err(Error::WrongReply),
                Err(_) => return Err(Error::Failed(format!("read {path}: i/o timeout"))),
            };
            let datagram = &buffer[..length];
            if !datagram.starts_with(&self.wire[..2]) {
                continue;
            }
            match self.reply(datagram) {
                Ok(reply) => return Ok(reply),
                Err(Error::WrongReply) => wrong = true,
                // A reply that was longer than the client can take ends somewhere in a record.
                Err(error) if length == buffer.len() => {
                    return self.cut(datagram).ok_or(error);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks over a connection of its own.
    pub async fn over_tcp(&self, to: SocketAddr, wait: Duration) -> Result<Message, Error> {
        let failed = |text: String| Err(Error::Failed(text));
        let mut stream = match timeout(wait, TcpStream::connect(to)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return failed(format!("dial tcp {to}: connect: {}", words(&error))),
            Err(_) => return failed(format!("dial tcp {to}: i/o timeout")),
        };
        let path = path("tcp", stream.local_addr().ok(), to);
        match timeout(wait, self.converse(&mut stream)).await {
            Ok(Ok(message)) => self.reply(&message),
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                failed("EOF".to_owned())
            }
            Ok(Err(error)) => failed(format!("read {path}: read: {}", words(&error))),
            Err(_) => failed(format!("read {path}: i/o timeout")),
        }
    }

    /// Sends the query and reads until a message has its ID.
    async fn converse(&self, stream: &mut TcpStream) -> io::Result<Vec<u8>> {
        let length = u16::try_from(self.wire.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "message too long"))?;
        // One write, so that length and message leave in one packet.
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend_from_slice(&self.wire);
        stream.write_all(&framed).await?;
        loop {
            let length = stream.read_u16().await?;
            let mut message = vec![0; usize::from(length)];
            stream.read_exact(&mut message).await?;
            if message.starts_with(&self.wire[..2]) {
                return Ok(message);
            }
        }
    }

    /// The reply that the bytes are.
    fn reply(&self, bytes: &[u8]) -> Result<Message, Error> {
        let mut reply = Message::from_vec(bytes)
            .map_err(|error| Error::Failed(format!("bad reply from the upstream: {error}")))?;
        let answers = reply.metadata.message_type == MessageType::Response
            && matches!(reply.queries.as_slice(), [question] if *question == self.question);
        if !answers {
            return Err(Error::WrongReply);
        }
        reply.metadata.id = self.id;
        Ok(reply)
    }

    /// What is left of a reply of which only the beginning came: a truncated one without records.
    fn cut(&self, bytes: &[u8]) -> Option<Message> {
        let mut decoder = BinDecoder::new(bytes);
        let header = op::Header::read(&mut decoder).ok()?;
        let question = op::Query::read(&mut decoder).ok()?;
        if header.metadata.message_type != MessageType::Response || question != self.question {
            return None;
        }
        let mut reply = Message::response(self.id, header.metadata.op_code);
        reply.metadata = header.metadata;
        reply.metadata.id = self.id;
        reply.metadata.truncation = true;
        reply.add_query(question);
        Some(reply)
    }
}

async fn connect_udp(to: SocketAddr) -> io::Result<UdpSocket> {
    let any = match to.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(to).await?;
    Ok(socket)
}

/// `udp 10.0.0.1:3000->10.0.0.2:53`, as Go names a connection.
fn path(network: &str, local: Option<SocketAddr>, to: SocketAddr) -> String {
    match local {
        Some(local) => format!("{network} {local}->{to}"),
        None => format!("{network} {to}"),
    }
}

/// The error in Go's words, where logs are searched for them.
fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset by peer".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network is unreachable".to_owned(),
        io::ErrorKind::HostUnreachable => "no route to host".to_owned(),
        io::ErrorKind::TimedOut => "connection timed out".to_owned(),
        io::ErrorKind::BrokenPipe => "broken pipe".to_owned(),
        _ => error.to_string(),
    }
}
