//! `clusterset`: the Services that clusters export, beside the real CoreDNS that reads what a controller
//! made of the same exports.

mod controller;

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use hickory_proto::rr::RecordType;

use crate::harness::api_server::READER;
use crate::harness::objects::{
    grant_readers, namespace, service, service_export, service_export_crd, service_import_crd,
};
use crate::harness::{
    ApiServer, COREDNS, ControlPlane, DnsServer, FLEETDNS, LONG, Question, dig, eventually, fleet,
    get, same_answer, scratch,
};
use crate::oracle::{Asked, Facts, Pair, Report, product};
use controller::Controller;

const SET: &str = "clusterset.local.";
const NAMES: &str = include_str!("clusterset/names");
const OBJECTS: [(&str, &str); 3] = [
    ("east", include_str!("clusterset/east.yaml")),
    ("west", include_str!("clusterset/west.yaml")),
    ("South", include_str!("clusterset/South.yaml")),
];
/// Cluster, namespace and name of ServiceExports, those of each row made in a later second.
const EXPORTS: [&[(&str, &str, &str)]; 3] = [
    &[
        ("west", "set", "web"),
        ("west", "set", "remote"),
        ("west", "set", "db"),
        ("west", "set", "flip"),
        ("west", "set", "six"),
        ("west", "set", "queue"),
        ("west", "set", "lonely"),
        ("west", "set", "alias"),
        ("west", "set", "hidden"),
    ],
    &[
        ("South", "set", "web"),
        ("South", "set", "remote"),
        ("South", "set", "db"),
        ("South", "set", "queue"),
        ("South", "set-far", "dual"),
        ("South", "set-far", "flat"),
    ],
    &[
        ("east", "set", "web"),
        ("east", "set", "db"),
        ("east", "set", "flip"),
        ("east", "set", "idle"),
        ("east", "set", "alone"),
    ],
];
const OPTIONS: [&str; 2] =
    ["pods insecure\nttl 30", "endpoint_pod_names\nignore empty_service\nnamespaces set set-empty"];

/// The names of the list.
fn names() -> Vec<String> {
    let lines = NAMES.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| format!("{line}.{SET}")).chain([SET.to_owned()]).collect()
}

/// Makes a CRD, and waits until its objects are taken.
async fn install(api: &ApiServer, crd: &str, object: &str) {
    api.apply(crd).await;
    eventually("a CRD to be served", LONG, async || {
        // The namespace may be yet to come.
        let missing =
            |error: String| if error.contains("namespaces") { Ok(()) } else { Err(error) };
        api.server_side_dry_run(object).await.or_else(missing)
    })
    .await;
}

/// Makes the CRD of ServiceExports.
pub async fn install_exports(api: &ApiServer) {
    let versions = [("v1beta1", true), ("v1alpha1", true)];
    install(api, &service_export_crd(&versions), &service_export("set", "web")).await;
}

/// Waits for the next second: creation times have no parts of it.
async fn next_second() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
    let then = now();
    eventually("another second", LONG, async || now() > then).await;
}

/// Three clusters with their exports, and a cluster for CoreDNS.
async fn world(title: &str) -> ([ApiServer; 3], ApiServer) {
    let cluster = async |name: &str, number: u8| {
        let range = format!("10.{number}.0.0/16,fd00:{number}::/112");
        ControlPlane::cluster(&format!("{title}-{name}"), &range).await
    };
    let (east, west, south, oracle) = tokio::join!(
        cluster("east", 120),
        cluster("west", 121),
        cluster("south", 122),
        cluster("oracle", 123)
    );
    let imports = service_import_crd(&[("v1alpha1", true), ("v1beta1", true)]);
    let import = "{apiVersion: multicluster.x-k8s.io/v1alpha1, kind: ServiceImport,
        metadata: {name: web, namespace: set}, spec: {type: Headless, ports: []}}";
    let all = [east, west, south];
    tokio::join!(
        install_exports(&all[0]),
        install_exports(&all[1]),
        install_exports(&all[2]),
        install(&oracle, &imports, import)
    );
    for (api, (_, objects)) in all.iter().zip(OBJECTS) {
        api.apply(objects).await;
    }
    for row in EXPORTS {
        for (cluster, space, name) in row {
            let place = OBJECTS.iter().position(|(id, _)| id == cluster).expect("a cluster");
            all[place].apply(&service_export(space, name)).await;
        }
        next_second().await;
    }
    (all, oracle)
}

/// CoreDNS on the oracle's cluster and fleetdns on the others, with the same options.
/// `plugins` are more of both.
async fn start_pair(all: &[ApiServer; 3], oracle: &ApiServer, lines: &str, plugins: &str) -> Pair {
    let kubernetes = |api: &ApiServer, zones: &str, more: &str| {
        format!(
            "kubernetes {zones} {{
                kubeconfig {} {}
                {more}
                {lines}
            }}",
            api.kubeconfig().display(),
            api.name()
        )
    };
    let members = fleet::members(&[("west", &all[1]), ("South", &all[2])]);
    let coredns = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            {plugins}
            {}
        }}",
        kubernetes(oracle, "cluster.local clusterset.local", "multicluster clusterset.local")
    );
    let fleetdns = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            prometheus 127.0.0.1:{{METRICS_PORT}}
            {plugins}
            {}
            fleet {{
                local east
                members kubeconfig {}/*.yaml
                clusterset clusterset.local
            }}
        }}",
        kubernetes(&all[0], "cluster.local", ""),
        members.display()
    );
    let (coredns, fleetdns) = tokio::join!(COREDNS.start(&coredns), FLEETDNS.start(&fleetdns));
    Pair::of(coredns, fleetdns)
}

/// Waits until both say the same of each name: each hears of a change in its own time.
async fn until_alike(pair: &Pair) {
    for name in names().iter().filter(|name| !name.starts_with('_') && name.contains(".svc.")) {
        for kind in [RecordType::A, RecordType::AAAA, RecordType::SRV] {
            // Over TCP, for the order decides what is left of a long answer.
            let question = Question::new(name, kind).tcp();
            eventually(&format!("both to say the same of {name} {kind}"), LONG, async || {
                let (coredns, fleetdns) = pair.both(&question).await;
                same_answer(&coredns?, &fleetdns?)
            })
            .await;
        }
    }
}

/// Compares every name and type.
async fn compare(pair: &Pair, title: &str) {
    until_alike(pair).await;
    let all = names();
    let mut facts = Facts::new(vec![SET.to_owned()], "cluster.local.".to_owned());
    for (name, kind) in all.iter().flat_map(|name| facts.wanted(name)).collect::<Vec<_>>() {
        facts.learn(&name, kind, &pair.coredns(&Asked::plain(&name, kind)).await);
    }
    let mut report = Report::new(title);
    for asked in product(&all) {
        report.compare(pair, &facts, &asked).await;
    }
    report.finish();
}

/// Compares the transfers of the zone. CoreDNS's lacks the labels of clusters, as README says.
async fn compare_transfers(pair: &Pair) {
    let (coredns, fleetdns) = pair.addresses();
    let lines = async |at| {
        let reply = dig(at, "clusterset.local AXFR").await;
        let records = reply.answer.iter().filter(|record| !record.contains(" SOA "));
        let unlabelled = |record: &String| {
            ["east", "west", "South"]
                .iter()
                .fold(record.clone(), |record, id| record.replace(&format!(".{id}."), "."))
        };
        records.map(unlabelled).collect::<BTreeSet<_>>()
    };
    let (due, found) = (lines(coredns).await, lines(fleetdns).await);
    assert!(due.len() > 30, "{due:#?}");
    let missing: Vec<_> = due.difference(&found).collect();
    let more: Vec<_> = found.difference(&due).collect();
    assert!(missing.is_empty() && more.is_empty(), "missing {missing:#?}, more {more:#?}");
}

/// The number of conflicts of each cluster, as the metrics have it.
async fn has_conflicts(fleetdns: &DnsServer, expected: [(&str, usize); 3]) {
    let lines =
        expected.map(|(id, n)| format!("coredns_fleet_export_conflicts{{cluster=\"{id}\"}} {n}\n"));
    eventually(&format!("{lines:?}"), LONG, async || {
        let (_, page) = get(fleetdns.addr("METRICS_PORT"), "/metrics").await.expect("a page");
        if lines.iter().all(|line| page.contains(line)) { Ok(()) } else { Err(page) }
    })
    .await;
}

#[tokio::test]
async fn exports_are_answered_as_a_controller_and_coredns_would() {
    let (all, oracle) = world("set").await;
    let members = [("east", &all[0]), ("west", &all[1]), ("South", &all[2])];
    let mut controller = Controller::new(members, &oracle);
    controller.sync().await;
    for options in OPTIONS {
        let pair = start_pair(&all, &oracle, options, "").await;
        compare(&pair, options).await;
    }
    let pair = start_pair(&all, &oracle, OPTIONS[0], "transfer {\n to *\n }").await;
    until_alike(&pair).await;
    compare_transfers(&pair).await;

    let pair = start_pair(&all, &oracle, OPTIONS[0], "").await;
    until_alike(&pair).await;
    let fleetdns = pair.ours();
    let type_of_flip =
        "east exports set/flip headless or not, and west, which exported it first, the other way";
    let ports_of_queue = "west exports set/queue with other ports than the set has";
    // Of web each has other ports than the set, and of remote both; flip differs in east, in both ways.
    has_conflicts(fleetdns, [("east", 3), ("west", 3), ("South", 2)]).await;
    let logs = fleetdns.logs();
    for once in [type_of_flip, ports_of_queue] {
        assert_eq!(logs.matches(once).count(), 1, "{logs}");
    }

    // The oldest go, and what they decided is decided anew.
    for name in ["web", "remote", "flip"] {
        all[1].delete(&service_export("set", name)).await;
    }
    controller.sync().await;
    compare(&pair, "without the oldest exports").await;
    let south = format!("NOERROR {}", all[2].cluster_ips("set", "remote").await[0]);
    pair.ours().must_say(&[("remote.set.svc.clusterset.local A", &south)]).await;
    has_conflicts(fleetdns, [("east", 1), ("west", 1), ("South", 1)]).await;

    // A Service becomes another under its export; and one that is exported comes and goes.
    let queue = service("set", "queue");
    all[1].delete(&queue).await;
    all[1].apply(&queue).await;
    all[0].delete(&service_export("set", "web")).await;
    all[2].delete(&service("set-far", "dual")).await;
    all[1].apply(&service("set", "lonely")).await;
    controller.sync().await;
    compare(&pair, "with other Services").await;
    let lonely = format!("NOERROR {}", all[1].cluster_ips("set", "lonely").await[0]);
    fleetdns.must_say(&[("lonely.set.svc.clusterset.local A", &lonely)]).await;

    // What a lost member said is answered for a short time each, and said to be old.
    drop(controller);
    let [_east, mut west, _south] = all;
    west.kill();
    let at = fleetdns.dns_addr();
    let old = "db-0.west.db.set.svc.clusterset.local. 5 IN A 10.2.3.1";
    eventually("an old answer", LONG, async || {
        let reply = dig(at, "db-0.west.db.set.svc.clusterset.local A +edns").await;
        let is_said = reply.edns.iter().any(|line| line.contains("west is out of reach"));
        if reply.answer == [old] && is_said { Ok(()) } else { Err(reply.text) }
    })
    .await;
    let reply = dig(at, "db-0.east.db.set.svc.clusterset.local A +edns").await;
    let new = "db-0.east.db.set.svc.clusterset.local. 30 IN A 10.1.2.1";
    assert_eq!((reply.answer, reply.edns.len()), (vec![new.to_owned()], 1), "{}", reply.text);
}

/// Nothing waits for a CRD, or for a right: who cannot tell exports nothing, and says so once.
#[tokio::test]
async fn clusters_that_cannot_tell_export_nothing() {
    let (east, west) = tokio::join!(
        ControlPlane::cluster("set-late", "10.124.0.0/16"),
        ControlPlane::cluster("set-hidden", "10.125.0.0/16"),
    );
    install_exports(&west).await;
    let web = namespace("set") + &service("set", "web");
    let rights = ["/services", "/namespaces", "discovery.k8s.io/endpointslices"];
    east.apply(&web).await;
    west.apply(&(web + &service("set", "far") + &grant_readers(&rights))).await;
    for name in ["web", "far"] {
        west.apply(&service_export("set", name)).await;
    }
    let members = scratch::folder("members");
    let kubeconfig = west.kubeconfig_yaml_of(READER);
    std::fs::write(members.join("west.yaml"), kubeconfig).expect("write a kubeconfig");
    let lines = "clusterset clusterset.local";
    let server = FLEETDNS.start(&fleet::corefile(&east, &members, lines, "")).await;
    let ip = async |api: &ApiServer, name: &str| {
        format!("NOERROR {}", api.cluster_ips("set", name).await[0])
    };
    let (here, there) = (ip(&east, "web").await, ip(&west, "far").await);
    server.comes_to_say("far.set.svc.cluster.local A", &there).await;
    let missing = "may not be listed, so that the cluster exports nothing, and what was known of them \
                   stays: allow list and watch of serviceexports.multicluster.x-k8s.io";
    server.comes_to_log(missing).await;
    server.comes_to_log("the CRD is not installed").await;
    let (web, far) = ("web.set.svc.clusterset.local A", "far.set.svc.clusterset.local A");
    let nothing = "NXDOMAIN clusterset.local. 5";
    server.must_say(&[(web, nothing), (far, nothing)]).await;

    let all = [&rights[..], &["multicluster.x-k8s.io/serviceexports"]].concat();
    west.apply(&grant_readers(&all)).await;
    // Both are looked for at least once in 75 seconds.
    come_to_say(&server, far, &there).await;
    come_to_say(&server, web, &ip(&west, "web").await).await;
    install_exports(&east).await;
    east.apply(&service_export("set", "web")).await;
    come_to_say(&server, web, &here).await;
    for once in [missing, "the CRD is not installed"] {
        assert_eq!(server.logs().matches(once).count(), 1, "{}", server.logs());
    }
}

/// Waits as long as discovery may take.
pub async fn come_to_say(server: &DnsServer, question: &str, expected: &str) {
    eventually(&format!("{question} to say {expected}"), 2 * LONG, async || {
        let said = server.says(question).await;
        if said == expected { Ok(()) } else { Err(said) }
    })
    .await;
}
