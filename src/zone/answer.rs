//! What the zone says to one question: records as wire bytes in one reusable buffer.

use std::net::IpAddr;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::Record as ProtoRecord;
use hickory_proto::serialize::binary::NameEncoding;
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder, BinEncodable, BinEncoder};

use super::name::WireName;
use super::why::Why;
use super::{rcode, rtype};
use crate::cluster::ClusterId;
use crate::cluster::kinds::ObjectKey;

/// The sections of a message that hold records.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Section {
    Answer,
    Authority,
    Additional,
}

/// An answer. Clear and use it again: its buffers stay.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub code: u16,
    pub authoritative: bool,
    /// What an upstream said of itself and of the answer.
    pub recursion_available: bool,
    pub authentic_data: bool,
    /// Whether more would have been said, had there been room.
    pub truncated: bool,
    /// Why it is no other, where that is not plain.
    pub why: Option<Why>,
    /// A member's Service that is answered with its endpoints, whose ports are others than its own.
    pub ports_differ: Option<(ClusterId, ObjectKey)>,
    records: Vec<Record>,
    /// The records as a message has them, without compression.
    bytes: Vec<u8>,
}

/// Where a record of an [`Answer`] stands in its bytes.
#[derive(Clone, Debug)]
struct Record {
    section: Section,
    /// Where its owner starts and where that ends; where its rdata ends.
    start: usize,
    owner_end: usize,
    end: usize,
    /// Where it stands among the others of its section, while they are shuffled.
    place: u32,
}

/// Octets between owner and rdata: type, class, TTL and the length of rdata (RFC 1035 §3.2.1).
const FIXED: usize = 10;

/// One record, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    pub section: Section,
    /// All of it as a message has it, without compression.
    pub wire: &'a [u8],
    /// Uncompressed wire name, as spelled.
    pub owner: &'a [u8],
    pub rtype: u16,
    pub class: u16,
    /// Seconds.
    pub ttl: u32,
    /// Uncompressed.
    pub rdata: &'a [u8],
}

impl Answer {
    pub fn clear(&mut self) {
        self.code = rcode::NOERROR;
        self.authoritative = false;
        self.recursion_available = false;
        self.authentic_data = false;
        self.truncated = false;
        self.why = None;
        self.ports_differ = None;
        self.records.clear();
        self.bytes.clear();
    }

    /// Whether a section has no records.
    pub fn is_empty(&self, section: Section) -> bool {
        self.records.iter().all(|record| record.section != section)
    }

    /// All records, in the order in which they were added.
    pub fn records(&self) -> impl Iterator<Item = RecordRef<'_>> {
        self.records.iter().map(|record| {
            let wire = &self.bytes[record.start..record.end];
            let (owner, rest) = wire.split_at(record.owner_end - record.start);
            let (fixed, rdata) = rest.split_at(FIXED);
            let word = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
            let ttl = u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
            let section = record.section;
            RecordRef { section, wire, owner, rtype: word(0), class: word(2), ttl, rdata }
        })
    }

    /// How long all records are together, without compression.
    pub fn octets(&self) -> usize {
        self.records.iter().map(|record| record.end - record.start).sum()
    }

    /// All records as a message has them, and how many there are of each section, where they stand in its order.
    pub fn in_order(&self) -> Option<(&[u8], [usize; 3])> {
        let (mut counts, mut end, mut last) = ([0; 3], 0, Section::Answer);
        for record in &self.records {
            if record.start != end || record.section < last {
                return None;
            }
            (end, last) = (record.end, record.section);
            counts[record.section as usize] += 1;
        }
        Some((&self.bytes[..end], counts))
    }

    /// Adds a record whose rdata `write` appends.
    pub fn push(
        &mut self,
        section: Section,
        owner: &[u8],
        rtype: u16,
        ttl: u32,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(owner);
        let owner_end = self.bytes.len();
        let ([r, t], [c, l]) = (rtype.to_be_bytes(), rtype::IN.to_be_bytes());
        let [t0, t1, t2, t3] = ttl.to_be_bytes();
        self.bytes.extend_from_slice(&[r, t, c, l, t0, t1, t2, t3, 0, 0]);
        write(&mut self.bytes);
        let end = self.bytes.len();
        // The zone writes no rdata of 64 KiB: the longest is an SOA of two names.
        let length = (end - owner_end - FIXED) as u16;
        self.bytes[owner_end + FIXED - 2..owner_end + FIXED].copy_from_slice(&length.to_be_bytes());
        self.records.push(Record { section, start, owner_end, end, place: 0 });
    }

    /// Adds an A or AAAA record.
    pub fn address(&mut self, section: Section, owner: &[u8], ttl: u32, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => self.push(section, owner, rtype::A, ttl, |rdata| {
                rdata.extend_from_slice(&v4.octets());
            }),
            IpAddr::V6(v6) => self.push(section, owner, rtype::AAAA, ttl, |rdata| {
                rdata.extend_from_slice(&v6.octets());
            }),
        }
    }

    /// Adds a record whose rdata is a name: CNAME, PTR, NS.
    pub fn name(&mut self, section: Section, owner: &[u8], rtype: u16, ttl: u32, target: &[u8]) {
        self.push(section, owner, rtype, ttl, |rdata| rdata.extend_from_slice(target));
    }

    /// Gives all SRV records this weight.
    pub fn weigh(&mut self, weight: u16) {
        for record in &self.records {
            if record.rtype(&self.bytes) == rtype::SRV {
                // Behind the priority (RFC 2782).
                let at = record.owner_end + FIXED + 2;
                self.bytes[at..at + 2].copy_from_slice(&weight.to_be_bytes());
            }
        }
    }

    /// How much was written so far, for [`Answer::rewind`].
    pub fn mark(&self) -> usize {
        self.records.len()
    }

    /// Forgets the records that were added since the mark.
    pub fn rewind(&mut self, mark: usize) {
        if let Some(first) = self.records.get(mark) {
            self.bytes.truncate(first.start);
            self.records.truncate(mark);
        }
    }

    /// Forgets the records of all other sections.
    pub fn keep(&mut self, section: Section) {
        self.records.retain(|record| record.section == section);
    }

    /// Becomes another answer, every record with the same TTL.
    pub fn copy(&mut self, other: &Answer, ttl: u32) {
        self.clear();
        self.code = other.code;
        self.authoritative = other.authoritative;
        self.recursion_available = other.recursion_available;
        self.authentic_data = other.authentic_data;
        self.truncated = other.truncated;
        self.bytes.extend_from_slice(&other.bytes);
        self.records.extend_from_slice(&other.records);
        for record in &self.records {
            let at = record.owner_end + 4;
            self.bytes[at..at + 4].copy_from_slice(&ttl.to_be_bytes());
        }
    }

    /// Puts the records of each section into the order in which `loadbalance` gives them: aliases and all
    /// else as they are, then addresses, then mail servers, both in the order of these random numbers.
    pub fn shuffle(&mut self, mut random: impl FnMut() -> u32) {
        // Below 2^30, so that the first bits are for what it is.
        for (number, record) in self.records.iter_mut().enumerate() {
            record.place = match record.rtype(&self.bytes) {
                rtype::CNAME => number as u32,
                rtype::A | rtype::AAAA => 2 << 30 | random() >> 2,
                rtype::MX => 3 << 30 | random() >> 2,
                _ => 1 << 30 | number as u32,
            };
        }
        self.records.sort_unstable_by_key(|record| (record.section, record.place));
    }

    /// Adds the records that another answer has in a section.
    pub fn append(&mut self, section: Section, other: &Answer) {
        for record in other.records().filter(|record| record.section == section) {
            self.push(section, record.owner, record.rtype, record.ttl, |rdata| {
                rdata.extend_from_slice(record.rdata);
            });
        }
    }

    /// Adds this answer to a hickory message, for the plugin chain.
    pub fn message(&self, mut message: Message) -> Message {
        message.metadata.authoritative = self.authoritative;
        message.metadata.truncation = self.truncated;
        message.metadata.response_code =
            ResponseCode::from((self.code >> 4) as u8, (self.code & 15) as u8);
        for record in self.records() {
            match ProtoRecord::read(&mut BinDecoder::new(record.wire)) {
                Ok(read) => match record.section {
                    Section::Answer => message.answers.push(read),
                    Section::Authority => message.authorities.push(read),
                    Section::Additional => message.additionals.push(read),
                },
                Err(error) => tracing::error!(%error, "the zone wrote a record that is none"),
            }
        }
        message
    }

    /// The answer that a hickory message holds: what the chain made goes to the wire like what the
    /// zone wrote.
    ///
    /// # Errors
    /// A record that does not fit the wire.
    pub fn from_message(message: &Message) -> Result<Self, hickory_proto::ProtoError> {
        let mut answer = Answer {
            code: u16::from(message.metadata.response_code),
            authoritative: message.metadata.authoritative,
            recursion_available: message.metadata.recursion_available,
            authentic_data: message.metadata.authentic_data,
            truncated: message.metadata.truncation,
            ..Answer::default()
        };
        let sections = [
            (Section::Answer, &message.answers),
            (Section::Authority, &message.authorities),
            (Section::Additional, &message.additionals),
        ];
        for (section, records) in sections {
            for record in records {
                answer.push_proto(section, record)?;
            }
        }
        Ok(answer)
    }

    fn push_proto(
        &mut self,
        section: Section,
        record: &ProtoRecord,
    ) -> Result<(), hickory_proto::ProtoError> {
        let mut bytes = Vec::new();
        let mut encoder = BinEncoder::new(&mut bytes);
        encoder.set_name_encoding(NameEncoding::Uncompressed);
        record.emit(&mut encoder)?;
        let Some((_, owner)) = WireName::read(&bytes) else {
            return Err("the owner of a record is no name".into());
        };
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&bytes);
        let (owner_end, end) = (start + owner, self.bytes.len());
        self.records.push(Record { section, start, owner_end, end, place: 0 });
        Ok(())
    }
}

impl Record {
    fn rtype(&self, bytes: &[u8]) -> u16 {
        u16::from_be_bytes([bytes[self.owner_end], bytes[self.owner_end + 1]])
    }
}
