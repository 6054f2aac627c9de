//! API servers that are killed, hang, or were never there.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::api_server::READER;
use crate::harness::objects::{document, endpoints, grant_readers, headless, namespace, service};
use crate::harness::says::brief;
use crate::harness::{
    ApiServer, Connection, ControlPlane, DnsServer, Etcd, FLEETDNS, LONG, Question, eventually,
    get, ports, scratch,
};

/// What `/ready` says of plugins: below that it names the members that it waits for.
async fn ready(server: &DnsServer) -> Result<(u16, String), String> {
    let (code, said) =
        get(server.addr("READY_PORT"), "/ready").await.map_err(|error| error.to_string())?;
    Ok((code, said.lines().next().unwrap_or_default().to_owned()))
}

async fn comes_to_be_ready(server: &DnsServer) {
    eventually("/ready", LONG, async || match ready(server).await {
        Ok((200, _)) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}

fn not_ready() -> Result<(u16, String), String> {
    Ok((503, "kubernetes".into()))
}

/// Fills a cluster with Services of its own; what their names must say.
async fn names_of(cluster: &ApiServer, octet: u8) -> Vec<(String, String)> {
    let space = cluster.name();
    let db = format!("10.246.{octet}.1");
    cluster
        .apply(
            &(namespace(space)
                + &service(space, "web")
                + &headless(space, "db")
                + &endpoints(space, "db", &[("db-0", &db)])),
        )
        .await;
    let web = &cluster.cluster_ips(space, "web").await[0];
    let zone = format!("{space}.svc.cluster.local.");
    let reverse = |ip: &str| ip.split('.').rev().collect::<Vec<_>>().join(".");
    vec![
        (format!("web.{zone} A"), format!("NOERROR {web}")),
        (format!("web.{zone} AAAA"), "NODATA cluster.local. 30".into()),
        (format!("db.{zone} A"), format!("NOERROR {db}")),
        (format!("db-0.db.{zone} A"), format!("NOERROR {db}")),
        (format!("no.{zone} A"), "NXDOMAIN cluster.local. 30".into()),
        (format!("{}.in-addr.arpa PTR", reverse(web)), format!("NOERROR web.{zone}")),
        (format!("{}.in-addr.arpa PTR", reverse(&db)), format!("NOERROR db-0.db.{zone}")),
    ]
}

/// Makes a Service and waits until it is answered.
async fn a_change_arrives(server: &DnsServer, cluster: &ApiServer, name: &str) {
    cluster.apply(&service(cluster.name(), name)).await;
    let ip = &cluster.cluster_ips(cluster.name(), name).await[0];
    let question = format!("{name}.{}.svc.cluster.local A", cluster.name());
    server.comes_to_say(&question, &format!("NOERROR {ip}")).await;
}

async fn is_lost(server: &DnsServer, cluster: &ApiServer) {
    let lost = format!("what is known stays cluster={}", cluster.name());
    server.comes_to_log(&lost).await;
}

#[tokio::test]
async fn no_name_is_lost_with_an_api_server_and_changes_arrive_when_it_is_back() {
    let (mut here, mut killed, stopped) = tokio::join!(
        ControlPlane::cluster("outage-here", "10.100.0.0/16"),
        ControlPlane::cluster("outage-killed", "10.101.0.0/16"),
        ControlPlane::cluster("outage-stopped", "10.102.0.0/16"),
    );
    let mut names = names_of(&here, 0).await;
    names.extend(names_of(&killed, 1).await);
    names.extend(names_of(&stopped, 2).await);
    let folder = scratch::folder("members");
    for member in [&killed, &stopped] {
        let file = folder.join(member.name()).with_extension("yaml");
        fs::write(file, member.kubeconfig_yaml()).expect("write a kubeconfig");
    }
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            ready 127.0.0.1:{{READY_PORT}}
            kubernetes cluster.local in-addr.arpa {{
                kubeconfig {}
                ttl 30
            }}
            fleet {{
                local {}
                members kubeconfig {}/*.yaml
            }}
        }}",
        here.kubeconfig().display(),
        here.name(),
        folder.display()
    );
    let server = FLEETDNS.start(&corefile).await;
    for (question, expected) in &names {
        server.comes_to_say(question, expected).await;
    }

    killed.kill();
    stopped.process().stop();
    let both = async { tokio::join!(is_lost(&server, &killed), is_lost(&server, &stopped)) };
    server.keeps_saying(&names, both).await;
    a_change_arrives(&server, &here, "meanwhile").await;
    assert_eq!(ready(&server).await, Ok((200, "OK".into())));

    stopped.process().cont();
    let back = async {
        killed.restart().await;
        a_change_arrives(&server, &killed, "later").await;
        a_change_arrives(&server, &stopped, "later").await;
    };
    server.keeps_saying(&names, back).await;

    here.kill();
    let meanwhile = async {
        is_lost(&server, &here).await;
        a_change_arrives(&server, &killed, "while-local-is-lost").await;
        here.restart().await;
        a_change_arrives(&server, &here, "later").await;
    };
    server.keeps_saying(&names, meanwhile).await;
}

#[tokio::test]
async fn suffixes_answer_while_every_api_server_is_down() {
    let mut cluster = ControlPlane::cluster("outage-start", "10.103.0.0/16").await;
    let names = names_of(&cluster, 3).await;
    cluster.kill();
    let folder = scratch::folder("members");
    let nobody = cluster.kubeconfig_yaml().replace(&cluster.port().to_string(), &dead_port());
    fs::write(folder.join("west.yaml"), nobody).expect("write a kubeconfig");
    let start = async |wait: &str| {
        let corefile = format!(
            ".:{{PORT}} {{
                bind 127.0.0.1
                ready 127.0.0.1:{{READY_PORT}}
                kubernetes cluster.local in-addr.arpa {{
                    kubeconfig {}
                    ttl 30
                    startup_timeout {wait}
                }}
                fleet {{
                    local east
                    members kubeconfig {}/*.yaml
                }}
                sentinel remote {{
                    answer 240.0.0.1
                }}
            }}",
            cluster.kubeconfig().display(),
            folder.display()
        );
        FLEETDNS.start(&corefile).await
    };
    let (patient, hasty) = tokio::join!(start("1h"), start("1s"));

    // One connection: the suffix overtakes the question that waits for the cluster.
    let mut connection = Connection::open(patient.dns_addr()).await.expect("a connection");
    let (web, expected) = &names[0];
    let waiting = Question::new(web.trim_end_matches(" A"), hickory_proto::rr::RecordType::A);
    connection.send(&waiting).await.expect("send");
    let suffix = Question::new("foo.remote", hickory_proto::rr::RecordType::A);
    connection.send(&suffix).await.expect("send");
    assert_eq!(brief(&connection.reply().await), "NOERROR 240.0.0.1");
    for server in [&patient, &hasty] {
        server
            .must_say(&[
                ("foo.remote A", "NOERROR 240.0.0.1"),
                ("foo.remote AAAA", "NODATA remote. 30"),
                ("remote A", "NODATA remote. 30"),
            ])
            .await;
        assert_eq!(ready(server).await, not_ready());
    }
    let unknown = "SERVFAIL cluster.local. 30";
    for question in [web.as_str(), "no.such.svc.cluster.local AAAA"] {
        hasty.comes_to_say(question, unknown).await;
    }
    assert_eq!(ready(&hasty).await, not_ready());

    cluster.restart().await;
    assert_eq!(brief(&connection.reply().await), *expected);
    hasty.comes_to_say(web, expected).await;
    tokio::join!(comes_to_be_ready(&patient), comes_to_be_ready(&hasty));
}

/// A port where nobody listens.
fn dead_port() -> String {
    ports::free().to_string()
}

#[tokio::test]
async fn a_member_that_is_dead_from_the_start_holds_up_no_local_name() {
    let ControlPlane { east, west } = ControlPlane::shared().await;
    let space = "outage-member";
    east.apply(&(namespace(space) + &service(space, "web"))).await;
    west.apply(&(namespace(space) + &service(space, "far"))).await;
    let folder = scratch::folder("members");
    let file = folder.join("west.yaml");
    let nobody = west.kubeconfig_yaml().replace(&west.port().to_string(), &dead_port());
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            ready 127.0.0.1:{{READY_PORT}}
            kubernetes cluster.local {{
                kubeconfig {}
                ttl 30
            }}
            fleet {{
                local east
                members kubeconfig {}/*.yaml
            }}
        }}",
        east.kubeconfig().display(),
        folder.display()
    );
    let web = format!("web.{space}.svc.cluster.local A");
    let here = format!("NOERROR {}", east.cluster_ips(space, "web").await[0]);
    fs::write(&file, nobody).expect("write a kubeconfig");
    // On a machine so busy that the wait is over by then, once more.
    let server = eventually("an answer before the end of the wait", LONG, async || {
        let server = FLEETDNS.start(&corefile).await;
        server.must_say(&[(&web, &here)]).await;
        (ready(&server).await == not_ready()).then_some(server)
    })
    .await;

    // What is said of a local name is CoreDNS's word for word; only missing names may come soon.
    let nodata = format!("web.{space}.svc.cluster.local AAAA");
    server.must_say(&[(&nodata, "NODATA cluster.local. 30")]).await;
    let missing = format!("far.{space}.svc.cluster.local A");
    server.comes_to_say(&missing, "NXDOMAIN cluster.local. 5").await;
    comes_to_be_ready(&server).await;
    server.must_say(&[(&web, &here)]).await;

    // It joins when it is there at last.
    fs::write(&file, west.kubeconfig_yaml()).expect("write a kubeconfig");
    let there = format!("NOERROR {}", west.cluster_ips(space, "far").await[0]);
    server.comes_to_say(&missing, &there).await;
    let nothing = format!("no.{space}.svc.cluster.local A");
    server.comes_to_say(&nothing, "NXDOMAIN cluster.local. 30").await;
}

/// What an API server says to a watch of Services that goes on from a version.
async fn watch_from(cluster: &ApiServer, version: &str) -> String {
    let path = format!("/api/v1/services?watch=1&timeoutSeconds=1&resourceVersion={version}");
    let request = http::Request::get(path).body(Vec::new()).expect("a request");
    match cluster.client().await.request_text(request).await {
        Ok(events) => events,
        Err(error) => error.to_string(),
    }
}

/// The version of the newest Service.
async fn version(cluster: &ApiServer) -> String {
    let request = http::Request::get("/api/v1/services").body(Vec::new()).expect("a request");
    let list: Value = cluster.client().await.request(request).await.expect("the Services");
    list["metadata"]["resourceVersion"].as_str().expect("a version").to_owned()
}

/// The server sleeps while all changes that it would be told of are forgotten (410, by compaction).
#[tokio::test]
async fn what_was_missed_is_learnt_from_a_list() {
    let etcd = Etcd::start().await;
    let mut cluster = ApiServer::start(&etcd.url(), "outage-410", "10.108.0.0/16").await;
    let space = "outage-410";
    let old_istio = ["/services", "/endpoints", "/pods"];
    let legacy = |name: &str, ip: &str| {
        let metadata = json!({"name": name, "namespace": space});
        let subsets = json!([{"addresses": [{"ip": ip}], "ports": [{"name": "http", "port": 80}]}]);
        let old = json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata,
            "subsets": subsets});
        document(&old) + &endpoints(space, name, &[("", ip)])
    };
    let objects = |names: &[(&str, &str)]| {
        let each = |(name, ip): &(&str, &str)| headless(space, name) + &legacy(name, ip);
        names.iter().map(each).collect::<String>()
    };
    cluster
        .apply(
            &(namespace(space)
                + &namespace("outage-410-gone")
                + &service("outage-410-gone", "web")
                + &objects(&[
                    ("stays", "10.246.9.1"),
                    ("moves", "10.246.9.2"),
                    ("goes", "10.246.9.3"),
                ])
                + &grant_readers(&old_istio)),
        )
        .await;
    let reader = scratch::folder("reader").join("reader.yaml");
    fs::write(&reader, cluster.kubeconfig_yaml_of(READER)).expect("write a kubeconfig");
    let start = async |kubeconfig: &Path| {
        let corefile = format!(
            ".:{{PORT}} {{
                bind 127.0.0.1
                kubernetes cluster.local in-addr.arpa {{
                    kubeconfig {}
                }}
            }}",
            kubeconfig.display()
        );
        FLEETDNS.start(&corefile).await
    };
    let admin = cluster.kubeconfig();
    let (admin, reader) = tokio::join!(start(&admin), start(&reader));
    let says = async |name: &str, expected: &str| {
        for server in [&admin, &reader] {
            server.comes_to_say(&format!("{name}.svc.cluster.local. A"), expected).await;
        }
    };
    let missing = "NXDOMAIN cluster.local. 5";
    says("stays.outage-410", "NOERROR 10.246.9.1").await;
    says("moves.outage-410", "NOERROR 10.246.9.2").await;
    says("goes.outage-410", "NOERROR 10.246.9.3").await;
    says("outage-410-gone", "NODATA cluster.local. 5").await;

    [&admin, &reader].iter().for_each(|server| server.process.stop());
    let before = version(&cluster).await;
    cluster.delete(&(legacy("goes", "10.246.9.3") + &headless(space, "goes"))).await;
    cluster.delete(&(service("outage-410-gone", "web") + &namespace("outage-410-gone"))).await;
    cluster.apply(&legacy("moves", "10.246.9.4")).await;
    cluster.apply(&objects(&[("comes", "10.246.9.5")])).await;
    etcd.compact().await;
    cluster.kill();
    cluster.restart().await;
    let expired = watch_from(&cluster, &before).await;
    assert!(expired.contains("too old resource version"), "{expired}");
    [&admin, &reader].iter().for_each(|server| server.process.cont());

    says("goes.outage-410", missing).await;
    says("outage-410-gone", missing).await;
    says("moves.outage-410", "NOERROR 10.246.9.4").await;
    says("comes.outage-410", "NOERROR 10.246.9.5").await;
    says("stays.outage-410", "NOERROR 10.246.9.1").await;
}
