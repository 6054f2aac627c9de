//! From the bytes of an upstream to a message.
//!
//! hickory's own reading of messages refuses what CoreDNS hands on: parameters of SVCB out of order, tags of
//! CAA that it does not know, records without data. A record of which only the data is odd goes through as
//! the bytes that it is. As in miekg/dns (msg.go), the counts of the header are upper bounds: a message may
//! end before any record, or right behind its header.

use hickory_proto::op::{self, Edns, Message};
use hickory_proto::rr::rdata::NULL;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder, DecodeError};

/// Octets of a header.
pub(super) const HEADER: usize = 12;

/// Types whose data is either what it should be or an error: addresses, and what may hold compressed names.
const STRICT: [RecordType; 10] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::CNAME,
    RecordType::MX,
    RecordType::NAPTR,
    RecordType::NS,
    RecordType::OPT,
    RecordType::PTR,
    RecordType::SOA,
    RecordType::SRV,
];

/// Why bytes are no message.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// Fewer octets than a header has.
    #[error("dns: short read")]
    Short,
    /// It ends within something. Holds the header, and the question if that could be read.
    #[error("dns: overflow unpacking a record")]
    Cut(Box<Message>),
    #[error("dns: {0}")]
    Garbled(DecodeError),
}

/// The message that the bytes are.
///
/// # Errors
/// They are none.
pub(super) fn message(bytes: &[u8]) -> Result<Message, Unreadable> {
    if bytes.len() < HEADER {
        return Err(Unreadable::Short);
    }
    let mut decoder = BinDecoder::new(bytes);
    let header = op::Header::read(&mut decoder).map_err(Unreadable::Garbled)?;
    let mut message = Message::response(header.metadata.id, header.metadata.op_code);
    message.metadata = header.metadata;
    match sections(&mut decoder, &header.counts, &mut message) {
        Ok(()) => Ok(message),
        Err(DecodeError::InsufficientBytes | DecodeError::IncorrectRDataLengthRead { .. }) => {
            message.answers.clear();
            message.authorities.clear();
            message.additionals.clear();
            Err(Unreadable::Cut(Box::new(message)))
        }
        Err(error) => Err(Unreadable::Garbled(error)),
    }
}

fn sections(
    decoder: &mut BinDecoder<'_>,
    counts: &op::HeaderCounts,
    message: &mut Message,
) -> Result<(), DecodeError> {
    for _ in 0..counts.queries {
        if decoder.is_empty() {
            return Ok(());
        }
        message.queries.push(op::Query::read(decoder)?);
    }
    let sections = [
        (counts.answers, &mut message.answers),
        (counts.authorities, &mut message.authorities),
        (counts.additionals, &mut message.additionals),
    ];
    for (count, records) in sections {
        for _ in 0..count {
            if decoder.is_empty() {
                break;
            }
            records.push(record(decoder)?);
        }
    }
    let is_opt = |record: &Record| record.record_type() == RecordType::OPT;
    // As in miekg/dns the last one counts; STRICT sees to it that it is one.
    if let Some(edns) = message.additionals.iter().rev().find(|record| is_opt(record)) {
        let edns = Edns::from(edns);
        message.metadata.merge_response_code(edns.rcode_high());
        message.edns = Some(edns);
        message.additionals.retain(|record| !is_opt(record));
    }
    Ok(())
}

/// The next record.
fn record(decoder: &mut BinDecoder<'_>) -> Result<Record, DecodeError> {
    // A message has at most 65,535 octets, so that every index fits.
    let mut ahead = decoder.clone(u16::try_from(decoder.index()).unwrap_or(u16::MAX));
    match Record::read(&mut ahead) {
        Ok(record) => {
            *decoder = ahead;
            Ok(record)
        }
        Err(error) => raw(decoder, error),
    }
}

/// The next record with its data as it came, unless its type does not allow that; then `error`.
fn raw(decoder: &mut BinDecoder<'_>, error: DecodeError) -> Result<Record, DecodeError> {
    let name = Name::read(decoder)?;
    let code = RecordType::read(decoder)?;
    let class = DNSClass::read(decoder)?;
    let ttl = decoder.read_u32()?.unverified(/* any number is a TTL */);
    let length = decoder.read_u16()?.unverified(/* the slice below is checked */);
    let data = decoder.read_slice(usize::from(length))?.unverified(/* handed on as it is */);
    if STRICT.contains(&code) {
        return Err(error);
    }
    let rdata = RData::Unknown { code, rdata: NULL::with(data.to_vec()) };
    let mut record = Record::from_rdata(name, ttl, rdata);
    record.dns_class = class;
    Ok(record)
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
