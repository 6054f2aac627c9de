//! A member against a server that misbehaves.

use serde_json::json;

use super::*;
use crate::cluster::condition::MemberState;
use crate::cluster::fake::{self, Fault, NAMESPACES, PODS, SERVICES, SLICES};
use crate::cluster::limits::{Limits, Rate};
use crate::cluster::running::{Running, with_two_services};

#[tokio::test]
async fn lists_in_pages_then_follows_changes() {
    let fake = with_two_services().await;
    fake.page(1);
    let slice = json!({"metadata": {"namespace": "n", "name": "a-1"}, "endpoints": null});
    fake.put(SLICES, slice);
    let running = Running::start(&fake, true);
    running.until_synced().await;
    let seen = running.record.seen();
    let mut history = seen.history.clone();
    history.sort();
    // One Reset of each kind, whatever the number of pages.
    assert_eq!(history, ["west namespace reset 1", "west service reset 2", "west slice reset 1"]);
    assert_eq!(seen.services("west"), ["n/a", "n/b"]);

    fake.put(SERVICES, fake::service("n", "c", "10.0.0.3"));
    running.until_services(&["n/a", "n/b", "n/c"]).await;
    fake.delete(SERVICES, "n/a");
    running.until_services(&["n/b", "n/c"]).await;
    fake.put(SERVICES, fake::service("n", "b", "10.0.0.9"));
    let seen = running
        .record
        .until(|seen| seen.history.last().is_some_and(|said| said == "west service upsert n/b"))
        .await;
    let b = &seen.clusters["west"].services["n/b"];
    assert_eq!(
        b.kind,
        super::super::kinds::ServiceKind::ClusterIp(vec!["10.0.0.9".parse().unwrap()].into())
    );
    let status = running.member.condition().status();
    assert!(status.last_contact.is_some() && !status.is_failing);
}

#[tokio::test]
async fn slices_are_not_watched_where_they_are_not_wanted() {
    let fake = with_two_services().await;
    let running = Running::start(&fake, false);
    running.until_synced().await;
    assert!(!fake.requests().iter().any(|request| request.starts_with(SLICES)));
}

#[tokio::test]
async fn one_undecodable_object_stops_neither_list_nor_watch() {
    let fake = with_two_services().await;
    let bad = json!({"metadata": {"namespace": "n", "name": "bad"}, "spec": {"ports": "all"}});
    fake.put(SERVICES, bad.clone());
    let running = Running::start(&fake, false);
    running.until_synced().await;
    assert_eq!(running.record.seen().services("west"), ["n/a", "n/b"]);
    fake.put(SERVICES, bad);
    fake.put(SERVICES, fake::service("n", "c", "10.0.0.3"));
    running.until_services(&["n/a", "n/b", "n/c"]).await;
    assert!(!running.member.condition().status().is_failing);
}

#[tokio::test]
async fn a_list_that_is_never_answered_is_asked_for_again() {
    for fault in [Fault::NoHeaders, Fault::HalfList, Fault::Status(503), Fault::Status(403)] {
        let fake = with_two_services().await;
        fake.fault(Some(fault));
        let running = Running::start(&fake, false);
        running.until_failing(true).await;
        fake.asked(3, |request| request.starts_with(SERVICES)).await;
        assert_eq!(running.member.condition().state(), MemberState::Connecting, "{fault:?}");
        fake.fault(None);
        running.until_synced().await;
        running.until_failing(false).await;
        assert_eq!(running.record.seen().services("west"), ["n/a", "n/b"], "{fault:?}");
    }
}

#[tokio::test]
async fn a_lost_watch_keeps_what_is_known_and_recovers() {
    for fault in [
        Fault::SilentWatch,
        Fault::NoHeaders,
        Fault::Status(503),
        Fault::Status(500),
        Fault::WatchStatus(410),
        Fault::ShortWatch,
    ] {
        let fake = with_two_services().await;
        let running = Running::start(&fake, false);
        running.until_synced().await;
        fake.fault(Some(fault));
        if fault == Fault::ShortWatch {
            // No failure that can be seen, only one that must not be followed by a storm.
            fake.asked(8, |request| request.starts_with(SERVICES)).await;
        } else {
            running.until_failing(true).await;
        }
        assert_eq!(running.record.seen().services("west"), ["n/a", "n/b"], "{fault:?}");
        assert_eq!(running.member.condition().state(), MemberState::Synced, "{fault:?}");
        fake.put(SERVICES, fake::service("n", "c", "10.0.0.3"));
        fake.delete(SERVICES, "n/a");
        fake.fault(None);
        running.until_services(&["n/b", "n/c"]).await;
        running.until_failing(false).await;
    }
}

/// Recovery shows although nothing changes: kube's watcher itself says nothing then.
#[tokio::test]
async fn a_quiet_watch_that_recovers_is_seen_to() {
    let fake = with_two_services().await;
    let running = Running::start(&fake, false);
    running.until_synced().await;
    let before = running.record.seen().history.len();
    fake.fault(Some(Fault::WatchStatus(503)));
    running.until_failing(true).await;
    fake.fault(None);
    running.until_failing(false).await;
    assert_eq!(running.record.seen().history.len(), before);
}

#[tokio::test]
async fn expiry_inside_the_stream_forgets_what_was_deleted_meanwhile() {
    let fake = with_two_services().await;
    let running = Running::start(&fake, false);
    running.until_synced().await;
    fake.forget(SERVICES, "n/a");
    running.until_services(&["n/b"]).await;
    // In one step: there was never a moment without both.
    let history = running.record.seen().history;
    let services: Vec<_> = history.iter().filter(|said| said.contains("service")).collect();
    assert_eq!(services, ["west service reset 2", "west service reset 1"]);
}

#[tokio::test]
async fn nothing_is_said_after_a_member_is_dropped() {
    let fake = with_two_services().await;
    let running = Running::start(&fake, false);
    running.until_synced().await;
    let Running { member, record, .. } = running;
    member.leave();
    assert!(record.seen().members().is_empty());
    let before = record.seen().history;
    assert_eq!(before.last().unwrap(), "west left");
    fake.put(SERVICES, fake::service("n", "c", "10.0.0.3"));
    fake.fault(Some(Fault::Status(503)));
    // Another member of the same server proves that the change went out.
    let other = Running::start(&fake, false);
    fake.fault(None);
    other.until_services(&["n/a", "n/b", "n/c"]).await;
    assert_eq!(record.seen().history, before);
}

#[tokio::test]
async fn label_selectors_are_sent_with_lists_and_watches() {
    let fake = with_two_services().await;
    let (labels, namespace_labels) = ("app in (a,b)".parse().unwrap(), "team=x".parse().unwrap());
    let selection = Selection { labels, namespace_labels, ..Selection::default() };
    let running = Running::start_with(&fake, selection, Limits::default());
    running.until_synced().await;
    for (collection, selector) in [
        (SERVICES, "labelSelector=app+in+%28a%2Cb%29"),
        (SLICES, "labelSelector=app+in+%28a%2Cb%29"),
        (NAMESPACES, "labelSelector=team%3Dx"),
    ] {
        let of_it = |request: &str| request.split('?').next() == Some(collection);
        fake.asked(2, of_it).await;
        for request in fake.requests().iter().filter(|request| of_it(request)) {
            assert!(request.contains(selector), "{request}");
        }
    }
}

#[tokio::test]
async fn each_exposed_namespace_is_watched_by_itself() {
    let fake = with_two_services().await;
    fake.put(SERVICES, fake::service("m", "c", "10.0.0.3"));
    fake.put(SERVICES, fake::service("out", "d", "10.0.0.4"));
    fake.put(NAMESPACES, fake::namespace("m"));
    fake.put(NAMESPACES, fake::namespace("out"));
    let namespaces = Some(["n", "m"].map(str::to_owned).into());
    let exposed = "team=x".parse().unwrap();
    let selection = Selection { namespaces, exposed, ..Selection::default() };
    let running = Running::start_with(&fake, selection, Limits::default());
    running.until_synced().await;
    for (path, selector) in [
        ("/api/v1/namespaces/n/services", "labelSelector=team%3Dx"),
        ("/api/v1/namespaces/m/services", "labelSelector=team%3Dx"),
        ("/api/v1/namespaces", "fieldSelector=metadata.name%3Dn"),
        ("/api/v1/namespaces", "fieldSelector=metadata.name%3Dm"),
        ("/apis/discovery.k8s.io/v1/namespaces/n/endpointslices", ""),
        ("/apis/discovery.k8s.io/v1/namespaces/m/endpointslices", ""),
    ] {
        let of_it =
            |request: &str| request.split('?').next() == Some(path) && request.contains(selector);
        // A list and a watch.
        fake.asked(2, of_it).await;
    }
    let everywhere = |request: &String| request.split('?').next() == Some(SERVICES);
    assert!(!fake.requests().iter().any(everywhere), "{:#?}", fake.requests());
}

#[tokio::test]
async fn requests_keep_to_the_limits() {
    let fake = with_two_services().await;
    let rate = Some(Rate { every: std::time::Duration::from_secs(3600), burst: 3 });
    let limits = Limits { rate, in_flight: Some(1) };
    let running = Running::start_with(&fake, Selection::default(), limits);
    // One list of each kind; an hour later there would be a watch.
    running.until_synced().await;
    assert_eq!(fake.requests().len(), 3);
}

#[tokio::test]
async fn pods_are_watched_where_they_are_wanted() {
    let fake = with_two_services().await;
    let terminating = |name: &str| {
        let mut pod = fake::pod("n", name, "10.1.0.1");
        pod["metadata"]["deletionTimestamp"] = json!("2026-11-21T10:00:00Z");
        pod
    };
    fake.put(PODS, fake::pod("n", "a", "10.1.0.1"));
    fake.put(PODS, terminating("late"));
    let running = Running::start_with(&fake, with_pods(), Limits::default());
    running.until_synced().await;
    assert_eq!(running.record.seen().pods("west"), ["n/a"]);
    let selector = "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed\
                    %2Cstatus.phase%21%3DUnknown";
    let of_pods = |request: &str| request.starts_with(PODS) && request.contains(selector);
    assert!(fake.requests().iter().any(|request| of_pods(request)), "{:#?}", fake.requests());

    // One that terminates is known until it is deleted, also by a new list.
    fake.put(PODS, terminating("a"));
    fake.put(PODS, fake::pod("n", "b", "10.1.0.2"));
    running.record.until(|seen| seen.pods("west") == ["n/a", "n/b"]).await;
    fake.put(PODS, fake::pod("n", "c", "10.1.0.3"));
    fake.forget(PODS, "n/b");
    running.record.until(|seen| seen.pods("west") == ["n/a", "n/c"]).await;
    fake.delete(PODS, "n/a");
    running.record.until(|seen| seen.pods("west") == ["n/c"]).await;

    let other = Running::start(&fake, true);
    other.until_synced().await;
    assert!(other.record.seen().pods("west").is_empty());
}

fn with_pods() -> Selection {
    Selection { pods: true, ..Selection::default() }
}

#[tokio::test]
async fn what_a_lost_member_said_is_forgotten_in_time_and_heard_anew() {
    let fake = with_two_services().await;
    let stale = Some(Duration::from_millis(50));
    let running = Running::start_as(&fake, Selection::default(), Limits::default(), stale);
    running.until_synced().await;
    fake.fault(Some(Fault::Status(503)));
    let seen = running.record.until(|seen| !seen.clusters.contains_key("west")).await;
    let end: Vec<&str> = seen.history.iter().rev().take(2).map(String::as_str).collect();
    assert_eq!(end, ["west left", "west lost true"]);
    assert_eq!(running.member.condition().state(), MemberState::Connecting);
    // Back with other data.
    fake.delete(SERVICES, "n/a");
    fake.put(SERVICES, fake::service("n", "c", "10.0.0.3"));
    fake.fault(None);
    running.until_synced().await;
    running.until_services(&["n/b", "n/c"]).await;
    running.record.until(|seen| seen.history.iter().any(|said| said == "west lost false")).await;
}

#[tokio::test]
async fn what_the_local_cluster_said_is_kept() {
    let fake = with_two_services().await;
    let running = Running::start(&fake, true);
    running.until_synced().await;
    fake.fault(Some(Fault::Status(503)));
    running.until_failing(true).await;
    running.until_services(&["n/a", "n/b"]).await;
    assert!(running.record.seen().history.iter().all(|said| !said.contains("lost")));
}

const OF_N: &str = "/api/v1/namespaces/n/services";
const OF_M: &str = "/api/v1/namespaces/m/services";

/// A member that exposes two namespaces, with a Service in each.
async fn of_two_namespaces(forbidden: &[&str]) -> (fake::Fake, Running) {
    let fake = fake::Fake::start().await;
    fake.put(OF_N, fake::service("n", "a", "10.0.0.1"));
    fake.put(OF_M, fake::service("m", "b", "10.0.0.2"));
    forbidden.iter().for_each(|path| fake.forbid(path));
    let namespaces = Some(["n", "m"].map(str::to_owned).into());
    let selection = Selection { namespaces, endpoints: false, ..Selection::default() };
    let stale = Some(Duration::from_millis(200));
    let running = Running::start_as(&fake, selection, Limits::default(), stale);
    (fake, running)
}

#[tokio::test]
async fn a_member_that_is_known_in_part_is_forgotten_too_when_it_is_out_of_reach() {
    let (fake, running) = of_two_namespaces(&[OF_M]).await;
    running.until_services(&["n/a"]).await;
    running.until_failing(true).await;
    fake.fault(Some(Fault::Status(503)));
    running.until(|condition| condition.status().is_stale()).await;
    running.record.until(|seen| seen.history.last().is_some_and(|said| said == "west left")).await;
    fake.fault(None);
    running.until_services(&["n/a"]).await;
}

#[tokio::test]
async fn what_may_not_be_watched_any_more_is_forgotten_by_itself() {
    let (fake, running) = of_two_namespaces(&[]).await;
    running.until_synced().await;
    running.until_services(&["m/b", "n/a"]).await;
    fake.forbid(OF_M);
    fake.expire();
    fake.put(OF_M, fake::service("m", "c", "10.0.0.3"));
    fake.refuse_watches(410);
    running.until_services(&["n/a"]).await;
    assert!(!running.record.seen().history.contains(&"west left".to_owned()));
    fake.allow(OF_M);
    running.until_services(&["m/b", "m/c", "n/a"]).await;
    running.until_synced().await;
}
