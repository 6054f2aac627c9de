//! One table for what is read, one for questions, one for replies; the options of OPT records are apart.

mod edns;

use hickory_proto::rr::rdata::{A, CNAME, MX, SOA, SRV};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::*;
use crate::plugin::metadata::Values;
use crate::plugin::names;
use crate::plugin::setup::Chain;
use crate::plugin::testing::{self, request};
use crate::telemetry::mnemonic;

#[test]
fn reads_its_words() {
    for (lines, expected) in [
        ("rewrite name a.test b.test", Ok("1")),
        ("rewrite stop {\nname suffix .a.test .b.test answer auto\n}", Ok("1")),
        (
            "rewrite continue {\nname regex (.*)-(a)\\.test {1}.{2}.test\nanswer name (.*)\\.(a)\\.test {1}-{2}.test\n}",
            Ok("1"),
        ),
        ("rewrite {\nname a.test b.test\n}", Ok("1")),
        ("rewrite NAME EXACT a.test b.test\nrewrite type any HINFO\nrewrite class ch in", Ok("1")),
        ("rewrite name regex a b answer value c d value e f answer name g h", Ok("1")),
        (
            "rewrite name suffix .arpa .arpa answer name auto answer value (.*)\\.a\\. {1}.b.",
            Ok("1"),
        ),
        (
            "rewrite name regex ^([^.]+)\\.a\\.$ {1}.{kubernetes/client-namespace}.b. metadata answer auto",
            Ok("1"),
        ),
        ("rewrite ttl a.test 30-300\nrewrite ttl prefix a 30-\nrewrite ttl regex .* -300", Ok("1")),
        ("rewrite rcode a.test SERVFAIL 0\nrewrite rcode suffix .test nxdomain NoError", Ok("1")),
        ("rewrite cname a.test b.test\nrewrite cname regex (.*)\\.a\\. {1}.b.", Ok("1")),
        (
            "rewrite edns0 local set 0xffee {client_ip} revert\nrewrite edns0 local unset 65001",
            Ok("1"),
        ),
        (
            "rewrite edns0 subnet set 24 56\nrewrite edns0 subnet unset\nrewrite edns0 nsid append",
            Ok("1"),
        ),
        (
            "rewrite edns0 local replace 0o17 0x61FF\nrewrite edns0 local append 1_000 {a/b}",
            Ok("1"),
        ),
        (
            "rewrite",
            Err("rewrite does not say what is rewritten; write `rewrite [continue|stop] FIELD"),
        ),
        ("rewrite stop", Err("rewrite does not say what is rewritten")),
        ("rewrite nam a b", Err("unknown field of rewrite 'nam'; did you mean 'name'?")),
        ("rewrite answer name a b", Err("answers are rewritten with a name alone")),
        ("rewrite name a.test", Err("the name of rewrite has the argument 'a.test'")),
        ("rewrite name prefic a b", Err("unknown kind of names 'prefic'; did you mean 'prefix'?")),
        ("rewrite name a.test b.test {\nanswer auto\n}", Err("'rewrite' takes no block")),
        ("rewrite name exact a b auto", Err("'auto' stands where 'answer' was expected")),
        ("rewrite name exact a b answer", Err("'answer' has no argument")),
        ("rewrite name exact a b answer nam", Err("unknown rewrite of answers 'nam'")),
        ("rewrite name exact a b answer name c", Err("'name' of answer has not two arguments")),
        (
            "rewrite name regex a b answer auto name c d",
            Err("answer auto rewrites names, and so does"),
        ),
        ("rewrite name regex (a b", Err("'(a' is no regular expression: unclosed group")),
        (
            "rewrite name regex (a) {1}{2}.b",
            Err("'{1}{2}.b' uses 2 groups, and the regular expression has 1"),
        ),
        ("rewrite name regex a b answer value a {1}", Err("'{1}' uses 1 groups")),
        (
            "rewrite name prefix a b metadata",
            Err("metadata is for names that a regular expression finds"),
        ),
        ("rewrite name regex a {b metadata", Err("'{b' has a brace that is not closed")),
        ("rewrite name regex a b} metadata", Err("'b}' has a brace that was not opened")),
        ("rewrite name regex a {b} metadata", Err("'{b}' is no label of metadata")),
        ("rewrite name regex a {1} metadata", Err("the regular expression has no group 1")),
        (
            "rewrite type A",
            Err(
                "the type of rewrite has the argument 'A'; write `rewrite [continue|stop] type FROM TO`",
            ),
        ),
        ("rewrite type A none", Err("unknown record type 'none'")),
        ("rewrite class IN XX", Err("unknown class 'XX'; use one of: IN, CS, CH,")),
        ("rewrite ttl a.test", Err("the ttl of rewrite has the argument 'a.test'")),
        ("rewrite ttl a.test -", Err("'-' is no TTL; write seconds, e.g. 30")),
        ("rewrite ttl a.test 300-30", Err("'300-30' is no TTL")),
        ("rewrite ttl a.test 4294967296", Err("'4294967296' is no TTL")),
        ("rewrite ttl a.test +5", Err("'+5' is no TTL")),
        ("rewrite rcode a.test 2", Err("the rcode of rewrite has 2 arguments, the last '2'")),
        ("rewrite rcode a.test 24 0", Err("unknown response code '24'")),
        ("rewrite rcode a.test NOPE 0", Err("unknown response code 'NOPE'")),
        ("rewrite cname a.test", Err("the cname of rewrite has the argument 'a.test'")),
        (
            "rewrite cname regex a** b",
            Err("'a**' is no regular expression: a repetition is repeated"),
        ),
        ("rewrite edns0 local", Err("the edns0 of rewrite has the argument 'local'")),
        ("rewrite edns0 cookie set", Err("unknown option of edns0 'cookie'")),
        ("rewrite edns0 local put 1 a", Err("unknown action of edns0 'put'")),
        ("rewrite edns0 local set 65536 a", Err("'65536' is no code of an option")),
        (
            "rewrite edns0 local set 1",
            Err("write `rewrite [continue|stop] edns0 local set|append|replace CODE"),
        ),
        ("rewrite edns0 local set 1 0xabc", Err("'0xabc' is no hexadecimal data")),
        (
            "rewrite edns0 local set 1 {qnam}",
            Err("unknown variable of edns0 '{qnam}'; did you mean '{qname}'?"),
        ),
        (
            "rewrite edns0 local unset 1 revert",
            Err("write `rewrite [continue|stop] edns0 local unset CODE`"),
        ),
        ("rewrite edns0 nsid set x", Err("edns0 nsid set|append|replace [revert]`")),
        ("rewrite edns0 nsid unset x", Err("edns0 nsid unset`")),
        (
            "rewrite edns0 subnet set 33 56",
            Err("'33' is no number of bits of the address; write a whole number from 0 to 32"),
        ),
        ("rewrite edns0 subnet set 24 129", Err("from 0 to 128")),
        (
            "rewrite edns0 subnet set 24",
            Err("edns0 subnet set|append|replace V4-BITS V6-BITS [revert]`"),
        ),
    ] {
        testing::check(lines, NAME, setup, expected, |chain, _| chain.plugins.len().to_string());
    }
    let long = format!("rewrite ttl regex {} 30", "a".repeat(10_001));
    let expected = Err("a regular expression of 10001 octets is too long");
    testing::check(&long, NAME, setup, expected, |_, _| String::new());
}

/// What is behind: it says the question that came to it.
fn echo(request: &Request) -> Outcome {
    let query = request.query();
    let class = match query.query_class() {
        DNSClass::IN => String::new(),
        class => format!(" {class}"),
    };
    let asked = format!("{} {}{class}", mnemonic::spelled(query.name()), query.query_type());
    Err(Failure { code: ResponseCode::Refused, cause: Some(asked) })
}

/// The question that comes out.
async fn question(lines: &str, asked: &Request) -> String {
    let (mut chain, _) = testing::setup(lines, NAME, setup).unwrap();
    match testing::ask_before(&mut chain, asked, echo).await {
        Ok(Reply::Message(reply)) => {
            assert_eq!(reply.queries, asked.message.queries, "the question goes back as it came");
            assert_eq!(reply.metadata.response_code, ResponseCode::Refused);
            asked.changes.cause().unwrap()
        }
        Err(failure) => failure.cause.unwrap(),
        Ok(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn changes_questions() {
    for (lines, name, expected) in [
        ("rewrite name a.test b.test", "A.test", "b.test. A"),
        ("rewrite name a.test b.test", "x.a.test", "x.a.test. A"),
        ("rewrite name exact A.TEST. B.test.", "a.test", "b.test. A"),
        ("rewrite name prefix www web", "www.test", "web.test. A"),
        ("rewrite name prefix www web", "wwwx.test", "wwwx.test. A"),
        ("rewrite name suffix .a.test .b.test", "X.Y.a.test", "x.y.b.test. A"),
        ("rewrite name suffix .a.test .b.test", "a.test", "a.test. A"),
        ("rewrite name suffix a.test b.test", "xa.test", "xb.test. A"),
        ("rewrite name substring svc.a svc.b", "x.svc.a.svc.a.test", "x.svc.b.svc.b.test. A"),
        ("rewrite name substring svc.a svc.b", "x.svc.ax.test", "x.svc.ax.test. A"),
        (
            "rewrite name regex (.*)-(us)\\.a\\.test {1}.{2}.B.test",
            "ftp-us.a.test",
            "ftp.us.b.test. A",
        ),
        ("rewrite name regex ^(x)\\. y.{0}z", "x.test", "y.x.z. A"),
        ("rewrite name regex (a)|(b) {1}-{2}.test", "b.test", "-b.test. A"),
        // The first rule that stops is the last.
        ("rewrite name a.test b.test\nrewrite name b.test c.test", "a.test", "b.test. A"),
        ("rewrite continue name a.test b.test\nrewrite name b.test c.test", "a.test", "c.test. A"),
        ("rewrite continue name a.test b.test\nrewrite type A AAAA", "a.test", "b.test. AAAA"),
        ("rewrite type MX TXT\nrewrite type A AAAA", "a.test", "a.test. AAAA"),
        ("rewrite class CH IN\nrewrite class IN CH", "a.test", "a.test. A CH"),
        ("rewrite type ANY HINFO", "a.test", "a.test. A"),
        // Names as text: dots and backslashes in labels.
        ("rewrite name suffix .a.test .b.test", "x\\.y.a.test", "x\\.y.b.test. A"),
        ("rewrite name regex ^x\\\\\\.y(.*)\\.$ z{1}", "x\\.y.test", "z.test. A"),
        ("rewrite name regex ^(.*)\\.test\\.$ {1}\\032b.test", "a.test", "a\\ b.test. A"),
        // None of these is a name.
        (
            "rewrite name regex (.*)\\.test {1}..test",
            "a.test",
            "invalid name after rewrite: a..test.",
        ),
        ("rewrite name prefix a.test .", "a.test.x", "invalid name after rewrite: .x."),
    ] {
        let found = question(lines, &request(name, RecordType::A)).await;
        assert_eq!(found, expected, "{lines}: {name}");
    }
    let long = "a".repeat(60);
    let lines = format!("rewrite name regex ^(.*)\\.test\\.$ {{1}}{long}.test");
    let found = question(&lines, &request("aaaa.test", RecordType::A)).await;
    assert_eq!(found, format!("invalid name after rewrite: aaaa{long}.test."), "64 octets");
    let found = question(&lines, &request("aaa.test", RecordType::A)).await;
    assert_eq!(found, format!("aaa{long}.test. A"), "63 octets");
}

#[tokio::test]
async fn takes_names_from_metadata() {
    let with = |value: &str| {
        let values = [("kubernetes/client-namespace".to_owned(), value.to_owned())];
        Request {
            metadata: Some(Arc::new(Values::from(values).into())),
            ..request("web.a.test", RecordType::A)
        }
    };
    let lines = "rewrite name regex ^([^.]+)\\.a\\.test\\.$ {1}.{kubernetes/client-namespace}.SVC metadata answer auto\n\
         rewrite name web.a.test other.test";
    for (asked, expected) in [
        (with("Team-A"), "web.team-a.svc. A"),
        (with("{1}"), "web.{1}.svc. A"),
        (with(""), "other.test. A"),
        (request("web.a.test", RecordType::A), "other.test. A"),
        (with("a..b"), "invalid name after rewrite: web.a..b.svc."),
        (Request { metadata: None, ..request("x.y.a.test", RecordType::A) }, "x.y.a.test. A"),
    ] {
        assert_eq!(question(lines, &asked).await, expected);
    }
}

fn name(text: &str) -> Name {
    names::parse(text).unwrap()
}

fn record(owner: &str, ttl: u32, data: RData) -> Record {
    Record::from_rdata(name(owner), ttl, data)
}

/// Replies with an alias and records that lead to names, below the name that is asked for.
fn zone(request: &Request) -> Outcome {
    let mut reply = request.reply();
    let owner = request.qname().to_ascii();
    let target = format!("t.{owner}");
    reply.answers = vec![
        record(&owner, 60, RData::CNAME(CNAME(name(&target)))),
        record(&target, 600, RData::SRV(SRV::new(1, 2, 3, name(&owner)))),
        record(&target, 600, RData::A(A::new(192, 0, 2, 1))),
    ];
    reply.authorities = vec![record(
        "b.test",
        5,
        RData::SOA(SOA::new(name("ns.b.test"), name("me.b.test"), 1, 1, 1, 1, 1)),
    )];
    reply.additionals = vec![record("X.b.test", 5, RData::MX(MX::new(1, name("b.test"))))];
    Reply::message(reply)
}

/// The records that come out.
async fn reply(lines: &str, asked: &str) -> String {
    let (mut chain, _) = testing::setup(lines, NAME, setup).unwrap();
    let outcome = testing::ask_before(&mut chain, &request(asked, RecordType::A), zone).await;
    let Ok(Reply::Message(reply)) = outcome else { panic!("{outcome:?}") };
    let records = reply.answers.iter().chain(&reply.authorities).chain(&reply.additionals);
    let shown = |record: &Record| {
        let leads = match &record.data {
            RData::CNAME(name) => format!(" {}", name.0),
            RData::SRV(srv) => format!(" {}", srv.target),
            RData::MX(mx) => format!(" {}", mx.exchange),
            RData::SOA(soa) => format!(" {}", soa.mname),
            _ => String::new(),
        };
        format!("{} {}{leads}", record.name, record.ttl)
    };
    records.map(shown).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn changes_all_messages_of_a_transfer() {
    let give = |request: &Request| {
        let owner = request.qname().to_ascii();
        let message = |data: RData| {
            let mut reply = request.reply();
            reply.answers = vec![record(&owner, 60, data)];
            reply
        };
        let alias = RData::CNAME(CNAME(name("c.b.test")));
        let messages = vec![message(RData::A(A::new(192, 0, 2, 1))), message(alias)];
        Ok(Reply::Messages(Box::new(messages.into_iter())))
    };
    for (lines, expected) in [
        ("rewrite name a.test b.test", "NoError a.test. 60; NoError a.test. 60"),
        ("rewrite continue ttl a.test 30", "NoError a.test. 30; NoError a.test. 30"),
        // What an alias would lead to is not asked for.
        ("rewrite cname c.b.test d.test", "NoError a.test. 60; NoError a.test. 60"),
        // A message that cannot be written is the last.
        ("rewrite name regex ^a\\.test\\.$ b.test answer name ^b a..b", "ServFail"),
    ] {
        let (mut chain, _) = testing::setup(lines, NAME, setup).unwrap();
        let asked = request("a.test", RecordType::AXFR);
        let outcome = testing::ask_before(&mut chain, &asked, give).await;
        let Ok(Reply::Messages(messages)) = outcome else { panic!("{outcome:?}") };
        let shown = messages.map(|message| {
            assert_eq!(message.queries, asked.message.queries);
            let records = message.answers.iter();
            let records = records.map(|record| format!(" {} {}", record.name, record.ttl));
            format!("{:?}{}", message.metadata.response_code, records.collect::<String>())
        });
        assert_eq!(shown.collect::<Vec<_>>().join("; "), expected, "{lines}");
    }
}

#[tokio::test]
async fn changes_replies() {
    let plain = "b.test. 60 t.b.test., t.b.test. 600 b.test., t.b.test. 600, b.test. 5 ns.b.test., X.b.test. 5 b.test.";
    let back = "a.test. 60 t.a.test., t.a.test. 600 a.test., t.a.test. 600, a.test. 5 ns.a.test., X.a.test. 5 a.test.";
    for (lines, asked, expected) in [
        ("rewrite name a.test b.test", "a.test", back),
        ("rewrite name exact a.test b.test", "A.test", back),
        ("rewrite name regex ^a\\.test\\.$ b.test", "a.test", plain),
        ("rewrite name regex ^a\\.test\\.$ b.test answer auto", "a.test", back),
        ("rewrite name prefix a b answer auto", "a.test", back),
        ("rewrite name substring a b answer auto", "a.test", back),
        ("rewrite name suffix a.test b.test answer auto", "a.test", back),
        ("rewrite name suffix a.test b.test", "a.test", plain),
        (
            "rewrite name regex ^a\\.test\\.$ b.test answer name (.*)b\\.test\\.$ {1}c.test",
            "a.test",
            "c.test. 60 t.b.test., t.c.test. 600 b.test., t.c.test. 600, c.test. 5 ns.b.test., X.c.test. 5 b.test.",
        ),
        (
            "rewrite name exact a.test b.test answer value ^t\\.(.*)\\.$ u.{1}",
            "a.test",
            "a.test. 60 u.a.test., t.a.test. 600 a.test., t.a.test. 600, a.test. 5 ns.a.test., X.a.test. 5 a.test.",
        ),
        // The last rule is undone first.
        (
            "rewrite continue name a.test c.test\nrewrite continue name c.test b.test",
            "a.test",
            back,
        ),
        (
            "rewrite ttl b.test 30",
            "b.test",
            &plain.replace(" 600", " 30").replace(" 60 ", " 30 ").replace(" 5 ", " 30 "),
        ),
        (
            "rewrite ttl b.test 30-300",
            "b.test",
            &plain.replace(" 600", " 300").replace(" 5 ", " 30 "),
        ),
        (
            "rewrite ttl suffix .test -7",
            "b.test",
            &plain.replace(" 600", " 7").replace(" 60 ", " 7 "),
        ),
        (
            "rewrite ttl regex b 100-",
            "b.test",
            &plain.replace(" 60 ", " 100 ").replace(" 5 ", " 100 "),
        ),
        (
            "rewrite ttl b.test 30",
            "x.b.test",
            "x.b.test. 60 t.x.b.test., t.x.b.test. 600 x.b.test., t.x.b.test. 600, b.test. 5 ns.b.test., X.b.test. 5 b.test.",
        ),
        (
            "rewrite continue ttl b.test 30\nrewrite ttl b.test 7",
            "b.test",
            &plain.replace(" 600", " 30").replace(" 60 ", " 30 ").replace(" 5 ", " 30 "),
        ),
        (
            "rewrite ttl b.test 7\nrewrite ttl b.test 30",
            "b.test",
            &plain.replace(" 600", " 7").replace(" 60 ", " 7 ").replace(" 5 ", " 7 "),
        ),
    ] {
        assert_eq!(reply(lines, asked).await, expected, "{lines}: {asked}");
    }
}

#[tokio::test]
async fn a_name_that_grows_too_long_is_an_error() {
    let long = ["a".repeat(60), "b".repeat(60), "c".repeat(60), "d".repeat(60)].join(".");
    let lines =
        format!("rewrite name regex ^a\\.test\\.$ b.test answer name ^t\\.(.*) {long}.t.{{1}}");
    let (mut chain, _) = testing::setup(&lines, NAME, setup).unwrap();
    let asked = request("a.test", RecordType::A);
    let outcome = testing::shown(&testing::ask_before(&mut chain, &asked, zone).await);
    assert!(
        outcome.starts_with("failed ServFail: invalid name in the reply after rewrite: a"),
        "{outcome}"
    );
}

async fn code(lines: &str, last: fn(&Request) -> Outcome) -> String {
    let (mut chain, _) = testing::setup(lines, NAME, setup).unwrap();
    let asked = request("b.test", RecordType::A);
    let shown = testing::shown(&testing::ask_before(&mut chain, &asked, last).await);
    shown.split(':').next().unwrap().to_owned()
}

#[tokio::test]
async fn changes_codes() {
    let failed = |_: &Request| Err(Failure::code(ResponseCode::ServFail));
    for (lines, last, expected) in [
        ("rewrite rcode b.test SERVFAIL NOERROR", failed as fn(&Request) -> Outcome, "NoError"),
        ("rewrite rcode regex ^b 2 3", failed, "NXDomain"),
        ("rewrite rcode x.test SERVFAIL NOERROR", failed, "failed ServFail"),
        ("rewrite rcode b.test NXDOMAIN NOERROR", failed, "ServFail"),
        ("rewrite rcode b.test NOERROR NXDOMAIN", zone, "NXDomain"),
        ("rewrite rcode b.test NOERROR BADCOOKIE", zone, "BADCOOKIE"),
        ("rewrite type MX TXT", failed, "failed ServFail"),
        ("rewrite type A TXT", failed, "ServFail"),
        // Without a rule for replies, what nobody wrote stays so.
        ("rewrite continue type A TXT", failed, "failed ServFail"),
        // Once for each of the five records: the second rule changes what the first made.
        ("rewrite continue rcode b.test 0 3\nrewrite rcode b.test 3 5", zone, "Refused"),
        ("rewrite continue rcode b.test 2 3\nrewrite rcode b.test 3 5", failed, "NXDomain"),
    ] {
        assert_eq!(code(lines, last).await, expected, "{lines}");
    }
    assert_eq!(code("rewrite ttl b.test 5", |_| Ok(Reply::Silence)).await, "silence");
}

#[tokio::test]
async fn leads_aliases_elsewhere() {
    struct Server;
    #[async_trait]
    impl crate::plugin::request::Resolve for Server {
        async fn resolve(&self, request: Request) -> Outcome {
            let mut reply = request.reply();
            reply.metadata.truncation = request.qname().to_ascii().starts_with("cut");
            let address = RData::A(A::new(192, 0, 2, 99));
            reply.add_answer(Record::from_rdata(request.qname().clone(), 9, address));
            Reply::message(reply)
        }
    }
    let found = |chain: Vec<Arc<dyn Plugin>>, depth| async move {
        let mut chain = Chain { plugins: chain, ..Chain::default() };
        let resolver = Arc::new(Server);
        let asked = Request { resolver, depth, ..request("b.test", RecordType::A) };
        let outcome = testing::ask_before(&mut chain, &asked, zone).await;
        let truncated = matches!(&outcome, Ok(Reply::Message(reply)) if reply.metadata.truncation);
        format!("{}{}", testing::shown(&outcome), if truncated { " tc" } else { "" })
    };
    let same = "NoError: b.test. 60 CNAME t.b.test., t.b.test. 600 SRV 1 2 3 b.test., t.b.test. 600 A 192.0.2.1";
    let led = "NoError: b.test. 60 CNAME c.test., c.test. 9 A 192.0.2.99";
    for (lines, depth, expected) in [
        ("rewrite cname t.b.test c.test", 0, led),
        ("rewrite cname exact T.B.test. C.test", 0, led),
        ("rewrite cname prefix t.b. c.", 0, led),
        ("rewrite cname suffix t.b.test. c.test.", 0, led),
        ("rewrite cname substring t.b c", 0, led),
        ("rewrite cname regex ^t\\.b\\.(.*) c.{1}", 0, led),
        ("rewrite cname other.test c.test", 0, same),
        ("rewrite cname t.b.test c.test", 8, led),
        ("rewrite cname t.b.test c.test", 9, same),
        ("rewrite cname regex ^t\\.b\\. c..", 0, same),
        (
            "rewrite cname t.b.test cut.test",
            0,
            "NoError: b.test. 60 CNAME cut.test., cut.test. 9 A 192.0.2.99 tc",
        ),
        // What comes of the new name is not changed by other rules.
        (
            "rewrite continue ttl b.test 30\nrewrite cname t.b.test c.test",
            0,
            "NoError: b.test. 30 CNAME c.test., c.test. 9 A 192.0.2.99",
        ),
    ] {
        let (chain, _) = testing::setup(lines, NAME, setup).unwrap();
        assert_eq!(found(chain.plugins, depth).await, expected, "{lines}");
    }
}

#[tokio::test]
async fn those_before_see_what_was_made_of_the_question() {
    let (mut chain, _) =
        testing::setup("rewrite continue name a.test b.test\nrewrite type A TXT", NAME, setup)
            .unwrap();
    let asked = request("a.test", RecordType::A);
    let _ = testing::ask_before(&mut chain, &asked, zone).await;
    let left = asked.left();
    assert_eq!((left.qname().to_ascii().as_str(), left.qtype()), ("b.test.", RecordType::TXT));
    assert_eq!(left.size, 24);
    let untouched = request("c.test", RecordType::MX);
    let _ = testing::ask_before(&mut chain, &untouched, zone).await;
    assert!(untouched.changes.last().is_none());
}

#[test]
fn says_what_becomes_of_a_question() {
    let lines =
        "rewrite continue name a.test b.test\nrewrite type MX TXT\nrewrite name regex ^c(.) ..";
    let (chain, _) = testing::setup(lines, NAME, setup).unwrap();
    for (name, qtype, expected, handed_on) in [
        ("a.test", RecordType::A, "question becomes b.test. A", Some("b.test. A")),
        ("a.test", RecordType::MX, "question becomes b.test. TXT", Some("b.test. TXT")),
        ("x.test", RecordType::A, "question no rule changes it", None),
        ("cc.test", RecordType::A, "question becomes .., which is no name", None),
    ] {
        let (asked, mut steps) = (request(name, qtype), Steps::default());
        let plugin = &chain.plugins[0];
        let told = plugin.explain(&asked, &mut steps);
        assert_eq!(told == Told::Answers, name == "cc.test");
        let said: Vec<_> =
            steps.0.iter().map(|step| format!("{} {}", step.rule, step.says)).collect();
        assert_eq!(said.join(", "), expected, "{name}");
        let next = plugin.hands_on(&asked);
        let next = next.map(|next| format!("{} {}", mnemonic::spelled(next.qname()), next.qtype()));
        assert_eq!(next.as_deref(), handed_on, "{name}");
        assert!(asked.changes.last().is_none(), "nobody was asked");
    }
}
