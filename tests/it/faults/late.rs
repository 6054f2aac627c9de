//! Members that are not there when the server starts, and one whose lists take their time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;

use super::{Stage, south};
use crate::harness::proxy::{refusing, response, silent_watch};
use crate::harness::{ControlPlane, LONG, Pass, Proxy, eventually};

async fn is_dead(space: &'static str, pass: Pass) {
    let south = south().await;
    let proxy = Proxy::before(south).await;
    proxy.pass(pass);
    let east = ControlPlane::shared().await.east.kubeconfig_yaml();
    let way = proxy.lead(&south.kubeconfig_yaml());
    let stage = Stage::launch(space, &east, south, Some(&way), "").await;
    let waits = async {
        // It was waited for, and is missing now, for a short time.
        let missing = "NXDOMAIN cluster.local. 5";
        stage.server.comes_to_say(&stage.question("far"), missing).await;
        stage.server.comes_to_log("the watch fails and is retried").await;
        let learnt = stage.learn(&stage.question("far")).await;
        // 14: Not Ready (RFC 8914 §4.15).
        assert_eq!(
            (learnt.said.as_str(), learnt.why.as_str()),
            (missing, "\0\u{e}not known yet: south")
        );
        // Names that a search list makes are denied, and for as short a time: one that is SERVFAIL ends a search.
        let search = format!("www.example.com.{space}.svc.cluster.local. A");
        stage.server.must_say(&[(&search, missing)]).await;
        proxy.pass(Pass::Through);
        let begin = Instant::now();
        stage.comes_to_be_fresh("far", &stage.far).await;
        println!("{space}: answered after {:.1} s", begin.elapsed().as_secs_f32());
    };
    stage.meanwhile(waits).await;
}

#[tokio::test]
async fn a_member_that_is_dead_at_our_start_breaks_no_search_list() {
    join_all([
        is_dead("faults-start-refused", Pass::Refuse),
        is_dead("faults-start-deaf", Pass::Deaf),
        is_dead("faults-start-503", refusing(503)),
    ])
    .await;
}

#[tokio::test]
async fn a_member_that_says_all_slowly_is_as_good_as_any() {
    let (south, space) = (south().await, "faults-slow");
    let proxy = Proxy::before(south).await;
    proxy.pass(Pass::Slow(Duration::from_millis(400)));
    let way = proxy.lead(&south.kubeconfig_yaml());
    let stage = Stage::start(space, south, &way, "").await;
    let changes = async {
        stage.with_old(south).await;
        let new = stage.change(south).await;
        stage.comes_back(space, &new).await;
    };
    stage.meanwhile(changes).await;
    assert!(!stage.server.logs().contains("fails"), "{}", stage.server.logs());
}

/// How many Services a large cluster has, and how many of them are listed at once.
const SERVICES: usize = 100_000;
const PAGE: usize = 500;

/// A cluster of many Services, `s0` and up, whose lists come page by page.
fn large(space: &'static str, pages: Arc<AtomicUsize>) -> impl Fn(&str) -> String {
    move |request: &str| {
        let target = request.split(' ').nth(1).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let parameter = |name: &str| {
            query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)
        };
        if parameter("watch").is_some() {
            return silent_watch();
        }
        let from: usize = parameter("continue").and_then(|(_, at)| at.parse().ok()).unwrap_or(0);
        let (items, next) = match path {
            "/api/v1/services" => {
                pages.fetch_add(1, Ordering::Relaxed);
                let next = (from + PAGE).min(SERVICES);
                let rest = if next < SERVICES { next.to_string() } else { String::new() };
                ((from..next).map(|index| service(space, index)).collect::<Vec<_>>(), rest)
            }
            "/api/v1/namespaces" => {
                (vec![format!(r#"{{"metadata": {{"name": "{space}"}}}}"#)], String::new())
            }
            _ => (Vec::new(), String::new()),
        };
        let (metadata, items) =
            (json!({"resourceVersion": "7", "continue": next}), items.join(", "));
        response(
            200,
            &format!(
                r#"{{"kind": "List", "apiVersion": "v1", "metadata": {metadata}, "items": [{items}]}}"#
            ),
        )
    }
}

/// As text, since a hundred thousand take an unoptimized program long otherwise.
fn service(space: &str, index: usize) -> String {
    let ip = address(index);
    format!(
        r#"{{"metadata": {{"namespace": "{space}", "name": "s{index}", "uid": "{index}"}},
            "spec": {{"type": "ClusterIP", "clusterIP": "{ip}", "clusterIPs": ["{ip}"],
            "ports": [{{"name": "http", "port": 80, "protocol": "TCP"}}]}}}}"#
    )
}

fn address(index: usize) -> String {
    format!("10.{}.{}.{}", 200 + index / 65_536, index / 256 % 256, index % 256)
}

#[tokio::test]
async fn a_slow_list_of_a_hundred_thousand_holds_up_nobody() {
    let (south, space) = (south().await, "faults-large");
    let pages = Arc::new(AtomicUsize::new(0));
    let answer = Arc::new(large(space, pages.clone()));
    let proxy = Proxy::answering(Duration::from_millis(15), answer).await;
    let east = ControlPlane::shared().await.east.kubeconfig_yaml();
    let way = format!("127.0.0.1:{}", proxy.port());
    let way = south.kubeconfig_yaml().replace(&format!("127.0.0.1:{}", south.port()), &way);
    let stage = Stage::launch(space, &east, south, None, "").await;
    stage.rewrite(&way);
    let last = stage.question(&format!("s{}", SERVICES - 1));
    let listed = async {
        let begin = Instant::now();
        for part in 1..=10 {
            let due = SERVICES / PAGE * part / 10;
            let what = format!("{due} pages");
            eventually(&what, LONG, async || pages.load(Ordering::Relaxed) >= due).await;
        }
        println!("{space}: listed in {:.1} s", begin.elapsed().as_secs_f32());
        stage.server.comes_to_say(&last, &format!("NOERROR {}", address(SERVICES - 1))).await;
        println!("{space}: answered after {:.1} s", begin.elapsed().as_secs_f32());
        for index in (0..SERVICES).step_by(997) {
            let question = stage.question(&format!("s{index}"));
            assert_eq!(stage.server.says(&question).await, format!("NOERROR {}", address(index)));
        }
    };
    stage.meanwhile(listed).await;
}
