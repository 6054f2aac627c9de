//! Watches that break in every way, of every kind: they end in the state that a fresh list has.

use futures::future::join_all;
use serde_json::Value;

use crate::cluster::fake::{
    self, CIDRS, ENDPOINTS, ENTRIES, Fake, Fault, IMPORTS, NAMESPACES, NODES, PODS, SERVICES,
    SLICES,
};
use crate::cluster::limits::Limits;
use crate::cluster::record::Held;
use crate::cluster::running::Running;
use crate::cluster::selection::Selection;

/// Makes an object of a kind from its namespace, name and address.
type Make = fn(&str, &str, &str) -> Value;

fn kinds() -> Vec<(String, Make)> {
    vec![
        (SERVICES.into(), fake::service),
        (SLICES.into(), |space, name, ip| fake::slice(space, name, "a", &[ip])),
        (NAMESPACES.into(), |_, name, _| fake::namespace(name)),
        (PODS.into(), fake::pod),
        (ENDPOINTS.into(), |space, name, ip| {
            fake::endpoints(space, name, &[(80, &[ip]), (81, &[ip])])
        }),
        (format!("{IMPORTS}/v1alpha1/serviceimports"), fake::import),
        (format!("{IMPORTS}/v1alpha1/serviceexports"), |space, name, _| fake::export(space, name)),
        (format!("{ENTRIES}/v1/serviceentries"), fake::entry),
        (format!("{CIDRS}/v1/servicecidrs"), |_, name, ip| fake::cidr(name, ip)),
        (NODES.into(), |_, name, ip| fake::node(name, ip)),
    ]
}

/// `a`, `b` and `c` of each kind; `b` alone is in a namespace of its own.
async fn filled() -> Fake {
    let fake = Fake::start().await;
    fake.page(2);
    fake.serve(IMPORTS, &["v1alpha1"]);
    fake.serve(ENTRIES, &["v1", "v1beta1"]);
    fake.serve(CIDRS, &["v1"]);
    for (path, make) in kinds() {
        fake.put(&path, make("n", "a", "10.0.0.1"));
        fake.put(&path, make("m", "b", "10.0.0.2"));
        fake.put(&path, make("n", "c", "10.0.0.3"));
    }
    fake
}

/// `a` is changed, `b` goes, `d` comes.
fn change(fake: &Fake) {
    for (path, make) in kinds() {
        fake.put(&path, make("n", "a", "10.0.0.9"));
        let is_in_namespace = make("m", "b", "").pointer("/metadata/namespace").is_some();
        fake.delete(&path, if is_in_namespace { "m/b" } else { "b" });
        fake.put(&path, make("n", "d", "10.0.0.4"));
    }
}

fn start(fake: &Fake) -> Running {
    let all = Selection::default();
    let selection =
        Selection { pods: true, imports: true, exports: true, entries: true, ranges: true, ..all };
    Running::start_with(fake, selection, Limits::default())
}

fn held(running: &Running) -> Held {
    running.record.seen().clusters["west"].clone()
}

/// How often each kind that may be read was asked for.
fn asked(fake: &Fake, forbidden: &[&str]) -> Vec<(String, usize)> {
    let requests = fake.requests();
    let count = |path: &str| requests.iter().filter(|r| r.starts_with(&format!("{path}?"))).count();
    let all = kinds().into_iter().map(|(path, _)| (count(&path), path));
    all.filter(|(count, path)| *count > 0 && !forbidden.contains(&path.as_str()))
        .map(|(count, path)| (path, count))
        .collect()
}

/// Lets everything change while a fault lasts, with or without what was known having expired.
async fn survives(fault: Fault, forbidden: &[&str], expires: bool) {
    let what = format!("{fault:?}, without {forbidden:?}, expired: {expires}");
    let fake = filled().await;
    forbidden.iter().for_each(|path| fake.forbid(path));
    let running = start(&fake);
    running.until_synced().await;
    let before = held(&running);
    assert_eq!(before.services.len(), 3, "{what}");
    assert_eq!((before.pods.len(), before.imports.len()), (3, 3), "{what}");
    let others = (before.entries.len(), before.cidrs.len(), before.nodes.len());
    assert_eq!(others, (3, 3, 3), "{what}");
    assert_eq!(before.slices.len(), if forbidden.contains(&SLICES) { 6 } else { 3 }, "{what}");

    fake.fault(Some(fault));
    change(&fake);
    if expires {
        fake.expire();
    }
    for (path, count) in asked(&fake, forbidden) {
        fake.asked(count + 2, |request| request.starts_with(&format!("{path}?"))).await;
    }
    let meanwhile = held(&running);
    assert!(meanwhile.services.contains_key("n/c") && meanwhile.pods.contains_key("n/c"), "{what}");
    assert!(meanwhile.imports.contains_key("n/c") && !meanwhile.slices.is_empty(), "{what}");
    assert!(!meanwhile.namespaces.is_empty(), "{what}");

    fake.fault(None);
    let fresh = start(&fake);
    fresh.until_synced().await;
    let expected = held(&fresh);
    assert_ne!(expected, before, "{what}");
    running.record.until(|seen| seen.clusters["west"] == expected).await;
    running.until_failing(false).await;
}

const FAULTS: [Fault; 12] = [
    Fault::Status(500),
    Fault::Status(503),
    Fault::WatchStatus(410),
    Fault::WatchStatus(503),
    Fault::NoHeaders,
    Fault::HalfList,
    Fault::SilentWatch,
    Fault::ShortWatch,
    Fault::ExpiredContinue,
    Fault::HalfEvent,
    Fault::HalfEventSilent,
    Fault::Garbage,
];

#[tokio::test]
async fn every_kind_is_as_a_fresh_list_after_every_fault() {
    join_all(FAULTS.map(|fault| survives(fault, &[], false))).await;
}

#[tokio::test]
async fn every_kind_is_as_a_fresh_list_after_every_fault_that_outlasts_the_events() {
    join_all(FAULTS.map(|fault| survives(fault, &[], true))).await;
}

#[tokio::test]
async fn so_are_those_that_are_read_instead_of_others() {
    join_all(FAULTS.map(|fault| survives(fault, &[SLICES, NAMESPACES], false))).await;
}

#[tokio::test]
async fn so_are_those_that_are_read_instead_of_others_and_outlasted() {
    join_all(FAULTS.map(|fault| survives(fault, &[SLICES, NAMESPACES], true))).await;
}

/// An event that the server cannot send, whoever asks for it: only a list leads past it.
#[tokio::test]
async fn an_error_inside_the_stream_that_stays_is_left_behind_by_a_list() {
    for code in [500, 504] {
        let fake = filled().await;
        let running = start(&fake);
        running.until_synced().await;
        change(&fake);
        fake.refuse_watches(code);
        let fresh = start(&fake);
        fresh.until_synced().await;
        let expected = held(&fresh);
        running.record.until(|seen| seen.clusters["west"] == expected).await;
        running.until_failing(false).await;
    }
}

/// A kind that does not change is kept up to date by bookmarks alone.
#[tokio::test]
async fn a_quiet_watch_goes_on_from_its_bookmark() {
    let fake = filled().await;
    let running = start(&fake);
    running.until_synced().await;
    let of_services = |request: &str| request.starts_with(&format!("{SERVICES}?"));
    let count = |wanted: &str| {
        let requests = fake.requests();
        requests.iter().filter(|r| of_services(r) && r.contains(wanted)).count()
    };
    let lists = count("limit=");
    for round in 0..3 {
        fake.put(PODS, fake::pod("n", "a", &format!("10.0.1.{round}")));
        let version = fake.revision();
        // The watch ends, and the next one goes on from here.
        let from_here = format!("resourceVersion={version}");
        fake.asked(1, |request| of_services(request) && request.contains(&from_here)).await;
        fake.expire();
    }
    assert_eq!(count("limit="), lists);
    fake.put(SERVICES, fake::service("n", "d", "10.0.0.4"));
    running.record.until(|seen| seen.services("west").contains(&"n/d")).await;
    assert_eq!(count("limit="), lists);
}

/// A cluster that was made anew while it was out of reach: its versions are younger than those known here.
#[tokio::test]
async fn a_cluster_that_was_made_anew_is_listed_anew() {
    let either = [&[][..], &[SLICES, NAMESPACES]];
    for (forbidden, fault) in
        either.map(|all| [(all, None), (all, Some(Fault::Status(503)))]).concat()
    {
        let fake = filled().await;
        forbidden.iter().for_each(|path| fake.forbid(path));
        let running = start(&fake);
        running.until_synced().await;
        for (path, _) in kinds().iter().filter(|(path, _)| !forbidden.contains(&path.as_str())) {
            let is_watch = |request: &str| request.starts_with(path) && request.contains("watch=");
            if path != ENDPOINTS || !forbidden.is_empty() {
                fake.asked(1, is_watch).await;
            }
        }
        // Or in no time: its watches end as if their time was over.
        if fault.is_some() {
            fake.fault(fault);
            for (path, count) in asked(&fake, forbidden) {
                fake.asked(count + 2, |request| request.starts_with(&format!("{path}?"))).await;
            }
        }
        fake.make_anew();
        for (path, make) in kinds() {
            fake.put(&path, make("n", "z", "10.0.0.7"));
        }
        fake.fault(None);
        let fresh = start(&fake);
        fresh.until_synced().await;
        let expected = held(&fresh);
        // On a busy machine a watch may be as old as it gets, which is no wonder; so it ends again.
        let ends = async {
            loop {
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                fake.fault(None);
            }
        };
        tokio::select! {
            _ = running.record.until(|seen| seen.clusters["west"] == expected) => {}
            () = ends => {}
        }
        running.until_failing(false).await;
    }
}
