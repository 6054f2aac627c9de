//! What is to be seen of a fleet: metrics, `fleetdns clusters` and the log, of clusters that are up, down,
//! refused, short of a right and claimed twice.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::api_server::{ADMIN, READER};
use crate::harness::objects::{
    endpoints, grant_readers, headless, namespace, remote_secret, service,
};
use crate::harness::{ControlPlane, DnsServer, FLEETDNS, LONG, eventually, get, parts, scratch};

const SECRETS: &str = "seeing-secrets";
const SPACE: &str = "seeing";
/// A credential that must be seen nowhere.
const TOKEN: &str = "hush-hush-token";

/// What `fleetdns clusters` writes: to standard output, and to standard error.
fn clusters(words: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(parts::fleetdns());
    let output = command.arg("clusters").args(words).output().expect("fleetdns runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// The same as JSON, and its text.
fn page(words: &[&str]) -> (Value, String) {
    let (ok, said, failure) = clusters(&[&["-o", "json"], words].concat());
    assert!(ok, "{failure}");
    (serde_json::from_str(&said).expect("JSON"), said)
}

/// State by ID, in the order of the page.
fn states(page: &Value) -> Vec<(String, String)> {
    let all = page["fleets"][0]["clusters"].as_array().expect("clusters");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    all.iter().map(|one| (text(&one["id"]), text(&one["state"]))).collect()
}

fn of<'a>(page: &'a Value, id: &str) -> &'a Value {
    let all = page["fleets"][0]["clusters"].as_array().expect("clusters");
    all.iter().find(|one| one["id"] == id).unwrap_or_else(|| panic!("no {id} in {page}"))
}

/// The series of `coredns_fleet_*`, by what stands before the value.
async fn metrics(server: &DnsServer) -> BTreeMap<String, f64> {
    let (_, page) = get(server.addr("METRICS_PORT"), "/metrics").await.expect("the metrics");
    let lines = page.lines().filter_map(|line| line.strip_prefix("coredns_fleet_"));
    let value = |line: &str| {
        let (series, value) = line.rsplit_once(' ').expect("a series");
        (series.to_owned(), value.parse().expect("a number"))
    };
    lines.map(value).collect()
}

/// Waits until the running server says these states.
async fn come_to_be(server: &DnsServer, expected: &[(&str, &str)]) -> Value {
    let admin = server.addr("ADMIN_PORT").to_string();
    let due: Vec<_> = expected.iter().map(|(id, state)| ((*id).into(), (*state).into())).collect();
    eventually(&format!("{expected:?}"), LONG, async || {
        let (page, text) = page(&["--server", &admin]);
        if states(&page) == due { Ok(page) } else { Err(text) }
    })
    .await
}

#[tokio::test]
async fn every_state_is_seen_and_no_token_is() {
    let ControlPlane { east, west } = ControlPlane::shared().await;
    let own = ControlPlane::cluster("seeing-gone", "10.154.0.0/16");
    let (mut gone, poor) = tokio::join!(own, ControlPlane::cluster("seeing-poor", "10.155.0.0/16"));
    let objects = namespace(SPACE) + &service(SPACE, "web");
    let db =
        headless(SPACE, "db") + &endpoints(SPACE, "db", &[("", "10.246.1.1"), ("", "10.246.1.2")]);
    gone.apply(&(objects.clone() + &db)).await;
    poor.apply(&(objects.clone() + &grant_readers(&["/services", "/endpoints", "/namespaces"])))
        .await;
    let bad = west.kubeconfig_yaml_of(TOKEN).replace(
        &format!("token: {TOKEN}"),
        &format!("token: {TOKEN}, exec: {{ command: /bin/{TOKEN}, apiVersion: v1 }}"),
    );
    let join =
        |name: &str, id: &str, kubeconfig: &str| remote_secret(SECRETS, name, &[(id, kubeconfig)]);
    east.apply(
        &(namespace(SECRETS)
            + &join("bad", "bad", &bad)
            + &join("gone", "gone", &gone.kubeconfig_yaml())
            + &join("poor", "poor", &poor.kubeconfig_yaml_of(READER))
            + &join("west-1", "west", &west.kubeconfig_yaml())
            + &join("west-2", "west", &gone.kubeconfig_yaml_of(TOKEN))
            + &join("own", "east", &gone.kubeconfig_yaml_of(TOKEN))),
    )
    .await;
    let vms = scratch::folder("vms");
    fs::write(vms.join("web.yaml"), &objects).expect("write");
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            prometheus 127.0.0.1:{{METRICS_PORT}}
            kubernetes cluster.local {{
                kubeconfig {}
            }}
            fleet {{
                local east
                members secrets {SECRETS}
                members manifests vms.1 {}
                reach vms.1 gateway 203.0.113.10 203.0.113.11
                admin 127.0.0.1:{{ADMIN_PORT}}
            }}
        }}",
        east.kubeconfig().display(),
        vms.display()
    );
    let mut server = FLEETDNS.start(&corefile).await;
    let conf = server.corefile().display().to_string();
    let usual = [
        ("east", "synced"),
        ("bad", "refused"),
        ("gone", "synced"),
        ("poor", "synced"),
        ("vms.1", "synced"),
        ("west", "synced"),
    ];
    let seen = come_to_be(&server, &usual).await;
    assert_eq!(of(&seen, "east")["local"], true);
    assert_eq!(of(&seen, "gone")["endpoints"], 2);
    assert_eq!(of(&seen, "poor")["missing_rules"], json!(["endpointslices.discovery.k8s.io"]));
    assert_eq!(of(&seen, "vms.1")["reach"], json!(["gateway 203.0.113.10 203.0.113.11"]));
    assert_eq!(of(&seen, "west")["reach"], json!(["direct"]));
    let faults = |page: &Value, id: &str| of(page, id)["unused_claims"].clone();
    for (id, source, fault) in [
        ("east", "Secret seeing-secrets/own, key east", "local"),
        ("west", "Secret seeing-secrets/west-2, key west", "taken"),
        ("bad", "Secret seeing-secrets/bad, key bad", "unusable"),
    ] {
        let claims = faults(&seen, id);
        assert_eq!((&claims[0]["source"], &claims[0]["fault"]), (&json!(source), &json!(fault)));
        assert_eq!(claims.as_array().map(Vec::len), Some(1), "{claims}");
    }

    let (ok, text, _) = clusters(&["--conf", &conf]);
    assert!(ok && !text.contains("Offline"), "{text}");
    for line in [
        "poor: may not list endpointslices.discovery.k8s.io: allow list and watch of it",
        "west: Secret seeing-secrets/west-2, key west: west is a member already, by Secret \
         seeing-secrets/west-1, key west; the first one keeps the ID",
        "bad: Secret seeing-secrets/bad, key bad: the kubeconfig is refused: exec is not allowed",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let row = |text: &str, id: &str| {
        let line = text.lines().find(|line| line.split(' ').next() == Some(id));
        line.unwrap_or_else(|| panic!("no {id} in {text}"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert!(row(&text, "bad").starts_with("bad refused never - - direct Secret"), "{text}");
    assert!(row(&text, "east").starts_with("east (local) synced "), "{text}");
    let mut shown = vec![text];

    let before = metrics(&server).await;
    for (series, value) in [
        ("up{cluster=\"east\"}", 1.0),
        ("up{cluster=\"bad\"}", 0.0),
        ("up{cluster=\"gone\"}", 1.0),
        ("up{cluster=\"vms.1\"}", 1.0),
        ("synced{cluster=\"west\"}", 1.0),
        ("synced{cluster=\"bad\"}", 0.0),
        ("stale{cluster=\"gone\"}", 0.0),
        ("conflicts{cluster=\"west\"}", 1.0),
        ("conflicts{cluster=\"east\"}", 1.0),
        ("conflicts{cluster=\"gone\"}", 0.0),
        ("refused{cluster=\"bad\"}", 1.0),
        ("refused{cluster=\"west\"}", 0.0),
        ("objects{cluster=\"vms.1\",kind=\"Services\"}", 1.0),
        ("objects{cluster=\"gone\",kind=\"EndpointSlices\"}", 1.0),
    ] {
        assert_eq!(before.get(series), Some(&value), "{series} of {before:#?}");
    }
    assert!(before["last_contact_timestamp_seconds{cluster=\"gone\"}"] > 1.7e9, "{before:#?}");

    gone.kill();
    let lost = usual.map(|(id, state)| (id, if id == "gone" { "stale" } else { state }));
    let seen = come_to_be(&server, &lost).await;
    assert!(of(&seen, "gone")["problem"].as_str().is_some_and(|why| why.starts_with("Services: ")));
    let now = metrics(&server).await;
    assert_eq!(now["up{cluster=\"gone\"}"], 0.0);
    assert_eq!(now["stale{cluster=\"gone\"}"], 1.0);
    let (_, text, _) = clusters(&["--conf", &conf]);
    assert!(text.contains("gone: Services: "), "{text}");
    shown.push(text);

    // From here, beside the server.
    let (ok, text, _) = clusters(&["--offline", "--conf", &conf]);
    assert!(ok && text.starts_with("Offline (as was asked for): "), "{text}");
    assert!(row(&text, "gone").starts_with("gone failing never 0 0 direct Secret"), "{text}");
    assert!(row(&text, "west").contains(" synced "), "{text}");
    assert!(text.contains("poor: may not list endpointslices.discovery.k8s.io"), "{text}");
    shown.push(text);

    gone.restart().await;
    come_to_be(&server, &usual).await;
    let now = metrics(&server).await;
    assert!(now["reconnects_total{cluster=\"gone\"}"] >= 1.0, "{now:#?}");

    // New credentials that do not work are told, while the old ones serve.
    let admin = server.addr("ADMIN_PORT").to_string();
    let comes_to_try = async |state: Value| {
        eventually(&format!("a successor that is {state}"), LONG, async || {
            let (page, text) = page(&["--server", &admin]);
            let is_so = of(&page, "west")["successor"]["state"] == state;
            if is_so { Ok(text) } else { Err(text) }
        })
        .await
    };
    east.apply(&join("west-1", "west", &west.kubeconfig_yaml_of(TOKEN))).await;
    shown.push(comes_to_try(json!("failing")).await);
    let (_, text, _) = clusters(&["--conf", &conf]);
    assert!(text.contains("west: new credentials do not work yet: "), "{text}");
    assert!(row(&text, "west").contains(" synced "), "{text}");
    shown.push(text);
    east.apply(&join("west-1", "west", &west.kubeconfig_yaml())).await;
    comes_to_try(Value::Null).await;

    east.delete(&join("gone", "gone", "")).await;
    east.delete(&join("west-2", "west", "")).await;
    let fewer: Vec<_> = usual.into_iter().filter(|(id, _)| *id != "gone").collect();
    come_to_be(&server, &fewer).await;
    let seen = eventually("west is claimed once", LONG, async || {
        let (page, text) = page(&["--server", &admin]);
        if faults(&page, "west") == json!([]) { Ok(page) } else { Err(text) }
    })
    .await;
    let now = metrics(&server).await;
    assert!(now.keys().all(|series| !series.contains("gone")), "{now:#?}");
    assert_eq!(now["conflicts{cluster=\"west\"}"], 0.0, "{now:#?}");

    let logs = server.logs();
    let odd = "the ID \"vms.1\" is no label of a name";
    assert_eq!(logs.matches(odd).count(), 1, "{logs}");
    for line in ["plugin/kubernetes: east is synced", "plugin/kubernetes: west is synced"] {
        assert!(logs.contains(line), "{line}: {logs}");
    }
    shown.extend([logs, format!("{before:?}"), seen.to_string()]);

    server.terminate().await;
    let (ok, text, _) = clusters(&["--conf", &conf]);
    assert!(ok && text.starts_with("Offline (no server answers at 127.0.0.1:"), "{text}");
    let (page, json) = page(&["--conf", &conf]);
    assert!(page["server"].is_null() && page["offline"].is_string(), "{json}");
    assert_eq!(states(&page).len(), fewer.len(), "{json}");
    assert!(states(&page).iter().map(|(id, state)| (&**id, &**state)).eq(fewer), "{json}");
    shown.extend([text, json]);
    for text in &shown {
        let tokens = [TOKEN, ADMIN, READER];
        assert!(tokens.iter().all(|token| !text.contains(token)), "{text}");
    }
}

/// `/ready` and the log keep CoreDNS's words, and have the names behind them.
#[tokio::test]
async fn ready_and_the_log_name_who_is_waited_for() {
    let members = scratch::folder("members");
    let nowhere = "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
contexts: [{name: c, context: {cluster: c}}]
";
    for id in ["north", "south"] {
        fs::write(members.join(id).with_extension("yaml"), nowhere).expect("write");
    }
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            ready 127.0.0.1:{{READY_PORT}}
            kubernetes cluster.local {{
                endpoint https://127.0.0.1:1
            }}
            fleet {{
                local east
                members kubeconfig {}/*.yaml
            }}
        }}",
        members.display()
    );
    let server = FLEETDNS.start(&corefile).await;
    server.comes_to_log("north, south").await;
    let asked = get(server.addr("READY_PORT"), "/ready").await.expect("/ready");
    assert_eq!(asked, (503, "kubernetes\nwaiting for east, north, south".to_owned()));
    for line in [
        "plugin/ready: Plugins not ready: \"kubernetes\", waiting for east, north, south",
        "plugin/kubernetes: the local cluster east is not synced yet: SERVFAIL until it is",
        "plugin/kubernetes: no longer waiting for north, south: answering without",
    ] {
        server.comes_to_log(line).await;
    }
}

/// Words that lead nowhere are said with what would help.
#[test]
fn failures_say_what_to_do() {
    let (ok, _, said) = clusters(&["--server", "127.0.0.1:1"]);
    let due = "no server answers at 127.0.0.1:1: Connection refused (os error 111); is it running, with \
               `admin` in a fleet of its Corefile?";
    assert_eq!((ok, said.trim()), (false, due));
    let (ok, _, said) = clusters(&["--conf", "/nowhere/Corefile"]);
    assert!(!ok && said.starts_with("/nowhere/Corefile - cannot read the Corefile"), "{said}");
    let file = scratch::folder("wrong").join("Corefile");
    fs::write(&file, ". {\n    kubernetes cluster.local {\n        manifest .\n    }\n}\n")
        .expect("write");
    let (ok, _, said) = clusters(&["--conf", &file.display().to_string()]);
    let due =
        format!("{}:3 - unknown property of kubernetes 'manifest'; did you mean", file.display());
    assert!(!ok && said.starts_with(&due), "{said}");
}
