//! What became of a question, as the line of `log` shows it.

use std::borrow::Cow;

use hickory_proto::op::{Message, Metadata};
use hickory_proto::serialize::binary::BinEncodable;

use super::format::dnssec_ok;
use crate::plugin::passing::Passed;
use crate::plugin::response::Kind;
use crate::plugin::{Failure, Reply, Request, Transport, names};
use crate::telemetry::{mnemonic, uncompressed_len};
use crate::zone::answer::Answer;
use crate::zone::compression::Names;
use crate::zone::write::{self, Frame};

/// A reply, or that there is none.
#[derive(Clone, Debug)]
pub struct Written {
    /// Of the last message; `None` where there is none.
    pub header: Option<Metadata>,
    /// Octets of all messages, by [`uncompressed_len`].
    pub size: usize,
    pub kind: Kind,
    /// Whether the server mirrors the question's OPT record.
    pub mirrors: bool,
}

impl Written {
    /// What is written for a failure: its code alone.
    pub fn failure(request: &Request, failure: &Failure) -> Self {
        let mut message = request.reply();
        message.metadata.response_code = failure.code;
        Written {
            size: uncompressed_len(&message),
            kind: Kind::of(&message, false),
            header: Some(message.metadata),
            // It is written by the server, and later.
            mirrors: false,
        }
    }

    /// What is written for a reply, other than a transfer.
    pub fn reply(request: &Request, reply: &Reply) -> Self {
        let Reply::Message(message) = reply else {
            return Written { header: None, size: 0, kind: Kind::OtherError, mirrors: false };
        };
        let size = uncompressed_len(message);
        let mut header = message.metadata;
        header.truncation |= is_cut(request, message, size);
        let said = message.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok);
        let kind = Kind::of(message, said || dnssec_ok(request));
        Written { header: Some(header), size, kind, mirrors: message.edns.is_none() }
    }

    /// What was written for a transfer.
    pub fn transfer(passed: Passed) -> Self {
        Written { header: passed.last, size: passed.octets, kind: Kind::Meta, mirrors: false }
    }

    /// The name of the response code.
    pub fn rcode(&self) -> Option<Cow<'static, str>> {
        let code = self.header.as_ref()?.response_code;
        Some(mnemonic::rcode(code).map_or_else(|| u16::from(code).to_string().into(), Cow::from))
    }
}

/// Octets of an OPT record without options.
const OPT: usize = 11;
/// Octets of the largest datagram.
const DATAGRAM: usize = 65_507;

/// Whether the server will have to cut a message of `size` octets, which is decided by writing it: the
/// header bit TC of what the plugins said is not yet that of the reply.
fn is_cut(request: &Request, message: &Message, size: usize) -> bool {
    let udp = request.transport == Transport::Udp;
    let limit = usize::from(request.buffer_size()).min(if udp { DATAGRAM } else { usize::MAX });
    // The server mirrors the client's OPT record where no plugin made one.
    let opt = match (&message.edns, &request.message.edns) {
        (Some(edns), _) => OPT + edns.options().to_bytes().map_or(0, |options| options.len()),
        (None, Some(_)) => OPT,
        (None, None) => 0,
    };
    let mirrored = if message.edns.is_none() { opt } else { 0 };
    if size + mirrored <= limit {
        return false;
    }
    let Ok(answer) = Answer::from_message(message) else { return false };
    let mut question = names::wire(request.qname()).wire().to_vec();
    // Type and class: of no matter for the length.
    question.extend([0; 4]);
    let frame = Frame {
        id: 0,
        flags: 0,
        question: &question,
        opt: &vec![0; opt],
        limit,
        unfragmented: limit,
        glue_truncates: udp,
    };
    write::message(&frame, &answer, &mut Names::default(), &mut Vec::new())
}
