use hickory_proto::op::Message;

use super::*;
use crate::plugin::{Transport, testing};

const DB: &str = "$TTL 60
@ SOA ns host 7 1 2 3 4
@ NS ns
ns A 192.0.2.53
*.wild A 192.0.2.1
sub NS ns.sub
ns.sub A 192.0.2.54
alias CNAME ns
d DNAME wild
x.y A 192.0.2.2
out CNAME www.other.test.
";

/// The chain of some lines, in which FOLDER has a file `db`.
fn chain(lines: &str) -> (crate::plugin::setup::Chain, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("db"), DB).unwrap();
    let lines = lines.replace("FOLDER", &folder.path().display().to_string());
    (testing::setup_in("z.test", &lines, NAME, setup).unwrap().0, folder)
}

#[tokio::test]
async fn answers_refers_denies_and_passes_on() {
    let (plain, through, absent) =
        ("file FOLDER/db", "file FOLDER/db {\nfallthrough\n}", "file FOLDER/none");
    for (lines, name, qtype, expected) in [
        (plain, "ns.z.test", RecordType::A, "NoError aa: ns.z.test. 60 A 192.0.2.53"),
        (plain, "NS.Z.test", RecordType::A, "NoError aa: ns.z.test. 60 A 192.0.2.53"),
        (plain, "ns.z.test", RecordType::MX, "NoError aa:"),
        (plain, "none.z.test", RecordType::A, "NXDomain aa:"),
        (plain, "y.z.test", RecordType::A, "NoError aa:"),
        (plain, "a.sub.z.test", RecordType::A, "NoError:"),
        (plain, "a.wild.z.test", RecordType::A, "NoError aa: a.wild.z.test. 60 A 192.0.2.1"),
        (
            plain,
            "alias.z.test",
            RecordType::A,
            "NoError aa: alias.z.test. 60 CNAME ns.z.test., ns.z.test. 60 A 192.0.2.53",
        ),
        (plain, "out.z.test", RecordType::A, "NoError aa: out.z.test. 60 CNAME www.other.test."),
        (plain, "other.test", RecordType::A, "failed NotImp"),
        (plain, "z.test", RecordType::AXFR, "failed Refused"),
        (through, "none.z.test", RecordType::A, "failed NotImp"),
        (through, "ns.z.test", RecordType::MX, "NoError aa:"),
        (absent, "ns.z.test", RecordType::A, "failed ServFail"),
    ] {
        let (mut chain, _folder) = chain(lines);
        let outcome = testing::ask(&mut chain, &testing::request(name, qtype)).await;
        assert_eq!(testing::shown(&outcome), expected, "{name} {qtype}");
    }
    let (chain, _folder) = chain(plain);
    let other = testing::request("other.test", RecordType::A);
    let alone = Next::all(&chain.plugins).start(&other).await;
    assert_eq!(testing::shown(&alone), "failed Refused");
}

#[tokio::test]
async fn serves_what_is_there_beside_what_is_not() {
    let (mut chain, _folder) = chain("file FOLDER/none y.test\nfile FOLDER/db");
    for (name, expected) in
        [("ns.y.test", "failed ServFail"), ("ns.z.test", "NoError aa: ns.z.test. 60 A 192.0.2.53")]
    {
        let outcome = testing::ask(&mut chain, &testing::request(name, RecordType::A)).await;
        assert_eq!(testing::shown(&outcome), expected, "{name}");
    }
}

#[tokio::test]
async fn gives_its_zones_whole() {
    let (mut chain, _folder) = chain("file FOLDER/db");
    let (transfer, _) = testing::setup_in(
        "z.test",
        "transfer {\nto *\n}",
        "transfer",
        crate::plugin::transfer::setup,
    )
    .unwrap();
    chain.plugins.splice(..0, transfer.plugins);
    let mut request = testing::request("z.test", RecordType::AXFR);
    request.transport = Transport::Tcp;
    let outcome = testing::ask(&mut chain, &request).await;
    let Ok(Reply::Messages(messages)) = outcome else { panic!("{outcome:?}") };
    let all: Vec<Message> = messages.collect();
    assert_eq!(all.iter().map(|message| message.answers.len()).collect::<Vec<_>>(), [11]);
    let mut request = testing::request("sub.z.test", RecordType::AXFR);
    request.transport = Transport::Tcp;
    let outcome = testing::ask(&mut chain, &request).await;
    assert_eq!(testing::shown(&outcome), "failed Refused");
}

#[test]
fn tells_of_wildcards() {
    let (chain, _folder) = chain("file FOLDER/db");
    for (name, expected) in [("a.wild.z.test", Some("*.wild.z.test.")), ("ns.z.test", None)] {
        let mut values = metadata::Values::new();
        chain.plugins[0].metadata(&testing::request(name, RecordType::A), &mut values);
        assert_eq!(values.get("zone/wildcard").map(String::as_str), expected);
    }
}

#[test]
fn explains_itself() {
    let (chain, _folder) = chain("file FOLDER/db {\nfallthrough\n}");
    for (name, expected, says) in [
        ("ns.z.test", Told::Answers, "it has the name"),
        ("x.sub.z.test", Told::Answers, "sub.z.test. is delegated"),
        ("a.wild.z.test", Told::Answers, "*.wild.z.test. stands in for the name"),
        ("none.z.test", Told::Passes, "it does not have the name"),
        ("other.test", Told::Passes, "the name is in none of its zones"),
    ] {
        let mut steps = Steps::default();
        let told = chain.plugins[0].explain(&testing::request(name, RecordType::A), &mut steps);
        let last = steps.0.last().unwrap();
        assert_eq!((told, last.says.as_str()), (expected, says), "{name}");
    }
}
