//! How long a message is, by the measure of CoreDNS's log and metrics.

use hickory_proto::op::Message;
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};

/// Length of the message in bytes without compression, which is what CoreDNS counts
/// (`Len` of miekg/dns); 0 for one that cannot be written.
pub fn uncompressed_len(message: &Message) -> usize {
    let mut bytes = Vec::with_capacity(512);
    let mut encoder = BinEncoder::new(&mut bytes);
    // The encoder's own limit is that of a TCP message; a longer reply counts as one.
    let mut encoder = encoder.with_name_encoding(NameEncoding::Uncompressed);
    match message.emit(&mut encoder) {
        Ok(()) => encoder.len(),
        Err(_) => 0,
    }
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
    }
}
