//! An upstream name server that behaves as the names that it is asked for say, and remembers all of it.
//!
//! | First label | Over UDP | Over TCP |
//! |---|---|---|
//! | `good` | an address | an address |
//! | `silent` | nothing | nothing |
//! | `slow` | an address, after others were asked for `good` | the same |
//! | `id`, `question`, `query`, `header` | another ID, another question, the question itself, REFUSED without a question | the same |
//! | `ids`, `questions` | the same, and then an address | the same |
//! | `source`, `sources` | an address from elsewhere; and then the right one | an address |
//! | `truncated` | TC without an address | an address |
//! | `garbled` | a record that ends too early | the same |
//! | `long` | more than 512 octets, whatever the client takes | the same |
//! | `short` | 5 octets | the same |
//! | `closes` | nothing | the connection ends before the reply |
//! | `once` | an address | an address, and the connection ends |
//! | `edns` | FORMERR without a question to a question with EDNS, else an address | the same |

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hickory_proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// What else there is in its address.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A running one, over UDP and TCP on one port of 127.0.0.1; ends when dropped.
#[derive(Debug)]
pub struct Liar {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 2],
}

#[derive(Debug, Default)]
struct Shared {
    asked: Mutex<Vec<Asked>>,
    is_down: AtomicBool,
    /// That `good` was asked for, for `slow`.
    good: Notify,
}

/// A question that it got.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// `good.test. A`.
    pub question: String,
    pub tcp: bool,
    pub id: u16,
    pub from: SocketAddr,
    /// Whether recursion is desired.
    pub rd: bool,
}

impl Liar {
    /// Starts one on a port from the kernel.
    pub async fn start() -> Self {
        let (udp, elsewhere, tcp) = loop {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
            let address = udp.local_addr().expect("its address");
            let elsewhere = UdpSocket::bind((ELSEWHERE, address.port())).await;
            // A port that is taken for either: the next one may be free for all.
            if let (Ok(elsewhere), Ok(tcp)) = (elsewhere, TcpListener::bind(address).await) {
                break (udp, elsewhere, tcp);
            }
        };
        let address = udp.local_addr().expect("its address");
        let shared = Arc::<Shared>::default();
        let tasks = [
            tokio::spawn(serve_udp(Arc::new(udp), Arc::new(elsewhere), shared.clone())),
            tokio::spawn(serve_tcp(tcp, shared.clone())),
        ];
        Liar { address, shared, tasks }
    }

    /// Where it listens, as a Corefile's `forward` takes it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it answers at all; it notes what it is asked all the same.
    pub fn set_down(&self, is_down: bool) {
        self.shared.is_down.store(is_down, Ordering::SeqCst);
    }

    /// All questions since the start or since the last [`Liar::forget`], in the order in which they came.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.lock().clone()
    }

    /// Forgets all questions so far.
    pub fn forget(&self) {
        self.shared.lock().clear();
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What is sent for one question.
enum Does {
    Sends(Vec<Vec<u8>>),
    /// From another address, before the others.
    SendsFromElsewhere(Vec<Vec<u8>>),
    /// The connection ends.
    Closes(Vec<Vec<u8>>),
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the question before anybody can see its answer, and says what to do.
    async fn take(&self, packet: &[u8], from: SocketAddr, tcp: bool) -> Does {
        let Ok(query) = Message::from_vec(packet) else { return Does::Sends(Vec::new()) };
        let Some(asked) = query.queries.first() else { return Does::Sends(Vec::new()) };
        let question = format!("{} {}", asked.name().to_lowercase(), asked.query_type());
        let first = question.split('.').next().unwrap_or_default().to_owned();
        let (id, rd) = (query.metadata.id, query.metadata.recursion_desired);
        self.lock().push(Asked { question, tcp, id, from, rd });
        if self.is_down.load(Ordering::SeqCst) {
            return Does::Sends(Vec::new());
        }
        if first == "good" {
            self.good.notify_one();
        }
        if first == "slow" {
            self.good.notified().await;
        }
        does(&query, &first, tcp)
    }
}

fn does(query: &Message, first: &str, tcp: bool) -> Does {
    let good = reply(query);
    let mut other = good.clone();
    let bytes = |message: &Message| message.to_vec().expect("a message");
    match first {
        "silent" => return Does::Sends(Vec::new()),
        "id" | "ids" => other.metadata.id = good.metadata.id.wrapping_add(1),
        "question" | "questions" => {
            let name = Name::from_ascii("other.test.").expect("a name");
            other.queries = vec![Query::query(name, RecordType::A)];
        }
        "query" => other = query.clone(),
        "header" => {
            other = header(query, ResponseCode::Refused);
        }
        "edns" if query.edns.is_some() => other = header(query, ResponseCode::FormErr),
        "source" if !tcp => return Does::SendsFromElsewhere(vec![bytes(&good)]),
        "sources" if !tcp => {
            return Does::SendsFromElsewhere(vec![bytes(&good), bytes(&good)]);
        }
        "truncated" if !tcp => {
            other.metadata.truncation = true;
            other.answers.clear();
        }
        "garbled" => {
            let mut bytes = bytes(&good);
            bytes.truncate(bytes.len() - 2);
            return Does::Sends(vec![bytes]);
        }
        "long" => {
            let record = good.answers[0].clone();
            other.answers.extend(std::iter::repeat_n(record, 60));
        }
        "short" => return Does::Sends(vec![bytes(&good)[..5].to_vec()]),
        "closes" => return Does::Closes(Vec::new()),
        "once" => return Does::Closes(vec![bytes(&good)]),
        _ => {}
    }
    match first {
        "ids" | "questions" => Does::Sends(vec![bytes(&other), bytes(&good)]),
        _ => Does::Sends(vec![bytes(&other)]),
    }
}

fn reply(query: &Message) -> Message {
    let mut reply = header(query, ResponseCode::NoError);
    reply.queries = query.queries.clone();
    reply.metadata.recursion_available = true;
    let name = query.queries[0].name().clone();
    reply.add_answer(Record::from_rdata(name, 60, RData::A(A::new(192, 0, 2, 1))));
    reply
}

fn header(query: &Message, code: ResponseCode) -> Message {
    let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
    reply.metadata.message_type = MessageType::Response;
    reply.metadata.recursion_desired = query.metadata.recursion_desired;
    reply.metadata.response_code = code;
    reply
}

async fn serve_udp(socket: Arc<UdpSocket>, elsewhere: Arc<UdpSocket>, shared: Arc<Shared>) {
    // They end with this task.
    let mut questions = JoinSet::new();
    let mut packet = vec![0; 65_536];
    while let Ok((length, client)) = socket.recv_from(&mut packet).await {
        let (socket, elsewhere) = (socket.clone(), elsewhere.clone());
        let (shared, packet) = (shared.clone(), packet[..length].to_vec());
        questions.spawn(async move {
            let (first, replies) = match shared.take(&packet, client, false).await {
                Does::Sends(replies) => (&socket, replies),
                Does::SendsFromElsewhere(replies) => (&elsewhere, replies),
                Does::Closes(replies) => (&socket, replies),
            };
            for (index, reply) in replies.iter().enumerate() {
                let from = if index == 0 { first } else { &socket };
                let _ = from.send_to(reply, client).await;
            }
        });
    }
}

async fn serve_tcp(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, client)) = listener.accept().await {
        connections.spawn(serve_connection(stream, client, shared.clone()));
    }
}

/// Answers one question after the other until either end closes.
async fn serve_connection(
    mut stream: TcpStream,
    client: SocketAddr,
    shared: Arc<Shared>,
) -> io::Result<()> {
    loop {
        let mut packet = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut packet).await?;
        let (replies, closes) = match shared.take(&packet, client, true).await {
            Does::Sends(replies) | Does::SendsFromElsewhere(replies) => (replies, false),
            Does::Closes(replies) => (replies, true),
        };
        for reply in replies {
            let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
            stream.write_all(&[&length.to_be_bytes(), &reply[..]].concat()).await?;
        }
        if closes {
            return Ok(());
        }
    }
}
