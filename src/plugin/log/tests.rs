use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Edns, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record, RecordType};

use super::*;
use crate::plugin::metadata::Values;
use crate::plugin::testing::{self, request};
use crate::plugin::{Failure, Next, Reply, Transport};

#[test]
fn reads_its_words() {
    for (lines, expected) in [
        ("log", Ok(1)),
        ("log example.org a.test", Ok(1)),
        ("log a.test\nlog b.test {\nclass all\n}", Ok(1)),
        ("log . {common}", Ok(1)),
        ("log a.test b.test \"{type} {/kubernetes/kind}\"", Ok(1)),
        ("log {common}", Err("the format of log has no name before it")),
        ("log . {local}", Err("the placeholder {local} of log is not supported yet")),
        ("log {\nclass denial\n}", Err("the class denial of log is not supported yet")),
        ("log {\nclass bogus\n}", Err("unknown class of log 'bogus'")),
        ("log {\nclass\n}", Err("'class' has no argument")),
        ("log {\nbogus\n}", Err("bogus")),
        ("log a..b", Err("a..b")),
    ] {
        let expected = expected.map(|_: i32| "1");
        testing::check(lines, NAME, setup, expected, |chain, _| chain.plugins.len().to_string());
    }
}

/// The line of a question in the common format.
fn line(request: &Request, outcome: &Outcome, took: Duration) -> String {
    Format::default().line(Seen { request, outcome, took })
}

#[test]
fn writes_other_formats() {
    let mut asked = request("Web.Example", RecordType::SRV);
    let values = [("kubernetes/service".to_owned(), "web".to_owned()), ("a/b".into(), "".into())];
    asked.metadata = Some(Arc::new(Values::from(values).into()));
    let outcome = Err(Failure::code(ResponseCode::Refused));
    for (format, expected) in [
        ("{type} {name} {>opcode}", "SRV web.example. 0"),
        ("{/kubernetes/service}|{/a/b}|{/no/such}|{/}", "web||-|-"),
        ("{ {type} } {bogus} }{", "{ SRV } {bogus} }{"),
        ("{rcode} {>rflags}", "REFUSED qr,rd"),
        ("", ""),
    ] {
        let seen = Seen { request: &asked, outcome: &outcome, took: Duration::ZERO };
        assert_eq!(Format::read(format).line(seen), expected, "{format}");
    }
    let seen = Seen { request: &asked, outcome: &outcome, took: Duration::ZERO };
    let (common, combined) = (Format::read("{common}"), Format::read("{combined}"));
    assert_eq!(common, Format::default());
    assert_eq!(combined.line(seen), format!("{} \"0\"", common.line(seen)));
}

#[test]
fn writes_the_common_format() {
    let took = Duration::from_nanos(37_990_251);
    let mut asked = request("Example.ORG", RecordType::A);
    let mut message = (*asked.message).clone();
    let mut edns = Edns::new();
    edns.set_max_payload(4096);
    message.set_edns(edns);
    asked.message = Arc::new(message);
    let mut reply = asked.reply();
    reply.metadata.recursion_available = true;
    reply.metadata.authentic_data = true;
    let address = RData::A(A::new(192, 0, 2, 1));
    reply.add_answer(Record::from_rdata(asked.qname().clone(), 30, address));
    assert_eq!(
        line(&asked, &Reply::message(reply), took),
        "192.0.2.1:40000 - 7 \"A IN example.org. udp 29 false 4096\" NOERROR qr,rd,ra,ad 56 0.037990251s"
    );

    let mut asked = request(".", RecordType::from(999));
    asked.client = "[2001:db8::1]:53".parse().unwrap();
    asked.transport = Transport::Tcp;
    assert_eq!(
        line(&asked, &Err(Failure::code(ResponseCode::ServFail)), Duration::from_secs(1)),
        "[2001:db8::1]:53 - 7 \"TYPE999 IN . tcp 17 false 65535\" SERVFAIL qr,rd 17 1s"
    );

    let mut asked = request("a", RecordType::AAAA);
    asked.client = "[::ffff:192.0.2.1]:53".parse().unwrap();
    assert_eq!(
        line(&asked, &Ok(Reply::Silence), Duration::from_micros(12)),
        "192.0.2.1:53 - 7 \"AAAA IN a. udp 19 false 512\" - - 0 0.000012s"
    );
}

#[tokio::test]
async fn hands_the_outcome_on() {
    let (mut chain, _) = testing::setup("log a.test", NAME, setup).unwrap();
    for name in ["x.a.test", "b.test"] {
        let outcome = testing::ask(&mut chain, &request(name, RecordType::A)).await;
        assert_eq!(testing::shown(&outcome), "failed NotImp", "{name}");
    }
    assert_eq!(Next::all(&chain.plugins).name(), Some("log"));
}
