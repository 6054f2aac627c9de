use hickory_proto::op::{Edns as ProtoEdns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::RecordType;
use hickory_proto::rr::rdata::opt::EdnsOption;

use super::*;
use crate::plugin::Failure;
use crate::plugin::names;
use crate::plugin::request::reply_to;

const CODE: u16 = 65_001;

fn message(name: &str, edns: Option<u16>) -> Message {
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(names::parse(name).unwrap(), RecordType::A));
    message.edns = edns.map(|size| {
        let mut edns = ProtoEdns::new();
        edns.set_max_payload(size);
        for code in [CODE, 10] {
            edns.options_mut().insert(EdnsOption::Unknown(code, b"x".to_vec()));
        }
        edns
    });
    message
}

/// The reply's code, RD and options, and the size that the OPT record says.
fn shown(outcome: Outcome, edns: Option<Edns>) -> String {
    let size = edns.map_or(0, |edns| edns.size);
    match outcome {
        Ok(Reply::Message(reply)) => {
            let options = reply.edns.iter().flat_map(|edns| edns.options().as_ref());
            let codes: Vec<u16> = options.map(|(code, _)| u16::from(*code)).collect();
            let rd = reply.metadata.recursion_desired;
            format!("{:?} rd={rd} {codes:?} {size}", reply.metadata.response_code)
        }
        Ok(_) => "other".to_owned(),
        Err(failure) => format!("failed {:?} {size}", failure.code),
    }
}

fn failed() -> Outcome {
    Err(Failure::code(ResponseCode::ServFail))
}

#[test]
fn mirrors_the_question_as_it_was_left() {
    let clear = |mut message: Message| {
        message.metadata.recursion_desired = false;
        message
    };
    let written = |question: &Message| Reply::message(reply_to(question));
    let plain = || message("a.test", None);
    let client = || message("a.test", Some(1400));
    for (sent, left, outcome, mirrored, expected) in [
        // Nothing was changed.
        (plain(), None, written(&plain()), vec![], "NoError rd=true [] 0"),
        (client(), None, written(&client()), vec![], "NoError rd=true [] 1400"),
        (client(), None, written(&client()), vec![CODE], "NoError rd=true [65001] 1400"),
        (client(), None, failed(), vec![], "failed ServFail 1400"),
        (client(), None, failed(), vec![CODE], "ServFail rd=true [65001] 1400"),
        (client(), None, Ok(Reply::Silence), vec![CODE], "other"),
        // A plugin changed it.
        (plain(), Some(client()), written(&client()), vec![CODE], "NoError rd=true [65001] 1400"),
        (plain(), Some(client()), failed(), vec![], "ServFail rd=true [] 1400"),
        (plain(), Some(clear(plain())), failed(), vec![], "ServFail rd=false [] 0"),
        (client(), Some(plain()), failed(), vec![CODE], "ServFail rd=true [] 0"),
    ] {
        let changes = Changes::default();
        if let Some(left) = left {
            changes.hands_on(left.into());
        }
        let mut edns = sent.edns.as_ref().map(Edns::of_request);
        let asked = Some(Arc::new(sent)).filter(|_| !mirrored.is_empty());
        let outcome = mirror(outcome, &changes, asked, &mirrored, &mut edns);
        assert_eq!(shown(outcome, edns), expected, "{mirrored:?}");
    }
}

#[test]
fn the_options_of_a_reply_stand() {
    let changes = Changes::default();
    changes.hands_on(message("a.test", Some(1400)).into());
    let mut own = ProtoEdns::new();
    own.options_mut().insert(EdnsOption::Unknown(15, vec![0, 0]));
    let mut reply = reply_to(&message("a.test", None));
    reply.edns = Some(own);
    let mut edns = None;
    let outcome = mirror(Reply::message(reply), &changes, None, &[CODE], &mut edns);
    assert_eq!(shown(outcome, edns), "NoError rd=true [15] 1400");
}

#[test]
fn what_is_noted_apart_is_mirrored() {
    let changes = Changes::default();
    let mut left = message("a.test", Some(1400));
    changes.hands_on(left.clone().into());
    left.edns.as_mut().unwrap().options_mut().remove(CODE.into());
    changes.mirrors(left.edns.unwrap());
    let reply = Reply::message(reply_to(&message("a.test", None)));
    let mut edns = None;
    let outcome = mirror(reply, &changes, None, &[CODE], &mut edns);
    assert_eq!(shown(outcome, edns), "NoError rd=true [] 1400");
}
