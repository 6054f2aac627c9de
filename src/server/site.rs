//! The server blocks of one address: which of them a question is for.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use futures::FutureExt;
use hickory_proto::op::{Message, ResponseCode};

use super::edns::Edns;
use super::query::{self, Query};
use super::reply::{Asked, Response};
use crate::plugin::request::Resolve;
use crate::plugin::{Failure, Next, Outcome, Plugin, Request, Transport, names};
use crate::telemetry::Metrics;
use crate::telemetry::metrics::{DROPPED, Observation};
use crate::zone::name::WireName;
use crate::zone::rtype;

/// All that answers on one address and port.
pub struct Site {
    /// `dns://:53`, or `dns://127.0.0.1:53` with `bind`.
    label: Arc<str>,
    /// Longest zone first.
    blocks: Vec<Block>,
    metrics: Arc<Metrics>,
}

/// One zone of a server block.
pub struct Block {
    pub zone: WireName,
    /// The zone in the Corefile's words.
    pub text: Arc<str>,
    pub chain: Arc<[Box<dyn Plugin>]>,
    /// Octets of the longest answer over UDP, whatever clients take.
    pub max_payload: Option<u16>,
}

impl Site {
    pub fn new(label: impl Into<Arc<str>>, mut blocks: Vec<Block>, metrics: Arc<Metrics>) -> Self {
        blocks.sort_by_key(|block| std::cmp::Reverse(block.zone.labels()));
        Site { label: label.into(), blocks, metrics }
    }

    /// Answers a packet; `None` for no answer.
    pub async fn answer(
        self: &Arc<Self>,
        packet: &[u8],
        client: SocketAddr,
        transport: Transport,
    ) -> Option<Vec<u8>> {
        match self.respond(packet, client, transport).await {
            Response::Nothing => None,
            Response::One(reply) => Some(reply),
            // A transfer is refused but over TCP, where `respond` is asked.
            Response::Many(mut replies) => replies.next(),
        }
    }

    /// Answers a packet, with as many messages as it takes.
    pub async fn respond(
        self: &Arc<Self>,
        packet: &[u8],
        client: SocketAddr,
        transport: Transport,
    ) -> Response {
        let client = SocketAddr::new(client.ip().to_canonical(), client.port());
        let ipv6 = client.is_ipv6();
        let asked = |question, edns| Asked { packet, question, edns, transport, ipv6 };
        match query::read(packet) {
            Query::None => Response::Nothing,
            Query::Header { code } => Response::One(asked(0, None).refuse(code)),
            Query::Question { length, edns, code } => {
                Response::One(asked(length, edns).refuse(code))
            }
            Query::Ask { length, mut edns, mut message } => {
                let name = names::wire(message.queries[0].name());
                let block = self.find(&name, message.queries[0].query_type().into());
                if let Some(most) = block.and_then(|block| block.max_payload) {
                    lower(&mut message, edns.as_mut(), most);
                }
                let request = self.request(*message, client, transport, packet.len());
                // A plugin that panics costs its question an answer of SERVFAIL, and nobody else one.
                let run = AssertUnwindSafe(self.ask(block, request)).catch_unwind().await;
                let outcome = run.unwrap_or_else(|_| {
                    self.metrics.panicked();
                    Err(Failure::code(ResponseCode::ServFail))
                });
                asked(length, edns).respond(outcome)
            }
        }
    }

    fn request(
        self: &Arc<Self>,
        message: Message,
        client: SocketAddr,
        transport: Transport,
        size: usize,
    ) -> Request {
        Request {
            message: Arc::new(message),
            client,
            transport,
            size,
            server: self.label.clone(),
            zone: Arc::from("."),
            resolver: self.clone(),
            depth: 0,
            metadata: None,
        }
    }

    /// Asks the chain of the block that a question is for.
    async fn ask(&self, block: Option<&Block>, mut request: Request) -> Outcome {
        match block {
            Some(block) => {
                request.zone = block.text.clone();
                Next::all(&block.chain).start(&request).await
            }
            None => {
                self.dropped(&request);
                Err(Failure::code(ResponseCode::Refused))
            }
        }
    }

    /// The block of the longest zone. The DS records of a zone are its parent's (RFC 4035 §3.1.4.1):
    /// they are asked of the outermost block that is not the root's, if there is one
    /// (core/dnsserver/server.go).
    fn find(&self, name: &WireName, qtype: u16) -> Option<&Block> {
        let mut blocks = self.blocks.iter().filter(|block| name.left_of(&block.zone).is_some());
        if qtype == rtype::DS {
            let all: Vec<&Block> = blocks.collect();
            let outermost = all.iter().rev().find(|block| block.zone.labels() > 0);
            return outermost.or(all.first()).copied();
        }
        blocks.next()
    }

    /// Counts a question that no block is for.
    fn dropped(&self, request: &Request) {
        let start = Instant::now();
        let edns = request.message.edns.as_ref();
        self.metrics.observe(&Observation {
            server: &request.server,
            zone: &Arc::from(DROPPED),
            proto: request.transport.label(),
            ipv6: request.client.is_ipv6(),
            qtype: request.qtype(),
            dnssec_ok: edns.is_some_and(|edns| edns.flags().dnssec_ok),
            request_size: request.size,
            response_size: 0,
            rcode: ResponseCode::Refused,
            plugin: "",
            duration: start.elapsed(),
        });
    }
}

/// Lowers what a client takes over UDP, as the plugins see it and as it is mirrored.
fn lower(message: &mut Message, edns: Option<&mut Edns>, most: u16) {
    if let Some(edns) = edns {
        edns.size = edns.size.min(most);
    }
    if let Some(edns) = &mut message.edns {
        edns.set_max_payload(edns.max_payload().min(most));
    }
}

#[async_trait]
impl Resolve for Site {
    async fn resolve(&self, request: Request) -> Outcome {
        let name = names::wire(request.qname());
        self.ask(self.find(&name, request.qtype().into()), request).await
    }
}
