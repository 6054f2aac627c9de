use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tower::ServiceExt;

use super::ready::{Monitor, Readiness};
use super::{health, ready};
use crate::admin::serve;
use crate::plugin::prometheus;
use crate::plugin::testing;
use crate::telemetry::Metrics;

#[test]
fn reads_health() {
    for (lines, expected) in [
        ("health", Ok("[::]:8080 0ns")),
        ("health localhost:1234 {\nlameduck 5s\n}", Ok("127.0.0.1:1234 5s")),
        ("health :1 {\nlameduck 5s\n}\nhealth :2", Ok("[::]:2 5s")),
        ("health bla", Err("it has no port")),
        ("health :1 :2", Err("'health' has 2 arguments")),
        ("health {\nlameduck a\n}", Err("'a' is no duration")),
        ("health {\nlameduck\n}", Err("'lameduck' has no argument")),
        ("health {\nlameduk 5s\n}", Err("did you mean 'lameduck'?")),
    ] {
        testing::check(lines, "health", health::setup, expected, |_, process| {
            let health = &process.health[0];
            format!("{} {:?}", health.addr, health.lameduck)
        });
    }
}

#[test]
fn reads_ready() {
    for (lines, expected) in [
        ("ready", Ok("[::]:8181 UntilReady")),
        ("ready 127.0.0.1:1", Ok("127.0.0.1:1 UntilReady")),
        ("ready {\nmonitor continuously\n}", Ok("[::]:8181 Continuously")),
        ("ready :1 {\nmonitor continuously\nmonitor until-ready\n}", Ok("[::]:1 UntilReady")),
        ("ready bla", Err("it has no port")),
        ("ready\nready", Err("used twice")),
        ("ready {\nmonitor\n}", Err("'monitor' has no argument; write `monitor until-ready|")),
        ("ready {\nmonitor always\n}", Err("unknown monitor of ready 'always'")),
        ("ready {\nmonitro continuously\n}", Err("monitro")),
    ] {
        testing::check(lines, "ready", ready::setup, expected, |_, process| {
            let addresses: String = process.ready.iter().map(ToString::to_string).collect();
            format!("{addresses} {:?}", process.readiness.monitor)
        });
    }
}

#[test]
fn is_on_the_addresses_of_all_blocks() {
    let lines = "health :1 {\nlameduck 3s\n}\n}\na.test {\nhealth :2 {\nlameduck 1s\n}";
    testing::check(lines, "health", health::setup, Ok(":1 3s, :2 1s"), |_, process| {
        let shown = |health: &health::Health| format!("{} {:?}", health.shown, health.lameduck);
        process.health.iter().map(shown).collect::<Vec<_>>().join(", ")
    });
    let lines = "ready :1 {\nmonitor continuously\n}\n}\na.test {\nready :2";
    testing::check(lines, "ready", ready::setup, Ok("[::]:1 [::]:2 UntilReady"), |_, process| {
        let addresses = process.ready.iter().map(ToString::to_string).collect::<Vec<_>>();
        format!("{} {:?}", addresses.join(" "), process.readiness.monitor)
    });
}

#[test]
fn what_was_ready_is_looked_at_again_or_not() {
    for (monitor, again) in [(Monitor::UntilReady, false), (Monitor::Continuously, true)] {
        let flag = Arc::new(AtomicBool::new(true));
        let mut readiness = Readiness::default();
        readiness.monitor = monitor;
        readiness.register("kubernetes", waits(&flag));
        assert!(readiness.not_ready().is_empty());
        flag.store(false, Ordering::Relaxed);
        assert_eq!(!readiness.not_ready().is_empty(), again, "{monitor:?}");
    }
}

/// Waits for `west` until the flag is set.
fn waits(flag: &Arc<AtomicBool>) -> Arc<dyn Fn() -> Option<Vec<String>> + Send + Sync> {
    let flag = flag.clone();
    Arc::new(move || (!flag.load(Ordering::Relaxed)).then(|| vec!["west".to_owned()]))
}

#[test]
fn a_plugin_stays_ready() {
    let (one, two) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let mut readiness = Readiness::default();
    assert!(readiness.not_ready().is_empty());
    for (name, flag) in [("kubernetes", &one), ("erratic", &two), ("kubernetes", &two)] {
        readiness.register(name, waits(flag));
    }
    let names = |readiness: &Readiness| readiness.not_ready().into_keys().collect::<Vec<_>>();
    assert_eq!(names(&readiness), ["erratic", "kubernetes"]);
    assert!(readiness.not_ready()["kubernetes"].iter().eq(["west"]));
    two.store(true, Ordering::Relaxed);
    assert_eq!(names(&readiness.clone()), ["kubernetes"]);
    two.store(false, Ordering::Relaxed);
    one.store(true, Ordering::Relaxed);
    assert!(readiness.not_ready().is_empty());
}

/// Status, media type and body of what the router says to `GET path`.
async fn get(router: &Router, path: &str) -> (u16, String, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let kind = response.headers().get("content-type");
    let kind = kind.map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, kind, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn answers_as_coredns_does() {
    let text = "text/plain; charset=utf-8".to_owned();
    let ok = (200, text.clone(), "OK".to_owned());
    assert_eq!(get(&health::router(), "/health").await, ok);
    assert_eq!(get(&health::router(), "/").await.0, 404);
    let mut readiness = Readiness::default();
    let flag = Arc::new(AtomicBool::new(false));
    readiness.register("kubernetes", waits(&flag));
    readiness.register("erratic", Arc::new(|| Some(Vec::new())));
    let router = ready::router(readiness);
    let not_yet = (503, text, "erratic,kubernetes\nwaiting for west".to_owned());
    assert_eq!(get(&router, "/ready").await, not_yet);
    flag.store(true, Ordering::Relaxed);
    assert_eq!(get(&router, "/ready").await.2, "erratic");
    assert_eq!(get(&ready::router(Readiness::default()), "/ready").await, ok);

    let (status, kind, page) =
        get(&prometheus::router(Arc::new(Metrics::default())), "/metrics").await;
    assert_eq!(status, 200);
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    assert!(page.contains("coredns_panics_total 0"), "{page}");
}

#[tokio::test]
async fn serves_until_it_is_told_to_stop() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, health::router(), async {
        let _ = stopped.await;
    }));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK") && response.ends_with("OK"), "{response}");
    stop.send(()).unwrap();
    serving.await.unwrap();
}
