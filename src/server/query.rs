//! From a packet to a question: what is answered before any chain sees it.
//!
//! As CoreDNS (miekg/dns acceptfunc.go), except where the RFCs are clear and it is not: every opcode but
//! QUERY is NOTIMP (also NOTIFY, which it answers like a question), a header without its question is
//! FORMERR, and so are two OPT records or one outside the additional section (RFC 6891 §6.1.1); classes
//! other than IN are REFUSED whatever plugins there are.

use hickory_proto::op::Message;

use super::edns::Edns;
use crate::zone::flag::{OPCODE, QR};
use crate::zone::name::WireName;
use crate::zone::write::HEADER;
use crate::zone::{rcode, rtype};

/// A packet, read.
#[derive(Debug)]
pub enum Query {
    /// No question: it gets no answer (RFC 8906 §3.1.4 is about questions only).
    None,
    /// Refused with the header alone.
    Header { code: u16 },
    /// Refused with the question, which is so long.
    Question { length: usize, edns: Option<Edns>, code: u16 },
    /// To be asked of a chain.
    Ask { length: usize, edns: Option<Edns>, message: Box<Message> },
}

/// Reads a packet.
pub fn read(packet: &[u8]) -> Query {
    let Some(header) = packet.get(..HEADER) else { return Query::None };
    let word = |index: usize| u16::from_be_bytes([header[2 * index], header[2 * index + 1]]);
    if word(1) & QR != 0 {
        return Query::None;
    }
    if word(1) & OPCODE != 0 {
        return Query::Header { code: rcode::NOTIMP };
    }
    if word(2) != 1 || word(3) > 1 || word(4) > 1 || word(5) > 2 {
        return Query::Header { code: rcode::FORMERR };
    }
    let Some((length, class)) = question(&packet[HEADER..]) else {
        return Query::Header { code: rcode::FORMERR };
    };
    let refuse = |edns, code| Query::Question { length, edns, code };
    let Ok(message) = Message::from_vec(packet) else { return refuse(None, rcode::FORMERR) };
    let edns = message.edns.as_ref().and_then(|_| Edns::find(packet, HEADER + length));
    match edns {
        Some(edns) if edns.version() != 0 => refuse(Some(Edns::BADVERS), rcode::BADVERS),
        edns if class != rtype::IN => refuse(edns, rcode::REFUSED),
        edns => Query::Ask { length, edns, message: Box::new(message) },
    }
}

/// Length of the question section, and the class.
fn question(bytes: &[u8]) -> Option<(usize, u16)> {
    let (_, name) = WireName::read(bytes)?;
    let fixed = bytes.get(name..name + 4)?;
    Some((name + 4, u16::from_be_bytes([fixed[2], fixed[3]])))
}
