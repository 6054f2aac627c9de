//! The records of a zone in messages, each as full as CoreDNS fills them.

use std::fmt;
use std::net::IpAddr;

use hickory_proto::op::Message;

use super::Contents;
use crate::plugin::Request;
use crate::zone::answer::{Answer, Section};

/// Octets of records in one message (plugin/transfer/transfer.go), without header and question.
const ROOM: usize = 63_000;

/// The messages of a transfer, made when they are asked for.
pub struct Messages {
    /// What every message begins with.
    head: Message,
    pieces: Box<dyn Iterator<Item = Answer> + Send>,
    /// A piece of which records are left.
    piece: Answer,
    /// How many of its records are sent.
    sent: usize,
    /// Records of all messages so far.
    count: usize,
    /// Logged when the last message is made, with the count.
    line: Option<Line>,
}

/// What is logged of a transfer.
struct Line {
    zone: String,
    client: IpAddr,
    serial: u32,
}

impl Messages {
    pub fn new(request: &Request, contents: Contents) -> Self {
        let end = contents.soa.clone();
        let pieces = Box::new(contents.records.chain(std::iter::once(end)));
        let line = Line {
            zone: request.qname().to_ascii(),
            client: request.client.ip(),
            serial: contents.serial,
        };
        let (head, piece) = (request.reply(), contents.soa);
        Messages { head, pieces, piece, sent: 0, count: 0, line: Some(line) }
    }

    /// As many records as fit.
    fn fill(&mut self) -> Answer {
        let mut full = Answer::default();
        full.authoritative = true;
        let mut length = 0;
        loop {
            for record in self.piece.records().skip(self.sent) {
                let octets = record.owner.len() + 10 + record.rdata.len();
                if length > 0 && length + octets > ROOM {
                    return full;
                }
                full.push(Section::Answer, record.owner, record.rtype, record.ttl, |rdata| {
                    rdata.extend_from_slice(record.rdata);
                });
                length += octets;
                self.sent += 1;
                self.count += 1;
            }
            match self.pieces.next() {
                Some(piece) => (self.piece, self.sent) = (piece, 0),
                None => return full,
            }
        }
    }
}

impl Iterator for Messages {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        let full = self.fill();
        if !full.is_empty(Section::Answer) {
            return Some(full.message(self.head.clone()));
        }
        if let Some(Line { zone, client, serial }) = self.line.take() {
            tracing::info!(
                "Outgoing transfer of {} records of zone {zone:?} to {client} for {serial} SOA serial",
                self.count
            );
        }
        None
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").field("head", &self.head).finish_non_exhaustive()
    }
}
