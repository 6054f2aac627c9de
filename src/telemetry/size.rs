//! How long a message is, by the measure of CoreDNS's log and metrics.

use hickory_proto::op::Message;
use hickory_proto::rr::{RData, Record};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};

use crate::zone::answer::{Answer, RecordRef};

/// The codec leaves out what it finds to be too long: from this length on each record is measured by itself.
const LONG: usize = 32_768;

/// Length of the message in bytes without compression, which is what CoreDNS counts
/// (`Len` of miekg/dns), however long that is; 0 for one that cannot be written.
pub fn uncompressed_len(message: &Message) -> usize {
    let mut bytes = Vec::with_capacity(512);
    let mut encoder = BinEncoder::new(&mut bytes);
    let mut encoder = encoder.with_name_encoding(NameEncoding::Uncompressed);
    match message.emit(&mut encoder) {
        Ok(()) if encoder.len() < LONG => encoder.len() + all_padding(message),
        _ => by_record(message).map_or(0, |length| length + all_padding(message)),
    }
}

fn by_record(message: &Message) -> Option<usize> {
    let mut head = message.clone();
    head.answers.clear();
    head.authorities.clear();
    head.additionals.clear();
    let answer = Answer::from_message(message).ok()?;
    let length = |record: RecordRef<'_>| record.owner.len() + 10 + record.rdata.len();
    Some(head.to_vec().ok()?.len() + answer.records().map(length).sum::<usize>())
}

fn all_padding(message: &Message) -> usize {
    let sections = [&message.answers, &message.authorities, &message.additionals];
    sections.into_iter().flatten().map(padding).sum()
}

/// Octets that miekg/dns counts of signatures and keys beyond what they have: it holds them as base64, and
/// takes the padding of that for octets.
fn padding(record: &Record) -> usize {
    let RData::Unknown { code, rdata } = &record.data else { return 0 };
    let octets = &rdata.anything;
    let before = match u16::from(*code) {
        // RRSIG: the name of the signer follows 18 octets.
        46 => 18 + name_len(octets.get(18..).unwrap_or_default()),
        // KEY, DNSKEY, RKEY, CDNSKEY
        25 | 48 | 57 | 60 => 4,
        // DHCID
        49 => 0,
        _ => return 0,
    };
    (3 - octets.len().saturating_sub(before) % 3) % 3
}

/// Octets of the name at the start.
fn name_len(octets: &[u8]) -> usize {
    let mut at = 0;
    while let Some(length) = octets.get(at).filter(|length| **length > 0) {
        at += 1 + usize::from(*length);
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use hickory_proto::op::{MessageType, OpCode, Query};
    use hickory_proto::rr::rdata::NULL;
    use hickory_proto::rr::{Name, RecordType};

    use super::*;

    #[test]
    fn counts_names_in_full() {
        let name = Name::from_ascii("example.org.").unwrap();
        let mut message = Message::new(1, MessageType::Response, OpCode::Query);
        assert_eq!(uncompressed_len(&message), 12);
        message.add_query(Query::query(name.clone(), RecordType::A));
        assert_eq!(uncompressed_len(&message), 12 + 13 + 4);
        for last in 1..=2 {
            let address = RData::A(Ipv4Addr::new(192, 0, 2, last).into());
            message.add_answer(Record::from_rdata(name.clone(), 30, address));
        }
        assert_eq!(uncompressed_len(&message), 12 + 13 + 4 + 2 * (13 + 10 + 4));
        message.answers = vec![message.answers[0].clone(); 5000];
        assert_eq!(uncompressed_len(&message), 12 + 13 + 4 + 5000 * (13 + 10 + 4));
    }

    #[test]
    fn counts_the_padding_of_base64() {
        let record = |code: u16, octets: usize| {
            let rdata = NULL::with(vec![0; octets]);
            let data = RData::Unknown { code: RecordType::from(code), rdata };
            Record::from_rdata(Name::root(), 30, data)
        };
        // The name of the signer is the root.
        for (code, octets, expected) in
            [(46, 19 + 5, 1), (46, 19 + 256, 2), (46, 19 + 6, 0), (48, 4 + 7, 2), (99, 7, 0)]
        {
            assert_eq!(padding(&record(code, octets)), expected, "{code} {octets}");
        }
    }
}
