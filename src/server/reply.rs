//! From what a chain said to a packet.

use hickory_proto::op::{Message, Metadata};

use super::edns::Edns;
use crate::plugin::{Outcome, Reply, Transport};
use crate::zone::answer::Answer;
use crate::zone::compression::Names;
use crate::zone::flag::{AA, AD, CD, OPCODE, QR, RA, RD, TC};
use crate::zone::rcode;
use crate::zone::write::{self, Frame, HEADER};

/// Octets that every client takes over UDP (RFC 1035 §4.2.1).
const UDP: usize = 512;
/// Octets of the largest datagram.
const DATAGRAM: usize = 65_507;
/// Octets of the largest message over TCP (RFC 1035 §4.2.2).
const TCP: usize = 65_535;
/// Longer UDP messages may be cut into fragments: CoreDNS compresses them (request/request.go).
const UNFRAGMENTED: [usize; 2] = [1480, 1220];

/// What is sent for one packet.
pub enum Response {
    Nothing,
    One(Vec<u8>),
    /// The messages of a transfer, over TCP.
    Many(Box<dyn Iterator<Item = Vec<u8>> + Send>),
}

/// The question that is answered, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The whole packet; it has a header.
    pub packet: &'a [u8],
    /// Octets of the question section behind the header; 0 leaves it out.
    pub question: usize,
    pub edns: Option<Edns>,
    pub transport: Transport,
    /// Whether the client is an IPv6 address.
    pub ipv6: bool,
}

impl Asked<'_> {
    fn id(&self) -> u16 {
        u16::from_be_bytes([self.packet[0], self.packet[1]])
    }

    /// The second word of its header.
    pub fn flags(&self) -> u16 {
        u16::from_be_bytes([self.packet[2], self.packet[3]])
    }

    /// A reply of the server itself: header, and the question where it could be read. AD is kept in a
    /// header that goes back alone, as in CoreDNS.
    pub fn refuse(&self, code: u16) -> Vec<u8> {
        let kept = if self.question == 0 { OPCODE | RD | AD | CD } else { OPCODE | RD | CD };
        self.write(QR | self.flags() & kept, code, &Answer::default(), None)
    }

    /// What is sent for what the chain said.
    pub fn respond(&self, outcome: Outcome) -> Response {
        match outcome {
            Ok(Reply::Silence) => Response::Nothing,
            Err(failure) => Response::One(self.refuse(failure.code.into())),
            Ok(Reply::Message(message)) => Response::One(self.message(&message)),
            Ok(Reply::Messages(messages)) => {
                let packet = self.packet.to_vec();
                let Asked { question, edns, transport, ipv6, .. } = *self;
                Response::Many(Box::new(messages.map(move |message| {
                    let asked = Asked { packet: &packet, question, edns, transport, ipv6 };
                    asked.message(&message)
                })))
            }
        }
    }

    fn message(&self, message: &Message) -> Vec<u8> {
        match Answer::from_message(message) {
            Ok(answer) => {
                let flags = flags(&message.metadata) | self.flags() & OPCODE;
                self.write(flags, message.metadata.response_code.into(), &answer, Some(message))
            }
            Err(error) => {
                tracing::error!(%error, "a plugin made an answer that cannot be written");
                self.refuse(rcode::SERVFAIL)
            }
        }
    }

    fn write(&self, flags: u16, code: u16, answer: &Answer, message: Option<&Message>) -> Vec<u8> {
        let reply_edns = message.and_then(|message| message.edns.as_ref());
        // What a plugin says goes to a client without EDNS too, as in CoreDNS.
        let edns = self.edns.or_else(|| reply_edns.map(Edns::of_reply));
        let opt = edns.map(|edns| edns.record(code, reply_edns)).unwrap_or_default();
        let mut out = Vec::with_capacity(UDP);
        let names = &mut Names::default();
        write::message(&self.frame(flags | code & 15, &opt), answer, names, &mut out);
        out
    }

    /// What an answer's message is besides its records.
    pub fn frame<'a>(&'a self, flags: u16, opt: &'a [u8]) -> Frame<'a> {
        let udp = || usize::from(self.edns.map_or(0, |edns| edns.size)).clamp(UDP, DATAGRAM);
        let (limit, unfragmented) = match self.transport {
            Transport::Udp => (udp(), UNFRAGMENTED[usize::from(self.ipv6)]),
            Transport::Tcp | Transport::Quic => (TCP, TCP),
        };
        Frame {
            id: self.id(),
            flags,
            question: &self.packet[HEADER..HEADER + self.question],
            opt,
            limit,
            unfragmented,
            glue_truncates: self.transport == Transport::Udp,
        }
    }
}

fn flags(metadata: &Metadata) -> u16 {
    let bits = [
        (AA, metadata.authoritative),
        (TC, metadata.truncation),
        (RD, metadata.recursion_desired),
        (RA, metadata.recursion_available),
        (AD, metadata.authentic_data),
        (CD, metadata.checking_disabled),
    ];
    bits.into_iter().filter(|(_, set)| *set).fold(QR, |flags, (bit, _)| flags | bit)
}
