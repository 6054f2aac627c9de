use hickory_proto::op::Edns;
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, RecordType};

use super::*;
use crate::plugin::testing::request;

const SECOND: Duration = Duration::from_secs(1);

fn message() -> Message {
    let asked = request("a.test", RecordType::A);
    let mut message = asked.reply();
    message.metadata.authoritative = true;
    message.metadata.authentic_data = true;
    message.metadata.recursion_available = true;
    let address = RData::A(A::new(192, 0, 2, 1));
    message.answers = vec![Record::from_rdata(asked.qname().clone(), 600, address)];
    message
}

#[test]
fn ages_by_whole_seconds() {
    let now = Instant::now();
    let entry = Entry::new(&message(), 30, now);
    for (age, ttl) in [(0, 30), (999, 30), (1000, 29), (29_999, 1), (30_000, 0), (42_000, -12)] {
        assert_eq!(entry.ttl(now + Duration::from_millis(age)), ttl, "{age} ms");
    }
}

#[test]
fn replies_with_flags_of_the_answer_and_of_the_question() {
    let entry = Entry::new(&message(), 30, Instant::now());
    let mut asked = request("A.Test", RecordType::A);
    let reply = entry.reply(&asked, 7);
    assert_eq!(reply.answers[0].ttl, 7);
    assert_eq!(reply.queries[0].name().to_string(), "A.Test.", "as this client writes it");
    assert_eq!(reply.answers[0].name.to_string(), "a.test.", "as the first did");
    let flags = reply.metadata;
    assert!(flags.authoritative && flags.recursion_available && flags.recursion_desired);
    assert!(!flags.authentic_data, "nobody asked for it");
    let ask = |edit: fn(&mut Message)| {
        let mut asked = asked.clone();
        edit(Arc::make_mut(&mut asked.message));
        entry.reply(&asked, 7).metadata
    };
    assert!(ask(|message| message.metadata.authentic_data = true).authentic_data);
    assert!(
        ask(|message| {
            message.edns.get_or_insert_with(Edns::new).set_dnssec_ok(true);
        })
        .authentic_data
    );
    Arc::make_mut(&mut asked.message).metadata.recursion_desired = false;
    assert!(!entry.reply(&asked, 7).metadata.recursion_desired);
}

#[test]
fn counts_questions_without_a_pause() {
    let now = Instant::now();
    let entry = Entry::new(&message(), 600, now);
    let asked = |at| entry.asked(10 * SECOND, now + at);
    assert_eq!([asked(SECOND), asked(2 * SECOND), asked(12 * SECOND)], [1, 2, 3]);
    assert_eq!(asked(23 * SECOND), 1, "a pause of more than 10 seconds");
    let next = Entry::new(&message(), 600, now);
    next.inherit(&entry, now + 23 * SECOND);
    assert_eq!(next.asked(10 * SECOND, now + 24 * SECOND), 2);
}

#[test]
fn is_refreshed_by_one_at_a_time_and_not_soon_after_a_failure() {
    let now = Instant::now();
    let entry = Arc::new(Entry::new(&message(), 600, now));
    let (none, hour) = (Duration::ZERO, 3600 * SECOND);
    let first = entry.refresh(now, none).unwrap();
    assert!(entry.refresh(now, none).is_none(), "under way");
    first.end(false);
    entry.refresh(now, none).unwrap().end(true);
    drop(entry.refresh(now, hour).unwrap());
    assert!(entry.refresh(now, hour).is_none(), "it failed");
    let later = entry.refresh(now + 2 * hour, hour).unwrap();
    later.end(true);
    assert!(entry.refresh(now, hour).is_some(), "it succeeded");
}

#[test]
fn remembers_the_last_good_answer() {
    let now = Instant::now();
    let good = Arc::new(Entry::new(&message(), 30, now));
    let empty = || {
        let mut message = message();
        message.answers.clear();
        Entry::new(&message, 5, now)
    };
    assert!(Arc::new(empty()).good().is_none());
    let worse = Arc::new(empty().after(Some(good.clone())));
    let worst = Arc::new(empty().after(Some(worse)));
    assert!(Arc::ptr_eq(&worst.good().unwrap(), &good));
    let better = Arc::new(Entry::new(&message(), 30, now).after(Some(good)));
    assert!(Arc::ptr_eq(&better.clone().good().unwrap(), &better));
}
