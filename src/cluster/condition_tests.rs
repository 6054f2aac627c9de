//! What a status page learns of a member, against a server that misbehaves.

use super::*;
use crate::cluster::fake::{Fault, NODES, SERVICES, SLICES};
use crate::cluster::limits::Limits;
use crate::cluster::running::{Running, with_two_services};
use crate::cluster::selection::{Number, Selection};

fn missing(condition: &Condition) -> Vec<&'static str> {
    condition.status().missing_rules
}

#[tokio::test]
async fn a_member_is_up_then_stale_then_up_again() {
    let fake = with_two_services().await;
    fake.fault(Some(Fault::Status(503)));
    let running = Running::start(&fake, false);
    let condition = running.member.condition();
    running.until_failing(true).await;
    let status = condition.status();
    assert!(!status.is_up && !status.is_stale());
    let problem = status.problem.expect("a problem");
    assert!(problem.starts_with("Services: ") || problem.starts_with("Namespaces: "), "{problem}");

    fake.fault(None);
    running.until_synced().await;
    running.until_failing(false).await;
    let status = condition.status();
    assert!(status.is_up && !status.is_stale() && status.problem.is_none(), "{status:?}");
    let before = status.reconnects;
    assert!(before >= 1, "{status:?}");

    fake.fault(Some(Fault::Status(503)));
    running.until(|condition| condition.status().is_stale()).await;
    let status = condition.status();
    assert!(!status.is_up && status.state == MemberState::Synced, "{status:?}");
    // Those that work count, not those that fail.
    assert_eq!(status.reconnects, before);
    fake.fault(None);
    running.until_failing(false).await;
    let status = condition.status();
    assert!(status.is_up && status.reconnects > before, "{status:?}");
}

#[tokio::test]
async fn rules_that_are_missing_are_remembered_until_they_are_there() {
    let fake = with_two_services().await;
    for collection in [SLICES, NODES] {
        fake.forbid(collection);
    }
    let selection = Selection { ranges: true, ..Selection::default() };
    let running = Running::start_with(&fake, selection, Limits::default());
    running.until_synced().await;
    let both = ["endpointslices.discovery.k8s.io", "nodes"];
    assert_eq!(missing(running.member.condition()), both);
    assert!(running.member.condition().status().is_up);
    fake.allow(SLICES);
    fake.allow(NODES);
    let resets = |kind: &'static str| format!("west {kind} reset 0");
    running.record.until(|seen| seen.history.contains(&resets("node"))).await;
    // Endpoints were listed first.
    let of_slices = resets("slice");
    running
        .record
        .until(|seen| seen.history.iter().filter(|said| **said == of_slices).count() == 2)
        .await;
    assert!(missing(running.member.condition()).is_empty());

    // Nothing stands in for Services.
    let fake = with_two_services().await;
    fake.forbid(SERVICES);
    let running = Running::start(&fake, false);
    running.until_failing(true).await;
    assert_eq!(missing(running.member.condition()), ["services"]);
    assert!(!running.member.condition().status().is_up);
    fake.allow(SERVICES);
    running.until_synced().await;
    assert!(missing(running.member.condition()).is_empty());
}

#[test]
fn a_successor_goes_on_counting() {
    let number = Number { all: 1, of_services: 1 };
    let new =
        || Condition::new(ClusterId::new("west"), false, String::new(), number, Arc::default());
    let (old, successor) = (new(), new());
    for _ in 0..2 {
        old.fails(0, "x".into());
        old.works(0);
        old.works(0);
    }
    assert_eq!(old.status().reconnects, 2);
    successor.take_over(&old);
    assert_eq!(successor.status().reconnects, 3);
}

#[test]
fn a_successor_knows_enough_when_it_knows_what_is_known() {
    let condition = |synced: &[usize]| {
        let number = Number { all: 3, of_services: 1 };
        let condition =
            Condition::new(ClusterId::new("west"), false, "test".into(), number, Arc::default());
        synced.iter().for_each(|watch| condition.set_synced(*watch));
        condition
    };
    for (own, other, expected) in [
        (&[][..], &[][..], true),
        (&[], &[1], false),
        (&[1], &[1], true),
        (&[0, 1], &[1], true),
        (&[0, 1], &[1, 2], false),
        (&[0, 1, 2], &[1, 2], true),
    ] {
        let said = condition(own).knows_all_of(&condition(other));
        assert_eq!(said, expected, "{own:?} {other:?}");
    }
}
