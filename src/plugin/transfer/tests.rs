use std::net::Ipv4Addr;
use std::sync::Arc;

use hickory_proto::op::{Message, MessageType, OpCode, Query};

use super::*;
use crate::plugin::names;
use crate::plugin::testing::{self, request};
use crate::zone::answer::Section;
use crate::zone::rtype;

#[test]
fn reads_its_lines() {
    for (lines, expected) in [
        ("transfer {\nto *\n}", Ok("1")),
        ("transfer a.test b.test {\nto 192.0.2.1 [2001:db8::1]:5353\nto 192.0.2.2:53\n}", Ok("1")),
        ("transfer a.test {\nto *\n}\ntransfer b.test {\nto *\n}", Ok("1")),
        ("transfer", Err("transfer does not say to whom; add `to *`")),
        ("transfer {\nto\n}", Err("'to' has no argument; write `to ADDRESS|*...`")),
        ("transfer {\nto ns.example\n}", Err("'ns.example' is no IP address")),
        ("transfer {\nto *\nsource 192.0.2.1\n}", Ok("1")),
        ("transfer {\nto *\nsource 192.0.2.1\nsource ::1\n}", Err("source is said twice")),
        ("transfer {\nto *\nsource eth0\n}", Err("'eth0' is no IP address")),
        ("transfer {\nfrom *\n}", Err("unknown property of transfer 'from'")),
        ("transfer a..b {\nto *\n}", Err("a..b")),
    ] {
        testing::check(lines, NAME, setup, expected, |chain, _| chain.plugins.len().to_string());
    }
}

/// A zone of so many addresses.
struct Zone(u32);

#[async_trait]
impl Plugin for Zone {
    fn name(&self) -> &'static str {
        "zone"
    }

    async fn handle(&self, _: &Request, _: Next<'_>) -> Outcome {
        Err(Failure::code(ResponseCode::NXDomain))
    }

    async fn transfer(&self, request: &Request) -> Transferred {
        let zone = names::wire(request.qname());
        let mut soa = Answer::default();
        soa.authoritative = true;
        soa.push(Section::Answer, zone.wire(), rtype::SOA, 5, |rdata| {
            rdata.extend([0; 22]);
        });
        let addresses = (0..self.0).map(move |host| {
            let mut answer = Answer::default();
            let address = Ipv4Addr::from(host).into();
            answer.address(Section::Answer, zone.wire(), 5, address);
            answer
        });
        let records = Box::new(addresses);
        // Of this name greater serials are known.
        let newer_is_known = *request.qname() == "newer.test.".parse().unwrap();
        Transferred::Zone(Box::new(Contents { serial: 7, newer_is_known, soa, records }))
    }
}

/// Asks for a transfer over TCP from 192.0.2.1.
async fn ask(lines: &str, name: &str, kind: RecordType, serial: Option<u32>) -> String {
    let (mut chain, _) = testing::setup(lines, NAME, setup).unwrap();
    chain.plugins.push(Arc::new(Zone(6000)));
    let mut request = request(name, kind);
    request.transport = Transport::Tcp;
    if let Some(serial) = serial {
        let mut message = Message::new(7, MessageType::Query, OpCode::Query);
        message.add_query(Query::query(request.qname().clone(), kind));
        let soa =
            hickory_proto::rr::rdata::SOA::new(Name::root(), Name::root(), serial, 0, 0, 0, 0);
        let record = hickory_proto::rr::Record::from_rdata(Name::root(), 0, RData::SOA(soa));
        message.authorities.push(record);
        request.message = Arc::new(message);
    }
    match Next::all(&chain.plugins).start(&request).await {
        Ok(Reply::Messages(messages)) => {
            let counts = messages.map(|message| message.answers.len().to_string());
            counts.collect::<Vec<_>>().join(" ")
        }
        Ok(Reply::Message(message)) => {
            format!("{} {}", message.metadata.response_code, message.answers.len())
        }
        Ok(Reply::Silence) => "silence".into(),
        Err(failure) => failure.code.to_string(),
    }
}

#[tokio::test]
async fn gives_zones_to_those_who_may_have_them() {
    use RecordType::{A, AXFR, IXFR};
    let all = "transfer {\nto *\n}";
    let some = "transfer a.test {\nto 192.0.2.9 192.0.2.1\n}\ntransfer b.a.test {\nto 192.0.2.9\n}";
    let whole = "the whole zone";
    for (lines, name, kind, serial, expected) in [
        (all, "a.test", AXFR, None, whole),
        (all, "a.test", A, None, "Non-Existent Domain"),
        (all, "a.test", IXFR, None, "Server Failure"),
        (all, "a.test", IXFR, Some(7), "No Error 1"),
        (all, "a.test", IXFR, Some(8), whole),
        (all, "a.test", IXFR, Some(0), whole),
        (all, "newer.test", IXFR, Some(8), "No Error 1"),
        (all, "newer.test", IXFR, Some(6), whole),
        (all, "newer.test", IXFR, Some(0), whole),
        (some, "x.a.test", AXFR, None, whole),
        (some, "b.a.test", AXFR, None, "Query Refused 0"),
        (some, "c.test", AXFR, None, "Non-Existent Domain"),
    ] {
        let said = ask(lines, name, kind, serial).await;
        if expected == whole {
            // A message holds 63,000 octets of records, of which each has 22 to 24.
            let counts: Vec<usize> = said.split(' ').map(|count| count.parse().unwrap()).collect();
            assert_eq!((counts.iter().sum::<usize>(), counts.len()), (6002, 3), "{said}");
        } else {
            assert_eq!(said, expected, "{name} {kind} {serial:?}");
        }
    }
    let udp = request("a.test", AXFR);
    let (chain, _) = testing::setup(all, NAME, setup).unwrap();
    let outcome = Next::all(&chain.plugins).start(&udp).await;
    assert_eq!(outcome.unwrap_err().code, ResponseCode::Refused);
}
