//! A member that exposes what it exports: what is handed on of its objects, and that nothing is lost.

use std::collections::BTreeSet;

use futures::FutureExt;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::cluster::condition::MemberState;
use crate::cluster::fake::{self, Fake, IMPORTS, SERVICES, SLICES};
use crate::cluster::kinds::ServiceKind;
use crate::cluster::limits::Limits;
use crate::cluster::record::{Held as Recorded, Record};
use crate::cluster::running::{Running, with_two_services};
use crate::cluster::selection::Selection;
use crate::cluster::{ClusterId, Sink};

fn path() -> String {
    format!("{IMPORTS}/v1beta1/serviceexports")
}

fn start(fake: &Fake) -> Running {
    let selection = Selection { exports: true, only_exported: true, ..Selection::default() };
    Running::start_with(fake, selection, Limits::default())
}

/// Services and slices.
fn held(held: &Recorded) -> (Vec<&str>, Vec<&str>) {
    (
        held.services.keys().map(String::as_str).collect(),
        held.slices.keys().map(String::as_str).collect(),
    )
}

async fn until(running: &Running, services: &[&str], slices: &[&str]) {
    let same = |of: &Recorded| held(of) == (services.to_vec(), slices.to_vec());
    running.record.until(|seen| seen.clusters.get("west").is_some_and(same)).await;
}

/// Services `a` and `b` with a slice each, of which `a` is exported.
async fn filled() -> Fake {
    let fake = with_two_services().await;
    fake.serve(IMPORTS, &["v1beta1"]);
    for name in ["a", "b"] {
        fake.put(SLICES, fake::slice("n", &format!("{name}-1"), name, &["10.1.0.1"]));
    }
    fake.put(&path(), fake::export("n", "a"));
    fake
}

#[tokio::test]
async fn what_is_exported_is_held_and_no_more() {
    let fake = filled().await;
    let running = start(&fake);
    running.until_synced().await;
    assert_eq!(held(&running.record.seen().clusters["west"]), (vec!["n/a"], vec!["n/a-1"]));
    // The rest never was: it was let go before.
    let history = running.record.seen().history;
    assert!(!history.iter().any(|said| said.contains("n/b")), "{history:?}");
    let lists = |request: &String| request.starts_with(&format!("{SERVICES}?&limit"));
    assert_eq!(fake.requests().iter().filter(|of| lists(of)).count(), 1);

    fake.put(&path(), fake::export("n", "b"));
    until(&running, &["n/a", "n/b"], &["n/a-1", "n/b-1"]).await;
    fake.put(SERVICES, fake::service("n", "c", "10.0.0.3"));
    fake.put(SLICES, fake::slice("n", "a-2", "a", &["10.1.0.2"]));
    fake.put(SLICES, fake::slice("n", "c-1", "c", &["10.1.0.3"]));
    until(&running, &["n/a", "n/b"], &["n/a-1", "n/a-2", "n/b-1"]).await;
    // A slice goes to another Service, and comes back.
    fake.put(SLICES, fake::slice("n", "a-2", "c", &["10.1.0.2"]));
    until(&running, &["n/a", "n/b"], &["n/a-1", "n/b-1"]).await;
    fake.put(SLICES, fake::slice("n", "a-2", "a", &["10.1.0.2"]));
    until(&running, &["n/a", "n/b"], &["n/a-1", "n/a-2", "n/b-1"]).await;
    fake.delete(&path(), "n/a");
    until(&running, &["n/b"], &["n/b-1"]).await;
    // The export of a Service that is yet to come.
    fake.put(&path(), fake::export("n", "d"));
    fake.put(SERVICES, fake::service("n", "d", "10.0.0.4"));
    until(&running, &["n/b", "n/d"], &["n/b-1"]).await;
}

/// Who may not tell what it exports exposes nothing, and holds up nobody.
#[tokio::test]
async fn without_the_right_or_the_crd_nothing_is_held() {
    let fake = filled().await;
    fake.forbid(&path());
    let running = start(&fake);
    running.until_synced().await;
    assert_eq!(held(&running.record.seen().clusters["west"]), (vec![], vec![]));
    fake.allow(&path());
    until(&running, &["n/a"], &["n/a-1"]).await;

    let fake = filled().await;
    fake.serve(IMPORTS, &[]);
    let running = start(&fake);
    running.until_synced().await;
    assert_eq!(held(&running.record.seen().clusters["west"]), (vec![], vec![]));
    fake.serve(IMPORTS, &["v1beta1"]);
    until(&running, &["n/a"], &["n/a-1"]).await;
}

#[tokio::test]
async fn what_is_exported_is_not_known_while_the_server_fails() {
    let fake = filled().await;
    fake.fault(Some(fake::Fault::Status(503)));
    let running = start(&fake);
    running.until_failing(true).await;
    assert_eq!(running.member.condition().state(), MemberState::Connecting);
    assert!(!fake.requests().iter().any(|request| request.starts_with(SERVICES)));
    fake.fault(None);
    until(&running, &["n/a"], &["n/a-1"]).await;
}

#[tokio::test]
async fn a_list_is_due_once_for_all_exports_before_its_beginning() {
    let exported = Exported::default();
    let export = |name: &str| ServiceExport { key: ObjectKey::new("n", name), created: 0 };
    let put = |name: &str| {
        exported.sift(Change::ServiceExport(Update::Upsert(export(name))), drop);
    };
    let mut sieve = exported.sieve(service_by_label, Duration::from_secs(3600));
    assert!(sieve.due().now_or_never().is_none());
    put("a");
    put("a");
    sieve.due().await;
    put("b");
    sieve.begin();
    assert!(sieve.due().now_or_never().is_none());
    // Not before the pause is over, and it is not forgotten by who does not wait so long.
    put("c");
    assert!(sieve.due().now_or_never().is_none());
    sieve.next = Instant::now();
    sieve.due().await;
    assert!(sieve.due().now_or_never().is_none());
    assert!(Sieve::none().due().now_or_never().is_none());
}

/// Whatever the order in which three watches speak, what is held in the end is what is exported.
#[tokio::test]
async fn no_race_between_the_watches_loses_or_keeps_anything() {
    let fake = filled().await;
    fake.page(3);
    let running = start(&fake);
    running.until_synced().await;
    // A sequence of its own for each round (Knuth, MMIX).
    let mut state: u64 = 42;
    let mut draw = |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let (mut exports, mut services, mut slices) =
        (BTreeSet::from([0]), BTreeSet::from([0, 1]), BTreeSet::from([0, 1]));
    let name = |number: u64| char::from(b'a' + number as u8).to_string();
    for _ in 0..20 {
        for _ in 0..30 {
            let (number, what) = (draw(8), draw(3));
            let (key, set, path) = match what {
                0 => (name(number), &mut exports, path()),
                1 => (name(number), &mut services, SERVICES.to_owned()),
                _ => (format!("{}-1", name(number)), &mut slices, SLICES.to_owned()),
            };
            if set.remove(&number) {
                fake.delete(&path, &format!("n/{key}"));
                continue;
            }
            set.insert(number);
            let object = match what {
                0 => fake::export("n", &key),
                1 => fake::service("n", &key, "10.0.0.9"),
                _ => fake::slice("n", &key, &name(number), &["10.1.0.9"]),
            };
            fake.put(&path, object);
            if draw(5) == 0 {
                tokio::task::yield_now().await;
            }
        }
        let both = |set: &BTreeSet<u64>| set.intersection(&exports).copied().collect::<Vec<_>>();
        let due_services: Vec<_> =
            both(&services).iter().map(|n| format!("n/{}", name(*n))).collect();
        let due_slices: Vec<_> =
            both(&slices).iter().map(|n| format!("n/{}-1", name(*n))).collect();
        let texts = |all: &[String]| all.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        let same = |of: &Recorded| {
            let (services, slices) = held(of);
            services.join(" ") == texts(&due_services) && slices.join(" ") == texts(&due_slices)
        };
        running.record.until(|seen| same(&seen.clusters["west"])).await;
    }
}

/// What may happen to one of three Services.
#[derive(Clone, Copy, Debug)]
enum Step {
    Export(u8),
    Unexport(u8),
    List(u8),
    Service(u8, bool),
    /// Slice, Service.
    Slice(u8, u8),
    NoSlice(u8),
    Renew,
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3_u8).prop_map(Step::Export),
        (0..3_u8).prop_map(Step::Unexport),
        (0..8_u8).prop_map(Step::List),
        (0..3_u8, any::<bool>()).prop_map(|(name, is_there)| Step::Service(name, is_there)),
        (0..4_u8, 0..3_u8).prop_map(|(slice, name)| Step::Slice(slice, name)),
        (0..4_u8).prop_map(Step::NoSlice),
        Just(Step::Renew),
    ]
}

proptest! {
    /// After any history and a list, what was handed on is what is exported.
    #[test]
    fn any_history_ends_in_what_is_exported(steps in vec(steps(), 1..40)) {
        let key = |name: u8| ObjectKey::new("n", name.to_string());
        let export = |name: u8| ServiceExport { key: key(name), created: 0 };
        let service = |name: u8| Service {
            key: key(name).into(),
            kind: ServiceKind::Headless,
            ports: Default::default(),
            created: 0,
            annotations: Default::default(),
            external: Default::default(),
        };
        let slice = |name: u8, of: u8| EndpointSlice {
            key: key(name),
            service: Some(of.to_string().into()),
            import: None,
            endpoints: Box::default(),
            aliases: Box::default(),
            ports: Box::default(),
        };
        let (record, exported) = (Record::default(), Exported::default());
        let west = ClusterId::new("west");
        let tell = |change| exported.sift(change, |change| record.apply(&west, change));
        let (mut exports, mut services) = (BTreeSet::new(), BTreeSet::new());
        let mut slices = std::collections::BTreeMap::new();
        for step in steps.into_iter().chain([Step::Renew]) {
            match step {
                Step::Export(name) => {
                    exports.insert(name);
                    tell(Change::ServiceExport(Update::Upsert(export(name))));
                }
                Step::Unexport(name) => {
                    exports.remove(&name);
                    tell(Change::ServiceExport(Update::Delete(key(name))));
                }
                Step::List(bits) => {
                    exports = (0..3).filter(|name| bits & (1 << name) != 0).collect();
                    let all = exports.iter().map(|name| export(*name)).collect();
                    tell(Change::ServiceExport(Update::Reset(all)));
                }
                Step::Service(name, true) => {
                    services.insert(name);
                    tell(Change::Service(Update::Upsert(service(name))));
                }
                Step::Service(name, false) => {
                    services.remove(&name);
                    tell(Change::Service(Update::Delete(key(name))));
                }
                Step::Slice(name, of) => {
                    slices.insert(name, of);
                    tell(Change::EndpointSlice(Update::Upsert(slice(name, of))));
                }
                Step::NoSlice(name) => {
                    slices.remove(&name);
                    tell(Change::EndpointSlice(Update::Delete(key(name))));
                }
                Step::Renew => {
                    let all = services.iter().map(|name| service(*name)).collect();
                    tell(Change::Service(Update::Reset(all)));
                    let all = slices.iter().map(|(name, of)| slice(*name, *of)).collect();
                    tell(Change::EndpointSlice(Update::Reset(all)));
                }
            }
            // Nothing that is not exported is ever there.
            let seen = record.seen();
            let Some(held) = seen.clusters.get("west") else { continue };
            let is_exported = |key: &ObjectKey| exports.contains(&key.name.parse().unwrap());
            prop_assert!(held.services.values().all(|service| is_exported(&service.key)));
            let of = |slice: &EndpointSlice| is_exported(&service_of(slice).unwrap());
            prop_assert!(held.slices.values().all(of));
        }
        let seen = record.seen();
        let held = seen.clusters.get("west").cloned().unwrap_or_default();
        let due = |name: &u8| exports.contains(name);
        let due_services: Vec<String> =
            services.iter().filter(|name| due(name)).map(|name| format!("n/{name}")).collect();
        prop_assert_eq!(held.services.into_keys().collect::<Vec<_>>(), due_services);
        let due_slices: Vec<String> =
            slices.iter().filter(|(_, of)| due(of)).map(|(name, _)| format!("n/{name}")).collect();
        prop_assert_eq!(held.slices.into_keys().collect::<Vec<_>>(), due_slices);
    }
}
