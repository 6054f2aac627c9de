use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Edns, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record, RecordType};

use super::*;
use crate::plugin::metadata::Values;
use crate::plugin::testing::{self, request};
use crate::plugin::{Failure, Next, Reply, Transport};
use crate::telemetry::memory::Memory;

#[test]
fn reads_its_words() {
    for (lines, expected) in [
        ("log", Ok(1)),
        ("log example.org a.test", Ok(1)),
        ("log a.test\nlog b.test {\nclass all\n}", Ok(1)),
        ("log . {common}", Ok(1)),
        ("log a.test b.test \"{type} {/kubernetes/kind}\"", Ok(1)),
        ("log {common}", Err("the format of log has no name before it")),
        ("log . {local}", Ok(1)),
        ("log {\nclass denial error\nclass success\n}", Ok(1)),
        ("log {\nclass bogus\n}", Err("unknown class of log 'bogus'")),
        ("log {\nclass Denial\n}", Err("'Denial'; did you mean 'denial'?")),
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
    Format::default().line(Seen { request, reply: &written(request, outcome), took })
}

fn written(request: &Request, outcome: &Outcome) -> Written {
    match outcome {
        Ok(reply) => Written::reply(request, reply),
        Err(failure) => Written::failure(request, failure),
    }
}

#[test]
fn writes_other_formats() {
    let mut asked = request("Web.Example", RecordType::SRV);
    let values = [("kubernetes/service".to_owned(), "web".to_owned()), ("a/b".into(), "".into())];
    let values = [&values[..], &[("lines".into(), "a\nb".into())]].concat();
    let values: Values = values.into_iter().collect();
    asked.metadata = Some(Arc::new(values.into()));
    let reply = &written(&asked, &Err(Failure::code(ResponseCode::Refused)));
    for (format, expected) in [
        ("{type} {name} {>opcode}", "SRV web.example. 0"),
        ("{/kubernetes/service}|{/a/b}|{/no/such}|{/}", "web||-|-"),
        ("{ {type} } {bogus} }{", "{ SRV } {bogus} }{"),
        ("{rcode} {>rflags}", "REFUSED qr,rd"),
        ("{local} {/log/type} {/log/class}", "192.0.2.53 OTHERERROR error"),
        ("{/lines}", "a\\nb"),
        ("", ""),
    ] {
        let seen = Seen { request: &asked, reply, took: Duration::ZERO };
        assert_eq!(Format::read(format).line(seen), expected, "{format}");
    }
    let seen = Seen { request: &asked, reply, took: Duration::ZERO };
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

#[test]
fn shows_what_will_be_cut() {
    let asked = |size: Option<u16>, transport| {
        let mut asked = request("example.org", RecordType::A);
        let mut message = (*asked.message).clone();
        if let Some(size) = size {
            let mut edns = Edns::new();
            edns.set_max_payload(size);
            message.set_edns(edns);
        }
        asked.message = Arc::new(message);
        Request { transport, ..asked }
    };
    // 12 octets of header, 17 of question and 27 of each address; without names 16 of each.
    for (size, transport, addresses, cut) in [
        (None, Transport::Udp, 17, false),
        (None, Transport::Udp, 18, false),
        (None, Transport::Udp, 30, false),
        (None, Transport::Udp, 31, true),
        (Some(512), Transport::Udp, 29, false),
        (Some(512), Transport::Udp, 30, true),
        (Some(1232), Transport::Udp, 31, false),
        (None, Transport::Tcp, 1000, false),
        (None, Transport::Tcp, 4093, false),
        (None, Transport::Tcp, 4095, true),
    ] {
        let asked = asked(size, transport);
        let mut reply = asked.reply();
        let address = RData::A(A::new(192, 0, 2, 1));
        let record = Record::from_rdata(asked.qname().clone(), 30, address);
        reply.answers = vec![record; addresses];
        let written = written(&asked, &Reply::message(reply));
        let header = written.header.unwrap();
        assert_eq!(header.truncation, cut, "{size:?} {transport:?} {addresses}");
    }
}

#[tokio::test]
async fn writes_the_line_of_a_transfer_behind_its_last_message() {
    let memory = Memory::default();
    let subscriber =
        tracing_subscriber::fmt().event_format(log::Line).with_writer(memory.clone()).finish();
    let _written_here = tracing::subscriber::set_default(subscriber);
    let lines = "log . \"{rcode} {rsize} {>rflags} {/log/class}\" {\nclass error\n}";
    let (mut chain, _) = testing::setup(lines, NAME, setup).unwrap();
    let transfer: fn(&Request) -> Outcome = |request| {
        let mut message = request.reply();
        message.metadata.authoritative = true;
        Ok(Reply::Messages(Box::new(vec![message.clone(), message].into_iter())))
    };
    let mut asked = request("a", RecordType::AXFR);
    asked.metadata = Some(Arc::default());
    for taken in [2, 1] {
        let outcome = testing::ask_before(&mut chain, &asked, transfer).await;
        let Ok(Reply::Messages(messages)) = outcome else { panic!("no zone") };
        assert!(!memory.text().contains(&format!("NOERROR {} ", taken * 19)));
        assert_eq!(messages.take(taken).count(), taken);
    }
    let expected = "[INFO] NOERROR 38 qr,aa,rd error\n[INFO] NOERROR 19 qr,aa,rd error\n";
    assert_eq!(memory.text(), expected);
}

#[tokio::test]
async fn writes_the_classes_that_it_is_told() {
    let memory = Memory::default();
    let subscriber =
        tracing_subscriber::fmt().event_format(log::Line).with_writer(memory.clone()).finish();
    let _written_here = tracing::subscriber::set_default(subscriber);
    let lines = "log a. {type} {\nclass denial\n}\nlog . {rcode} {\nclass error success\n}";
    let (mut chain, _) = testing::setup(lines, NAME, setup).unwrap();
    for name in ["x.a", "b"] {
        for answer in [
            (|request| Reply::message(request.reply())) as fn(&Request) -> Outcome,
            |request| {
                let mut reply = request.reply();
                reply.metadata.response_code = ResponseCode::NXDomain;
                Reply::message(reply)
            },
            |_| Err(Failure::code(ResponseCode::ServFail)),
            |_| Ok(Reply::Silence),
        ] {
            let _ = testing::ask_before(&mut chain, &request(name, RecordType::A), answer).await;
        }
    }
    assert_eq!(memory.text(), "[INFO] A\n[INFO] NOERROR\n[INFO] SERVFAIL\n[INFO] -\n");
}

#[test]
fn members_are_those_of_coredns() {
    let asked = request("Example.org", RecordType::A);
    let silence = written(&asked, &Ok(Reply::Silence));
    let seen = Seen { request: &asked, reply: &silence, took: Duration::from_millis(5) };
    assert_eq!(
        json::members(seen),
        "\"plugin\":\"log\",\"client_ip\":\"192.0.2.1\",\"client_port\":40000,\
         \"qname\":\"example.org.\",\"qtype\":\"A\",\"qclass\":\"IN\",\"protocol\":\"udp\",\"id\":7,\
         \"opcode\":0,\"request_size\":29,\"dnssec_ok\":false,\"bufsize\":512,\"rcode\":null,\
         \"response_size\":0,\"duration_seconds\":0.005"
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
