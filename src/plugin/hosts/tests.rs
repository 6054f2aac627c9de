use std::fs;

use hickory_proto::rr::RecordType;

use super::*;
use crate::plugin::setup::{Chain, Process, Setup};
use crate::plugin::testing::{self, request, shown};

#[test]
fn reads_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let (file, missing) = (folder.path().join("hosts"), folder.path().join("missing"));
    fs::write(&file, "").unwrap();
    let (file, missing) = (file.to_str().unwrap(), missing.to_str().unwrap());
    let below = format!("{file}/x");
    for (lines, expected) in [
        ("hosts".to_owned(), Ok("1")),
        (format!("hosts {file} a.test b.test"), Ok("1")),
        (format!("hosts {missing}"), Ok("1")),
        (format!("hosts {below}"), Err("cannot access the hosts file")),
        (
            format!(
                "hosts {file} {{\n10.0.0.1 a b\nttl 5\nno_reverse\nreload 0\nfallthrough a b\n}}"
            ),
            Ok("1"),
        ),
        (format!("hosts {file} {{\nttl 0\n}}"), Err("'0' is no TTL in seconds")),
        (format!("hosts {file} {{\nttl 65536\n}}"), Err("is no TTL in seconds")),
        (format!("hosts {file} {{\nttl\n}}"), Err("'ttl' has no argument")),
        (format!("hosts {file} {{\nreload never\n}}"), Err("is no duration")),
        (format!("hosts {file} {{\nno_reverse x\n}}"), Err("no_reverse")),
        (
            format!("hosts {file} {{\nfallthrough_unsupported\n}}"),
            Err("fallthrough_unsupported stands without fallthrough"),
        ),
        (format!("hosts {file} {{\nfallthrough\nfallthrough_unsupported\n}}"), Ok("1")),
        (
            format!("hosts {file} {{\nfallthrough\nfallthrough_unsupported a\n}}"),
            Err("'fallthrough_unsupported' has the argument 'a'"),
        ),
        (format!("hosts {file} {{\ntll 5\n}}"), Err("tll")),
        (format!("hosts {file} {{\nfallthrough\n10.0.0.1 a\n}}"), Err("after fallthrough")),
        (format!("hosts {file} {{\n10.0.0.1\n}}"), Err("the address 10.0.0.1 has no name")),
        (format!("hosts {file} {{\n10.0.0.1 a..b\n}}"), Err("'a..b' is no host name")),
        (format!("hosts {file} {{\n10.0.0.256 a\n}}"), Err("10.0.0.256")),
        (format!("hosts {file} a..b"), Err("a..b")),
        ("hosts\nhosts".to_owned(), Err("used twice")),
    ] {
        testing::check(&lines, NAME, setup, expected, |chain, _| chain.plugins.len().to_string());
    }
}

#[tokio::test]
async fn answers_as_coredns_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hosts");
    fs::write(&path, "10.0.0.1 Web.test\n::1 web.test\n10.0.0.9 *.wild.test\n10.0.0.7 a.other\n")
        .unwrap();
    let path = path.to_str().unwrap();
    let lines = format!(
        "hosts {path} test in.example {{\n10.0.0.2 web.test two.test\nttl 60\nfallthrough in.example\n}}"
    );
    let (mut chain, _) = testing::setup(&lines, NAME, setup).unwrap();
    for (name, qtype, expected) in [
        ("WEB.test", RecordType::A, "NoError aa: web.test. 60 A 10.0.0.1, web.test. 60 A 10.0.0.2"),
        ("web.test", RecordType::AAAA, "NoError aa: web.test. 60 AAAA ::1"),
        ("web.test", RecordType::MX, "NoError aa:"),
        ("two.test", RecordType::AAAA, "NoError aa:"),
        ("x.wild.test", RecordType::A, "NoError aa: x.wild.test. 60 A 10.0.0.9"),
        ("y.x.wild.test", RecordType::A, "failed ServFail"),
        ("none.test", RecordType::A, "failed ServFail"),
        ("none.test", RecordType::TXT, "failed ServFail"),
        ("none.in.example", RecordType::A, "failed NotImp"),
        ("a.other", RecordType::A, "failed NotImp"),
        (
            "2.0.0.10.in-addr.arpa",
            RecordType::PTR,
            "NoError aa: 2.0.0.10.in-addr.arpa. 60 PTR web.test., 2.0.0.10.in-addr.arpa. 60 PTR two.test.",
        ),
        ("02.0.0.10.in-addr.arpa", RecordType::PTR, "failed NotImp"),
        ("3.0.0.10.in-addr.arpa", RecordType::PTR, "failed NotImp"),
        ("0.0.10.in-addr.arpa", RecordType::PTR, "failed NotImp"),
        ("7.0.0.10.in-addr.arpa", RecordType::PTR, "failed NotImp"),
        ("2.0.0.10.in-addr.arpa", RecordType::A, "failed NotImp"),
        ("web.test", RecordType::PTR, "failed NotImp"),
    ] {
        let outcome = testing::ask(&mut chain, &request(name, qtype)).await;
        assert_eq!(shown(&outcome), expected, "{name} {qtype}");
    }
}

#[tokio::test]
async fn has_no_reverse_names_where_none_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hosts");
    let lines = format!("hosts {} {{\n10.0.0.2 a.test\nno_reverse\n}}", path.display());
    let (mut chain, _) = testing::setup(&lines, NAME, setup).unwrap();
    let outcome =
        testing::ask(&mut chain, &request("2.0.0.10.in-addr.arpa", RecordType::PTR)).await;
    assert_eq!(shown(&outcome), "failed NotImp");
}

#[tokio::test]
async fn hands_other_types_on_where_that_is_wanted() {
    let lines = "hosts /nowhere/hosts {\n10.0.0.2 a.test a.example\nfallthrough test\nfallthrough_unsupported\n}";
    let (mut chain, _) = testing::setup(lines, NAME, setup).unwrap();
    for (name, qtype, expected) in [
        ("a.test", RecordType::A, "NoError aa: a.test. 3600 A 10.0.0.2"),
        ("a.test", RecordType::AAAA, "NoError aa:"),
        ("a.test", RecordType::TXT, "failed NotImp"),
        ("b.test", RecordType::TXT, "failed NotImp"),
        ("a.example", RecordType::TXT, "NoError aa:"),
    ] {
        let outcome = testing::ask(&mut chain, &request(name, qtype)).await;
        assert_eq!(shown(&outcome), expected, "{name} {qtype}");
    }
}

#[test]
fn reads_within_the_root() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hosts"), "10.0.0.1 a\n").unwrap();
    let corefile = testing::parsed(".", "hosts hosts").unwrap();
    let (mut chain, mut process) = <(Chain, Process)>::default();
    chain.root = Some(folder.path().to_owned());
    let (blocks, block) = (&corefile.blocks, &corefile.blocks[0]);
    let mut within = Setup { blocks, block, chain: &mut chain, process: &mut process };
    setup(&mut within, &[&block.directives[0]]).unwrap();
    let mut steps = Steps::default();
    let told = chain.plugins[0].explain(&request("a", RecordType::A), &mut steps);
    assert_eq!(told, Told::Answers);
}
