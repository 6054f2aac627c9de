use super::Line::{Info, Warning};
use super::*;

/// A member as `east` (the local one) or `west`, with a `+` behind the name if it is synced.
fn member(text: &str) -> MemberStatus {
    let id = text.trim_end_matches('+');
    MemberStatus {
        id: ClusterId::new(id),
        is_local: id == "east",
        source: String::new(),
        state: if id == text { MemberState::Connecting } else { MemberState::Synced },
        is_known: id != text,
        is_failing: false,
        is_up: true,
        problem: None,
        missing_rules: Vec::new(),
        last_contact: None,
        reconnects: 0,
    }
}

/// Each step: the members, sources that have not spoken, whether the local cluster and the members are
/// waited for, and what is to be said.
type Step<'a> = (&'a [&'a str], &'a [&'a str], (bool, bool), &'a [Line]);

fn info(text: &str) -> Line {
    Info(text.to_owned())
}

fn warning(text: &str) -> Line {
    Warning(text.to_owned())
}

#[track_caller]
fn says(steps: &[Step]) {
    let mut said = Said::default();
    for (number, (members, unread, (local_waits, members_wait), expected)) in
        steps.iter().enumerate()
    {
        let members: Vec<_> = members.iter().map(|text| member(text)).collect();
        let unread = unread.iter().map(|&source| source.to_owned()).collect();
        let lines = said.now(&members, unread, *local_waits, *members_wait);
        assert_eq!(lines, *expected, "step {number}");
    }
}

const WAITING: (bool, bool) = (true, true);
const OVER: (bool, bool) = (false, false);

#[test]
fn names_who_is_waited_for_and_who_is_there() {
    let secrets = "members secrets x";
    says(&[
        (&["east"], &[secrets], WAITING, &[info("waiting for east, members secrets x")]),
        (&["east"], &[secrets], WAITING, &[]),
        (&["east+"], &[secrets], WAITING, &[info("east is synced")]),
        (&["east+", "north", "west"], &[], WAITING, &[info("waiting for north, west")]),
        (&["east+", "north", "west+"], &[], WAITING, &[info("west is synced")]),
        (
            &["east+", "north", "west+"],
            &[],
            OVER,
            &[warning("no longer waiting for north: answering without")],
        ),
        // Nobody waits for those who join later.
        (&["east+", "late", "north", "west+"], &[], OVER, &[]),
        (
            &["east+", "late+", "north+", "west+"],
            &[],
            OVER,
            &[info("late is synced"), info("north is synced")],
        ),
        // What was forgotten comes back.
        (&["east+", "late+", "north+", "west"], &[], OVER, &[]),
        (&["east+", "north+", "west+"], &[], OVER, &[info("west is synced")]),
    ]);
}

#[test]
fn says_when_the_local_cluster_is_not_there_in_time() {
    let late = "the local cluster east is not synced yet: SERVFAIL until it is";
    says(&[
        (&["east"], &[], WAITING, &[info("waiting for east")]),
        (&["east"], &[], (false, true), &[warning(late)]),
        (&["east"], &[], (false, true), &[]),
        // Members have a wait of their own.
        (&["east", "west"], &[], (false, true), &[info("waiting for west")]),
        (&["east", "west"], &[], OVER, &[warning("no longer waiting for west: answering without")]),
        (&["east+"], &[], OVER, &[info("east is synced")]),
    ]);
    says(&[
        (&["east+", "west+"], &[], WAITING, &[info("east is synced"), info("west is synced")]),
        (&["east+", "west+"], &[], OVER, &[]),
    ]);
}

#[test]
fn warns_of_an_id_without_names_once_at_joining() {
    let odd = warning(
        "the ID \"a.b\" is no label of a name: the cluster is served, but per_cluster has no names for it",
    );
    says(&[
        (&["east+", "a.b+"], &[], OVER, &[odd, info("east is synced"), info("a.b is synced")]),
        (&["east+", "a.b+"], &[], OVER, &[]),
    ]);
    let is = |id: &str| is_label(&ClusterId::new(id));
    assert!(["east", "East-1", "a_b", &"x".repeat(63)].into_iter().all(is));
    assert!(!["", "a.b", "arn:x", "a b", "\u{e4}", &"x".repeat(64)].into_iter().any(is));
}
