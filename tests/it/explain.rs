//! `fleetdns explain`: what the running server and the command by itself say of a name.

use std::process::Command;

use serde_json::Value;

use crate::harness::objects::{headless, namespace, service};
use crate::harness::{ControlPlane, DnsServer, FLEETDNS, LONG, eventually, fleet, parts};

const SPACE: &str = "explained";

fn explain(words: &[&str]) -> Result<String, String> {
    let mut command = Command::new(parts::fleetdns());
    let output = command.arg("explain").args(words).output().expect("fleetdns runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn page(words: &[&str]) -> Value {
    let text = explain(&[words, &["-o", "json"]].concat()).expect("an explanation");
    serde_json::from_str(&text).expect("JSON")
}

/// The steps of the plugin that answers, as `rule cluster: says`.
fn steps(page: &Value) -> Vec<String> {
    let last = page["plugins"].as_array().and_then(|all| all.last()).expect("a plugin");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let steps = last["steps"].as_array().expect("steps");
    let line = |step: &Value| {
        format!("{} {}: {}", text(&step["rule"]), text(&step["cluster"]), text(&step["says"]))
    };
    steps.iter().map(line).collect()
}

/// That the answer which is explained is the one that is given, record by record.
async fn is_what_is_answered(server: &DnsServer, page: &Value, name: &str) {
    let reply = server.ask(name, hickory_proto::rr::RecordType::A).await;
    let lines = |value: &Value| {
        let lines = value.as_array().expect("records").iter();
        let mut lines: Vec<String> =
            lines.map(|line| line.as_str().expect("text").into()).collect();
        lines.sort();
        lines
    };
    let mut given: Vec<String> = reply.answers.iter().map(ToString::to_string).collect();
    given.sort();
    assert_eq!(lines(&page["answer"]["answer"]), given, "{name}");
}

#[tokio::test]
async fn the_running_server_and_the_command_by_itself_explain_the_same() {
    let ControlPlane { east, west } = ControlPlane::shared().await;
    let mut south = ControlPlane::cluster("explained", "10.156.0.0/16").await;
    let both = namespace(SPACE) + &service(SPACE, "web");
    east.apply(&both).await;
    west.apply(&(both.clone() + &service(SPACE, "pick") + &headless(SPACE, "db"))).await;
    south.apply(&(namespace(SPACE) + &service(SPACE, "lone"))).await;
    let members = fleet::members(&[("west", west), ("south", &south)]);
    let corefile = fleet::corefile(
        east,
        &members,
        "admin 127.0.0.1:{ADMIN_PORT}",
        "log\nhosts {\n 192.0.2.7 gw.example.com\n fallthrough\n }\nsentinel remote {\n answer 240.0.0.1\n }",
    );
    let server = FLEETDNS.start(&corefile).await;
    let name = |service: &str| format!("{service}.{SPACE}.svc.cluster.local");
    let ip = west.cluster_ips(SPACE, "pick").await.remove(0);
    server.comes_to_say(&format!("{} A", name("pick")), &format!("NOERROR {ip}")).await;
    let lone = south.cluster_ips(SPACE, "lone").await.remove(0);
    server.comes_to_say(&format!("{} A", name("lone")), &format!("NOERROR {lone}")).await;
    let admin = server.addr("ADMIN_PORT").to_string();
    let conf = server.corefile().display().to_string();
    for (service, expected) in [
        ("web", "choice east: answers: the local cluster comes first"),
        ("pick", "choice west: answers: nobody else has it"),
        ("db", "choice west: answers: nobody else has it"),
        ("none", "services : no cluster that is known has this Service, or exposes it"),
    ] {
        let name = name(service);
        let asked = page(&[&name, "--server", &admin]);
        assert!(steps(&asked).contains(&expected.to_owned()), "{asked:#}");
        assert_eq!(asked["server"], admin.as_str());
        is_what_is_answered(&server, &asked, &name).await;
        // By the Corefile, and by itself.
        assert_eq!(steps(&page(&[&name, "--conf", &conf])), steps(&asked), "{name}");
        let own = page(&[&name, "--conf", &conf, "--offline"]);
        assert_eq!(own["offline"], "as was asked for");
        assert_eq!(steps(&own), steps(&asked), "{name}");
    }
    let text = explain(&["gw.example.com", "--server", &admin]).expect("an explanation");
    assert!(text.contains("hosts: answers\n"), "{text}");
    let text = explain(&["any.name.remote", "AAAA", "--server", &admin]).expect("an explanation");
    assert!(text.contains("answer    all names have 240.0.0.1"), "{text}");
    // Who asks why is not logged as a client.
    assert!(!server.logs().contains("any.name.remote"), "{}", server.logs());

    south.kill();
    eventually("south is lost", LONG, async || {
        let page = page(&[&name("lone"), "--server", &admin]);
        let is_stale = page["answer"]["extended_error"][0] == 3;
        let says = "ttl : 5 seconds";
        match is_stale && steps(&page).iter().any(|step| step.starts_with(says)) {
            true => Ok(()),
            false => Err(format!("{page:#}")),
        }
    })
    .await;
    let problem = explain(&["web", "--server", "127.0.0.1:1"]).expect_err("nobody is there");
    assert!(problem.starts_with("no server answers at 127.0.0.1:1: "), "{problem}");
}
