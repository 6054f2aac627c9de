use std::path::Path;

use super::*;
use crate::corefile::Position;

fn token(text: &str) -> Token {
    Token { text: text.to_owned(), at: Position::new(Path::new("Corefile").into(), 3) }
}

/// The keys on one line, or the problem.
fn keys(text: &str) -> String {
    match parse_key(&token(text), 1053, &mut Vec::new()) {
        Ok(keys) => keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" "),
        Err(error) => error.problem,
    }
}

#[test]
fn reads_schemes_zones_and_ports() {
    for (text, expected) in [
        (".", "dns://.:1053"),
        (".:53", "dns://.:53"),
        (".:0", "dns://.:0"),
        ("example.org", "dns://example.org.:1053"),
        ("Example.ORG.", "dns://example.org.:1053"),
        ("dns://example.org:5353", "dns://example.org.:5353"),
        ("dns://.", "dns://.:1053"),
        ("tls://example.org", "tls://example.org.:853"),
        ("tls://.:1853", "tls://.:1853"),
        ("quic://.", "quic://.:853"),
        ("https://.", "https://.:443"),
        ("https3://.", "https3://.:443"),
        ("grpc://.", "grpc://.:443"),
        ("*.example.org", "dns://*.example.org.:1053"),
        ("_tcp.example.org", "dns://_tcp.example.org.:1053"),
        (r"a\.b.org", r"dns://a\.b.org.:1053"),
        (r"a\.", r"dns://a\..:1053"),
        ("a,b", "dns://a,b.:1053"),
        ("10.0.0.1", "dns://10.0.0.1.:1053"),
        ("0/25.2.0.192.in-addr.arpa", "dns://0/25.2.0.192.in-addr.arpa.:1053"),
    ] {
        assert_eq!(keys(text), expected, "{text}");
    }
}

#[test]
fn expands_networks() {
    for (text, expected) in [
        ("10.0.0.0/8", "dns://10.in-addr.arpa.:1053"),
        ("10.0.0.0/8:53", "dns://10.in-addr.arpa.:53"),
        ("tls://10.0.0.0/8", "tls://10.in-addr.arpa.:853"),
        ("0.0.0.0/0", "dns://in-addr.arpa.:1053"),
        ("192.0.2.0/24", "dns://2.0.192.in-addr.arpa.:1053"),
        ("192.0.2.1/32", "dns://1.2.0.192.in-addr.arpa.:1053"),
        ("10.0.0.0/15", "dns://0.10.in-addr.arpa.:1053 dns://1.10.in-addr.arpa.:1053"),
        ("10.9.3.0/23", "dns://2.9.10.in-addr.arpa.:1053 dns://3.9.10.in-addr.arpa.:1053"),
        ("2001:db8::/32", "dns://8.b.d.0.1.0.0.2.ip6.arpa.:1053"),
        ("2001:DB8::/32:53", "dns://8.b.d.0.1.0.0.2.ip6.arpa.:53"),
        (
            "2001:db8::/31",
            "dns://8.b.d.0.1.0.0.2.ip6.arpa.:1053 dns://9.b.d.0.1.0.0.2.ip6.arpa.:1053",
        ),
    ] {
        assert_eq!(keys(text), expected, "{text}");
    }
    for (text, count) in [
        ("10.0.0.0/9", 128),
        ("10.0.0.0/25", 128),
        ("10.9.3.0/18", 64),
        ("2001:db8::/29", 8),
        ("2001:db8::/115", 2),
        ("2001:db8::/128", 1),
    ] {
        assert_eq!(parse_zone(&token(text)).unwrap().len(), count, "{text}");
    }
}

#[test]
fn refuses_what_is_no_key() {
    let long_label = "a".repeat(64);
    let long_name = vec!["a".repeat(63); 4].join(".");
    for (text, problem) in [
        ("", "is no zone: it is empty"),
        (":53", "is no zone: it is empty"),
        ("tls://", "is no zone: it is empty"),
        ("example.org:", "'' is no port"),
        ("example.org:dns", "'dns' is no port"),
        ("example.org:65536", "'65536' is no port"),
        ("example.org:-1", "'-1' is no port"),
        (".:53{", "a brace is glued to '.:53'"),
        ("example.org{", "a brace is glued to 'example.org'"),
        ("foo://example.org", "has an unknown scheme"),
        ("TLS://example.org", "has an unknown scheme"),
        ("unix:///run/dns", "has an unknown scheme"),
        (".example.org", "a label is empty"),
        ("a..b", "a label is empty"),
        ("..", "a label is empty"),
        (&long_label, "a label has more than 63 bytes"),
        (&long_name, "it has more than 255 bytes"),
        ("a b", "white space"),
        ("bücher.example", "it is not ASCII"),
        ("fd00::1", "is no zone: a colon"),
        ("a:b/c", "is no network"),
        ("10/8", "is no network"),
        ("10.0.0.0/33", "is no network"),
        ("10.0.0.0/", "is no network"),
        ("::/0", "is no network"),
        ("0::/64", "is no network"),
    ] {
        let got = keys(text);
        assert!(got.contains(problem), "{text}: {got}");
    }
}

#[test]
fn zones_of_plugins_have_no_port() {
    let zones = |words: &[&str]| {
        let words: Vec<Token> = words.iter().map(|word| token(word)).collect();
        parse_zones(&words).map_err(|error| error.problem)
    };
    assert_eq!(
        zones(&["Cluster.Local", "10.0.0.0/15", "."]).unwrap(),
        ["cluster.local.", "0.10.in-addr.arpa.", "1.10.in-addr.arpa.", "."]
    );
    for word in ["example.org:53", "dns://example.org", "dns://example.org:53"] {
        assert!(zones(&[word]).is_err(), "{word}");
    }
}

#[test]
fn warns_of_what_is_hardly_meant() {
    for (text, count) in [("a,b", 1), ("10.0.0.1:53", 1), ("a", 0), ("10.0.0.0/8", 0)] {
        let mut warnings = Vec::new();
        parse_key(&token(text), 53, &mut warnings).unwrap();
        assert_eq!(warnings.len(), count, "{text}");
    }
}
