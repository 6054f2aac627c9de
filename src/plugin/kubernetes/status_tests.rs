use super::*;

/// A member that is synced and works, changed.
fn member(change: impl FnOnce(&mut MemberStatus)) -> MemberStatus {
    let mut member = MemberStatus {
        id: ClusterId::new("west"),
        is_local: false,
        source: String::new(),
        state: MemberState::Synced,
        is_known: true,
        is_failing: false,
        is_up: true,
        problem: None,
        missing_rules: Vec::new(),
        last_contact: None,
        reconnects: 0,
    };
    change(&mut member);
    member
}

#[test]
fn a_state_is_what_matters_most() {
    let connecting = |of: &mut MemberStatus| {
        (of.state, of.is_known) = (MemberState::Connecting, false);
    };
    let known_in_part = |of: &mut MemberStatus| {
        (of.state, of.is_failing, of.is_up) = (MemberState::Connecting, true, false);
    };
    for (of, expected) in [
        (member(|_| {}), State::Synced),
        (member(connecting), State::Connecting),
        (member(|of| of.is_failing = true), State::Failing),
        (member(|of| (of.is_failing, of.is_up) = (true, false)), State::Stale),
        (member(known_in_part), State::Stale),
        // It was never known, or is forgotten by now.
        (
            member(|of| {
                connecting(of);
                (of.is_failing, of.is_up) = (true, false);
            }),
            State::Failing,
        ),
    ] {
        assert_eq!(state(&of), expected, "{of:?}");
    }
}
