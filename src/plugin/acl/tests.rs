use hickory_proto::rr::RecordType;

use super::*;
use crate::plugin::testing::{self, request};
use crate::plugin::{Failure, setup::Chain};

#[test]
fn reads_its_words() {
    for (lines, expected) in [
        ("acl", Ok("1")),
        ("acl {\nblock\n}", Ok("1")),
        ("acl {\nBLOCK Type A AAAA NET 10.0.0.0/8 192.0.2.1 2001:db8::/32\nallow\n}", Ok("1")),
        ("acl a.test b.test {\nfilter type *\n}\nacl {\ndrop net *\n}", Ok("1")),
        ("acl {\nblock type A net 10.0.0.0/8 type AAAA\n}", Ok("1")),
        ("acl a..b {\nblock\n}", Err("a..b")),
        ("acl {\nblok\n}", Err("Corefile:3 - unknown action of acl 'blok'; did you mean 'block'?")),
        ("acl {\ndeny\n}", Err("use one of: allow, block, filter, drop")),
        ("acl {\nblock A\n}", Err("unknown section 'A' of acl; write `ACTION [type")),
        ("acl {\nblock type\n}", Err("'type' of acl has no words")),
        ("acl {\nblock type net 10.0.0.0/8\n}", Err("'type' of acl has no words")),
        ("acl {\nblock net\n}", Err("'net' of acl has no words")),
        ("acl {\nblock type a\n}", Err("unknown record type 'a'; did you mean 'A'?")),
        ("acl {\nblock type * bogus\n}", Err("unknown record type 'bogus'; write e.g. A,")),
        ("acl {\nblock type None\n}", Err("unknown record type 'None'")),
        ("acl {\nblock net 10.0.0\n}", Err("'10.0.0' is no network")),
        ("acl {\nblock net 10.0.0.0/33\n}", Err("'10.0.0.0/33' is no network")),
        ("acl {\nblock net ::ffff:10.0.0.0/104\n}", Err("no client is in '::ffff:10.0.0.0/104'")),
        ("acl {\nblock {\nx\n}\n}", Err("'block' takes no block")),
    ] {
        testing::check(lines, NAME, setup, expected, |chain, _| chain.plugins.len().to_string());
    }
}

fn chain(lines: &str) -> (Chain, Arc<Metrics>) {
    let (chain, process) = testing::setup_in("example.org b.test", lines, NAME, setup).unwrap();
    (chain, process.metrics)
}

const RULES: &str = "acl {
    allow net 192.0.2.128/25
    block type A net 192.0.2.0/24
    filter type AAAA
    drop type MX TXT net 2001:db8::/32
}
acl drop.example.org {
    drop
}
acl . {
    block net 203.0.113.7
}";

#[tokio::test]
async fn decides_by_zone_type_and_client() {
    let (mut chain, metrics) = chain(RULES);
    for (name, qtype, client, expected) in [
        ("a.example.org", RecordType::A, "192.0.2.1", "Refused:"),
        ("A.EXAMPLE.org", RecordType::A, "192.0.2.1", "Refused:"),
        ("a.example.org", RecordType::A, "192.0.2.129", "failed NotImp"),
        ("a.example.org", RecordType::A, "198.51.100.1", "failed NotImp"),
        ("a.example.org", RecordType::AAAA, "198.51.100.1", "NoError:"),
        ("a.example.org", RecordType::AAAA, "2001:db8::1", "NoError:"),
        ("a.example.org", RecordType::MX, "2001:db8::1", "silence"),
        ("a.example.org", RecordType::MX, "192.0.2.1", "failed NotImp"),
        ("a.b.test", RecordType::A, "192.0.2.1", "Refused:"),
        ("drop.example.org", RecordType::NS, "192.0.2.1", "silence"),
        // What is allowed is not looked at by later rules.
        ("drop.example.org", RecordType::NS, "192.0.2.200", "failed NotImp"),
        ("elsewhere.test", RecordType::A, "192.0.2.1", "failed NotImp"),
        ("elsewhere.test", RecordType::A, "203.0.113.7", "Refused:"),
        ("example.org", RecordType::TXT, "203.0.113.7", "Refused:"),
    ] {
        let client = format!("{client}:4000").parse();
        let client = client.unwrap_or_else(|_| "[2001:db8::1]:4000".parse().unwrap());
        let request = Request { client, ..request(name, qtype) };
        let outcome = testing::ask(&mut chain, &request).await;
        assert_eq!(testing::shown(&outcome), expected, "{name} {qtype} {client}");
    }
    let page = metrics.page();
    for line in [
        "coredns_acl_blocked_requests_total{server=\"dns://:53\",view=\"\",zone=\"example.org.\"} 2",
        "coredns_acl_blocked_requests_total{server=\"dns://:53\",view=\"\",zone=\"b.test.\"} 1",
        "coredns_acl_blocked_requests_total{server=\"dns://:53\",view=\"\",zone=\".\"} 2",
        "coredns_acl_filtered_requests_total{server=\"dns://:53\",view=\"\",zone=\"example.org.\"} 2",
        "coredns_acl_dropped_requests_total{server=\"dns://:53\",view=\"\",zone=\"example.org.\"} 1",
        "coredns_acl_dropped_requests_total{server=\"dns://:53\",view=\"\",zone=\"drop.example.org.\"} 1",
        "coredns_acl_allowed_requests_total{server=\"dns://:53\",view=\"\"} 5",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn says_why() {
    let (mut chain, metrics) = chain("acl {\nblock type A\nfilter\n}");
    for (qtype, code, error) in
        [(RecordType::A, ResponseCode::Refused, 15), (RecordType::MX, ResponseCode::NoError, 17)]
    {
        let request = Request { view: Some("office".into()), ..request("www.example.org", qtype) };
        let Ok(Reply::Message(message)) = testing::ask(&mut chain, &request).await else {
            panic!("no message")
        };
        assert_eq!(message.metadata.response_code, code);
        assert!(message.metadata.recursion_desired && !message.metadata.authoritative);
        let edns = message.edns.unwrap();
        assert_eq!((edns.max_payload(), edns.flags().dnssec_ok), (4096, true));
        let option = edns.options().get(15.into()).unwrap();
        assert_eq!(*option, explain::option(error, ""));
    }
    let label = "coredns_acl_blocked_requests_total{server=\"dns://:53\",view=\"office\",zone=\"example.org.\"} 1";
    assert!(metrics.page().contains(label));
}

#[tokio::test]
async fn with_nothing_behind_it_fails() {
    let (chain, _) = chain("acl");
    let outcome = Next::all(&chain.plugins).start(&request("example.org", RecordType::A)).await;
    assert!(matches!(outcome, Err(Failure { code: ResponseCode::ServFail, cause: Some(_) })));
}
