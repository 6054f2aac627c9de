//! `multicluster`: the names of ServiceImports, beside the real CoreDNS.

use hickory_proto::rr::RecordType;

use crate::harness::objects::service_import_crd;
use crate::harness::{ApiServer, ControlPlane, FLEETDNS, LONG, Question, eventually};
use crate::oracle::{Asked, Facts, Pair, Report, product};

const CLUSTER: &str = include_str!("multicluster/objects.yaml");
const NAMES: &str = include_str!("multicluster/names");
const SET: &str = "clusterset.local.";

/// Made last, one after the other.
const MARKER: &str = "
apiVersion: multicluster.x-k8s.io/v1alpha1
kind: ServiceImport
metadata: { name: zz-marker, namespace: set }
spec: { type: Headless, ports: [{ port: 1 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: zz-marker
  namespace: set
  labels: { multicluster.kubernetes.io/service-name: zz-marker }
addressType: IPv4
ports: []
endpoints: [{ addresses: [10.1.255.1] }]
";
const MARKER_NAME: &str = "zz-marker.set.svc.clusterset.local.";

const COREFILES: [(&str, &str); 3] = [
    ("as a team has it", "pods insecure\nttl 30\nfallthrough in-addr.arpa ip6.arpa"),
    (
        "everything else",
        "pods verified\nendpoint_pod_names\nignore empty_service\nnamespaces set svc set-empty",
    ),
    ("only the set", "multicluster clusterset.local cluster.local\nzonal\nttl 0"),
];

async fn cluster() -> ApiServer {
    let api = ControlPlane::cluster("multicluster", "10.96.0.0/16,fd00:96::/112").await;
    api.apply(&service_import_crd(&[("v1alpha1", true), ("v1beta1", true)])).await;
    eventually("ServiceImports to be served", LONG, async || {
        api.server_side_dry_run(MARKER.split("---").next().unwrap_or_default()).await.or_else(
            // The namespace is yet to come.
            |error| if error.contains("namespaces") { Ok(()) } else { Err(error) },
        )
    })
    .await;
    api.apply(CLUSTER).await;
    api.apply(MARKER).await;
    api
}

fn corefile(lines: &str) -> String {
    let lines = lines.replace('\n', "\n        ");
    let set = if lines.contains("multicluster") { "" } else { "multicluster clusterset.local" };
    format!(
        ".:{{PORT}} {{
    bind 127.0.0.1
    kubernetes cluster.local clusterset.local in-addr.arpa ip6.arpa {{
        kubeconfig KUBECONFIG
        {set}
        {lines}
    }}
    forward . UPSTREAM
}}"
    )
}

/// The names of the list, in the zone of the set and in the cluster's.
fn names() -> Vec<String> {
    let lines = NAMES.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines = lines.filter(|line| !line.starts_with('#'));
    let in_zones = |line: &str| match line.ends_with('.') {
        true => vec![line.to_owned()],
        false => vec![format!("{line}.{SET}"), format!("{line}.cluster.local.")],
    };
    lines.flat_map(in_zones).chain([SET.to_owned()]).collect()
}

#[tokio::test]
async fn imports_are_answered_as_by_coredns() {
    let api = cluster().await;
    for (title, lines) in COREFILES {
        let pair = Pair::start_on(&api, &corefile(lines), MARKER_NAME).await;
        let all = names();
        let zones = ["cluster.local.", SET, "in-addr.arpa.", "ip6.arpa."].map(str::to_owned);
        let mut facts = Facts::new(zones.to_vec(), zones[0].clone());
        for (name, kind) in all.iter().flat_map(|name| facts.wanted(name)).collect::<Vec<_>>() {
            facts.learn(&name, kind, &pair.coredns(&Asked::plain(&name, kind)).await);
        }
        let mut report = Report::new(title);
        for asked in product(&all) {
            report.compare(&pair, &facts, &asked).await;
        }
        report.finish();
        where_coredns_is_silent(&pair).await;
    }
}

/// Names that CoreDNS makes of a slice that says no cluster, or no Service, do not pack.
async fn where_coredns_is_silent(pair: &Pair) {
    for (name, kind, expected) in [
        (
            "nowhere.set.svc.clusterset.local.",
            RecordType::SRV,
            "10-1-9-1.nowhere.set.svc.clusterset.local.",
        ),
        ("10-1-9-1.nowhere.set.svc.clusterset.local.", RecordType::A, "NOERROR 10.1.9.1"),
        ("1.9.1.10.in-addr.arpa.", RecordType::PTR, "NXDOMAIN"),
    ] {
        let reply = pair.fleetdns_alone(&Question::new(name, kind)).await.expect("a reply");
        let said = crate::harness::says::brief(&reply);
        assert!(said.contains(expected), "{name} {kind}: {said}");
    }
}

/// Nothing waits for the CRD: the cluster's own names are answered, and the set's when it comes.
#[tokio::test]
async fn the_crd_may_come_late() {
    let api = ControlPlane::cluster("multicluster-late", "10.96.0.0/16,fd00:96::/112").await;
    api.apply(CLUSTER.split("# --- imports").next().expect("objects")).await;
    let kubeconfig = format!("{} multicluster-late", api.kubeconfig().display());
    let corefile = corefile(COREFILES[0].1)
        .replace("KUBECONFIG", &kubeconfig)
        .replace("UPSTREAM", "127.0.0.1:9");
    let fleetdns = FLEETDNS.start(&corefile).await;
    eventually("web of the cluster", LONG, async || {
        let said = fleetdns.says("web.set.svc.cluster.local. A").await;
        if said.starts_with("NOERROR") { Ok(()) } else { Err(said) }
    })
    .await;
    let before = fleetdns.says("web.set.svc.clusterset.local. A").await;
    assert!(before.starts_with("NXDOMAIN"), "{before}");
    api.apply(&service_import_crd(&[("v1beta1", true)])).await;
    let import = "apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceImport
metadata: { name: web, namespace: set }
spec: { type: ClusterSetIP, ips: [10.7.0.1], ports: [{ name: http, port: 80 }] }";
    eventually("ServiceImports to be served", LONG, async || api.server_side_dry_run(import).await)
        .await;
    api.apply(import).await;
    // The CRD is looked for at least once in 75 seconds.
    eventually("web of the set", 2 * LONG, async || {
        let said = fleetdns.says("web.set.svc.clusterset.local. A").await;
        if said == "NOERROR 10.7.0.1" { Ok(()) } else { Err(said) }
    })
    .await;
}
