use std::fs;
use std::path::Path;

use super::*;
use crate::corefile::{self, ParseOptions};

/// What `TO...` gives: scheme, address as spelled, and the server's name.
fn shown(to: &str) -> String {
    let options = ParseOptions { default_port: 53, env: &|_| None };
    let text = format!(". {{\nforward . {to}\n}}\n");
    let corefile = corefile::parse(Path::new("Corefile"), &text, &options).unwrap();
    match targets(&corefile.blocks[0].directives[0].args[1..], &[]) {
        Err(error) => error.to_string(),
        Ok(targets) => {
            let target = |(target, _): &(Target, _)| match &target.server_name {
                Some(name) => format!("{:?} {} {name}", target.scheme, target.to),
                None => format!("{:?} {}", target.scheme, target.to),
            };
            targets.iter().map(target).collect::<Vec<_>>().join(", ")
        }
    }
}

#[test]
fn reads_addresses_as_coredns_does() {
    for (to, expected) in [
        ("192.0.2.1", "Dns 192.0.2.1:53"),
        ("192.0.2.1:5353 dns://192.0.2.1:5353", "Dns 192.0.2.1:5353"),
        ("2001:db8::1 [2001:db8::1] [2001:db8::1]:53", "Dns [2001:db8::1]:53"),
        ("[2001:db8:0::1]:53", "Dns [2001:db8:0::1]:53"),
        ("fe80::1%eth0", "Dns [fe80::1]:53 eth0"),
        ("tls://9.9.9.9", "Tls 9.9.9.9:853"),
        ("tls://9.9.9.9%dns.quad9.net", "Tls 9.9.9.9:853 dns.quad9.net"),
        ("tls://9.9.9.9%dns.quad9.net:10853", "Tls 9.9.9.9:10853 dns.quad9.net"),
        ("tls://2620:fe::fe%dns.quad9.net", "Tls [2620:fe::fe]:853 dns.quad9.net"),
        ("tls://[2620:fe::fe%dns.quad9.net]:853", "Tls [2620:fe::fe]:853 dns.quad9.net"),
        ("tls://1.1.1.1%a tls://1.1.1.1%A", "Tls 1.1.1.1:853 a"),
        ("tls://1.1.1.1%a tls://1.1.1.1%b", "Tls 1.1.1.1:853 a, Tls 1.1.1.1:853 b"),
        ("https://9.9.9.9", "Https 9.9.9.9:443"),
        ("https://9.9.9.9:8443", "Https 9.9.9.9:8443"),
        ("quic://94.140.14.14 quic://94.140.14.14:853", "Quic 94.140.14.14:853"),
        ("192.0.2.1:53 tls://192.0.2.1:53", "Dns 192.0.2.1:53, Tls 192.0.2.1:53"),
    ] {
        assert_eq!(shown(to), expected, "{to}");
    }
}

#[test]
fn refuses_what_is_no_upstream() {
    for (to, expected) in [
        ("dns://", "'dns://' has no address"),
        ("192.0.2.1:99999", "'99999' is no port, in '192.0.2.1:99999'"),
        ("192.0.2.1:", "'' is no port"),
        ("https://9.9.9.9/dns-query", "'https://9.9.9.9/dns-query' has a path"),
        ("grpc://192.0.2.1", "forward cannot use grpc://"),
        ("unix:///run/dns", "forward cannot use unix://"),
        (
            "/nowhere/resolv.conf",
            "'/nowhere/resolv.conf' is no IP address, no name of a host and no",
        ),
        ("a..b", "'a..b' is no IP address"),
    ] {
        let found = shown(to);
        assert!(found.starts_with("Corefile:2 - ") && found.contains(expected), "{to}: {found}");
    }
}

#[test]
fn counts_words_and_not_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let (file, none) = (folder.path().join("resolv.conf"), folder.path().join("none"));
    let servers: String = (1..=20).map(|n| format!("nameserver 192.0.2.{n}\n")).collect();
    fs::write(&file, servers).unwrap();
    fs::write(&none, "search a\n").unwrap();
    let (file, none) = (file.display().to_string(), none.display().to_string());
    let many = |count| (1..=count).map(|n| format!(" 10.0.0.{n}")).collect::<String>();
    assert_eq!(shown(&format!("{file} {}", many(14))).split(", ").count(), 34);
    assert_eq!(shown(&format!("{none} {}", many(15))).split(", ").count(), 15);
    assert!(shown(&format!("{file} {}", many(15))).contains("forward has 16 upstreams; write 15"));
    assert!(shown(&none).contains("no file names a name server"));
    let plain = shown(&format!("tls://{file}"));
    assert!(plain.starts_with("Dns 192.0.2.1:53, "), "{plain}");
    fs::write(&none, "nameserver dns.example\n").unwrap();
    assert!(shown(&none).contains("the name server 'dns.example' in"));
}
