use super::*;

const TOKEN: &str = "hunter2-very-secret";

fn failure(code: u16) -> kube::Error {
    let status = Status::failure(&format!("no such token: {TOKEN}"), TOKEN);
    kube::Error::Api(Box::new(status.with_code(code)))
}

#[test]
fn a_refusal_is_told_by_its_code_alone() {
    for (error, expected) in [
        (
            watcher::Error::InitialListFailed(failure(401)),
            "the list failed: HTTP 401 Unauthorized (its credential is not accepted)",
        ),
        (
            watcher::Error::WatchStartFailed(failure(403)),
            "the watch did not begin: HTTP 403 Forbidden (list and watch must be allowed)",
        ),
        (
            watcher::Error::WatchFailed(failure(799)),
            "the watch broke: HTTP 799 of no known meaning",
        ),
    ] {
        assert_eq!(describe(&error), expected);
    }
    let kube::Error::Api(inside) = failure(410) else { unreachable!("made above") };
    assert_eq!(describe(&watcher::Error::WatchError(inside)), "the watch was ended: HTTP 410 Gone");
}

#[test]
fn what_does_not_decode_is_not_quoted() {
    let error = serde_json::from_str::<Vec<u8>>(&format!("\"{TOKEN}\"")).unwrap_err();
    assert!(error.to_string().contains(TOKEN));
    let error = watcher::Error::InitialListFailed(kube::Error::SerdeError(error));
    assert_eq!(describe(&error), "the list failed: the response does not decode at column 21");
}

#[test]
fn causes_are_told_once() {
    let silence = std::io::Error::other("no response within 10s");
    let error = watcher::Error::WatchFailed(kube::Error::Service(Box::new(silence)));
    assert_eq!(describe(&error), "the watch broke: no response within 10s");
}

#[test]
fn values_are_blanked() {
    for (text, expected) in [
        (
            "invalid type: string \"a \\\" b\", expected a sequence at line 1",
            "invalid type: string \"…\", expected a sequence at line 1",
        ),
        ("unknown variant `a`, expected `b`", "unknown variant `…`, expected `…`"),
        ("invalid type: string \"never ends", "invalid type: string \""),
        ("missing field `name` at column 3", "missing field `name` at column 3"),
        ("two\nlines", "two lines"),
    ] {
        assert_eq!(unquoted(text), expected);
    }
}
