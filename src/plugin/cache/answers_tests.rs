use hickory_proto::rr::rdata::{A, NS, SOA};

use super::*;
use crate::plugin::names;
use crate::plugin::testing::request;

/// A reply to `name qtype`, with records from words: `a=b` is a CNAME, `a` an address, in the authority
/// section `SOA` and `NS`.
fn reply(question: (&str, RecordType), answers: &str, authorities: &str) -> Message {
    let name = |text: &str| names::parse(text).unwrap();
    let mut message = request(question.0, question.1).reply();
    message.answers = answers
        .split_whitespace()
        .map(|word| match word.split_once('=') {
            Some((owner, target)) => {
                Record::from_rdata(name(owner), 30, RData::CNAME(CNAME(name(target))))
            }
            None => Record::from_rdata(name(word), 30, RData::A(A::new(192, 0, 2, 1))),
        })
        .collect();
    message.authorities = authorities
        .split_whitespace()
        .map(|word| {
            let data = match word {
                "SOA" => RData::SOA(SOA::new(name("ns"), name("admin"), 1, 2, 3, 4, 5)),
                _ => RData::NS(NS(name("ns"))),
            };
            Record::from_rdata(name("test"), 30, data)
        })
        .collect();
    message
}

#[test]
fn finds_what_was_asked_for_at_the_end_of_the_chain() {
    use RecordType::{A, AAAA, ANY, CNAME};
    for (question, answers_, expected) in [
        (("a", A), "a", true),
        (("A", A), "a", true),
        (("a", AAAA), "a", false),
        (("a", A), "b", false),
        (("a", A), "", false),
        (("a", A), "a=b b=c c", true),
        (("a", A), "c b=c a=B", true),
        (("a", A), "a=b", false),
        (("a", A), "a=b b=c d", false),
        (("a", A), "a=b a=b b", true),
        (("a", A), "a=b a=c b c", false),
        (("a", A), "a=b b=a a", false),
        (("a", A), "a=a a", false),
        (("a", CNAME), "a=b", true),
        (("a", CNAME), "a=b a=c", false),
        (("a", CNAME), "a", false),
        (("a", ANY), "a", true),
        (("a", ANY), "b", false),
    ] {
        let message = reply(question, answers_, "");
        assert_eq!(answers(&message), expected, "{question:?} {answers_}");
    }
    let mut message = reply(("a", A), "a", "");
    assert!(is_usable(&message));
    message.metadata.truncation = true;
    assert!(!is_usable(&message));
    message.metadata.response_code = ResponseCode::NXDomain;
    assert!(!answers(&message));
    let mut message = reply(("a", A), "a", "");
    message.answers[0].dns_class = DNSClass::CH;
    assert!(!answers(&message));
    message.queries[0].set_query_class(DNSClass::ANY);
    assert!(answers(&message));
}

#[test]
fn keeps_what_has_a_time() {
    use ResponseCode::{NXDomain, NoError, NotImp, Refused, ServFail};
    for (code, answers, authorities, expected) in [
        (NoError, "a", "", Some(Kind::NoError)),
        (NoError, "", "", Some(Kind::NoError)),
        (NoError, "a=b", "", None),
        (NoError, "a=b", "SOA", Some(Kind::NoData)),
        (NoError, "a=b b", "SOA", Some(Kind::NoError)),
        (NoError, "", "SOA", Some(Kind::NoData)),
        (NoError, "", "NS", Some(Kind::Delegation)),
        (NXDomain, "", "SOA", Some(Kind::NameError)),
        (NXDomain, "", "", None),
        (NXDomain, "a=b", "SOA", None),
        (ServFail, "", "", Some(Kind::ServerError)),
        (NotImp, "", "", Some(Kind::ServerError)),
        (Refused, "", "", None),
    ] {
        let mut message = reply(("a", RecordType::A), answers, authorities);
        message.metadata.response_code = code;
        let kind = kind(&message);
        let kept = is_kept(&message, kind).then_some(kind);
        assert_eq!(kept, expected, "{code} {answers} {authorities}");
        message.metadata.truncation = true;
        assert!(!is_kept(&message, kind), "{code} {answers} {authorities}");
    }
    let transfer = reply(("a", RecordType::AXFR), "a", "");
    assert!(!is_kept(&transfer, super::kind(&transfer)));
}
