//! The server blocks of one address: which of them a question is for.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::{Name, RecordType};

use super::edns::Edns;
use super::mirror::mirror;
use super::panics;
use super::place::Place;
use super::query::{self, Query};
use super::reply::{Asked, Response};
use crate::plugin::fast::Fast;
use crate::plugin::request::{Asker, Resolve};
use crate::plugin::view::View;
use crate::plugin::{Failure, Next, Outcome, Plugin, Request, Transport, metadata, names};
use crate::telemetry::metrics::{DROPPED, Observation};
use crate::telemetry::{Metrics, uncompressed_len};
use crate::zone::name::WireName;
use crate::zone::{rcode, rtype};

/// All that answers on one address and port.
pub struct Site {
    /// `dns://:53`, or `dns://127.0.0.1:53` with `bind`.
    label: Arc<str>,
    /// As the Corefile says it.
    port: u16,
    /// Longest zone first; blocks for the same zone in the order of the Corefile.
    blocks: Vec<Block>,
    metrics: Arc<Metrics>,
    /// Whether panics are logged with the calls that led to them.
    stacktrace: bool,
    /// The EDNS options of questions that replies without options mirror.
    mirrored: Vec<u16>,
}

/// One zone of a server block.
pub struct Block {
    pub zone: WireName,
    /// The zone in the Corefile's words.
    pub text: Arc<str>,
    pub chain: Arc<[Arc<dyn Plugin>]>,
    /// What the fast path knows of the chain.
    pub fast: Option<Fast>,
    /// Octets of the longest answer over UDP, whatever clients take.
    pub max_payload: Option<u16>,
    /// Which questions it takes; all without one.
    pub view: Option<Arc<View>>,
    /// Whether panics are logged with the calls that led to them; the last block of a site says it.
    pub stacktrace: bool,
}

impl Block {
    fn takes(&self, request: &Request) -> bool {
        let metadata = || metadata::collect(&self.chain, request);
        self.view.as_ref().is_none_or(|view| view.takes(request, &metadata))
    }
}

/// The two ends of the way of a question.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    pub client: SocketAddr,
    /// The address that was asked.
    pub local: SocketAddr,
}

/// An IPv4 address on a socket for both families as what it is.
fn canonical(end: SocketAddr) -> SocketAddr {
    SocketAddr::new(end.ip().to_canonical(), end.port())
}

impl Site {
    pub fn new(place: Place, mut blocks: Vec<Block>, metrics: Arc<Metrics>) -> Self {
        let stacktrace = blocks.last().is_some_and(|block| block.stacktrace);
        blocks.sort_by_key(|block| std::cmp::Reverse(block.zone.labels()));
        let (label, port) = (place.to_string().into(), place.port);
        Site { label, port, blocks, metrics, stacktrace, mirrored: Vec::new() }
    }

    /// With EDNS options of questions that replies without options mirror.
    pub fn mirroring(self, mirrored: Vec<u16>) -> Self {
        Site { mirrored, ..self }
    }

    /// Answers a packet; `None` for no answer.
    pub async fn answer(
        self: &Arc<Self>,
        packet: &[u8],
        ends: Ends,
        transport: Transport,
    ) -> Option<Vec<u8>> {
        match self.respond(packet, ends, transport).await {
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
        ends: Ends,
        transport: Transport,
    ) -> Response {
        let ends = Ends { client: canonical(ends.client), local: canonical(ends.local) };
        let ipv6 = ends.client.is_ipv6();
        let asked = |question, edns| Asked { packet, question, edns, transport, ipv6 };
        match query::read(packet) {
            Query::None => Response::Nothing,
            Query::Header { code } => Response::One(asked(0, None).refuse(code)),
            Query::Question { length, edns, code } => {
                // Classes that nobody answers are counted (core/dnsserver/server.go).
                if code == rcode::REFUSED
                    && let Ok(message) = Message::from_vec(packet)
                    && !message.queries.is_empty()
                {
                    let request = self.request(message, ends, transport, packet.len());
                    self.unhandled(&request, ResponseCode::Refused, Instant::now());
                }
                Response::One(asked(length, edns).refuse(code))
            }
            Query::Ask { length, mut edns, message } => {
                let mut request = self.request(*message, ends, transport, packet.len());
                let changes = request.changes.clone();
                let asked_for = (!self.mirrored.is_empty()).then(|| request.message.clone());
                let run = async {
                    let block = self.find(&request);
                    if let Some(most) = block.and_then(|block| block.max_payload) {
                        lower(Arc::make_mut(&mut request.message), edns.as_mut(), most);
                    }
                    self.ask(block, request).await
                };
                // A plugin that panics costs its question an answer of SERVFAIL, and nobody else one.
                let start = Instant::now();
                let outcome = panics::caught(run, self.stacktrace).await.unwrap_or_else(|panic| {
                    panic.log(&self.label);
                    self.metrics.panicked();
                    // Which question it was is read again, for the plugins had it.
                    if let Query::Ask { message, .. } = query::read(packet) {
                        let request = self.request(*message, ends, transport, packet.len());
                        self.unhandled(&request, ResponseCode::ServFail, start);
                    }
                    Err(Failure::code(ResponseCode::ServFail))
                });
                let outcome = mirror(outcome, &changes, asked_for, &self.mirrored, &mut edns);
                asked(length, edns).respond(outcome)
            }
        }
    }

    fn request(
        self: &Arc<Self>,
        message: Message,
        Ends { client, local }: Ends,
        transport: Transport,
        size: usize,
    ) -> Request {
        Request {
            message: Arc::new(message),
            client,
            local,
            transport,
            size,
            server: self.label.clone(),
            zone: Arc::from("."),
            view: None,
            resolver: self.clone(),
            depth: 0,
            is_own: false,
            metadata: None,
            changes: Default::default(),
            deadline: None,
        }
    }

    /// Asks what is answered here, on behalf of the server itself.
    pub fn asker(self: &Arc<Self>) -> Asker {
        Asker::new(self.own_request(Name::root(), RecordType::A))
    }

    /// A question of the server itself, with EDNS.
    pub(super) fn own_request(self: &Arc<Self>, name: Name, qtype: RecordType) -> Request {
        let mut message = Message::new(0, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(hickory_proto::op::Query::query(name, qtype));
        message.edns = Some(hickory_proto::op::Edns::new());
        let itself = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let ends = Ends { client: itself, local: itself };
        Request { is_own: true, ..self.request(message, ends, Transport::Tcp, 0) }
    }

    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The block that a name's questions are for, with its number, if the fast path can know so: no view has
    /// to look at them.
    pub(super) fn fast(&self, name: &WireName) -> Option<(usize, &Block, &Fast)> {
        let mut blocks = self.blocks.iter().enumerate();
        let (number, block) = blocks.find(|(_, block)| name.left_of(&block.zone).is_some())?;
        let fast = block.fast.as_ref().filter(|_| block.view.is_none())?;
        Some((number, block, fast))
    }

    /// `dns://:53`.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Asks the chain of the block that a question is for.
    async fn ask(&self, block: Option<&Block>, mut request: Request) -> Outcome {
        match block {
            // A block without plugins refuses, as in CoreDNS.
            Some(block) if !block.chain.is_empty() => {
                request.zone = block.text.clone();
                request.view = block.view.as_ref().map(|view| view.name.clone());
                Next::all(&block.chain).start(&request).await
            }
            _ => {
                self.unhandled(&request, ResponseCode::Refused, Instant::now());
                Err(Failure::code(ResponseCode::Refused))
            }
        }
    }

    /// The block of the longest zone that takes the question; of several for one zone the first of the
    /// Corefile. The DS records of a zone are its parent's (RFC 4035 §3.1.4.1):
    /// they are asked of the outermost block that is not the root's, if there is one
    /// (core/dnsserver/server.go). A block without plugins ends the search: it refuses.
    pub(super) fn find(&self, request: &Request) -> Option<&Block> {
        let name = names::wire(request.qname());
        let in_zone = |block: &&Block| name.left_of(&block.zone).is_some();
        let takes = |block: &&Block| block.chain.is_empty() || block.takes(request);
        let mut blocks = self.blocks.iter().filter(in_zone).filter(takes);
        if u16::from(request.qtype()) == rtype::DS {
            let all: Vec<&Block> = blocks.collect();
            let mut below = all.iter().filter(|block| block.zone.labels() > 0);
            let refusing = below.clone().find(|block| block.chain.is_empty());
            return refusing.or(below.next_back()).or(all.first()).copied();
        }
        blocks.next()
    }

    /// Counts a question that no plugin answered, and what the server answers.
    fn unhandled(&self, request: &Request, rcode: ResponseCode, start: Instant) {
        let edns = request.message.edns.as_ref();
        let mut refusal = request.reply();
        // No option of the client comes back.
        refusal.edns = edns.map(|_| Default::default());
        self.metrics.observe(&Observation {
            server: &request.server,
            zone: &Arc::from(DROPPED),
            view: None,
            proto: request.transport.label(),
            ipv6: request.client.is_ipv6(),
            qtype: request.qtype(),
            dnssec_ok: edns.is_some_and(|edns| edns.flags().dnssec_ok),
            request_size: request.size_mirrored(|code| self.mirrored.contains(&code)),
            response_size: uncompressed_len(&refusal),
            rcode,
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
        self.ask(self.find(&request), request).await
    }
}
