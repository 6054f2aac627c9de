//! Forwarding that leads back ends the process, with the line and the exit code of CoreDNS.

use std::sync::LazyLock;

use regex::Regex;

use crate::harness::{COREDNS, FLEETDNS, Program};

/// Title and Corefile.
const LOOPS: [(&str, &str); 6] = [
    (
        "to itself",
        ".:{PORT} {
            loop
            forward . 127.0.0.1:{PORT}
        }",
    ),
    (
        "to itself, on one address, behind a cache",
        ".:{PORT} {
            bind 127.0.0.1
            errors
            log
            cache 30
            loop
            forward . 127.0.0.1:{PORT}
        }",
    ),
    (
        "a zone alone",
        "example.org:{PORT} example.net:{PORT} {
            bind 127.0.0.1
            loop
            forward . 127.0.0.1:{PORT}
        }
        .:{PORT} {
            bind 127.0.0.1
        }",
    ),
    (
        "over another server",
        ".:{PORT} {
            bind 127.0.0.1
            loop
            forward . 127.0.0.1:{OTHER_PORT}
        }
        .:{OTHER_PORT} {
            bind 127.0.0.1
            forward . 127.0.0.1:{PORT}
        }",
    ),
    (
        "both servers look",
        ".:{PORT} {
            bind 127.0.0.1
            loop
            forward . 127.0.0.1:{OTHER_PORT}
        }
        .:{OTHER_PORT} {
            bind 127.0.0.1
            forward . 127.0.0.1:{PORT}
        }
        example.org:{PORT} {
            bind 127.0.0.1
            loop
        }",
    ),
    (
        "a reverse zone",
        "10.0.0.0/8:{PORT} {
            bind 127.0.0.1
            loop
            forward . 127.0.0.1:{PORT} {
                force_tcp
            }
        }",
    ),
];

/// What is another number each time: ports, and the labels of the name.
static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\d{4,}").expect("a pattern"));

async fn end(program: Program, corefile: &str) -> (Option<i32>, Vec<String>) {
    let (status, logs) = program.refuse(corefile).await;
    let fatal = logs.lines().filter(|line| line.contains("[FATAL]"));
    let said = fatal.map(|line| NUMBER.replace_all(line, "N").into_owned()).collect();
    (status.code(), said)
}

#[tokio::test]
async fn ends_as_coredns_does() {
    for (title, corefile) in LOOPS {
        let (expected, found) = tokio::join!(end(COREDNS, corefile), end(FLEETDNS, corefile));
        assert_eq!(expected.0, Some(1), "{title}: {expected:?}");
        assert_eq!(expected.1.len(), 1, "{title}: {expected:?}");
        assert_eq!(expected, found, "{title}");
    }
}
