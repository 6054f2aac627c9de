//! A question on its way through a chain.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt;
use hickory_proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tokio::time::Instant;

use super::changes::Changes;
use super::metadata::Known;
use super::{Outcome, Reply};
use crate::telemetry::uncompressed_len;

/// A parsed question. The server has seen to it that there is exactly one, of class IN and opcode
/// QUERY, with EDNS version 0 or none.
#[derive(Clone)]
pub struct Request {
    /// The message as the client sent it.
    pub message: Arc<Message>,
    pub client: SocketAddr,
    /// The address that was asked.
    pub local: SocketAddr,
    pub transport: Transport,
    /// Length of the question's message in bytes.
    pub size: usize,
    /// Label of the listener and its block in metrics: `dns://:53`.
    pub server: Arc<str>,
    /// The zone of the server block that was chosen, in lower case with its final dot.
    pub zone: Arc<str>,
    /// The name of the view that took the question, where its block has one.
    pub view: Option<Arc<str>>,
    /// Asks the whole server, all blocks: for names that an answer points to.
    pub resolver: Arc<dyn Resolve>,
    /// How many questions led to this one, by [`Request::ask`].
    pub depth: u8,
    /// Whether the server itself asks, not a client: it is neither logged nor counted.
    pub is_own: bool,
    /// What plugins know about it, where `metadata` asked them.
    pub metadata: Option<Arc<Known>>,
    /// What plugins made of it on its way.
    pub changes: Changes,
    /// When nothing more is begun for it, where `cancel` said so.
    pub deadline: Option<Instant>,
}

/// How a question came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    Udp,
    /// TCP, TLS and HTTPS.
    Tcp,
    /// Datagrams for whoever counts, a stream for whoever answers.
    Quic,
}

impl Transport {
    /// The value of the metric label `proto` and of the log.
    pub fn label(self) -> &'static str {
        match self {
            Transport::Udp | Transport::Quic => "udp",
            Transport::Tcp => "tcp",
        }
    }
}

/// Asks the server's own blocks, as a client of it would.
#[async_trait]
pub trait Resolve: Send + Sync {
    async fn resolve(&self, request: Request) -> Outcome;
}

/// Longest chain of questions that one question may cause.
const MAX_DEPTH: u8 = 11;

/// Asks the whole server on its own behalf: over UDP, and over TCP what does not fit.
#[derive(Clone)]
pub struct Asker(Request);

impl Asker {
    /// `request` says as whom; its question is of no matter.
    pub fn new(request: Request) -> Self {
        Asker(request)
    }

    /// The same as [`Request::ask`]; a plugin that panics says nothing.
    pub async fn ask(&self, name: Name, qtype: RecordType) -> Option<Message> {
        let ask = async |transport| {
            let request = Request { transport, ..self.0.clone() };
            let asked = AssertUnwindSafe(request.ask(name.clone(), qtype)).catch_unwind();
            asked.await.ok().flatten()
        };
        let reply = ask(Transport::Udp).await?;
        if reply.metadata.truncation { ask(Transport::Tcp).await } else { Some(reply) }
    }
}

impl Request {
    pub fn query(&self) -> &Query {
        &self.message.queries[0]
    }

    pub fn qname(&self) -> &Name {
        self.query().name()
    }

    pub fn qtype(&self) -> RecordType {
        self.query().query_type()
    }

    /// How long a reply the client says it can take (`Size` of CoreDNS's request/request.go).
    pub fn buffer_size(&self) -> u16 {
        match self.transport {
            Transport::Udp | Transport::Quic => self.message.max_payload(),
            Transport::Tcp => u16::MAX,
        }
    }

    /// Octets of the message without the EDNS options that no reply mirrors. So CoreDNS leaves a question to
    /// which it wrote a reply that has no OPT record of its own (request/request.go, `SizeAndDo`).
    pub fn size_mirrored(&self, mirrored: impl Fn(u16) -> bool) -> usize {
        let options = self.message.edns.iter().flat_map(|edns| edns.options().as_ref());
        let left_out = options.filter(|(code, _)| !mirrored(u16::from(*code)));
        // Code and length stand before each.
        let octets: usize = left_out.map(|(_, option)| 4 + usize::from(option.len())).sum();
        self.size.saturating_sub(octets)
    }

    /// The reply to start from.
    pub fn reply(&self) -> Message {
        reply_to(&self.message)
    }

    /// Asks the whole server about another name on behalf of this client. `None` where no message
    /// came back or the chain of questions is too long.
    pub async fn ask(&self, name: Name, qtype: RecordType) -> Option<Message> {
        if self.depth >= MAX_DEPTH {
            return None;
        }
        let mut message = (*self.message).clone();
        message.queries = vec![Query::query(name, qtype)];
        let (depth, size) = (self.depth + 1, uncompressed_len(&message));
        let request = Request { depth, size, ..self.apart(message) };
        match self.resolver.resolve(request).await {
            Ok(Reply::Message(message)) => Some(*message),
            Ok(Reply::Messages(_) | Reply::Silence) => None,
            Err(failure) => {
                let mut message = self.reply();
                message.metadata.response_code = failure.code;
                Some(message)
            }
        }
    }
}

/// The reply to a question to start from: NOERROR, with the question, RD and CD copied as by `SetReply` of
/// miekg/dns.
pub fn reply_to(question: &Message) -> Message {
    let asked = &question.metadata;
    let mut message = Message::new(asked.id, MessageType::Response, asked.op_code);
    message.metadata.recursion_desired = asked.recursion_desired;
    message.metadata.checking_disabled = asked.checking_disabled;
    message.metadata.response_code = ResponseCode::NoError;
    message.queries = question.queries.iter().take(1).cloned().collect();
    message
}
