//! Clusters that allow less than all (RBAC): what is answered must not depend on it.

mod roles;

use std::fs;

use serde_json::{Value, json};

use crate::harness::api_server::READER;
use crate::harness::objects::{document, grant_readers, namespace, service, service_of};
use crate::harness::{ApiServer, ControlPlane, DnsServer, FLEETDNS, scratch};

const SPACE: &str = "rights";
/// CoreDNS's ClusterRole (deployment/kubernetes/coredns.yaml.sed).
const COREDNS: &[&str] =
    &["/endpoints", "/services", "/pods", "/namespaces", "discovery.k8s.io/endpointslices"];
/// What Istio's reader of remote clusters once was.
const OLD_ISTIO: &[&str] = &["/nodes", "/pods", "/services", "/endpoints"];

/// Ports, each with the hostnames (or nothing) and addresses of the endpoints that are ready on it.
type Subsets<'a> = &'a [(u16, &'a [(&'a str, &'a str)])];

const DB: Subsets = &[
    (5432, &[("db-0", "10.247.1.1"), ("", "10.247.1.2")]),
    (6432, &[("", "10.247.1.2"), ("db-3", "10.247.1.3")]),
];
const NOT_READY: &str = "10.247.9.9";

/// Endpoints of a Service as controllers write them: into Endpoints and into EndpointSlices.
fn both(service: &str, subsets: Subsets) -> String {
    let subset = |(number, ready): &(u16, &[(&str, &str)])| {
        let address = |(hostname, ip): &(&str, &str)| named(json!({"ip": ip}), hostname);
        let addresses: Vec<Value> = ready.iter().map(address).collect();
        json!({"addresses": addresses, "notReadyAddresses": [{"ip": NOT_READY}],
            "ports": [port(*number)]})
    };
    let old = json!({
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": service, "namespace": SPACE},
        "subsets": subsets.iter().map(subset).collect::<Vec<_>>(),
    });
    let slices = subsets.iter().map(|(number, ready)| slice(service, *number, ready));
    document(&old) + &slices.collect::<String>()
}

fn slice(service: &str, number: u16, ready: &[(&str, &str)]) -> String {
    let endpoint = |(hostname, ip): &(&str, &str)| named(json!({"addresses": [ip]}), hostname);
    let mut endpoints: Vec<Value> = ready.iter().map(endpoint).collect();
    endpoints.push(json!({"addresses": [NOT_READY], "conditions": {"ready": false}}));
    document(&json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "addressType": "IPv4",
        "metadata": {
            "name": format!("{service}-{number}"),
            "namespace": SPACE,
            "labels": {"kubernetes.io/service-name": service},
        },
        "ports": [port(number)],
        "endpoints": endpoints,
    }))
}

fn port(number: u16) -> Value {
    json!({"name": format!("p{number}"), "port": number, "protocol": "TCP"})
}

fn named(mut object: Value, hostname: &str) -> Value {
    if !hostname.is_empty() {
        object["hostname"] = json!(hostname);
    }
    object
}

async fn cluster(name: &str, range: &str, rights: &[&str]) -> ApiServer {
    let cluster = ControlPlane::cluster(name, range).await;
    let db = json!({"clusterIP": "None",
        "ports": [{"name": "p5432", "port": 5432}, {"name": "p6432", "port": 6432}]});
    cluster
        .apply(
            &(namespace(SPACE)
                + &service_of(SPACE, "db", &db)
                + &both("db", DB)
                + &service(SPACE, "web")
                + &both("web", &[(80, &[("", "10.247.2.1")])])
                + &grant_readers(rights)),
        )
        .await;
    cluster
}

/// Serves a cluster with the rights of the readers: as the local one, and as a member.
async fn readers(cluster: &ApiServer) -> (DnsServer, DnsServer) {
    let folder = scratch::folder("readers");
    let kubeconfig = folder.join(cluster.name()).with_extension("yaml");
    fs::write(&kubeconfig, cluster.kubeconfig_yaml_of(READER)).expect("write a kubeconfig");
    let empty = scratch::folder("nothing");
    let local = format!("kubeconfig {}", kubeconfig.display());
    let members = format!(
        "fleet {{
            local nothing
            members kubeconfig {}/*.yaml
        }}",
        folder.display()
    );
    let nothing = format!("manifests {}", empty.display());
    tokio::join!(start(&local, ""), start(&nothing, &members))
}

/// Serves a cluster with all rights.
async fn admin(cluster: &ApiServer) -> DnsServer {
    start(&format!("kubeconfig {}", cluster.kubeconfig().display()), "").await
}

async fn start(source: &str, fleet: &str) -> DnsServer {
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            kubernetes cluster.local in-addr.arpa {{
                {source}
                pods insecure
            }}
            {fleet}
        }}"
    );
    FLEETDNS.start(&corefile).await
}

/// What a server with all rights says of everything that there is.
async fn expected(admin: &DnsServer) -> Vec<(String, String)> {
    let names = [
        "web.rights.svc",
        "_http._tcp.web.rights.svc",
        "10-247-2-1.web.rights.svc",
        "db.rights.svc",
        "db-0.db.rights.svc",
        "10-247-1-2.db.rights.svc",
        "db-3.db.rights.svc",
        "10-247-9-9.db.rights.svc",
        "_p5432._tcp.db.rights.svc",
        "_p6432._tcp.db.rights.svc",
        "no.rights.svc",
        "rights.svc",
        "no.no.svc",
    ];
    let kinds = ["A", "AAAA", "SRV"];
    let forward = names
        .iter()
        .flat_map(|name| kinds.iter().map(move |kind| format!("{name}.cluster.local. {kind}")));
    let reverse = ["1.1", "2.1", "3.1", "1.2", "9.9"];
    let reverse = reverse.iter().map(|ip| format!("{ip}.247.10.in-addr.arpa. PTR"));
    let mut expected = Vec::new();
    for question in forward.chain(reverse) {
        let said = admin.says(&question).await;
        expected.push((question, said));
    }
    let is_there = |answer: &str| expected.iter().any(|(_, said)| said == answer);
    assert!(is_there("NOERROR 10.247.1.1, 10.247.1.2, 10.247.1.3"), "{expected:#?}");
    expected
}

async fn come_to_say(server: &DnsServer, expected: &[(String, String)]) {
    for (question, answer) in expected {
        server.comes_to_say(question, answer).await;
    }
}

/// How often it has logged this.
fn count(server: &DnsServer, text: &str) -> usize {
    server.logs().matches(text).count()
}

#[tokio::test]
async fn the_role_of_coredns_is_enough() {
    let cluster = cluster("rights-coredns", "10.104.0.0/16", COREDNS).await;
    let (admin, (local, member)) = tokio::join!(admin(&cluster), readers(&cluster));
    let expected = expected(&admin).await;
    for server in [&local, &member] {
        come_to_say(server, &expected).await;
        assert_eq!(count(server, "may not") + count(server, "fails"), 0, "{}", server.logs());
    }
}

const SLICES_MISSING: &str = "may not list endpointslices.discovery.k8s.io; reading Endpoints instead: \
                              allow list and watch of endpointslices.discovery.k8s.io";
const NAMESPACES_MISSING: &str = "may not list namespaces; reading the namespaces of Services instead: \
                                  allow list and watch of namespaces";

#[tokio::test]
async fn services_and_endpoints_are_enough() {
    let cluster = cluster("rights-istio", "10.105.0.0/16", OLD_ISTIO).await;
    let (admin, (local, member)) = tokio::join!(admin(&cluster), readers(&cluster));
    let before = expected(&admin).await;
    for server in [&local, &member] {
        come_to_say(server, &before).await;
    }

    cluster.apply(&both("db", &[(6432, &[("db-0", "10.247.1.4")])])).await;
    cluster.delete(&slice("db", 5432, &[])).await;
    let late = namespace("late") + &service("late", "web");
    cluster.apply(&late).await;
    let name = "web.late.svc.cluster.local. A";
    let there = format!("NOERROR {}", cluster.cluster_ips("late", "web").await[0]);
    let db = "db.rights.svc.cluster.local. SRV";
    for server in [&admin, &local, &member] {
        server.comes_to_say(name, &there).await;
        server.comes_to_say("db.rights.svc.cluster.local. A", "NOERROR 10.247.1.4").await;
        server.comes_to_say(db, &admin.says(db).await).await;
    }
    // A namespace ends with its last Service.
    cluster.delete(&late).await;
    for server in [&admin, &local, &member] {
        server.comes_to_say("late.svc.cluster.local. A", "NXDOMAIN cluster.local. 5").await;
    }
    for server in [&local, &member] {
        assert_eq!(count(server, SLICES_MISSING), 1, "{}", server.logs());
        assert_eq!(count(server, NAMESPACES_MISSING), 1, "{}", server.logs());
        assert_eq!(count(server, "fails"), 0, "{}", server.logs());
    }
}

/// An API server looks at the rights when a watch begins, so that is made to happen.
#[tokio::test]
async fn no_name_is_lost_with_a_right() {
    let mut cluster = cluster("rights-lost", "10.106.0.0/16", COREDNS).await;
    let (admin, (local, member)) = tokio::join!(admin(&cluster), readers(&cluster));
    let expected = expected(&admin).await;
    for server in [&local, &member] {
        come_to_say(server, &expected).await;
    }
    for (rights, missing) in [
        (OLD_ISTIO, ["reading Endpoints instead", "reading the namespaces of Services instead"]),
        (
            &["/pods"],
            ["nor Endpoints; what is known stays", "nor the namespaces of Services; what"],
        ),
    ] {
        cluster.apply(&grant_readers(rights)).await;
        let restart = async {
            cluster.kill();
            cluster.restart().await;
            for server in [&local, &member] {
                for missing in missing {
                    server.comes_to_log(missing).await;
                }
            }
        };
        local.keeps_saying(&expected, member.keeps_saying(&expected, restart)).await;
    }
    cluster.apply(&grant_readers(COREDNS)).await;
    cluster.apply(&service(SPACE, "late")).await;
    let there = format!("NOERROR {}", cluster.cluster_ips(SPACE, "late").await[0]);
    for server in [&local, &member] {
        server.comes_to_say("late.rights.svc.cluster.local. A", &there).await;
        server.comes_to_log("may list endpointslices.discovery.k8s.io now").await;
    }
}
