//! The options of the question that is handed on, and those that its reply mirrors.

use hickory_proto::op::Edns;
use hickory_proto::rr::rdata::opt::EdnsOption;

use super::*;

fn shown(edns: Option<&Edns>) -> String {
    let Some(edns) = edns else { return "none".to_owned() };
    let option = |(code, option): &(_, EdnsOption)| {
        let data = Vec::<u8>::try_from(option).unwrap();
        let hex: String = data.iter().map(|octet| format!("{octet:02x}")).collect();
        format!(" {}={hex}", u16::from(*code))
    };
    let options: String = edns.options().as_ref().iter().map(option).collect();
    format!("{}{options}", edns.max_payload())
}

/// A client with EDNS, and options of codes 65001 and 8.
fn with_options(mut request: Request) -> Request {
    let mut edns = Edns::new();
    edns.set_max_payload(1400);
    edns.options_mut().insert(EdnsOption::Unknown(65001, b"old".to_vec()));
    edns.options_mut().insert(EdnsOption::Unknown(8, vec![0, 1, 8, 0, 10]));
    Arc::make_mut(&mut request.message).edns = Some(edns);
    request
}

/// The question's OPT record, and what is mirrored of it.
async fn asked(lines: &str, request: &Request) -> (String, String) {
    let (mut chain, _) = testing::setup(lines, NAME, setup).unwrap();
    let outcome = testing::ask_before(&mut chain, request, zone).await;
    assert!(matches!(outcome, Ok(Reply::Message(_))));
    match request.changes.last() {
        Some((message, mirrored)) => (shown(message.edns.as_ref()), shown(mirrored.as_ref())),
        None => ("unchanged".to_owned(), "unchanged".to_owned()),
    }
}

#[tokio::test]
async fn changes_options() {
    let old = "65001=6f6c64";
    let subnet = "8=000108000a";
    let cases: Vec<(&str, String, String)> = vec![
        ("local set 65001 new", "4096 65001=6e6577".into(), format!("1400 65001=6e6577 {subnet}")),
        (
            "local set 65002 0x0aFF",
            "4096 65002=0aff".into(),
            format!("1400 {old} {subnet} 65002=0aff"),
        ),
        (
            "local append 65001 new",
            "4096 65001=6e6577".into(),
            format!("1400 {old} {subnet} 65001=6e6577"),
        ),
        ("local replace 65001 new", "4096".into(), format!("1400 65001=6e6577 {subnet}")),
        ("local replace 65002 new", "4096".into(), format!("1400 {old} {subnet}")),
        ("local unset 65001", "4096".into(), format!("1400 {subnet}")),
        // One that has a type of its own is not found, as in CoreDNS.
        ("local set 8 x", "4096 8=78".into(), format!("1400 {old} {subnet} 8=78")),
        ("nsid set", "4096 3=".into(), format!("1400 {old} {subnet} 3=")),
        ("nsid replace", "4096".into(), format!("1400 {old} {subnet}")),
        ("nsid unset", "4096".into(), format!("1400 {old} {subnet}")),
        (
            "subnet set 24 56",
            "4096 8=00011800c00002".into(),
            format!("1400 {old} 8=00011800c00002"),
        ),
        (
            "subnet set 20 56",
            "4096 8=00011400c00000".into(),
            format!("1400 {old} 8=00011400c00000"),
        ),
        ("subnet set 0 0", "4096 8=00010000".into(), format!("1400 {old} 8=00010000")),
        ("subnet append 32 56", "4096 8=00012000c0000201".into(), format!("1400 {old} {subnet}")),
        ("subnet replace 8 56", "4096".into(), format!("1400 {old} 8=00010800c0")),
        ("subnet unset", "4096".into(), format!("1400 {old}")),
        (
            "local set 9 {qname}",
            "4096 9=412e746573742e".into(),
            format!("1400 {old} {subnet} 9=412e746573742e"),
        ),
        ("local set 65001 {qtype}", "4096 65001=0001".into(), format!("1400 65001=0001 {subnet}")),
        ("local append 65001 {qtype}", "4096 65001=0001".into(), format!("1400 {old} {subnet}")),
        (
            "local set 65001 {client_ip}",
            "4096 65001=c0000201".into(),
            format!("1400 65001=c0000201 {subnet}"),
        ),
        (
            "local set 65001 {client_port}",
            "4096 65001=9c40".into(),
            format!("1400 65001=9c40 {subnet}"),
        ),
        (
            "local set 65001 {protocol}",
            "4096 65001=756470".into(),
            format!("1400 65001=756470 {subnet}"),
        ),
        (
            "local set 65001 {server_ip}",
            "4096 65001=c0000235".into(),
            format!("1400 65001=c0000235 {subnet}"),
        ),
        (
            "local set 65001 {server_port}",
            "4096 65001=0035".into(),
            format!("1400 65001=0035 {subnet}"),
        ),
        ("local set 65001 {no/label}", "unchanged".into(), "unchanged".into()),
    ];
    for (lines, plain, with) in cases {
        let lines = format!("rewrite edns0 {lines}");
        let client = || request("A.test", RecordType::A);
        assert_eq!(asked(&lines, &client()).await, (plain.clone(), plain), "{lines}");
        assert_eq!(asked(&lines, &with_options(client())).await, (with.clone(), with), "{lines}");
    }
}

#[tokio::test]
async fn tells_metadata_and_ipv6() {
    let six = Request {
        client: "[2001:db8:1:2:3::4]:53".parse().unwrap(),
        metadata: Some(Arc::new(Values::from([("a/b".to_owned(), "c".to_owned())]).into())),
        ..request("a.test", RecordType::A)
    };
    for (lines, expected) in [
        ("rewrite edns0 local set 65001 {a/b}", "4096 65001=63"),
        ("rewrite edns0 subnet set 24 56", "4096 8=0002380020010db8000100"),
        (
            "rewrite edns0 local set 65001 {client_ip}",
            "4096 65001=20010db8000100020003000000000004",
        ),
    ] {
        let six = Request { changes: Default::default(), ..six.clone() };
        assert_eq!(asked(lines, &six).await.0, expected, "{lines}");
    }
}

#[tokio::test]
async fn reverts_options() {
    for (lines, handed_on, mirrored) in [
        (
            "rewrite edns0 local set 65002 x revert",
            "1400 65001=6f6c64 8=000108000a 65002=78",
            "1400 65001=6f6c64 8=000108000a",
        ),
        (
            "rewrite edns0 local set 65001 x revert",
            "1400 65001=78 8=000108000a",
            "1400 65001=6f6c64 8=000108000a",
        ),
        (
            "rewrite edns0 subnet set 24 56 revert",
            "1400 65001=6f6c64 8=00011800c00002",
            "1400 65001=6f6c64 8=000108000a",
        ),
        (
            "rewrite continue edns0 local set 65001 y\nrewrite edns0 local replace 65001 x revert",
            "1400 65001=78 8=000108000a",
            "1400 65001=79 8=000108000a",
        ),
    ] {
        let request = with_options(request("a.test", RecordType::A));
        let (left, right) = asked(lines, &request).await;
        assert_eq!((left.as_str(), right.as_str()), (handed_on, mirrored), "{lines}");
    }
}

#[tokio::test]
async fn what_nobody_wrote_mirrors_the_options_that_are_named() {
    let lines = "rewrite edns0 local set 65002 x";
    let (mut chain, process) = testing::setup(lines, NAME, setup).unwrap();
    assert!(process.mirrored.contains(&65002) && process.mirrored.len() == 1);
    let request = with_options(request("a.test", RecordType::A));
    let failed = |_: &Request| Err(Failure::code(ResponseCode::ServFail));
    let outcome = testing::ask_before(&mut chain, &request, failed).await;
    let Ok(Reply::Message(reply)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(shown(reply.edns.as_ref()), "1400 65002=78");
}
