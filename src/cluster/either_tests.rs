//! Rights that are missing, come and go.

use crate::cluster::condition::MemberState;
use crate::cluster::fake::{
    CIDRS, ENDPOINTS, Fake, Fault, NAMESPACES, NODES, SERVICES, SLICES, endpoints, namespace,
    service, slice,
};
use crate::cluster::limits::Limits;
use crate::cluster::logged::Logged;
use crate::cluster::record::Seen;
use crate::cluster::running::{Running, with_two_services};
use crate::cluster::selection::Selection;

/// A cluster that says the same in EndpointSlices and Endpoints.
async fn with_both() -> Fake {
    let fake = with_two_services().await;
    fake.put(SLICES, slice("n", "a-1", "a", &["10.1.0.1", "10.1.0.2"]));
    fake.put(ENDPOINTS, endpoints("n", "a", &[(80, &["10.1.0.1", "10.1.0.2"])]));
    fake
}

/// The addresses of all slices.
fn addresses(seen: &Seen) -> Vec<String> {
    let slices = seen.clusters.get("west").into_iter().flat_map(|held| held.slices.values());
    let endpoints = slices.flat_map(|slice| &slice.endpoints);
    let mut all: Vec<_> = endpoints.map(|endpoint| endpoint.address.to_string()).collect();
    all.sort();
    all
}

fn namespaces(seen: &Seen) -> Vec<&str> {
    let held = seen.clusters.get("west").into_iter();
    held.flat_map(|held| held.namespaces.keys()).map(String::as_str).collect()
}

#[tokio::test]
async fn endpoints_are_read_where_slices_may_not_be() {
    let fake = with_both().await;
    fake.forbid(SLICES);
    let running = Running::start(&fake, true);
    running.until_synced().await;
    let seen = running.record.seen();
    assert_eq!(addresses(&seen), ["10.1.0.1", "10.1.0.2"]);
    assert!(!running.member.condition().status().is_failing);

    fake.put(ENDPOINTS, endpoints("n", "a", &[(80, &["10.1.0.1"]), (81, &["10.1.0.3"])]));
    running.record.until(|seen| addresses(seen) == ["10.1.0.1", "10.1.0.3"]).await;
    fake.put(ENDPOINTS, endpoints("n", "a", &[(81, &["10.1.0.3"])]));
    running.record.until(|seen| addresses(seen) == ["10.1.0.3"]).await;
    fake.forget(ENDPOINTS, "n/a");
    running.record.until(|seen| addresses(seen).is_empty()).await;
}

#[tokio::test]
async fn slices_are_read_again_once_they_may_be() {
    let fake = with_both().await;
    fake.forbid(SLICES);
    let running = Running::start(&fake, true);
    running.until_synced().await;
    fake.put(SLICES, slice("n", "a-1", "a", &["10.1.0.7"]));
    fake.allow(SLICES);
    // From the one to the other in one step.
    running.record.until(|seen| addresses(seen) == ["10.1.0.7"]).await;
    let history = running.record.seen().history;
    let slices: Vec<_> = history.iter().filter(|said| said.contains("slice")).collect();
    assert_eq!(slices, ["west slice reset 1", "west slice reset 1"]);
    fake.put(SLICES, slice("n", "a-1", "a", &["10.1.0.8"]));
    running.record.until(|seen| addresses(seen) == ["10.1.0.8"]).await;

    // The right is lost: what was known stays until Endpoints take its place.
    fake.put(ENDPOINTS, endpoints("n", "a", &[(80, &["10.1.0.9"])]));
    fake.forbid(SLICES);
    running.record.until(|seen| addresses(seen) != ["10.1.0.8"]).await;
    assert_eq!(addresses(&running.record.seen()), ["10.1.0.9"]);
}

#[tokio::test]
async fn a_namespace_exists_by_its_services_where_it_may_not_be_listed() {
    let fake = with_two_services().await;
    fake.put(NAMESPACES, namespace("empty"));
    fake.forbid(NAMESPACES);
    let running = Running::start(&fake, true);
    running.until_synced().await;
    assert_eq!(namespaces(&running.record.seen()), ["n"]);
    fake.put(SERVICES, service("m", "a", "10.0.0.3"));
    running.record.until(|seen| namespaces(seen) == ["m", "n"]).await;
    fake.delete(SERVICES, "m/a");
    running.record.until(|seen| namespaces(seen) == ["n"]).await;

    fake.allow(NAMESPACES);
    running.record.until(|seen| namespaces(seen) == ["empty", "n"]).await;
    // The right is lost: those that were known stay, with or without Services.
    fake.forbid(NAMESPACES);
    fake.put(SERVICES, service("m", "a", "10.0.0.3"));
    running.record.until(|seen| namespaces(seen) == ["empty", "m", "n"]).await;
    fake.delete(SERVICES, "n/a");
    fake.delete(SERVICES, "n/b");
    running.until_services(&["m/a"]).await;
    assert_eq!(namespaces(&running.record.seen()), ["empty", "m", "n"]);
}

#[tokio::test]
async fn what_is_known_stays_while_nothing_may_be_read() {
    let fake = with_both().await;
    let running = Running::start(&fake, true);
    running.until_synced().await;
    for collection in [SLICES, ENDPOINTS, SERVICES, NAMESPACES] {
        fake.forbid(collection);
    }
    running.until_failing(true).await;
    let lists = |request: &str| request.starts_with(ENDPOINTS);
    fake.asked(3, lists).await;
    let seen = running.record.seen();
    assert_eq!(addresses(&seen), ["10.1.0.1", "10.1.0.2"]);
    assert_eq!((seen.services("west"), namespaces(&seen)), (vec!["n/a", "n/b"], vec!["n"]));
    assert_eq!(running.member.condition().state(), MemberState::Synced);
    fake.put(SLICES, slice("n", "a-1", "a", &["10.1.0.7"]));
    for collection in [SLICES, ENDPOINTS, SERVICES, NAMESPACES] {
        fake.allow(collection);
    }
    running.record.until(|seen| addresses(seen) == ["10.1.0.7"]).await;
    running.until_failing(false).await;
}

/// Which namespaces a selector selects, Services do not say.
#[tokio::test]
async fn namespaces_that_are_selected_by_labels_are_not_made_up() {
    let fake = with_two_services().await;
    fake.forbid(NAMESPACES);
    let namespace_labels = "team=a".parse().unwrap();
    let selection = Selection { namespace_labels, ..Selection::default() };
    let running = Running::start_with(&fake, selection, Limits::default());
    running.until_failing(true).await;
    fake.asked(3, |request| request.starts_with(NAMESPACES)).await;
    assert_eq!(namespaces(&running.record.seen()), [""; 0]);
    assert_eq!(running.member.condition().state(), MemberState::Connecting);
    fake.allow(NAMESPACES);
    running.until_synced().await;
}

#[tokio::test]
async fn each_right_that_is_missing_is_said_once() {
    let log = Logged::start(tracing::Level::INFO);
    let fake = with_both().await;
    fake.serve(CIDRS, &["v1"]);
    let cidrs = format!("{CIDRS}/v1/servicecidrs");
    let missing = [
        (SLICES, "endpointslices.discovery.k8s.io"),
        (NAMESPACES, "namespaces"),
        (&cidrs, "servicecidrs.networking.k8s.io"),
        (NODES, "nodes"),
    ];
    missing.iter().for_each(|(path, _)| fake.forbid(path));
    let selection = Selection { ranges: true, ..Selection::default() };
    let running = Running::start_with(&fake, selection, Limits::default());
    running.until_synced().await;
    // Asked for again and again, through an outage of the server and the loss of all that stands in, too.
    let cycles = async |count: usize| {
        for (path, _) in missing {
            let asked = fake.requests().iter().filter(|request| request.starts_with(path)).count();
            fake.asked(asked + count, |request| request.starts_with(path)).await;
        }
    };
    cycles(4).await;
    fake.fault(Some(Fault::Status(503)));
    running.until_failing(true).await;
    fake.fault(None);
    running.until_failing(false).await;
    cycles(4).await;
    for (_, rule) in missing {
        let said = format!("allow list and watch of {rule} ");
        assert_eq!(log.count(&said), 1, "{rule}: {}", log.text());
    }
}
