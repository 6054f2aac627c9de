//! What of a member other clusters may know.

use serde_json::json;

use crate::harness::api_server::READER;
use crate::harness::objects::{
    document, endpoints, grant_readers, headless, namespace, service_export, service_of,
};
use crate::harness::{ApiServer, ControlPlane, FLEETDNS, LONG, eventually, fleet, get, scratch};

/// Lets the group `readers` read Services and endpoints of one namespace, and no more.
fn grant_within(space: &str) -> String {
    let version = "rbac.authorization.k8s.io/v1";
    let rule = |group: &str, resource: &str| json!({"apiGroups": [group], "resources": [resource], "verbs": ["list", "watch"]});
    document(&json!({
        "apiVersion": version,
        "kind": "Role",
        "metadata": {"name": "readers", "namespace": space},
        "rules": [rule("", "services"), rule("discovery.k8s.io", "endpointslices")],
    })) + &document(&json!({
        "apiVersion": version,
        "kind": "RoleBinding",
        "metadata": {"name": "readers", "namespace": space},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "readers"},
        "subjects": [
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "readers"},
        ],
    }))
}

fn fixed(space: &str, name: &str, ip: &str, label: &str) -> String {
    let spec = json!({"clusterIP": ip, "ports": [{"name": "http", "port": 80}]});
    match label {
        "" => service_of(space, name, &spec),
        label => document(&json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"namespace": space, "name": name, "labels": {"team": label}},
            "spec": spec,
        })),
    }
}

/// A member with three namespaces, one of which is named like a top-level domain.
async fn west(name: &str, range: &str, prefix: &str) -> ApiServer {
    let west = ControlPlane::cluster(name, range).await;
    let ip = |last: u8| format!("{prefix}.{last}");
    let all = [
        namespace("books"),
        namespace("desks"),
        namespace("com"),
        fixed("books", "lists", &ip(11), "x"),
        fixed("books", "notes", &ip(12), ""),
        headless("books", "db"),
        endpoints("books", "db", &[("db-0", "10.246.1.1")]),
        fixed("desks", "lamps", &ip(13), "x"),
        fixed("com", "github", &ip(14), "x"),
    ];
    west.apply(&all.concat()).await;
    west
}

#[tokio::test]
async fn some_namespaces_of_a_member_by_no_more_rights_than_theirs() {
    let west = west("expose-names", "10.150.0.0/16", "10.150.0").await;
    west.apply(&grant_within("books")).await;
    let members = scratch::folder("members");
    std::fs::write(members.join("west.yaml"), west.kubeconfig_yaml_of(READER)).expect("written");
    let east = &ControlPlane::shared().await.east;
    let lines = "expose west namespaces books";
    let server = FLEETDNS.start(&fleet::corefile(east, &members, lines, "")).await;
    server.comes_to_say("desks.svc.cluster.local A", "NXDOMAIN cluster.local. 5").await;
    server.comes_to_say("lists.books.svc.cluster.local A", "NOERROR 10.150.0.11").await;
    server
        .must_say(&[
            ("notes.books.svc.cluster.local A", "NOERROR 10.150.0.12"),
            ("db-0.db.books.svc.cluster.local A", "NOERROR 10.246.1.1"),
            ("books.svc.cluster.local A", "NODATA cluster.local. 5"),
            ("lamps.desks.svc.cluster.local A", "NXDOMAIN cluster.local. 5"),
            ("13.0.150.10.in-addr.arpa PTR", "NXDOMAIN in-addr.arpa. 5"),
        ])
        .await;
    // What comes and goes is told by the watches of the one namespace.
    west.apply(
        &(fixed("books", "later", "10.150.0.15", "") + &fixed("desks", "mats", "10.150.0.16", "")),
    )
    .await;
    server.comes_to_say("later.books.svc.cluster.local A", "NOERROR 10.150.0.15").await;
    west.delete(&fixed("books", "later", "10.150.0.15", "")).await;
    server.comes_to_say("later.books.svc.cluster.local A", "NXDOMAIN cluster.local. 5").await;
    server.must_say(&[("mats.desks.svc.cluster.local A", "NXDOMAIN cluster.local. 5")]).await;
    server.comes_to_log("may not list namespaces").await;
    assert!(!server.logs().contains("may list neither"), "{}", server.logs());
}

#[tokio::test]
async fn services_of_a_member_by_their_labels() {
    let west = west("expose-labels", "10.151.0.0/16", "10.151.0").await;
    let members = fleet::members(&[("west", &west)]);
    let east = &ControlPlane::shared().await.east;
    let lines = "expose labels team in (x, y)\n expose west top-level com";
    let server = FLEETDNS.start(&fleet::corefile(east, &members, lines, "")).await;
    server.comes_to_say("lamps.desks.svc.cluster.local A", "NOERROR 10.151.0.13").await;
    server
        .must_say(&[
            ("lists.books.svc.cluster.local A", "NOERROR 10.151.0.11"),
            ("notes.books.svc.cluster.local A", "NXDOMAIN cluster.local. 5"),
            ("db.books.svc.cluster.local A", "NXDOMAIN cluster.local. 5"),
            ("github.com.svc.cluster.local A", "NOERROR 10.151.0.14"),
        ])
        .await;
    // A label that goes takes the name away.
    west.apply(&fixed("desks", "lamps", "10.151.0.13", "z")).await;
    server.comes_to_say("lamps.desks.svc.cluster.local A", "NXDOMAIN cluster.local. 5").await;
}

#[tokio::test]
async fn a_namespace_named_like_a_top_level_domain_is_hidden_said_and_counted() {
    let west = west("expose-com", "10.152.0.0/16", "10.152.0").await;
    let members = fleet::members(&[("west", &west)]);
    let east = ControlPlane::cluster("expose-com-east", "10.153.0.0/16").await;
    let plugins = "prometheus 127.0.0.1:{METRICS_PORT}";
    let server = FLEETDNS.start(&fleet::corefile(&east, &members, "", plugins)).await;
    server.comes_to_say("lamps.desks.svc.cluster.local A", "NOERROR 10.152.0.13").await;
    server
        .must_say(&[
            ("github.com.svc.cluster.local A", "NXDOMAIN cluster.local. 5"),
            ("com.svc.cluster.local A", "NXDOMAIN cluster.local. 5"),
            ("14.0.152.10.in-addr.arpa PTR", "NXDOMAIN in-addr.arpa. 5"),
        ])
        .await;
    server.comes_to_log("`expose west top-level com` in fleet lets it be").await;
    let counted = async |number: u8| {
        let line = format!("coredns_fleet_hidden_namespaces{{cluster=\"west\"}} {number}");
        eventually(&line, LONG, async || {
            match get(server.addr("METRICS_PORT"), "/metrics").await {
                Ok((200, page)) if page.contains(&line) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    };
    counted(1).await;
    // With a namespace of that name here, it is no surprise.
    east.apply(&namespace("com")).await;
    server.comes_to_say("github.com.svc.cluster.local A", "NOERROR 10.152.0.14").await;
    counted(0).await;
    assert_eq!(server.logs().matches("named like a top-level domain").count(), 1);
}

#[tokio::test]
async fn services_of_a_member_that_it_exports() {
    let west = west("expose-exports", "10.154.0.0/16", "10.154.0").await;
    crate::clusterset::install_exports(&west).await;
    west.apply(&service_export("books", "db")).await;
    let members = fleet::members(&[("west", &west)]);
    let east = &ControlPlane::shared().await.east;
    let lines = "expose west serviceexport";
    let server = FLEETDNS.start(&fleet::corefile(east, &members, lines, "")).await;
    let (db, lists) = ("db-0.db.books.svc.cluster.local A", "lists.books.svc.cluster.local A");
    let (there, nothing) = ("NOERROR 10.246.1.1", "NXDOMAIN cluster.local. 5");
    server.comes_to_say(db, there).await;
    server
        .must_say(&[
            (lists, nothing),
            ("lamps.desks.svc.cluster.local A", nothing),
            ("11.0.154.10.in-addr.arpa PTR", "NXDOMAIN in-addr.arpa. 5"),
        ])
        .await;
    // What is exported later is fetched, and what comes under an export that is there already.
    west.apply(&(service_export("books", "lists") + &service_export("desks", "late"))).await;
    server.comes_to_say(lists, "NOERROR 10.154.0.11").await;
    west.apply(&fixed("desks", "late", "10.154.0.17", "")).await;
    server.comes_to_say("late.desks.svc.cluster.local A", "NOERROR 10.154.0.17").await;
    west.delete(&service_export("books", "db")).await;
    server.comes_to_say(db, nothing).await;
    server.must_say(&[(lists, "NOERROR 10.154.0.11")]).await;
}

#[tokio::test]
async fn a_member_that_may_not_tell_what_it_exports_exposes_nothing() {
    let west = west("expose-untold", "10.155.0.0/16", "10.155.0").await;
    crate::clusterset::install_exports(&west).await;
    west.apply(&service_export("books", "lists")).await;
    let rights = ["/services", "/namespaces", "discovery.k8s.io/endpointslices"];
    west.apply(&grant_readers(&rights)).await;
    let members = scratch::folder("members");
    std::fs::write(members.join("west.yaml"), west.kubeconfig_yaml_of(READER)).expect("written");
    let east = &ControlPlane::shared().await.east;
    let lines = "expose serviceexport";
    let server = FLEETDNS.start(&fleet::corefile(east, &members, lines, "")).await;
    let untold = "may not be listed, so that the cluster exports nothing";
    server.comes_to_log(untold).await;
    server.comes_to_say("books.svc.cluster.local A", "NODATA cluster.local. 5").await;
    let lists = "lists.books.svc.cluster.local A";
    server.must_say(&[(lists, "NXDOMAIN cluster.local. 5")]).await;
    let all = [&rights[..], &["multicluster.x-k8s.io/serviceexports"]].concat();
    west.apply(&grant_readers(&all)).await;
    // It is looked for at least once in 75 seconds.
    crate::clusterset::come_to_say(&server, lists, "NOERROR 10.155.0.11").await;
    assert_eq!(server.logs().matches(untold).count(), 1, "{}", server.logs());
}
