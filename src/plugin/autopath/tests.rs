use hickory_proto::rr::RecordType;
use hickory_proto::rr::rdata::A;

use super::*;
use crate::plugin::setup::Chain;
use crate::plugin::testing::{self, request};

#[test]
fn reads_its_words() {
    for (lines, expected) in [
        ("autopath /dev/null", Ok("1")),
        ("autopath example.org cluster.local /dev/null", Ok("1")),
        ("autopath @kubernetes\nkubernetes", Ok("1")),
        (
            "autopath",
            Err("'autopath' has no argument; write `autopath [ZONE...] RESOLV-CONF|@kubernetes`"),
        ),
        ("autopath /nowhere/resolv.conf", Err("cannot read '/nowhere/resolv.conf': No such file")),
        ("autopath @kubernetes", Err("there is no kubernetes in this server block; add it with")),
        ("autopath @erratic", Err("the plugin 'erratic' has no search paths")),
        ("autopath a..b /dev/null", Err("a..b")),
        ("autopath /dev/null {\nx\n}", Err("'autopath' takes no block")),
        ("autopath /dev/null\nautopath /dev/null", Err("used twice")),
    ] {
        testing::check(lines, NAME, setup, expected, |chain, _| chain.plugins.len().to_string());
    }
}

#[test]
fn reads_search_paths() {
    for (text, expected) in [
        ("", "."),
        ("search A.test b.test.\n", "a.test. b.test. ."),
        ("search a.test\ndomain b.test c.test\nsearch\n", "."),
        ("search a.test\nnameserver 10.0.0.1\n domain b.test c.test\n", "b.test. ."),
        ("search a..b c.test", "? c.test. ."),
    ] {
        let shown = |name: Option<Name>| name.map_or("?".into(), |name| name.to_ascii());
        let found: Vec<String> = search_path(text).into_iter().map(shown).collect();
        assert_eq!(found.join(" "), expected, "{text}");
    }
}

fn autopath(domains: &str) -> (Vec<Arc<dyn Plugin>>, Arc<Metrics>) {
    let metrics = Arc::<Metrics>::default();
    let path = Path::Known(search_path(&format!("search {domains}")));
    let zones = vec![WireName::parse("test").unwrap()];
    (vec![Arc::new(Autopath { zones, path, metrics: metrics.clone() })], metrics)
}

/// What is behind: `www.b.test`, `www`, `nodata.c.test`; `refused.*` is refused, `broken.*` fails.
fn behind(request: &Request) -> Outcome {
    let name = request.qname().to_ascii();
    let mut reply = request.reply();
    match name.split('.').next().unwrap() {
        "refused" => return Err(Failure::code(ResponseCode::Refused)),
        "broken" if !name.ends_with("a.test.") => {
            return Err(Failure::new("forward", ResponseCode::ServFail, "no upstream"));
        }
        "silent" => return Ok(Reply::Silence),
        _ => {}
    }
    match name.as_str() {
        "www.b.test." | "www." | "Web.a.test." => {
            let address = RData::A(A::new(192, 0, 2, 1));
            reply.add_answer(Record::from_rdata(request.qname().clone(), 30, address));
        }
        "nodata.c.test." => {}
        _ => reply.metadata.response_code = ResponseCode::NXDomain,
    }
    Reply::message(reply)
}

#[tokio::test]
async fn walks_the_path() {
    let (plugins, metrics) = autopath("a.test b.test c.test");
    let mut chain = Chain { plugins, ..Default::default() };
    for (name, expected) in [
        ("www.A.test", "NoError: www.A.test. 30 CNAME www.b.test., www.b.test. 30 A 192.0.2.1"),
        ("Web.a.test", "NoError: Web.a.test. 30 A 192.0.2.1"),
        ("nodata.a.test", "NoError:"),
        ("missing.a.test", "NXDomain:"),
        // Only what is below the first domain is looked for.
        ("www.b.test", "NoError: www.b.test. 30 A 192.0.2.1"),
        ("www.a.other", "NXDomain:"),
        ("refused.a.test", "failed Refused"),
        ("silent.a.test", "silence"),
        ("broken.a.test", "failed ServFail: plugin/forward: no upstream"),
        ("A.test", "failed ServFail: trimzone: overshot qname: A.test.for zone a.test."),
    ] {
        let request = request(name, RecordType::A);
        let found = testing::ask_before(&mut chain, &request, behind).await;
        assert_eq!(testing::shown(&found), expected, "{name}");
    }
    let line = "coredns_autopath_success_total{server=\"dns://:53\"} 3";
    let page = metrics.page();
    assert!(page.lines().any(|found| found == line), "{page}");
}

#[tokio::test]
async fn an_empty_path_is_not_walked() {
    let (plugins, metrics) = autopath("");
    let mut chain = Chain { plugins, ..Default::default() };
    let request = request("www.b.test", RecordType::A);
    let found = testing::ask_before(&mut chain, &request, behind).await;
    assert_eq!(testing::shown(&found), "NoError: www.b.test. 30 A 192.0.2.1");
    assert!(!metrics.page().contains("coredns_autopath_success_total{"));
}
