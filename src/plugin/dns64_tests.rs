use async_trait::async_trait;
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SOA};
use hickory_proto::rr::{Name, Record};

use super::*;
use crate::plugin::names;
use crate::plugin::request::Resolve;
use crate::plugin::setup::Chain;
use crate::plugin::testing::{self, request};

#[test]
fn reads_its_words() {
    for (lines, expected) in [
        ("dns64", Ok("1")),
        ("dns64 2001:db8:1::/48", Ok("1")),
        ("dns64 {\nprefix 64:ff9b::/96\ntranslate_all\nallow_ipv4\n}", Ok("1")),
        (
            "dns64 64:ff9b::/96 {\nallow_ipv4\n}",
            Err("put the prefix into the block: prefix 64:ff9b::/96"),
        ),
        ("dns64 64:ff9b::", Err("'64:ff9b::' is no prefix; write one of IPv6")),
        ("dns64 64:ff9b::/95", Err("'64:ff9b::/95' has no length that a prefix can have")),
        ("dns64 10.0.0.0/32", Err("'10.0.0.0/32' is no prefix of IPv6")),
        ("dns64 a b", Err("'dns64' has 2 arguments, the last 'b'; write `dns64 [PREFIX]`")),
        ("dns64 {\nprefix\n}", Err("'prefix' has no argument")),
        ("dns64 {\ntranslate_all yes\n}", Err("'translate_all' has the argument 'yes'")),
        (
            "dns64 {\nallow_ipv6\n}",
            Err("unknown property of dns64 'allow_ipv6'; did you mean 'allow_ipv4'?"),
        ),
        ("dns64\ndns64", Err("used twice")),
    ] {
        testing::check(lines, NAME, setup, expected, |chain, _| chain.plugins.len().to_string());
    }
}

#[test]
fn embeds_addresses() {
    // RFC 6052 §2.4.
    for (prefix, expected) in [
        ("2001:db8::/32", "2001:db8:c000:221::"),
        ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
        ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
        ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
        ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
        ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
    ] {
        let address = embed(&prefix.parse().unwrap(), Ipv4Addr::new(192, 0, 2, 33));
        assert_eq!(address, expected.parse::<Ipv6Addr>().unwrap(), "{prefix}");
    }
}

/// The server: aliases to two addresses.
struct Server;

fn alias() -> Name {
    names::parse("alias.example.org").unwrap()
}

#[async_trait]
impl Resolve for Server {
    async fn resolve(&self, request: Request) -> Outcome {
        assert_eq!(request.qtype(), RecordType::A);
        assert_eq!(request.qname().to_ascii(), "www.example.org.");
        let mut reply = request.reply();
        reply.metadata.authoritative = true;
        let name = request.qname().clone();
        reply.add_answer(Record::from_rdata(name, 900, RData::CNAME(CNAME(alias()))));
        reply.add_answer(Record::from_rdata(alias(), 900, RData::A(A::new(192, 0, 2, 1))));
        reply.add_answer(Record::from_rdata(alias(), 60, RData::A(A::new(192, 0, 2, 2))));
        Reply::message(reply)
    }
}

async fn asked(
    chain: &mut Chain,
    client: &str,
    qtype: RecordType,
    last: fn(&Request) -> Outcome,
) -> String {
    let request = Request {
        client: client.parse().unwrap(),
        resolver: Arc::new(Server),
        ..request("WWW.example.org", qtype)
    };
    testing::shown(&testing::ask_before(chain, &request, last).await)
}

fn no_data(request: &Request) -> Outcome {
    let mut reply = request.reply();
    let soa = SOA::new(alias(), alias(), 1, 1, 1, 1, 30);
    reply.authorities.push(Record::from_rdata(alias(), 300, RData::SOA(soa)));
    Reply::message(reply)
}

const SIX: &str = "[2001:db8::1]:40000";
const FOUR: &str = "192.0.2.1:40000";
const CHAINED: &str = "www.example.org. 900 CNAME alias.example.org., ";

#[tokio::test]
async fn translates_for_those_who_need_it() {
    let (mut chain, process) = testing::setup("dns64", NAME, setup).unwrap();
    let both = format!(
        "NoError: {CHAINED}alias.example.org. 300 AAAA 64:ff9b::c000:201, alias.example.org. 60 AAAA 64:ff9b::c000:202"
    );
    assert_eq!(asked(&mut chain, SIX, RecordType::AAAA, no_data).await, both);
    assert_eq!(asked(&mut chain, FOUR, RecordType::AAAA, no_data).await, "NoError:");
    assert_eq!(asked(&mut chain, SIX, RecordType::MX, no_data).await, "NoError:");
    let page = process.metrics.page();
    let line = "coredns_dns64_requests_translated_total{server=\"dns://:53\"} 1";
    assert!(page.lines().any(|found| found == line), "{page}");
    let lines = "dns64 {\nallow_ipv4\nprefix 2001:db8::/96\n}";
    let (mut chain, _) = testing::setup(lines, NAME, setup).unwrap();
    let found = asked(&mut chain, FOUR, RecordType::AAAA, no_data).await;
    assert_eq!(found, both.replace("64:ff9b", "2001:db8"));
}

#[tokio::test]
async fn leaves_what_is_there_and_what_is_not() {
    let has = |request: &Request| {
        let mut reply = request.reply();
        let address = RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7));
        reply.add_answer(Record::from_rdata(request.qname().clone(), 30, address));
        Reply::message(reply)
    };
    let missing = |request: &Request| {
        let mut reply = request.reply();
        reply.metadata.response_code = ResponseCode::NXDomain;
        Reply::message(reply)
    };
    let broken = |request: &Request| {
        let mut reply = request.reply();
        reply.metadata.response_code = ResponseCode::ServFail;
        Reply::message(reply)
    };
    let (mut chain, _) = testing::setup("dns64", NAME, setup).unwrap();
    let there = "NoError: WWW.example.org. 30 AAAA 2001:db8::7";
    assert_eq!(asked(&mut chain, SIX, RecordType::AAAA, has).await, there);
    assert_eq!(asked(&mut chain, SIX, RecordType::AAAA, missing).await, "NXDomain:");
    let found = asked(&mut chain, SIX, RecordType::AAAA, broken).await;
    // Without an SOA they may be kept for 600 s.
    assert!(found.contains("600 AAAA 64:ff9b::c000:201"), "{found}");
    let failed = |_: &Request| Err(Failure::code(ResponseCode::Refused));
    assert_eq!(asked(&mut chain, SIX, RecordType::AAAA, failed).await, "failed Refused");
    let (mut chain, _) = testing::setup("dns64 {\ntranslate_all\n}", NAME, setup).unwrap();
    let found = asked(&mut chain, SIX, RecordType::AAAA, has).await;
    assert!(found.starts_with(&format!("NoError: {CHAINED}")), "{found}");
}

#[tokio::test]
async fn says_that_the_server_said_nothing() {
    let (mut chain, _) = testing::setup("dns64", NAME, setup).unwrap();
    let asked = Request {
        client: SIX.parse().unwrap(),
        depth: u8::MAX,
        ..request("www.example.org", RecordType::AAAA)
    };
    let outcome = testing::ask_before(&mut chain, &asked, no_data).await;
    let expected = "failed ServFail: dns64: upstream returned no response";
    assert_eq!(testing::shown(&outcome), expected);
}
