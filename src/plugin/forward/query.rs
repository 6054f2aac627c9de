//! A client's message on its way to the upstreams, and which reply is one to it.

use std::sync::Arc;

use hickory_proto::ProtoError;
use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::{Record, RecordType};

use crate::plugin::{Request, Transport};

/// The EDNS option of RFC 7828, which speaks of a TCP connection.
const KEEPALIVE: u16 = 11;

/// A client's message, ready to be sent.
#[derive(Debug)]
pub(super) struct Query {
    message: Arc<Message>,
    /// The message as it is: options, flags and all.
    wire: Vec<u8>,
    /// How the client asked; its question over QUIC counts as one over UDP, as in CoreDNS.
    pub transport: Transport,
    /// How many octets of a datagram are read: as many as the client could take.
    pub buffer: usize,
}

impl Query {
    /// Without a signature (TSIG, RFC 8945), which is for this server and of which it knows no key; those before
    /// see it without, too. CoreDNS loses it in an attempt that fails (plugin/pkg/proxy/connect.go).
    ///
    /// # Errors
    /// The message cannot be written.
    pub fn new(request: &Request) -> Result<Self, ProtoError> {
        let transport = match request.transport.label() {
            "udp" => Transport::Udp,
            _ => Transport::Tcp,
        };
        let buffer = usize::from(request.buffer_size().max(512));
        let mut message = request.message.clone();
        if message.additionals.iter().any(is_signature) {
            Arc::make_mut(&mut message).additionals.retain(|record| !is_signature(record));
            request.changes.hands_on(message.clone());
        }
        let wire = message.to_vec()?;
        Ok(Query { message, wire, transport, buffer })
    }

    /// The client's ID.
    pub fn id(&self) -> u16 {
        self.message.metadata.id
    }

    /// Whether it asks for a zone.
    pub fn is_transfer(&self) -> bool {
        let types = self.message.queries.iter().map(|query| query.query_type());
        types.into_iter().any(|qtype| matches!(u16::from(qtype), 251 | 252))
    }

    /// The message under another ID.
    pub fn under(&self, id: u16) -> Vec<u8> {
        let mut wire = self.wire.clone();
        wire[..2].copy_from_slice(&id.to_be_bytes());
        wire
    }

    /// The message as DNS over QUIC has it: without an ID, and without what is said of a TCP connection
    /// (RFC 9250 §4.2.1 and §5.5.2).
    ///
    /// # Errors
    /// It cannot be written.
    pub fn for_quic(&self) -> Result<Vec<u8>, ProtoError> {
        let mut message = (*self.message).clone();
        message.metadata.id = 0;
        if let Some(edns) = &mut message.edns {
            edns.options_mut().remove(KEEPALIVE.into());
        }
        message.to_vec()
    }

    /// Whether the message is a reply to this question (`Match` of CoreDNS's request/request.go).
    pub fn is_answered_by(&self, reply: &Message) -> bool {
        // Names are equal whatever the case of their letters.
        reply.metadata.message_type == MessageType::Response
            && reply.queries.len() == 1
            && reply.queries.first() == self.message.queries.first()
    }
}

fn is_signature(record: &Record) -> bool {
    record.record_type() == RecordType::TSIG
}
