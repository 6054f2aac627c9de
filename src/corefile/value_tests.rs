use std::path::Path;

use super::*;
use crate::corefile::Position;

fn token(text: &str) -> Token {
    Token { text: text.to_owned(), at: Position::new(Path::new("Corefile").into(), 3) }
}

#[test]
fn durations_are_those_of_go() {
    for (text, nanoseconds) in [
        ("0", 0),
        ("-0", 0),
        ("+5s", 5_000_000_000),
        ("5s", 5_000_000_000),
        ("5.s", 5_000_000_000),
        (".5s", 500_000_000),
        ("500ms", 500_000_000),
        ("1h30m", 5_400_000_000_000),
        ("1.5h", 5_400_000_000_000),
        ("1m0.25s", 60_250_000_000),
        ("3us", 3_000),
        ("3\u{b5}s", 3_000),
        ("3\u{3bc}s", 3_000),
        ("7ns", 7),
        ("0.3333333333333333333h", 1_199_999_999_999),
        ("2562047h47m16.854775807s", i64::MAX as u64),
    ] {
        let got = parse_duration(&token(text));
        assert_eq!(got, Ok(Duration::from_nanos(nanoseconds)), "{text}");
    }
    for (text, expected) in [
        ("", "Corefile:3 - '' is no duration; write e.g. 5s, 500ms or 1h30m"),
        ("30", "Corefile:3 - '30' is no duration; add a unit, e.g. 30s"),
        ("5", "add a unit"),
        ("s", "no duration"),
        (".s", "no duration"),
        ("1.2.3s", "no duration"),
        ("5 s", "no duration"),
        ("5S", "no duration"),
        ("5d", "no duration"),
        ("1s2", "no duration"),
        ("--1s", "no duration"),
        ("-5s", "'-5s' is a negative duration"),
        ("2562047h47m16.854775808s", "too long"),
        ("99999999999999999999999999999999999999999999h", "no duration"),
    ] {
        let got = parse_duration(&token(text)).unwrap_err().to_string();
        assert!(got.contains(expected), "{text}: {got}");
    }
}

#[test]
fn numbers_are_in_range() {
    assert_eq!(parse_number(&token("30"), "TTL", 0..=3600_u32), Ok(30));
    for text in ["", "-1", "3601", "3.5", "x", "99999999999"] {
        let error = parse_number(&token(text), "TTL", 0..=3600_u32).unwrap_err();
        assert_eq!(error.remedy, "write a whole number from 0 to 3600", "{text}");
    }
}

#[test]
fn booleans_are_those_of_go() {
    assert_eq!(parse_bool(&token("T")), Ok(true));
    assert_eq!(parse_bool(&token("false")), Ok(false));
    assert!(parse_bool(&token("yes")).is_err());
}

#[test]
fn networks_are_truncated() {
    for (text, expected) in [
        ("10.1.2.3/8", Some("10.0.0.0/8")),
        ("10.1.2.3", Some("10.1.2.3/32")),
        ("2001:db8::1", Some("2001:db8::1/128")),
        ("10.0.0.0/33", None),
        ("x", None),
    ] {
        let got = parse_network(&token(text)).ok().map(|net| net.to_string());
        assert_eq!(got.as_deref(), expected, "{text}");
    }
    assert!(parse_ip(&token("::1")).is_ok());
    assert!(parse_ip(&token("localhost")).is_err());
}

#[test]
fn listen_addresses() {
    for (text, host, port) in [
        (":8080", "", 8080),
        ("localhost:9153", "localhost", 9153),
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("[::1]:8181", "::1", 8181),
        ("[fe80::1%eth0]:8181", "fe80::1%eth0", 8181),
    ] {
        let got = parse_listen_address(&token(text));
        assert_eq!(got, Ok((host.to_owned(), port)), "{text}");
    }
    for text in ["", "8080", "localhost", "::1:80", "[x]:80", ":65536", ":http", "a/b:80"] {
        assert!(parse_listen_address(&token(text)).is_err(), "{text}");
    }
}
