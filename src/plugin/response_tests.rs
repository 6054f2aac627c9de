use hickory_proto::op::MessageType;
use hickory_proto::rr::rdata::{A, NULL};
use hickory_proto::rr::{Name, RData};

use super::*;
use crate::plugin::testing::request;

fn record(rtype: RecordType) -> Record {
    let data = match rtype {
        RecordType::A => RData::A(A::new(192, 0, 2, 1)),
        rtype => RData::Unknown { code: rtype, rdata: NULL::with(vec![0]) },
    };
    Record::from_rdata(Name::root(), 30, data)
}

#[test]
fn tells_kinds_apart() {
    use RecordType::{A, NS, SOA};
    use ResponseCode::{NXDomain, NoError, NotImp, Refused, ServFail};
    type Case = (ResponseCode, &'static [RecordType], &'static [RecordType], Kind, Class);
    let cases: [Case; 11] = [
        (NoError, &[A], &[], Kind::NoError, Class::Success),
        (NoError, &[], &[], Kind::NoError, Class::Success),
        (NoError, &[], &[SOA], Kind::NoData, Class::Denial),
        (NoError, &[], &[NS, SOA], Kind::NoData, Class::Denial),
        (NoError, &[], &[NS], Kind::Delegation, Class::Success),
        (NoError, &[A], &[SOA], Kind::NoError, Class::Success),
        (NXDomain, &[], &[], Kind::NameError, Class::Denial),
        (NXDomain, &[A], &[SOA], Kind::OtherError, Class::Error),
        (ServFail, &[A], &[], Kind::ServerError, Class::Error),
        (NotImp, &[], &[], Kind::ServerError, Class::Error),
        (Refused, &[], &[SOA], Kind::OtherError, Class::Error),
    ];
    for (code, answers, authorities, kind, class) in cases {
        let mut message = request("a.test", A).reply();
        message.metadata.response_code = code;
        message.answers = answers.iter().map(|rtype| record(*rtype)).collect();
        message.authorities = authorities.iter().map(|rtype| record(*rtype)).collect();
        let found = Kind::of(&message, true);
        assert_eq!((found, found.class()), (kind, class), "{code} {answers:?} {authorities:?}");
    }
    for (qtype, kind) in [(RecordType::AXFR, Kind::Meta), (RecordType::IXFR, Kind::Meta)] {
        assert_eq!(Kind::of(&request("a.test", qtype).reply(), false), kind);
    }
    for (opcode, kind) in [(OpCode::Notify, Kind::Meta), (OpCode::Update, Kind::Update)] {
        let message = Message::new(1, MessageType::Response, opcode);
        assert_eq!(Kind::of(&message, false), kind);
    }
}

#[test]
fn signatures_end_and_begin() {
    const HOUR: u32 = 3600;
    // Behind 2106 the low 32 bits begin again.
    for now in [1_800_000_000_u64, u64::from(u32::MAX) + 10] {
        for (start, end, valid) in [
            (HOUR.wrapping_neg(), HOUR, true),
            (0, 0, true),
            (HOUR, 2 * HOUR, false),
            ((2 * HOUR).wrapping_neg(), HOUR.wrapping_neg(), false),
        ] {
            let mut rdata = vec![0; 8];
            rdata.extend((now as u32).wrapping_add(end).to_be_bytes());
            rdata.extend((now as u32).wrapping_add(start).to_be_bytes());
            let rdata = NULL::with(rdata);
            let data = RData::Unknown { code: RecordType::RRSIG, rdata };
            let signature = Record::from_rdata(Name::root(), 30, data);
            assert_eq!(is_valid(&signature, now), valid, "{start} {end} at {now}");
        }
    }
}

#[test]
fn an_expired_signature_counts_with_do_alone() {
    let mut message = request("a.test", RecordType::A).reply();
    let rdata = NULL::with([[0; 8], [0; 8]].concat());
    let data = RData::Unknown { code: RecordType::RRSIG, rdata };
    message.answers = vec![record(RecordType::A), Record::from_rdata(Name::root(), 30, data)];
    assert_eq!(Kind::of(&message, false), Kind::NoError);
    assert_eq!(Kind::of(&message, true), Kind::OtherError);
}

#[test]
fn a_message_holds_as_long_as_its_shortest_record() {
    let seconds = Duration::from_secs;
    for (kind, ttls, expected) in [
        (Kind::NoError, &[300, 20, 60][..], 20),
        (Kind::NoError, &[0, 20], 0),
        (Kind::NameError, &[7200], 3600),
        (Kind::NoData, &[], 5),
        (Kind::Delegation, &[300], 5),
        (Kind::OtherError, &[300], 5),
    ] {
        let mut message = request("a.test", RecordType::A).reply();
        message.authorities = ttls.iter().map(|_| record(RecordType::A)).collect();
        message.authorities.iter_mut().zip(ttls).for_each(|(record, ttl)| record.ttl = *ttl);
        let found = least_ttl(&message, kind, seconds(3600));
        assert_eq!(found, seconds(expected), "{kind:?} {ttls:?}");
    }
}
