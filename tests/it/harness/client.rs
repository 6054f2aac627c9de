//! Questions asked from inside the test: fast enough for thousands, with the reply as a message.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::{DNSClass, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::timeout;

use super::netns::Namespace;

/// Longer than a server may keep a question waiting, for what it does not know yet or for its upstreams.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks over UDP with RD and without EDNS; fails the test if no reply comes.
pub async fn ask(at: SocketAddr, name: &str, kind: RecordType) -> Message {
    Question::new(name, kind).ask(at).await.unwrap_or_else(|e| panic!("{name} {kind}: {e}"))
}

/// A question with everything that a client may choose.
#[derive(Clone, Debug)]
pub struct Question {
    message: Message,
    tcp: bool,
    from: Option<IpAddr>,
    namespace: Option<Namespace>,
}

impl Question {
    /// RD, class IN, no EDNS, over UDP.
    pub fn new(name: &str, kind: RecordType) -> Self {
        // Not the codec's own reader, which refuses labels that a question may well have.
        let owner = fleetdns::plugin::names::parse(name).unwrap_or_else(|| panic!("{name}"));
        let mut message = Message::query();
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(owner, kind));
        Self { message, tcp: false, from: None, namespace: None }
    }

    /// In another class than IN.
    pub fn class(self, class: DNSClass) -> Self {
        self.edit(|m| {
            m.queries[0].set_query_class(class);
        })
    }

    /// Over TCP.
    pub fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// From this address of the machine, such as another one of loopback.
    pub fn from(mut self, address: IpAddr) -> Self {
        self.from = Some(address);
        self
    }

    /// With EDNS and this UDP payload size.
    pub fn edns(self, size: u16) -> Self {
        self.edit(|m| {
            m.edns.get_or_insert_with(Edns::new).set_max_payload(size);
        })
    }

    /// With EDNS and the DO bit.
    pub fn dnssec_ok(self) -> Self {
        self.edit(|m| {
            m.edns.get_or_insert_with(Edns::new).set_dnssec_ok(true);
        })
    }

    /// From inside of a network namespace.
    pub fn inside(mut self, namespace: &Namespace) -> Self {
        self.namespace = Some(namespace.clone());
        self
    }

    /// With any other change to the message: flags, opcode, more questions.
    pub fn edit(mut self, change: impl FnOnce(&mut Message)) -> Self {
        change(&mut self.message);
        self
    }

    /// Its bytes.
    pub fn packet(&self) -> Vec<u8> {
        self.message.to_vec().expect("a message")
    }

    /// Its ID, which a reply to it has too.
    pub fn id(&self) -> u16 {
        self.message.metadata.id
    }

    /// Whether it goes over TCP.
    pub fn is_tcp(&self) -> bool {
        self.tcp
    }

    /// How it is asked, in a few words: `udp`, `tcp edns 1232 do`.
    pub fn describe(&self) -> String {
        let mut text = String::from(if self.tcp { "tcp" } else { "udp" });
        if let Some(edns) = &self.message.edns {
            text.push_str(&format!(" edns {}", edns.max_payload()));
            text.push_str(if edns.flags().dnssec_ok { " do" } else { "" });
        }
        text
    }

    /// Sends it and waits for the reply to it.
    pub async fn ask(&self, at: SocketAddr) -> Result<Message, String> {
        let packet = self.packet();
        let place = self.namespace.as_ref();
        let reply = match (self.tcp, self.from) {
            (true, None) => exchange_tcp(at, &packet, place).await,
            (false, None) => exchange_udp(at, &packet, place).await,
            (tcp, Some(from)) => self.exchange_from(from, at, tcp).await,
        };
        let reply = read(reply.map_err(|e| format!("no reply from {at}: {e}"))?)?;
        if reply.metadata.id != self.message.metadata.id {
            return Err("the reply has another ID".into());
        }
        Ok(reply)
    }

    /// Sends it over UDP and then the other one, from one socket, and waits for a reply: `None` if the other
    /// is answered first.
    pub async fn ask_before(
        &self,
        other: &Self,
        at: SocketAddr,
    ) -> Result<Option<Message>, String> {
        let from = self.from.unwrap_or(Ipv4Addr::LOCALHOST.into());
        let exchange = async {
            let socket = UdpSocket::bind((from, 0)).await?;
            socket.connect(at).await?;
            socket.send(&self.packet()).await?;
            socket.send(&other.packet()).await?;
            receive(&socket).await
        };
        let reply = read(exchange.await.map_err(|e| format!("no reply from {at}: {e}"))?)?;
        Ok((reply.metadata.id != other.id()).then_some(reply))
    }

    async fn exchange_from(&self, from: IpAddr, at: SocketAddr, tcp: bool) -> io::Result<Vec<u8>> {
        if tcp {
            let socket = TcpSocket::new_v4()?;
            socket.bind((from, 0).into())?;
            return over(socket.connect(at).await?, &self.packet()).await;
        }
        let socket = UdpSocket::bind((from, 0)).await?;
        socket.connect(at).await?;
        socket.send(&self.packet()).await?;
        receive(&socket).await
    }
}

/// Sends these bytes over UDP and returns the next packet from there.
pub async fn exchange_udp(
    at: SocketAddr,
    packet: &[u8],
    inside: Option<&Namespace>,
) -> io::Result<Vec<u8>> {
    let bind = move || {
        let any: SocketAddr = match at {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = std::net::UdpSocket::bind(any)?;
        socket.set_nonblocking(true)?;
        socket.connect(at).map(|()| socket)
    };
    let socket = UdpSocket::from_std(Namespace::run_in(inside, bind)?)?;
    socket.send(packet).await?;
    receive(&socket).await
}

async fn receive(socket: &UdpSocket) -> io::Result<Vec<u8>> {
    let mut reply = vec![0; 65_536];
    let length = timeout(PATIENCE, socket.recv(&mut reply)).await??;
    reply.truncate(length);
    Ok(reply)
}

fn read(reply: Vec<u8>) -> Result<Message, String> {
    Message::from_vec(&reply).map_err(|e| format!("{e}: {reply:02x?}"))
}

/// Sends these bytes as one message over a new TCP connection and returns the next message.
pub async fn exchange_tcp(
    at: SocketAddr,
    packet: &[u8],
    inside: Option<&Namespace>,
) -> io::Result<Vec<u8>> {
    let connect = move || {
        let stream = std::net::TcpStream::connect_timeout(&at, PATIENCE)?;
        stream.set_nonblocking(true).map(|()| stream)
    };
    let stream = match inside {
        Some(_) => TcpStream::from_std(Namespace::run_in(inside, connect)?)?,
        None => TcpStream::connect(at).await?,
    };
    over(stream, packet).await
}

async fn over(mut stream: TcpStream, packet: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(packet.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), packet].concat()).await?;
    let exchange = async {
        let mut reply = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut reply).await.map(|_| reply)
    };
    timeout(PATIENCE, exchange).await?
}
