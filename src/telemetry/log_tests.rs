use super::*;
use crate::telemetry::memory::Memory;

/// What is printed by `write` under `filter`.
fn printed(filter: &str, write: impl FnOnce()) -> String {
    let memory = Memory::default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .event_format(Line)
        .with_writer(memory.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, write);
    memory.text()
}

#[test]
fn prints_lines_as_coredns_does() {
    let lines = printed(DEFAULT_FILTER, || {
        tracing::info!(target: "fleetdns", "Reloading");
        tracing::error!(target: "fleetdns::plugin::errors", "2 a.test. A: no");
        tracing::warn!(target: "fleetdns::plugin::kubernetes::views", "slow");
        tracing::info!(target: "fleetdns::plugin::ready", "Plugins not ready: {:?}", "kubernetes");
        tracing::info!(target: QUERY_TARGET, "[::1]:1\t2");
        tracing::info!(target: "fleetdns::plugin::setup", "x");
        tracing::debug!(target: "fleetdns", "hidden");
        tracing::info!(target: "kube_client::client", "hidden");
    });
    assert_eq!(
        lines,
        "[INFO] Reloading\n\
         [ERROR] plugin/errors: 2 a.test. A: no\n\
         [WARNING] plugin/kubernetes: slow\n\
         [INFO] plugin/ready: Plugins not ready: \"kubernetes\"\n\
         [INFO] [::1]:1\t2\n\
         [INFO] x\n"
    );
}

#[test]
fn every_module_of_plugins_is_known() {
    let words: Vec<&str> = crate::plugin::order::ORDER.iter().map(|(word, _)| *word).collect();
    let text = include_str!("../plugin/mod.rs");
    let modules =
        text.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "));
    let modules = modules.filter_map(|line| line.strip_suffix(';'));
    let mut count = 0;
    for module in modules.filter(|module| !module.ends_with("_tests")) {
        let name = module.trim_start_matches("r#");
        let target = format!("fleetdns::plugin::{module}::inner");
        let expected = words.contains(&name).then_some(name);
        assert_eq!(plugin(&target), expected, "{module}");
        count += 1;
    }
    assert!(count > 40, "only {count} modules");
    assert_eq!(plugin("fleetdns::server::udp"), None);
}

#[test]
fn appends_fields_and_never_breaks_a_line() {
    let lines = printed("debug", || {
        let text = "two words";
        tracing::debug!(
            target: "fleetdns",
            cluster = "east",
            text,
            count = 3,
            error = %"a\nb",
            "lost\r\n[INFO] forged"
        );
    });
    assert_eq!(
        lines,
        "[DEBUG] lost\\r\\n[INFO] forged cluster=east text=\"two words\" count=3 error=a\\nb\n"
    );
}

#[test]
fn a_line_of_json_has_what_there_is_to_say() {
    let memory = Memory::default();
    let subscriber = tracing_subscriber::fmt()
        .event_format(json::Line)
        .with_writer(memory.clone())
        .with_max_level(tracing::Level::DEBUG)
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        tracing::warn!(target: "fleetdns::plugin::errors", count = 3, gone = true, "a \"b\"\nc");
        tracing::info!(target: QUERY_TARGET, members = "\"id\":7,\"rcode\":null", "line");
        tracing::debug!(target: "fleetdns", error = %"no", "x");
    });
    let text = memory.text();
    let lines = text.lines().map(|line| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        let time = line.as_object_mut().unwrap().remove("time").unwrap();
        time.as_str().unwrap().parse::<k8s_openapi::jiff::Timestamp>().unwrap();
        line
    });
    let expected = [
        serde_json::json!({
            "level": "WARN", "msg": "a \"b\"\nc", "plugin": "errors", "count": 3, "gone": true
        }),
        serde_json::json!({ "level": "INFO", "msg": "line", "id": 7, "rcode": null }),
        serde_json::json!({ "level": "DEBUG", "msg": "x", "error": "no" }),
    ];
    assert_eq!(lines.collect::<Vec<_>>(), expected);
}
