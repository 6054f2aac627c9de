//! Istio's ServiceEntries, kept by real API servers with Istio's own CRD.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::api_server::READER;
use crate::harness::objects::{
    document, grant_readers, namespace, service, service_entry, service_entry_crd,
};
use crate::harness::{
    ApiServer, ControlPlane, DnsServer, FLEETDNS, LONG, Upstream, eventually, fleet, parts, scratch,
};

/// A cluster with the CRD and these namespaces.
async fn cluster(name: &str, range: &str, namespaces: &[&str]) -> ApiServer {
    let cluster = ControlPlane::cluster(name, range).await;
    let spaces: String = namespaces.iter().map(|name| namespace(name)).collect();
    cluster.apply(&(service_entry_crd() + &spaces)).await;
    cluster
}

fn entry(namespace: &str, name: &str, hosts: &[&str], addresses: &[&str]) -> String {
    service_entry(namespace, name, &json!({"hosts": hosts, "addresses": addresses}), &[])
}

/// The pool's own address of a name.
const POOLED: &str = "NOERROR 240.1.137.185";

/// Scenario 22: answers follow entries that come, change and go. Scenario 23: CIDRs are no addresses.
#[tokio::test]
async fn s22_s23_answers_follow_the_entries_of_a_suffix() {
    let cluster = ControlPlane::cluster("entries", "10.120.0.0/16").await;
    cluster.apply(&namespace("mesh")).await;
    let dns = FLEETDNS
        .start(&format!(
            ".:{{PORT}} {{
                bind 127.0.0.1
                kubernetes cluster.local {{
                    kubeconfig {}
                }}
                sentinel mesh {{
                    pool 240.1.0.0/16
                    serviceentries
                }}
            }}",
            cluster.kubeconfig().display()
        ))
        .await;
    // There is no CRD yet, which nothing waits for.
    dns.must_say(&[("bar.mesh A", POOLED)]).await;
    dns.comes_to_log("the CRD is not installed").await;
    dns.comes_to_say("kubernetes.default.svc.cluster.local A", "NOERROR 10.120.0.1").await;

    cluster.apply(&service_entry_crd()).await;
    cluster.apply_when_served(&entry("mesh", "bar", &["bar.mesh"], &["240.9.9.9"])).await;
    dns.comes_to_say("bar.mesh A", "NOERROR 240.9.9.9").await;
    dns.comes_to_say("bar.mesh AAAA", "NODATA mesh. 30").await;
    dns.must_say(&[("bar.mesh TXT", "NODATA mesh. 30"), ("x.bar.mesh A", "NOERROR 240.1.177.217")])
        .await;
    cluster.apply(&entry("mesh", "bar", &["bar.mesh"], &["240.9.9.8", "fd00::8"])).await;
    dns.comes_to_say("bar.mesh A", "NOERROR 240.9.9.8").await;
    dns.must_say(&[("bar.mesh AAAA", "NOERROR fd00::8")]).await;

    let cidrs =
        json!({"hosts": ["*.svc.mesh"], "addresses": ["10.1.0.0/16"], "resolution": "NONE"});
    cluster.apply(&service_entry("mesh", "cidr", &cidrs, &["*.svc.mesh=240.240.0.9"])).await;
    cluster.apply(&entry("mesh", "one", &["one.mesh"], &["10.7.7.7/32"])).await;
    dns.comes_to_say("one.mesh A", "NOERROR 10.7.7.7").await;
    dns.must_say(&[("a.svc.mesh A", "NOERROR 240.1.24.32")]).await;

    // What the control plane gave it, in the status, and host by host.
    let hosts = json!({"hosts": ["given.mesh", "*.given.mesh"]});
    let given = ["given.mesh=240.240.0.1", "given.mesh=2001:2::1", "*.given.mesh=240.240.0.2"];
    cluster.apply(&service_entry("mesh", "given", &hosts, &given)).await;
    dns.comes_to_say("given.mesh A", "NOERROR 240.240.0.1").await;
    dns.must_say(&[
        ("given.mesh AAAA", "NOERROR 2001:2::1"),
        ("a.b.given.mesh A", "NOERROR 240.240.0.2"),
        ("a.b.given.mesh AAAA", "NODATA mesh. 30"),
    ])
    .await;

    cluster.delete(&entry("mesh", "bar", &[], &[])).await;
    dns.comes_to_say("bar.mesh A", POOLED).await;
    cluster.apply(&entry("mesh", "one", &["other.mesh"], &["10.7.7.7"])).await;
    dns.comes_to_say("other.mesh A", "NOERROR 10.7.7.7").await;
    dns.comes_to_say("one.mesh A", "NOERROR 240.1.84.2").await;
}

/// The manifests that `fleetdns vip` prints: taken by the API server, and in use without a question.
#[tokio::test]
async fn printed_entries_are_applied_and_in_use() {
    let cluster = cluster("entries-vip", "10.119.0.0/16", &["default"]).await;
    let dns = FLEETDNS
        .start(&format!(
            ".:{{PORT}} {{
                bind 127.0.0.1
                kubernetes cluster.local {{
                    kubeconfig {}
                }}
                sentinel mesh {{
                    pool 10.9.8.0/29
                    serviceentries
                }}
            }}",
            cluster.kubeconfig().display()
        ))
        .await;
    // Both have the same address in this pool.
    let (one, other) = ("db2.mesh", "n9.mesh");
    let manifest = |name: &str, words: &[&str]| {
        let mut command = Command::new(parts::fleetdns());
        command.args(["vip", name, "--pool", "10.9.8.0/29", "--service-entry"]).args(words);
        let output = command.output().expect("fleetdns runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let words = ["--port", "3306", "--endpoint", "203.0.113.7"];
    cluster.apply_when_served(&manifest(one, &words)).await;
    dns.comes_to_say("3.8.9.10.in-addr.arpa PTR", "NOERROR db2.mesh.").await;
    dns.must_say(&[("db2.mesh A", "NOERROR 10.9.8.3")]).await;
    cluster.apply(&manifest(other, &words)).await;
    dns.comes_to_log("names=\"db2.mesh. n9.mesh.\"").await;
    // Without an endpoint it is a draft, which the API server takes all the same.
    cluster.server_side_dry_run(&manifest("x.mesh", &[])).await.expect("the draft is taken");
}

/// Hosts of any domain, and nothing else: the rest goes upstream, and Services come first.
#[tokio::test]
async fn the_root_answers_hosts_and_passes_the_rest_on() {
    let cluster = cluster("entries-root", "10.121.0.0/16", &["shop", "ops"]).await;
    cluster.apply(&service("shop", "web")).await;
    let web = cluster.cluster_ips("shop", "web").await.remove(0);
    let entries = [
        entry("shop", "api", &["api.example.com", "*.example.net"], &["10.9.0.1"]),
        entry("shop", "exact", &["x.example.net."], &["10.9.0.2"]),
        entry("shop", "first", &["twice.example.com"], &["10.9.0.3"]),
        entry("ops", "second", &["twice.example.com"], &["10.9.0.4", "10.9.0.3"]),
        entry("shop", "bare", &["bare.example.com"], &[]),
        entry("shop", "web", &["web.shop.svc.cluster.local"], &["10.9.0.5"]),
        entry("shop", "stub", &["far.shop.svc.cluster.local"], &["10.9.0.6"]),
    ];
    cluster.apply_when_served(&entries.concat()).await;
    let upstream = Upstream::start(None);
    let dns = FLEETDNS
        .start(&format!(
            ".:{{PORT}} {{
                bind 127.0.0.1
                kubernetes cluster.local {{
                    kubeconfig {}
                }}
                sentinel . {{
                    serviceentries
                    ttl 20
                }}
                forward . {}
            }}",
            cluster.kubeconfig().display(),
            upstream.address()
        ))
        .await;
    dns.comes_to_say("api.example.com A", "NOERROR 10.9.0.1").await;
    // Once all is known, it is kept for longer.
    dns.comes_to_say("api.example.com AAAA", "NODATA api.example.com. 20").await;
    upstream.forget();
    let web = format!("NOERROR {web}");
    dns.must_say(&[
        ("a.b.example.net A", "NOERROR 10.9.0.1"),
        ("X.Example.Net A", "NOERROR 10.9.0.2"),
        ("twice.example.com A", "NOERROR 10.9.0.3, 10.9.0.4"),
        ("web.shop.svc.cluster.local A", &web),
        ("far.shop.svc.cluster.local A", "NOERROR 10.9.0.6"),
        ("none.shop.svc.cluster.local A", "NXDOMAIN cluster.local. 5"),
    ])
    .await;
    assert_eq!(upstream.questions(), [""; 0]);
    let others =
        ["api.example.com MX", "example.net A", "bare.example.com A", "y.example.com AAAA"];
    for question in others {
        assert_eq!(dns.says(question).await, "REFUSED", "{question}");
    }
    let asked = others.map(|question| question.replace(' ', ". "));
    assert_eq!(upstream.questions(), asked);
}

/// Entries that are exported to some namespaces are seen by their Pods.
#[tokio::test]
async fn clients_see_what_is_exported_to_their_namespace() {
    let cluster = cluster("entries-export", "10.122.0.0/16", &["shop", "ops", "dev"]).await;
    let exported = |name: &str, to: Value, address: &str| {
        let host = format!("{name}.example.com");
        let spec = json!({"hosts": [host], "addresses": [address], "exportTo": to});
        service_entry("shop", name, &spec, &[])
    };
    let entries = [
        exported("own", json!(["."]), "10.9.1.1"),
        exported("ops", json!(["ops", "dev"]), "10.9.1.2"),
        exported("all", json!(["*"]), "10.9.1.3"),
        exported("none", json!(["~"]), "10.9.1.4"),
    ];
    cluster.apply_when_served(&entries.concat()).await;
    let pod = |namespace: &str, ip: &str| {
        document(&json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "client", "namespace": namespace},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
            "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]},
        }))
    };
    let config = |pods: &str| {
        format!(
            ".:{{PORT}} {{
                bind 127.0.0.1
                kubernetes cluster.local {{
                    kubeconfig {}
                    pods {pods}
                }}
                sentinel . {{
                    serviceentries
                }}
            }}",
            cluster.kubeconfig().display()
        )
    };
    let dns = FLEETDNS.start(&config("verified")).await;
    let unknown = FLEETDNS.start(&config("disabled")).await;
    for server in [&dns, &unknown] {
        server.comes_to_say("all.example.com A", "NOERROR 10.9.1.3").await;
        for name in ["own", "ops", "none"] {
            assert_eq!(server.says(&format!("{name}.example.com A")).await, "SERVFAIL", "{name}");
        }
    }
    assert!(unknown.logs().contains("exported to some namespaces"), "{}", unknown.logs());
    cluster.apply(&pod("ops", "127.0.0.1")).await;
    dns.comes_to_say("ops.example.com A", "NOERROR 10.9.1.2").await;
    dns.must_say(&[("own.example.com A", "SERVFAIL"), ("none.example.com A", "SERVFAIL")]).await;
    cluster.delete(&pod("ops", "")).await;
    cluster.apply(&pod("shop", "127.0.0.1")).await;
    dns.comes_to_say("own.example.com A", "NOERROR 10.9.1.1").await;
    dns.comes_to_say("ops.example.com A", "SERVFAIL").await;
}

/// The local cluster's entries beat those of members, of which the oldest counts; a status is local.
#[tokio::test]
async fn the_local_cluster_beats_members_and_then_the_oldest_counts() {
    let spaces = ["mesh"];
    let (east, west, north) = tokio::join!(
        cluster("entries-east", "10.123.0.0/16", &spaces),
        cluster("entries-west", "10.124.0.0/16", &spaces),
        cluster("entries-north", "10.125.0.0/16", &spaces),
    );
    let given = |name: &str, address: &str| {
        let host = format!("{name}.mesh");
        service_entry("mesh", name, &json!({"hosts": [&host]}), &[&format!("{host}={address}")])
    };
    north.apply_when_served(&entry("mesh", "far", &["far.mesh"], &["240.9.1.1"])).await;
    let created = async |cluster: &ApiServer| -> String {
        let path = "/apis/networking.istio.io/v1/namespaces/mesh/serviceentries/far";
        let request = http::Request::get(path).body(Vec::new()).expect("a request");
        let entry: Value = cluster.client().await.request(request).await.expect("the entry");
        entry["metadata"]["creationTimestamp"].as_str().expect("a time").to_owned()
    };
    // Time stamps are in seconds: the other is made until it is younger.
    let oldest = created(&north).await;
    eventually("a younger entry", LONG, async || {
        west.apply_when_served(&entry("mesh", "far", &["far.mesh"], &["240.9.1.2"])).await;
        let is_younger = created(&west).await > oldest;
        if !is_younger {
            west.delete(&entry("mesh", "far", &[], &[])).await;
        }
        is_younger
    })
    .await;
    let local = entry("mesh", "both", &["both.mesh"], &["240.9.2.1"]);
    east.apply_when_served(&local).await;
    let bare = service_entry("mesh", "bare", &json!({"hosts": ["bare.mesh"]}), &[]);
    east.apply(&(given("here", "240.240.1.1") + &bare)).await;
    let others = entry("mesh", "both", &["both.mesh"], &["240.9.2.2"])
        + &entry("mesh", "bare", &["bare.mesh"], &["240.9.2.3"]);
    west.apply(&(others + &given("there", "240.240.1.2"))).await;

    let members = fleet::members(&[(west.name(), &west), (north.name(), &north)]);
    let suffix = "sentinel mesh {\nanswer 240.0.0.1\nserviceentries\n}";
    let dns = FLEETDNS.start(&fleet::corefile(&east, &members, "", suffix)).await;
    dns.comes_to_say("both.mesh A", "NOERROR 240.9.2.1").await;
    dns.comes_to_say("far.mesh A", "NOERROR 240.9.1.1").await;
    dns.must_say(&[
        ("here.mesh A", "NOERROR 240.240.1.1"),
        // The sidecars of the other cluster listen there, and nobody here.
        ("there.mesh A", "NOERROR 240.0.0.1"),
        // Declared here without an address, so it is the suffix's.
        ("bare.mesh A", "NOERROR 240.0.0.1"),
    ])
    .await;
    east.delete(&local).await;
    dns.comes_to_say("both.mesh A", "NOERROR 240.9.2.2").await;
    north.delete(&entry("mesh", "far", &[], &[])).await;
    dns.comes_to_say("far.mesh A", "NOERROR 240.9.1.2").await;
    std::fs::remove_file(members.join(west.name()).with_extension("yaml"))
        .expect("remove a member");
    dns.comes_to_say("far.mesh A", "NOERROR 240.0.0.1").await;
}

/// Whoever may not list them still answers all the rest, says so once, and finds the right later.
#[tokio::test]
async fn a_missing_right_hides_entries_and_nothing_else() {
    let cluster = cluster("entries-rights", "10.126.0.0/16", &["mesh"]).await;
    let rights = ["/services", "/namespaces", "discovery.k8s.io/endpointslices"];
    cluster.apply(&grant_readers(&rights)).await;
    cluster.apply_when_served(&entry("mesh", "bar", &["bar.mesh"], &["240.9.9.9"])).await;
    let kubeconfig = scratch::folder("reader").join("kubeconfig.yaml");
    std::fs::write(&kubeconfig, cluster.kubeconfig_yaml_of(READER)).expect("write a kubeconfig");
    let dns: DnsServer = FLEETDNS
        .start(&format!(
            ".:{{PORT}} {{
                bind 127.0.0.1
                kubernetes cluster.local {{
                    kubeconfig {}
                }}
                sentinel mesh {{
                    pool 240.1.0.0/16
                    serviceentries
                }}
            }}",
            kubeconfig.display()
        ))
        .await;
    dns.comes_to_say("kubernetes.default.svc.cluster.local A", "NOERROR 10.126.0.1").await;
    for rule in ["serviceentries.networking.istio.io", "servicecidrs.networking.k8s.io", "nodes"] {
        dns.comes_to_log(&format!("allow list and watch of {rule}")).await;
    }
    dns.must_say(&[("bar.mesh A", POOLED)]).await;
    let rights = [&rights[..], &["networking.istio.io/serviceentries"]].concat();
    cluster.apply(&grant_readers(&rights)).await;
    dns.comes_to_say("bar.mesh A", "NOERROR 240.9.9.9").await;
    assert_eq!(dns.logs().matches("of serviceentries.networking").count(), 1, "{}", dns.logs());
}
