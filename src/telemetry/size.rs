//! How long a message is, by the measure of CoreDNS's log and metrics.

use hickory_proto::op::Message;
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};

use super::surplus::surplus;
use crate::zone::answer::Answer;

/// The codec leaves out what it finds to be too long: from this length on each record is measured by itself.
const LONG: usize = 32_768;

/// Length of the message in bytes without compression, which is what CoreDNS counts
/// (`Len` of miekg/dns), however long that is; 0 for one that cannot be written.
pub fn uncompressed_len(message: &Message) -> usize {
    let mut bytes = Vec::with_capacity(512);
    let mut encoder = BinEncoder::new(&mut bytes);
    let mut encoder = encoder.with_name_encoding(NameEncoding::Uncompressed);
    match message.emit(&mut encoder) {
        Ok(()) if encoder.len() < LONG => encoder.len() + all_surplus(message),
        _ => by_record(message).map_or(0, |length| length + all_surplus(message)),
    }
}

fn by_record(message: &Message) -> Option<usize> {
    let mut head = message.clone();
    head.answers.clear();
    head.authorities.clear();
    head.additionals.clear();
    let answer = Answer::from_message(message).ok()?;
    Some(head.to_vec().ok()?.len() + answer.octets())
}

/// By how much CoreDNS counts a message longer than it is.
pub fn all_surplus(message: &Message) -> usize {
    let sections = [&message.answers, &message.authorities, &message.additionals];
    sections.into_iter().flatten().map(surplus).sum()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use hickory_proto::op::{MessageType, OpCode, Query};
    use hickory_proto::rr::{Name, RData, Record, RecordType};

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
}
