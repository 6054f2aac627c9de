use std::collections::BTreeSet;

use hickory_proto::rr::Name;
use hickory_proto::rr::rdata::{A, CNAME, MX, NS};

use super::*;
use crate::plugin::testing::{self, request, shown};

#[test]
fn reads_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let good = file("good", "a.test\n192.0.2.1 1\n");
    let bad = file("bad", "a.test\n192.0.2.1\n");
    let none = folder.path().join("none").display().to_string();
    for (lines, expected) in [
        ("loadbalance".into(), Ok("1")),
        ("loadbalance round_robin".into(), Ok("1")),
        ("loadbalance {\nprefer 10.0.0.0/8 2001:db8::/32\nprefer 192.0.2.1/32\n}".into(), Ok("1")),
        (format!("loadbalance weighted {good} {{\nreload 0s\n}}"), Ok("1")),
        (format!("loadbalance weighted {none}"), Ok("1")),
        ("loadbalance least".into(), Err("unknown policy of loadbalance 'least'")),
        ("loadbalance round_robin x".into(), Err("wrong arguments of the policy round_robin")),
        ("loadbalance weighted".into(), Err("wrong arguments of the policy weighted")),
        ("loadbalance weighted a b".into(), Err("'loadbalance' has 3 arguments")),
        (format!("loadbalance weighted {bad}"), Err("wrong domain name:\"192.0.2.1\"")),
        (format!("loadbalance weighted {none} {{\nreload 0\n}}"), Err("weight file open error")),
        (format!("loadbalance weighted {good} {{\nreload x\n}}"), Err("'x' is no duration")),
        (format!("loadbalance weighted {good} {{\nprefer 10.0.0.0/8\n}}"), Err("'prefer'")),
        ("loadbalance {\nreload 5s\n}".into(), Err("'reload'")),
        ("loadbalance {\nprefer 10.0.0.1\n}".into(), Err("'10.0.0.1' is no network")),
        ("loadbalance {\nprefer\n}".into(), Err("'prefer' has no argument")),
        ("loadbalance\nloadbalance".into(), Err("used twice")),
    ] {
        let lines: String = lines;
        testing::check(&lines, NAME, setup, expected, |chain, _| chain.plugins.len().to_string());
    }
}

/// An alias, name server, mail servers and addresses, mixed.
fn mixed(request: &Request) -> Outcome {
    let record = |data| Record::from_rdata(request.qname().clone(), 30, data);
    let address = |last| record(RData::A(A::new(192, 0, 2, last)));
    let mail = |preference| record(RData::MX(MX::new(preference, Name::root())));
    let mut reply = request.reply();
    reply.answers = vec![
        mail(1),
        address(1),
        address(2),
        record(RData::NS(NS(Name::root()))),
        mail(2),
        address(3),
        record(RData::CNAME(CNAME(Name::root()))),
    ];
    if request.qtype() == RecordType::TXT {
        reply.metadata.response_code = ResponseCode::NXDomain;
    }
    Reply::message(reply)
}

/// The records by their types, or by the ends of their data.
fn orders(text: &str) -> String {
    let words = text.split(", ").map(|record| {
        let words: Vec<&str> = record.split(' ').rev().take(2).collect();
        match words[1] {
            "CNAME" | "NS" => words[1].to_owned(),
            _ => words[0].rsplit('.').next().unwrap_or_default().to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn shuffles_addresses_behind_aliases_and_all_else() {
    let (mut chain, _) = testing::setup("loadbalance", NAME, setup).unwrap();
    let mut seen = BTreeSet::new();
    for _ in 0..400 {
        let asked = request("a.test", RecordType::A);
        let outcome = testing::ask_before(&mut chain, &asked, mixed).await;
        let Ok(Reply::Message(message)) = &outcome else { panic!("{outcome:?}") };
        let kinds: Vec<RecordType> = message.answers.iter().map(Record::record_type).collect();
        use RecordType::{A, CNAME, MX, NS};
        assert_eq!(kinds, [CNAME, NS, A, A, A, MX, MX]);
        let data: Vec<String> = message.answers.iter().map(|r| r.data.to_string()).collect();
        seen.insert(data);
    }
    assert_eq!(seen.len(), 12, "6 orders of addresses with 2 of mail servers");
    for qtype in [RecordType::TXT, RecordType::AXFR] {
        let asked = request("a.test", qtype);
        let outcome = testing::ask_before(&mut chain, &asked, mixed).await;
        let plain = mixed(&asked);
        assert_eq!(shown(&outcome), shown(&plain), "{qtype} stays as it is");
    }
}

#[tokio::test]
async fn puts_preferred_networks_first() {
    let lines = "loadbalance {\nprefer 192.0.2.3/32 192.0.2.2/31\n}";
    let (mut chain, _) = testing::setup(lines, NAME, setup).unwrap();
    for _ in 0..20 {
        let asked = request("a.test", RecordType::A);
        let outcome = testing::ask_before(&mut chain, &asked, mixed).await;
        let found = orders(&shown(&outcome));
        assert!(found.starts_with("CNAME 3 2 1 ") && found.ends_with(" NS"), "{found}");
    }
}
