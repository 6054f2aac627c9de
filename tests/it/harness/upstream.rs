//! An upstream name server that knows nothing: it answers REFUSED and remembers what it was asked.
//!
//! What must never leave fleetdns is shown by its silence, and what must leave by what it lists.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hickory_proto::op::{Message, MessageType, ResponseCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};

use super::netns::Namespace;

/// A running upstream, over UDP and TCP on one port of 127.0.0.1; ends when dropped.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    questions: Questions,
    tasks: [JoinHandle<()>; 2],
}

impl Upstream {
    /// Starts one on a port from the kernel, inside of `namespace` if there is one.
    pub fn start(namespace: Option<&Namespace>) -> Self {
        let (udp, tcp) = Namespace::run_in(namespace, sockets).expect("the upstream's sockets");
        let address = udp.local_addr().expect("a bound socket");
        let udp = tokio::net::UdpSocket::from_std(udp).expect("a socket");
        let tcp = tokio::net::TcpListener::from_std(tcp).expect("a socket");
        let questions = Questions::default();
        let tasks = [
            tokio::spawn(serve_udp(udp, questions.clone())),
            tokio::spawn(serve_tcp(tcp, questions.clone())),
        ];
        Self { address, questions, tasks }
    }

    /// Where it listens, as a Corefile's `forward` takes it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All questions since the start or since the last [`Upstream::forget`], in the order in which they
    /// came: `foo.remote. AAAA`. What is no question is listed as the bytes that it has.
    pub fn questions(&self) -> Vec<String> {
        self.questions.lock().clone()
    }

    /// Forgets all questions so far: those with which the harness waits for a server's start.
    pub fn forget(&self) {
        self.questions.lock().clear();
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What was asked so far.
#[derive(Clone, Debug, Default)]
struct Questions(Arc<Mutex<Vec<String>>>);

impl Questions {
    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the question of a packet before anybody can see its answer, which is returned.
    fn note(&self, packet: &[u8]) -> Option<Vec<u8>> {
        let message = Message::from_vec(packet).ok();
        let message = message.filter(|m| m.metadata.message_type == MessageType::Query);
        let described = message.as_ref().and_then(|message| message.queries.first()).map_or_else(
            || format!("not a question: {packet:02x?}"),
            |query| format!("{} {}", query.name(), query.query_type()),
        );
        self.lock().push(described);
        let mut reply = message?;
        reply.metadata.message_type = MessageType::Response;
        reply.metadata.response_code = ResponseCode::Refused;
        reply.to_vec().ok()
    }
}

async fn serve_udp(socket: tokio::net::UdpSocket, questions: Questions) {
    let mut packet = vec![0; 65_536];
    while let Ok((length, client)) = socket.recv_from(&mut packet).await {
        if let Some(reply) = questions.note(&packet[..length]) {
            let _ = socket.send_to(&reply, client).await;
        }
    }
}

async fn serve_tcp(listener: tokio::net::TcpListener, questions: Questions) {
    // They end with this task.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve_connection(stream, questions.clone()));
    }
}

/// Answers one question after the other until the client closes.
async fn serve_connection(mut stream: TcpStream, questions: Questions) -> io::Result<()> {
    loop {
        let mut packet = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut packet).await?;
        let Some(reply) = questions.note(&packet) else { return Ok(()) };
        let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes(), &reply[..]].concat()).await?;
    }
}

/// Both sockets on one port, which the kernel chooses.
fn sockets() -> io::Result<(UdpSocket, TcpListener)> {
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        match TcpListener::bind(udp.local_addr()?) {
            Ok(tcp) => {
                udp.set_nonblocking(true)?;
                tcp.set_nonblocking(true)?;
                return Ok((udp, tcp));
            }
            // That port is taken for TCP: the next one may be free for both.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
}
