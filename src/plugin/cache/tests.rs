use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::join_all;
use hickory_proto::op::Message;
use hickory_proto::rr::rdata::{A, SOA};
use hickory_proto::rr::{RData, Record};

use super::*;
use crate::plugin::testing::{self, request, shown};
use crate::plugin::{Failure, Plugin};

/// What stands behind the cache: every question of it is counted.
struct Source {
    asked: AtomicU32,
    says: fn(&Request, u32) -> Outcome,
    holds: bool,
}

#[async_trait]
impl Plugin for Source {
    fn name(&self) -> &'static str {
        "source"
    }

    async fn handle(&self, request: &Request, _: Next<'_>) -> Outcome {
        (self.says)(request, self.asked.fetch_add(1, Ordering::SeqCst))
    }

    fn holds(&self, _: &Request) -> bool {
        self.holds
    }
}

struct Chain {
    plugins: Vec<Arc<dyn Plugin>>,
    source: Arc<Source>,
    metrics: Arc<Metrics>,
}

impl Chain {
    fn new(lines: &str, says: fn(&Request, u32) -> Outcome) -> Self {
        let (mut chain, process) = testing::setup(lines, NAME, setup).unwrap();
        chain.plugins[0].start(&Background::default());
        let source = Arc::new(Source { asked: AtomicU32::new(0), says, holds: false });
        chain.plugins.push(source.clone());
        Chain { plugins: chain.plugins, source, metrics: process.metrics }
    }

    async fn ask(&self, name: &str) -> String {
        shown(&self.outcome(&request(name, RecordType::A)).await)
    }

    async fn outcome(&self, request: &Request) -> Outcome {
        Next::all(&self.plugins).start(request).await
    }

    /// Waits until the source was asked so often. It answers at once, and what it says is taken at once.
    async fn until_asked(&self, times: u32) {
        while self.asked() < times {
            tokio::task::yield_now().await;
        }
    }

    fn asked(&self) -> u32 {
        self.source.asked.load(Ordering::SeqCst)
    }

    /// The value of a metric without its labels but `type`.
    fn counted(&self, name: &str) -> Option<u64> {
        let page = self.metrics.page();
        let line = page.lines().find(|line| line.starts_with(name))?;
        line.rsplit(' ').next()?.parse().ok()
    }
}

fn address(request: &Request, ttl: u32, last: u8) -> Outcome {
    let mut reply = request.reply();
    let data = RData::A(A::new(192, 0, 2, last));
    reply.answers = vec![Record::from_rdata(request.qname().clone(), ttl, data)];
    Reply::message(reply)
}

fn denial(request: &Request, code: ResponseCode) -> Message {
    let mut reply = request.reply();
    reply.metadata.response_code = code;
    let soa = SOA::new(Name::root(), Name::root(), 1, 2, 3, 4, 5);
    reply.authorities = vec![Record::from_rdata(Name::root(), 60, RData::SOA(soa))];
    reply
}

fn fails(cause: &str) -> Outcome {
    Err(Failure { code: ResponseCode::ServFail, cause: Some(cause.into()) })
}

#[test]
fn reads_its_words() {
    for (lines, expected) in [
        ("cache", Ok("")),
        ("cache 30", Ok("")),
        ("cache 30 example.org 10.0.0.0/8", Ok("")),
        ("cache example.org {\nsuccess 5000\ndenial 2500 60 0\n}", Ok("")),
        ("cache {\nprefetch 10\nprefetch 10 1m\nprefetch 0 1m 90%\n}", Ok("")),
        ("cache {\nserve_stale\nserve_stale_policy prefer_positive\n}", Ok("")),
        ("cache {\nserve_stale 1h Immediate 30s 30s\n}", Ok("")),
        ("cache {\nserve_stale 1h verify 100ms 30s 5m\n}", Ok("")),
        ("cache {\nserve_stale 0s\nservfail 0\nkeepttl\n}", Ok("")),
        ("cache {\ndisable success\ndisable denial a.test b.test\n}", Ok("")),
        ("cache 0", Err("'0' is no TTL in seconds")),
        ("cache -5", Err("'-5' is no TTL in seconds")),
        ("cache a..b", Err("a..b")),
        ("cache {\nsuccess\n}", Err("'success' has no argument; write `success CAPACITY [TTL]")),
        ("cache {\ndenial x\n}", Err("'x' is no number of answers")),
        ("cache {\nsuccess 1 0\n}", Err("'0' is no TTL in seconds")),
        ("cache {\nsuccess 1 1 -1\n}", Err("'-1' is no TTL in seconds")),
        ("cache {\nsuccess 1 1 1 1\n}", Err("'success' has 4 arguments")),
        ("cache {\nprefetch -1\n}", Err("'-1' is no number of questions")),
        ("cache {\nprefetch 1 1m 10\n}", Err("'10' is no percentage to prefetch at")),
        ("cache {\nprefetch 1 1m 9%\n}", Err("'9%' is no percentage to prefetch at")),
        ("cache {\nserve_stale -1s\n}", Err("negative duration")),
        ("cache {\nserve_stale 1h later\n}", Err("unknown mode of serve_stale 'later'")),
        ("cache {\nserve_stale 1h immediate 1500ms\n}", Err("'1500ms' is no TTL")),
        ("cache {\nserve_stale 1h immediate 1s 1s 1s\n}", Err("'serve_stale' has 5 arguments")),
        ("cache {\nserve_stale 1h verify 0 1s 6m\n}", Err("too long")),
        ("cache {\nserve_stale_policy prefer_positive\n}", Err("without serve_stale")),
        ("cache {\nserve_stale\nserve_stale_policy negative\n}", Err("unknown policy")),
        ("cache {\nservfail 6m\n}", Err("SERVFAIL is kept for 6m, which is too long")),
        ("cache {\ndisable\n}", Err("'disable' has no argument")),
        ("cache {\ndisable all\n}", Err("unknown store of cache 'all'")),
        ("cache {\nkeepttl 5\n}", Err("'keepttl' has the argument '5'")),
        ("cache {\nkeep_ttl\n}", Err("did you mean 'keepttl'?")),
        ("cache\ncache", Err("used twice")),
    ] {
        testing::check(lines, NAME, setup, expected, |_, _| String::new());
    }
}

#[tokio::test]
async fn gives_an_answer_again_with_the_least_ttl() {
    let chain = Chain::new("cache 30 {\nkeepttl\n}", |request, _| {
        let Ok(Reply::Message(mut reply)) = address(request, 3600, 1) else { unreachable!() };
        reply.additionals = reply.answers.clone();
        reply.additionals[0].ttl = 20;
        Ok(Reply::Message(reply))
    });
    for _ in 0..2 {
        assert_eq!(chain.ask("a.test").await, "NoError: a.test. 20 A 192.0.2.1");
    }
    assert_eq!(chain.ask("A.test").await, "NoError: a.test. 20 A 192.0.2.1");
    assert_eq!(chain.asked(), 1);
    assert_eq!(chain.counted("coredns_cache_requests_total"), Some(3));
    assert_eq!(chain.counted("coredns_cache_misses_total"), Some(1));
    assert_eq!(
        chain.counted("coredns_cache_hits_total{server=\"dns://:53\",type=\"success\""),
        Some(2)
    );
}

#[tokio::test]
async fn keeps_failures_of_the_chain_for_a_moment() {
    let chain = Chain::new("cache {\nservfail 5m\n}", |_, _| fails("no reply"));
    assert_eq!(chain.ask("a.test").await, "failed ServFail: no reply");
    assert_eq!(chain.ask("a.test").await, "ServFail:");
    assert_eq!(chain.asked(), 1);
    let silent = Chain::new("cache", |_, _| Err(Failure::code(ResponseCode::ServFail)));
    let refused = Chain::new("cache", |_, _| {
        Err(Failure { code: ResponseCode::Refused, cause: Some("no".into()) })
    });
    let never = Chain::new("cache {\nservfail 0\n}", |_, _| fails("no reply"));
    for chain in [silent, refused, never] {
        chain.ask("a.test").await;
        chain.ask("a.test").await;
        assert_eq!(chain.asked(), 2);
    }
}

#[tokio::test]
async fn asks_with_ad_and_hides_it_from_who_did_not_ask_for_it() {
    let chain = Chain::new("cache", |request, _| {
        assert!(request.message.metadata.authentic_data);
        let Ok(Reply::Message(mut reply)) = address(request, 60, 1) else { unreachable!() };
        reply.metadata.authentic_data = true;
        Ok(Reply::Message(reply))
    });
    let mut asked = request("a.test", RecordType::A);
    for expected in [false, false, true] {
        if expected {
            Arc::make_mut(&mut asked.message).metadata.authentic_data = true;
        }
        let Ok(Reply::Message(reply)) = chain.outcome(&asked).await else { panic!("no reply") };
        assert_eq!(reply.metadata.authentic_data, expected);
    }
    assert_eq!(chain.asked(), 1);
}

#[tokio::test]
async fn knows_of_a_wildcard_what_was_known_when_it_was_kept() {
    let chain = Chain::new("cache", |request, _| {
        request.metadata.as_ref().unwrap().say("zone/wildcard", "*.test.");
        address(request, 60, 1)
    });
    for _ in 0..2 {
        let known = Arc::<crate::plugin::metadata::Known>::default();
        let asked = Request { metadata: Some(known.clone()), ..request("a.test", RecordType::A) };
        chain.outcome(&asked).await.unwrap();
        assert_eq!(known.get("zone/wildcard").as_deref(), Some("*.test."));
    }
    assert_eq!(chain.asked(), 1);
}

#[tokio::test]
async fn lets_pass_what_is_held_and_transfers() {
    let mut chain = Chain::new("cache 30", |request, _| address(request, 3600, 1));
    chain.ask("a.test").await;
    let source = Source { asked: AtomicU32::new(0), says: chain.source.says, holds: true };
    chain.source = Arc::new(source);
    chain.plugins[1] = chain.source.clone();
    for asked in 1..3 {
        assert_eq!(chain.ask("a.test").await, "NoError: a.test. 3600 A 192.0.2.1");
        assert_eq!(chain.asked(), asked, "what was kept before is not given");
    }
    let chain = Chain::new("cache 30", |request, _| address(request, 3600, 1));
    let outcome = chain.outcome(&request("a.test", RecordType::AXFR)).await;
    assert_eq!(shown(&outcome), "NoError: a.test. 3600 A 192.0.2.1");
    assert_eq!(chain.counted("coredns_cache_misses_total"), Some(1));
}

#[tokio::test]
async fn drops_replies_to_other_questions() {
    let chain = Chain::new("cache", |request, _| {
        let Ok(Reply::Message(mut reply)) = address(request, 60, 1) else { unreachable!() };
        reply.queries = testing::request("b.test", RecordType::A).message.queries.clone();
        reply.answers[0].name = reply.queries[0].name().clone();
        Ok(Reply::Message(reply))
    });
    chain.ask("a.test").await;
    chain.ask("a.test").await;
    assert_eq!(chain.asked(), 2);
    assert_eq!(chain.counted("coredns_cache_drops_total"), Some(2));
}

/// One question ahead of the end of an entry begins one question beside.
#[tokio::test]
async fn prefetches_once_as_a_client_of_tcp() {
    // Of 9 seconds 90% are 9, so that is at once.
    let chain = Chain::new("cache 9 {\nprefetch 2 1m 90%\nkeepttl\n}", |request, asked| {
        if asked > 0 {
            assert_eq!(request.transport, crate::plugin::Transport::Tcp);
            assert!(request.metadata.is_none());
        }
        address(request, 60, 1 + u8::try_from(asked).unwrap())
    });
    for _ in 0..3 {
        assert_eq!(chain.ask("a.test").await, "NoError: a.test. 9 A 192.0.2.1");
    }
    chain.until_asked(2).await;
    assert_eq!(chain.counted("coredns_cache_prefetch_total"), Some(1));
    assert_eq!(chain.ask("a.test").await, "NoError: a.test. 9 A 192.0.2.2");
}

/// Entries of `success` whose TTL is 0 seconds have ended when they are stored.
const ENDED: &str = "success 1024 1 0\nservfail 900ms";

#[tokio::test]
async fn gives_what_has_ended_and_refreshes_it_beside() {
    // A failure of 900 ms is kept for 0 seconds.
    let lines = format!("cache {{\n{ENDED}\nserve_stale 1h immediate 30s 1m\n}}");
    let chain = Chain::new(&lines, |_, asked| match asked {
        0 => fails("first"),
        asked => fails(&format!("{asked}")),
    });
    assert_eq!(chain.ask("a.test").await, "failed ServFail: first");
    for _ in 0..3 {
        assert_eq!(chain.ask("a.test").await, "ServFail:");
        chain.until_asked(2).await;
    }
    assert_eq!(chain.asked(), 2, "it failed, and is not tried again for a minute");
    assert_eq!(chain.counted("coredns_cache_served_stale_total"), Some(3));
}

#[tokio::test]
async fn keeps_nothing_of_disabled_zones_when_it_asks_anew_either() {
    let lines = format!("cache {{\n{ENDED}\nserve_stale 1h verify\ndisable success a.test\n}}");
    let chain = Chain::new(&lines, |request, asked| match asked {
        0 => fails("first"),
        _ => address(request, 60, 9),
    });
    chain.ask("a.test").await;
    for asked in 2..4 {
        assert_eq!(chain.ask("a.test").await, "NoError: a.test. 1 A 192.0.2.9");
        assert_eq!(chain.asked(), asked);
    }
    let kept = "coredns_cache_entries{server=\"dns://:53\",type=\"success\"";
    assert_eq!(chain.counted(kept), Some(0));
}

#[tokio::test]
async fn refreshes_once_for_all_who_ask() {
    for (mode, fresh) in [("immediate", 0), ("verify 10s", 1)] {
        let lines = format!("cache {{\n{ENDED}\nserve_stale 1h {mode}\n}}");
        let chain = Chain::new(&lines, |request, asked| match asked {
            0 => fails("first"),
            _ => address(request, 60, 9),
        });
        chain.ask("a.test").await;
        let all = join_all((0..20).map(|_| chain.ask("a.test"))).await;
        let old = all.iter().filter(|said| *said == "ServFail:").count();
        assert_eq!(old, 20 - fresh, "{mode}: who asks waits, the others do not");
        chain.until_asked(2).await;
        assert_eq!(chain.asked(), 2, "{mode}");
    }
}

#[tokio::test]
async fn verifies_before_it_gives_what_has_ended() {
    let says: fn(&Request, u32) -> Outcome = |request, asked| match asked {
        0 => fails("first"),
        1 => Reply::message(denial(request, ResponseCode::ServFail)),
        2 => Reply::message(denial(request, ResponseCode::NXDomain)),
        _ => address(request, 60, 9),
    };
    for mode in ["verify", "verify 10s", "verify 10s 0 1ns"] {
        let chain = Chain::new(&format!("cache {{\n{ENDED}\nserve_stale 1h {mode}\n}}"), says);
        assert_eq!(chain.ask("a.test").await, "failed ServFail: first", "{mode}");
        assert_eq!(chain.ask("a.test").await, "ServFail:", "{mode}: no better one came");
        assert_eq!(chain.ask("a.test").await, "NXDomain:", "{mode}");
        assert_eq!(chain.ask("a.test").await, "NXDomain:", "{mode}: it was kept");
        assert_eq!(chain.asked(), 3, "{mode}");
    }
}

/// What is found of an answer that lasts 60 seconds and a denial of 30, when time has passed.
#[test]
fn finds_denials_first_but_where_answers_are_preferred() {
    let asked = request("a.test", RecordType::A);
    let stale = |up_to, prefer_positive| Stale {
        up_to,
        verify: None,
        ttl: 0,
        recheck: Duration::ZERO,
        prefer_positive,
    };
    let found = |stale: Option<Stale>, code| {
        let bounds = |most| Bounds {
            capacity: 0,
            least_ttl: Duration::ZERO,
            most_ttl: Duration::from_secs(most),
            except: Vec::new(),
        };
        let options = Options {
            zones: vec![Name::root()],
            label: ".".into(),
            success: bounds(60),
            denial: bounds(30),
            servfail: Duration::from_secs(30),
            prefetch: None,
            stale,
            keep_ttl: false,
        };
        let shared = Arc::new(Shared::new(options, Arc::default()));
        let keeping = Keeping::new(&shared, &asked);
        let Ok(Reply::Message(answer)) = address(&asked, 60, 1) else { unreachable!() };
        keeping.keep(*answer);
        keeping.keep(denial(&asked, code));
        let now = Instant::now();
        let found = |after| {
            let found = shared.find(&keeping.key(), now + Duration::from_secs(after));
            found.map_or("nothing", |(kept, _)| kept.label())
        };
        [found(1), found(40), found(80), found(150)]
    };
    let nx_domain = ResponseCode::NXDomain;
    assert_eq!(found(None, nx_domain), ["denial", "success", "nothing", "nothing"]);
    assert_eq!(found(None, ResponseCode::ServFail), ["success", "success", "nothing", "nothing"]);
    let old = || Some(stale(100, false));
    assert_eq!(found(old(), nx_domain), ["denial", "denial", "denial", "success"]);
    assert_eq!(found(old(), ResponseCode::ServFail), ["success"; 4]);
    assert_eq!(found(Some(stale(100, true)), nx_domain), ["success"; 4]);
}
