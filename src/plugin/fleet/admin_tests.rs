use axum::body::{Body, to_bytes};
use axum::http::Request;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::plugin::kubernetes;
use crate::plugin::testing;

fn block(zone: &str, lines: &str) -> String {
    format!("kubernetes {zone} {{\nmanifests .\n}}\nfleet {{\nlocal east\n{lines}\n}}")
}

#[test]
fn is_for_the_machine_alone_and_on_one_address() {
    let two = |one: &str, other: &str| {
        format!("{}\n}}\nb.test {{\n{}", block("a.test", one), block("b.test", other))
    };
    for (lines, expected) in [
        (block("a.test", ""), Ok("None")),
        (block("a.test", "admin 127.0.0.1:9154"), Ok("Some(127.0.0.1:9154)")),
        (block("a.test", "admin localhost:9154"), Ok("Some(127.0.0.1:9154)")),
        (block("a.test", "admin [::1]:9154"), Ok("Some([::1]:9154)")),
        (block("a.test", "admin [::ffff:127.0.0.1]:9154"), Ok("Some(127.0.0.1:9154)")),
        (block("a.test", "admin :9154"), Err("to other machines; write a loopback address")),
        (block("a.test", "admin 192.0.2.1:9154"), Err("192.0.2.1:9154 would show the status")),
        (block("a.test", "admin 127.0.0.1"), Err("it has no port; write a loopback address")),
        (block("a.test", "admin"), Err("'admin' has no argument")),
        (
            block("a.test", "admin 127.0.0.1:1\nadmin 127.0.0.1:2"),
            Err("admin is on 127.0.0.1:1 already"),
        ),
        (two("admin 127.0.0.1:1", "admin 127.0.0.1:1"), Ok("Some(127.0.0.1:1)")),
        (two("", "admin 127.0.0.1:1"), Ok("Some(127.0.0.1:1)")),
        (two("admin 127.0.0.1:1", "admin 127.0.0.1:2"), Err("admin is on 127.0.0.1:1 already")),
    ] {
        testing::check(&lines, "kubernetes", kubernetes::setup, expected, |_, process| {
            format!("{:?}", process.admin)
        });
    }
}

#[tokio::test]
async fn shows_each_fleet_once_with_all_of_its_zones() {
    // Equal blocks share their clusters; only how they are reached differs.
    let one = block("a.test", "members manifests west .\nreach west endpoints");
    let other = block("b.test", "members manifests west .\nreach west direct");
    let lines = format!(
        "{one}\n}}\nb.test {{\n{other}\n}}\nc.test {{\nkubernetes c.test {{\nmanifests .\n}}"
    );
    let (_, process) = testing::setup(&lines, "kubernetes", kubernetes::setup).unwrap();
    let router = router(&process);
    let request = Request::get(CLUSTERS).body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let page: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(page["fleets"][0]["zones"], serde_json::json!(["a.test.", "b.test."]));
    assert_eq!(page["fleets"][1]["zones"], serde_json::json!(["c.test."]));
    assert_eq!(page["fleets"].as_array().unwrap().len(), 2, "{page}");
}
