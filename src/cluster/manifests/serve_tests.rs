//! A directory that changes, read by a running member.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tokio::sync::Notify;

use super::*;
use crate::cluster::ClusterId;
use crate::cluster::client::Timing;
use crate::cluster::condition::MemberState;
use crate::cluster::kinds::{ObjectKey, ServiceKind};
use crate::cluster::member::{Access, Member, Plan};
use crate::cluster::record::{Held, Record, Seen};

fn service(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: n}}\n\
         spec: {{clusterIP: 10.0.0.1}}\n---\n"
    )
}

fn slice(name: &str) -> String {
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         metadata: {{name: {name}, namespace: n}}\n---\n"
    )
}

fn start(directory: &Path) -> (Member, Arc<Record>) {
    start_with(directory, Selection::default())
}

fn start_with(directory: &Path, selection: Selection) -> (Member, Arc<Record>) {
    let record = Arc::new(Record::default());
    let access = Access::Manifests(directory.to_owned());
    let (limiter, timing) = (Arc::default(), Timing::default());
    let plan = Plan { access, selection, limiter, timing, stale: None };
    let id = ClusterId::new("vms");
    let changed = Arc::new(Notify::new());
    let condition = Condition::new(id.clone(), false, "test".into(), plan.watches(), changed);
    (Member::start(plan, condition, Gate::opened(id, record.clone())), record)
}

async fn until(record: &Record, names: &[&str]) -> Seen {
    record.until(|seen| seen.services("vms") == names).await
}

#[tokio::test]
async fn files_come_change_and_go() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("a.yaml"), service("a") + &slice("a-1")).unwrap();
    fs::write(path("notes.txt"), "no manifest").unwrap();
    let (member, record) = start(directory.path());
    let seen = until(&record, &["n/a"]).await;
    // A namespace that is used exists.
    assert!(seen.clusters["vms"].namespaces.contains_key("n"));
    assert!(seen.clusters["vms"].slices.contains_key("n/a-1"));
    assert_eq!(seen.history.len(), 3);

    fs::create_dir(path("more")).unwrap();
    fs::write(
        path("more/b.json"),
        r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"b"}}"#,
    )
    .unwrap();
    let seen = until(&record, &["default/b", "n/a"]).await;
    // What did not change is not told again: the slices.
    let slices = seen.history.iter().filter(|said| said.contains("slice")).count();
    assert_eq!(slices, 1);
    fs::write(path("a.yaml"), service("a") + &service("c")).unwrap();
    until(&record, &["default/b", "n/a", "n/c"]).await;
    fs::remove_file(path("a.yaml")).unwrap();
    until(&record, &["default/b"]).await;
    let status = member.condition().status();
    assert_eq!((status.state, status.is_failing), (MemberState::Synced, false));
    assert!(status.last_contact.is_some());
}

#[tokio::test]
async fn a_broken_file_keeps_its_objects() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("a.yaml"), service("a")).unwrap();
    fs::write(path("broken.yaml"), "kind: [").unwrap();
    let (_member, record) = start(directory.path());
    until(&record, &["n/a"]).await;
    // Broken and another in one go, so that the other proves that the broken one was read.
    fs::write(path("a.yaml"), "apiVersion: v1\nkind: Service\nspec: {").unwrap();
    fs::write(path("b.yaml"), service("b")).unwrap();
    until(&record, &["n/a", "n/b"]).await;
    fs::write(path("a.yaml"), service("c")).unwrap();
    until(&record, &["n/b", "n/c"]).await;
    // Never was a name gone that its file still had.
    let resets: Vec<_> =
        record.seen().history.into_iter().filter(|said| said.contains("service")).collect();
    assert_eq!(resets, ["vms service reset 1", "vms service reset 2", "vms service reset 2"]);
}

#[tokio::test]
async fn a_configmap_volume_changes_by_swapping_a_link() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let write = |version: &str, text: String| {
        fs::create_dir(path(version)).unwrap();
        fs::write(path(version).join("s.yaml"), text).unwrap();
    };
    // As the kubelet does it: a hidden directory of data, a link to it, and links to its files.
    write("..2026_1", service("a"));
    symlink("..2026_1", path("..data")).unwrap();
    symlink("..data/s.yaml", path("s.yaml")).unwrap();
    let (_member, record) = start(directory.path());
    until(&record, &["n/a"]).await;
    for (version, name) in [("..2026_2", "b"), ("..2026_3", "c")] {
        write(version, service(name));
        symlink(version, path("..data_tmp")).unwrap();
        fs::rename(path("..data_tmp"), path("..data")).unwrap();
        until(&record, &[&format!("n/{name}")]).await;
    }
}

#[tokio::test]
async fn slices_are_left_out_where_they_are_not_wanted() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.yaml"), service("a") + &slice("a-1")).unwrap();
    let (_member, record) =
        start_with(directory.path(), Selection { endpoints: false, ..Selection::default() });
    let seen = until(&record, &["n/a"]).await;
    assert!(seen.clusters["vms"].slices.is_empty());
}

#[test]
fn the_first_of_two_objects_with_one_name_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("a.yaml"), service("s")).unwrap();
    fs::write(path("b.yaml"), service("s") + "kind: [").unwrap();
    let mut tree = Tree::new(directory.path().into(), Selection::default());
    assert_eq!(tree.scan().unwrap().problems.len(), 1);
    fs::write(path("b.yaml"), service("s").replace("10.0.0.1", "10.0.0.2")).unwrap();
    let scan = tree.scan().unwrap();
    assert_eq!(scan.objects.services.len(), 1);
    assert!(scan.problems[0].ends_with("b.yaml: Service n/s is there already"));
    // Told once.
    assert_eq!(tree.scan().unwrap().problems, Vec::<String>::new());
    fs::remove_dir_all(directory.path()).unwrap();
    assert!(tree.scan().is_err());
}

#[test]
fn only_what_is_selected_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let object = |kind: &str, space: &str, name: &str, labels: &str| {
        let version = if kind == "EndpointSlice" { "discovery.k8s.io/v1" } else { "v1" };
        format!(
            "apiVersion: {version}\nkind: {kind}\n\
             metadata: {{name: {name}, namespace: {space}, labels: {{{labels}}}}}\n---\n"
        )
    };
    let text = object("Service", "n", "web", "tier: front")
        + &object("Service", "n", "db", "")
        + &object("EndpointSlice", "n", "web-1", "tier: front")
        + &object("EndpointSlice", "n", "db-1", "tier: back")
        + &object("Service", "other", "x", "")
        + &object("Namespace", "", "n", "team: a")
        + &object("Namespace", "", "empty", "team: b");
    fs::write(directory.path().join("a.yaml"), text).unwrap();
    let found = |selection: Selection| {
        let objects = Tree::new(directory.path().into(), selection).scan().unwrap().objects;
        let names = |keys: Vec<&ObjectKey>| {
            keys.into_iter().map(|key| &*key.name).collect::<Vec<_>>().join(" ")
        };
        [
            names(objects.services.iter().map(|service| &*service.key).collect()),
            names(objects.slices.iter().map(|slice| &slice.key).collect()),
            names(objects.namespaces.iter().map(|space| &space.key).collect()),
        ]
    };
    let scan = |labels: &str, namespace_labels: &str| {
        let labels = labels.parse().unwrap();
        let namespace_labels = namespace_labels.parse().unwrap();
        found(Selection { labels, namespace_labels, ..Selection::default() })
    };
    assert_eq!(scan("", ""), ["web db x", "web-1 db-1", "empty n other"]);
    assert_eq!(scan("tier", ""), ["web", "web-1 db-1", "empty n other"]);
    assert_eq!(scan("tier=front", "team"), ["web", "web-1", "empty n"]);
    assert_eq!(scan("", "team!=a"), ["web db x", "web-1 db-1", "empty other"]);
    // As every API server labels them.
    assert_eq!(scan("!tier", "kubernetes.io/metadata.name in (other)"), ["db x", "", "other"]);
    // What a member exposes.
    let exposed = Selection { exposed: "tier".parse().unwrap(), ..Selection::default() };
    assert_eq!(found(exposed), ["web", "web-1 db-1", "empty n other"]);
    let namespaces = Some(["other", "empty"].map(str::to_owned).into());
    assert_eq!(found(Selection { namespaces, ..Selection::default() }), ["x", "", "empty other"]);
}

#[tokio::test]
async fn pods_are_told_where_they_are_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let pod = |name: &str, more: &str, phase: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: n{more}}}\n\
             status: {{phase: {phase}, podIPs: [{{ip: 10.1.0.1}}]}}\n---\n"
        )
    };
    let end = ", deletionTimestamp: 2026-11-21T10:00:00Z";
    let file = directory.path().join("pods.yaml");
    fs::write(&file, pod("a", "", "Running") + &pod("b", end, "Running")).unwrap();
    let with_pods = Selection { pods: true, ..Selection::default() };
    let (_member, record) = start_with(directory.path(), with_pods);
    record.until(|seen| seen.pods("vms") == ["n/a"]).await;
    // One that terminates stays; one that is over goes.
    fs::write(&file, pod("a", end, "Running") + &pod("c", "", "Running")).unwrap();
    record.until(|seen| seen.pods("vms") == ["n/a", "n/c"]).await;
    fs::write(&file, pod("a", end, "Running") + &pod("c", "", "Succeeded")).unwrap();
    record.until(|seen| seen.pods("vms") == ["n/a"]).await;
}

#[tokio::test]
async fn imports_are_told_where_they_are_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let import = |name: &str, version: &str, kind: &str| {
        format!(
            "apiVersion: multicluster.x-k8s.io/{version}\nkind: ServiceImport\n\
             metadata: {{name: {name}, namespace: n}}\n\
             spec: {{type: {kind}, ips: [10.9.0.1], ports: [{{port: 80}}]}}\n---\n"
        )
    };
    let text = import("a", "v1alpha1", "ClusterSetIP") + &import("b", "v1beta1", "Headless");
    fs::write(directory.path().join("a.yaml"), text).unwrap();
    let with_imports = Selection { imports: true, ..Selection::default() };
    let (_member, record) = start_with(directory.path(), with_imports);
    let seen = record.until(|seen| seen.imports("vms") == ["n/a", "n/b"]).await;
    let held = &seen.clusters["vms"];
    let address = ServiceKind::ClusterIp(vec!["10.9.0.1".parse().unwrap()].into());
    assert_eq!(held.imports["n/a"].kind, address);
    assert_eq!(held.imports["n/b"].kind, ServiceKind::Headless);
    assert_eq!(held.imports["n/b"].ports[0].number, Some(80));
    assert!(held.namespaces.contains_key("n"));

    let (_member, record) = start(directory.path());
    let seen = record.until(|seen| seen.clusters.contains_key("vms")).await;
    assert!(seen.imports("vms").is_empty());
}

#[tokio::test]
async fn entries_and_ranges_are_told_where_they_are_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let text = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: a, namespace: n}
spec: {hosts: [a.mesh], addresses: [240.0.0.7]}
---
apiVersion: networking.istio.io/v1beta1
kind: ServiceEntry
metadata: {name: a, namespace: n}
spec: {hosts: [other.mesh]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v, namespace: n}
---
apiVersion: networking.k8s.io/v1
kind: ServiceCIDR
metadata: {name: c}
spec: {cidrs: [10.96.0.0/16]}
---
apiVersion: v1
kind: Node
metadata: {name: m}
spec: {podCIDR: 10.244.0.0/24}
";
    let file = directory.path().join("a.yaml");
    fs::write(&file, text).unwrap();
    let wanted = Selection { entries: true, ranges: true, ..Selection::default() };
    let (_member, record) = start_with(directory.path(), wanted);
    let is_told =
        |held: &Held| (held.entries.len(), held.cidrs.len(), held.nodes.len()) == (1, 1, 1);
    let told = |seen: &Seen| seen.clusters.get("vms").is_some_and(is_told);
    let seen = record.until(told).await;
    assert_eq!(seen.clusters["vms"].entries["n/a"].hosts, ["a.mesh".into()]);
    fs::write(&file, "").unwrap();
    let is_gone =
        |held: &Held| held.entries.is_empty() && held.cidrs.is_empty() && held.nodes.is_empty();
    record.until(|seen| is_gone(&seen.clusters["vms"])).await;

    fs::write(&file, text).unwrap();
    let (_member, record) = start(directory.path());
    let seen = record.until(|seen| seen.clusters.contains_key("vms")).await;
    assert!(is_gone(&seen.clusters["vms"]));
}

#[tokio::test]
async fn exports_are_told_where_they_are_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let export = |name: &str, version: &str| {
        format!(
            "apiVersion: multicluster.x-k8s.io/{version}\nkind: ServiceExport\n\
             metadata: {{name: {name}, namespace: n, creationTimestamp: 1970-01-01T00:00:07Z}}\n---\n"
        )
    };
    let file = directory.path().join("a.yaml");
    fs::write(&file, export("a", "v1alpha1") + &export("b", "v1beta1")).unwrap();
    let with_exports = || Selection { exports: true, ..Selection::default() };
    let (_member, record) = start_with(directory.path(), with_exports());
    let seen = record.until(|seen| seen.exports("vms") == ["n/a", "n/b"]).await;
    assert_eq!(seen.clusters["vms"].exports["n/a"].created, 7);
    assert!(seen.clusters["vms"].namespaces.contains_key("n"));
    fs::write(&file, export("b", "v1beta1")).unwrap();
    record.until(|seen| seen.exports("vms") == ["n/b"]).await;

    let (_member, record) = start(directory.path());
    let seen = record.until(|seen| seen.clusters.contains_key("vms")).await;
    assert!(seen.exports("vms").is_empty());
}

#[tokio::test]
async fn what_is_not_exported_is_not_told_where_only_exports_are_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let object = |version: &str, kind: &str, name: &str| {
        format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: n, \
             labels: {{kubernetes.io/service-name: {name}}}}}\n---\n"
        )
    };
    let pair = |name| {
        object("v1", "Service", name) + &object("discovery.k8s.io/v1", "EndpointSlice", name)
    };
    let export = object("multicluster.x-k8s.io/v1alpha1", "ServiceExport", "a");
    let file = directory.path().join("a.yaml");
    fs::write(&file, pair("a") + &pair("b") + &export).unwrap();
    let exported = Selection { exports: true, only_exported: true, ..Selection::default() };
    let (_member, record) = start_with(directory.path(), exported);
    let seen = record.until(|seen| seen.services("vms") == ["n/a"]).await;
    assert_eq!(seen.clusters["vms"].slices.keys().collect::<Vec<_>>(), ["n/a"]);
    fs::write(&file, pair("a") + &pair("b")).unwrap();
    record.until(|seen| seen.services("vms").is_empty()).await;
}
