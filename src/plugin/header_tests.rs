use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use super::*;
use crate::plugin::testing::{self, request};
use crate::plugin::{Failure, Reply};

#[test]
fn reads_its_words() {
    for (lines, expected) in [
        ("header {\nresponse set ra\n}", Ok("0 1")),
        ("header {\nRESPONSE Set RA aa\nresponse clear rd\nquery clear rd\n}", Ok("1 3")),
        ("header", Err("header does not say which flags; add lines `query|response set|clear")),
        ("header {\n}", Err("header does not say which flags")),
        ("header x {\nresponse set ra\n}", Err("'header' has the argument 'x'")),
        ("header {\nanswer set ra\n}", Err("unknown selector of header 'answer'")),
        ("header {\nresponse\n}", Err("'response' has no argument; write `query|response set")),
        ("header {\nresponse set\n}", Err("'response' has the argument 'set'")),
        (
            "header {\nresponse unset ra\n}",
            Err("unknown action of header 'unset'; use one of: set, clear"),
        ),
        (
            "header {\nresponse set tc\n}",
            Err("unknown flag of header 'tc'; use one of: aa, ra, rd"),
        ),
        ("header {\nresponse set ra\n}\nheader {\nquery set rd\n}", Err("used twice")),
    ] {
        let read = |line: &Line| rules(line).unwrap();
        testing::check(lines, NAME, setup, expected, |chain, _| {
            assert_eq!(chain.plugins.len(), 1);
            let options = crate::corefile::ParseOptions { default_port: 53, env: &|_| None };
            let text = format!(". {{\n{lines}\n}}\n");
            let corefile = crate::corefile::parse("Corefile".as_ref(), &text, &options).unwrap();
            let all: Vec<_> = corefile.blocks[0].directives[0].lines().iter().map(read).collect();
            let count = |query| {
                let of = all.iter().filter(|(is_query, _)| *is_query == query);
                of.map(|(_, rules)| rules.len()).sum::<usize>()
            };
            format!("{} {}", count(true), count(false))
        });
    }
}

#[tokio::test]
async fn sets_flags_of_questions_and_replies() {
    let lines =
        "header {\nquery clear rd\nquery set aa ra\nresponse set ra rd\nresponse clear aa\n}";
    let (mut chain, _) = testing::setup(lines, NAME, setup).unwrap();
    let asked = request("example.org", RecordType::A);
    let outcome = testing::ask_before(&mut chain, &asked, |request| {
        let question = &request.message.metadata;
        assert!(
            !question.recursion_desired && question.authoritative && question.recursion_available
        );
        let mut reply = request.reply();
        reply.metadata.authoritative = true;
        Reply::message(reply)
    })
    .await;
    let Ok(Reply::Message(reply)) = outcome else { panic!("no message") };
    let flags = &reply.metadata;
    assert!(flags.recursion_available && flags.recursion_desired && !flags.authoritative);
    assert!(!asked.left().message.metadata.recursion_desired, "those before see it");
}

#[tokio::test]
async fn sets_flags_of_all_messages_of_a_transfer() {
    let (mut chain, _) = testing::setup("header {\nresponse set ra\n}", NAME, setup).unwrap();
    let asked = request("example.org", RecordType::AXFR);
    let outcome = testing::ask_before(&mut chain, &asked, |request| {
        let messages = vec![request.reply(), request.reply()];
        Ok(Reply::Messages(Box::new(messages.into_iter())))
    })
    .await;
    let Ok(Reply::Messages(messages)) = outcome else { panic!("no messages") };
    let flags: Vec<bool> = messages.map(|message| message.metadata.recursion_available).collect();
    assert_eq!(flags, [true, true]);
}

#[tokio::test]
async fn leaves_what_nobody_wrote() {
    let (mut chain, _) = testing::setup("header {\nresponse set ra\n}", NAME, setup).unwrap();
    let asked = request("example.org", RecordType::A);
    let refused = |_: &Request| Err(Failure::code(ResponseCode::Refused));
    let outcome = testing::ask_before(&mut chain, &asked, refused).await;
    assert_eq!(testing::shown(&outcome), "failed Refused");
    let outcome = testing::ask_before(&mut chain, &asked, |_| Ok(Reply::Silence)).await;
    assert_eq!(testing::shown(&outcome), "silence");
}
