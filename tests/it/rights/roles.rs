//! Roles that others give to readers of their clusters: each is enough, and what it lacks is said once.

use std::fs;

use futures::future::join_all;
use serde_json::Value;

use super::{NAMESPACES_MISSING, SLICES_MISSING, cluster, come_to_say, count, expected};
use crate::harness::account::accounts;
use crate::harness::objects::role;
use crate::harness::{ApiServer, DnsServer, FLEETDNS, LONG, Proxy, eventually, scratch};

const ROLES: &str = include_str!("roles.yaml");
/// How often a server asks for what it may not have before the log is looked at.
const CYCLES: usize = 3;

/// A row of the table, and the servers that have its rights: for the local cluster, and for a member.
struct Reader {
    name: String,
    missing: Vec<String>,
    proxy: Proxy,
    servers: [DnsServer; 2],
}

async fn reader(cluster: &ApiServer, row: &Value) -> Reader {
    let text = |value: &Value| value.as_str().expect("a word").to_owned();
    let name = text(&row["name"]);
    let space = format!("rights-{name}");
    let token = cluster.token(&space, "reader").await;
    cluster.apply(&role(&space, &accounts(&space), &row["rules"])).await;
    let folder = scratch::folder("readers");
    let kubeconfig = folder.join("there.yaml");
    let proxy = Proxy::before(cluster).await;
    fs::write(&kubeconfig, proxy.lead(&cluster.kubeconfig_yaml_of(&token)))
        .expect("write a kubeconfig");
    let nothing = format!("manifests {}", scratch::folder("nothing").display());
    let members = format!("local nothing\nmembers kubeconfig {}/*.yaml", folder.display());
    let local = format!("kubeconfig {}", kubeconfig.display());
    let (local, member) = tokio::join!(start(&local, "local there"), start(&nothing, &members));
    let missing = row["missing"].as_array().expect("a list").iter().map(text).collect();
    Reader { name, missing, proxy, servers: [local, member] }
}

/// A server that wants to know all ranges, as a pool must not touch them.
async fn start(source: &str, fleet: &str) -> DnsServer {
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            kubernetes cluster.local in-addr.arpa {{
                {source}
                pods insecure
            }}
            fleet {{
                {fleet}
            }}
            sentinel mesh {{
                pool 240.1.0.0/16
            }}
        }}"
    );
    FLEETDNS.start(&corefile).await
}

/// What is said of a right that is missing.
fn complaint(rule: &str) -> String {
    match rule {
        "endpointslices.discovery.k8s.io" => SLICES_MISSING.to_owned(),
        "namespaces" => NAMESPACES_MISSING.to_owned(),
        _ => format!(
            "may not be listed, and what was known of them stays: allow list and watch of {rule}"
        ),
    }
}

#[tokio::test]
async fn every_role_is_enough_and_what_it_lacks_is_said_once() {
    let cluster = cluster("rights-roles", "10.107.0.0/16", &[]).await;
    let rows: Vec<Value> = serde_saphyr::from_str(ROLES).expect("a table");
    let admin = super::admin(&cluster).await;
    let expected = expected(&admin).await;
    let readers = join_all(rows.iter().map(|row| reader(&cluster, row))).await;
    assert!(readers.len() >= 7);
    for Reader { servers, .. } in &readers {
        for server in servers {
            come_to_say(server, &expected).await;
        }
    }
    // These are asked for again and again.
    for (rule, path) in [
        ("servicecidrs.networking.k8s.io", "/apis/networking.k8s.io/v1/servicecidrs?"),
        ("nodes", "/api/v1/nodes?"),
    ] {
        for Reader { name, proxy, .. } in
            readers.iter().filter(|reader| reader.missing.iter().any(|is| is == rule))
        {
            let due = CYCLES * 2;
            eventually(&format!("{due} requests of {name} for {rule}"), LONG, async || {
                proxy.count(|target| target.starts_with(path)) >= due
            })
            .await;
        }
    }
    for Reader { name, missing, servers, .. } in &readers {
        for (server, place) in servers.iter().zip(["local", "member"]) {
            for rule in missing {
                let said = complaint(rule);
                assert_eq!(count(server, &said), 1, "{name} as {place}: {said}: {}", server.logs());
            }
            let all = count(server, "may not") + count(server, "may list");
            assert_eq!(all, missing.len(), "{name} as {place}: {}", server.logs());
            assert_eq!(count(server, "fails"), 0, "{name} as {place}: {}", server.logs());
            come_to_say(server, &expected).await;
        }
    }
}
