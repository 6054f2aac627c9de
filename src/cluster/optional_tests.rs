//! Kinds of a cluster that has them, or has not, or does not show them.

use crate::cluster::condition::MemberState;
use crate::cluster::fake::{
    CIDRS, ENTRIES, Fake, Fault, IMPORTS, NODES, cidr, entry, export, import, node, service,
};
use crate::cluster::limits::Limits;
use crate::cluster::record::Held;
use crate::cluster::running::{Running, with_two_services};
use crate::cluster::selection::Selection;

fn start(fake: &Fake) -> Running {
    let selection = Selection { imports: true, ..Selection::default() };
    Running::start_with(fake, selection, Limits::default())
}

fn of_version(version: &str) -> String {
    format!("{IMPORTS}/{version}/serviceimports")
}

async fn until_imports(running: &Running, names: &[&str]) {
    running.record.until(|seen| seen.imports("west") == names).await;
}

#[tokio::test]
async fn imports_are_read_in_the_version_that_is_served() {
    for (served, read) in [
        (&["v1alpha1"][..], "v1alpha1"),
        (&["v1beta1", "v1alpha1"], "v1beta1"),
        (&["v1alpha1", "v1beta1"], "v1alpha1"),
        // One that is not known here is preferred.
        (&["v2", "v1beta1"], "v1beta1"),
    ] {
        let fake = with_two_services().await;
        fake.serve(IMPORTS, served);
        fake.put(&of_version(read), import("n", "a", "10.9.0.1"));
        let running = start(&fake);
        running.until_synced().await;
        assert_eq!(running.record.seen().imports("west"), ["n/a"], "{served:?}");
        fake.put(&of_version(read), import("n", "b", "10.9.0.2"));
        until_imports(&running, &["n/a", "n/b"]).await;
        fake.delete(&of_version(read), "n/a");
        until_imports(&running, &["n/b"]).await;
    }
}

#[tokio::test]
async fn a_cluster_without_the_crd_is_synced_and_gets_it_later() {
    let fake = with_two_services().await;
    let running = start(&fake);
    running.until_synced().await;
    assert!(!running.member.condition().status().is_failing);
    fake.asked(3, |request| request.starts_with(IMPORTS)).await;
    let path = of_version("v1alpha1");
    fake.serve(IMPORTS, &["v1alpha1"]);
    fake.put(&path, import("n", "a", "10.9.0.1"));
    until_imports(&running, &["n/a"]).await;

    // It goes: the objects went before, by events that tell so; what is still known stays.
    let discoveries = |request: &str| request == format!("{IMPORTS}?");
    let before = fake.requests().iter().filter(|request| discoveries(request)).count();
    fake.serve(IMPORTS, &[]);
    fake.asked(before + 2, discoveries).await;
    assert_eq!(running.record.seen().imports("west"), ["n/a"]);
    // It is back, in another version.
    fake.put(&of_version("v1beta1"), import("n", "b", "10.9.0.2"));
    fake.serve(IMPORTS, &["v1beta1"]);
    until_imports(&running, &["n/b"]).await;
}

#[tokio::test]
async fn what_is_not_known_is_not_nothing() {
    let fake = with_two_services().await;
    fake.serve(IMPORTS, &["v1alpha1"]);
    fake.put(&of_version("v1alpha1"), import("n", "a", "10.9.0.1"));
    for fault in [Fault::Status(503), Fault::Status(403), Fault::NoHeaders] {
        fake.fault(Some(fault));
        let running = start(&fake);
        running.until_failing(true).await;
        fake.asked(1, |request| request.starts_with(IMPORTS)).await;
        assert_eq!(running.member.condition().state(), MemberState::Connecting, "{fault:?}");
        fake.fault(None);
        running.until_synced().await;
        running.until_failing(false).await;
        assert_eq!(running.record.seen().imports("west"), ["n/a"]);
    }
}

/// As in CoreDNS.
#[tokio::test]
async fn imports_are_selected_like_namespaces() {
    let fake = with_two_services().await;
    fake.serve(IMPORTS, &["v1alpha1"]);
    let (labels, namespace_labels) = ("app=a".parse().unwrap(), "team=x".parse().unwrap());
    let selection = Selection { labels, namespace_labels, imports: true, ..Selection::default() };
    let running = Running::start_with(&fake, selection, Limits::default());
    running.until_synced().await;
    let requests = fake.requests();
    let of_imports = |request: &&String| request.starts_with(&of_version("v1alpha1"));
    let lists: Vec<_> = requests.iter().filter(of_imports).collect();
    assert!(lists.iter().all(|request| request.contains("labelSelector=team%3Dx")), "{lists:?}");
}

/// Nothing else waits for what may not be listed; it is looked for again.
#[tokio::test]
async fn hidden_kinds_are_read_as_soon_as_they_may_be() {
    let fake = with_two_services().await;
    fake.serve(ENTRIES, &["v1beta1"]);
    fake.serve(CIDRS, &["v1"]);
    fake.serve(IMPORTS, &["v1beta1"]);
    let entries = format!("{ENTRIES}/v1beta1/serviceentries");
    let cidrs = format!("{CIDRS}/v1/servicecidrs");
    let exports = format!("{IMPORTS}/v1beta1/serviceexports");
    let hidden = [entries.as_str(), cidrs.as_str(), NODES, exports.as_str()];
    hidden.iter().for_each(|path| fake.forbid(path));
    fake.put(&entries, entry("n", "a", "10.9.0.1"));
    fake.put(&cidrs, cidr("c", "10.9.0.2"));
    fake.put(NODES, node("m", "10.9.0.3"));
    fake.put(&exports, export("n", "a"));
    let selection =
        Selection { entries: true, ranges: true, exports: true, ..Selection::default() };
    let running = Running::start_with(&fake, selection, Limits::default());
    running.until_synced().await;
    running.until_failing(false).await;
    let held = || running.record.seen().clusters["west"].clone();
    let before = held();
    assert_eq!((before.services.len(), before.entries.len(), before.nodes.len()), (2, 0, 0));
    for path in hidden {
        fake.allow(path);
    }
    let is_there = |held: &Held| {
        !(held.entries.is_empty()
            || held.cidrs.is_empty()
            || held.nodes.is_empty()
            || held.exports.is_empty())
    };
    running.record.until(|seen| is_there(&seen.clusters["west"])).await;
    // The right goes again: what was known stays.
    hidden.iter().for_each(|path| fake.forbid(path));
    fake.refuse_watches(403);
    fake.put("/api/v1/services", service("n", "c", "10.0.0.3"));
    running.until_services(&["n/a", "n/b", "n/c"]).await;
    assert!(is_there(&held()));
}

/// One watch for each namespace that a member exposes, and none of the others.
#[tokio::test]
async fn exports_are_watched_where_services_are() {
    let path = |space: &str| format!("{IMPORTS}/v1beta1/namespaces/{space}/serviceexports");
    let fake = with_two_services().await;
    fake.serve(IMPORTS, &["v1beta1"]);
    fake.put(&path("n"), export("n", "a"));
    fake.put(&path("m"), export("m", "b"));
    let namespaces = Some(["m", "n"].map(String::from).into());
    let selection = Selection { exports: true, namespaces, ..Selection::default() };
    let running = Running::start_with(&fake, selection, Limits::default());
    running.record.until(|seen| seen.exports("west") == ["m/b", "n/a"]).await;
    assert_eq!(running.record.seen().clusters["west"].exports["n/a"].created, 100);
    fake.delete(&path("m"), "m/b");
    running.record.until(|seen| seen.exports("west") == ["n/a"]).await;
    let of_all =
        |request: &String| request.starts_with(&format!("{IMPORTS}/v1beta1/serviceexports"));
    assert!(!fake.requests().iter().any(of_all));
}
