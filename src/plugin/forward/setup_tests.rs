use std::fs;

use super::*;
use crate::plugin::testing;

#[test]
fn reads_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["dns.test".to_owned()]).unwrap();
    let other = rcgen::KeyPair::generate().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let cert = write("cert.pem", &cert.pem());
    let key = write("key.pem", &signing_key.serialize_pem());
    let other = write("other.pem", &other.serialize_pem());
    let none = write("none.pem", "nothing\n");
    let with = |line: &str| format!("forward . 192.0.2.1 {{\n{line}\n}}");
    for (lines, expected) in [
        ("forward . 192.0.2.1".to_owned(), Ok("1")),
        ("forward . 192.0.2.1\nforward a 192.0.2.2".to_owned(), Ok("2")),
        ("forward 10.0.0.0/9 192.0.2.1".to_owned(), Ok("1")),
        (with("except a b\nexcept c\nforce_tcp\nprefer_udp\npolicy sequential"), Ok("1")),
        (
            with("max_concurrent 1000\nmax_fails 0\nmax_connect_attempts 0\nmax_idle_conns 5"),
            Ok("1"),
        ),
        (with("expire 1m\nmax_age 1m\nread_timeout 500ms\ndoh_method GET"), Ok("1")),
        (with("health_check 5s no_rec domain example.org"), Ok("1")),
        (with("health_check 0 domain . no_rec"), Ok("1")),
        (
            with("next NXDOMAIN notimpl\nnext_on_nodata\nfailover servfail badvers"),
            Err("'badvers' is no response code"),
        ),
        (with("next NXDOMAIN NOTIMPL\nnext_on_nodata\nfailover servfail REFUSED"), Ok("1")),
        (with("failfast_all_unhealthy_upstreams\nsource_address 192.0.2.9"), Ok("1")),
        (with("resolver 192.0.2.53 [2001:db8::1]:5353 2001:db8::2 192.0.2.53:54"), Ok("1")),
        (with("tls\ntls_servername dns.test"), Ok("1")),
        (with(&format!("tls {cert}")), Ok("1")),
        (with(&format!("tls {cert} {key}")), Ok("1")),
        (with(&format!("tls {cert} {key} {cert}")), Ok("1")),
        (
            format!(
                "forward . tls://192.0.2.1 quic://192.0.2.1%dns.test https://192.0.2.1 {{\ntls {cert}\n}}"
            ),
            Ok("1"),
        ),
        (
            "forward . https://[2001:db8::1] tls://192.0.2.1 {\ntls_servername dns.test\n}"
                .to_owned(),
            Ok("1"),
        ),
        ("forward".to_owned(), Err("'forward' has no argument")),
        ("forward .".to_owned(), Err("'forward' has the argument '.'")),
        ("forward a..b 192.0.2.1".to_owned(), Err("a..b")),
        (
            "forward . tls://192.0.2.1%a {\ntls_servername b\n}".to_owned(),
            Err("is called 'a' here, and 'b' by tls_servername"),
        ),
        (
            "forward . tls://192.0.2.1%a_b!".to_owned(),
            Err("'a_b!' is no name that a certificate can be for"),
        ),
        (with("max_concurent 5"), Err("did you mean 'max_concurrent'?")),
        (with("max_concurrent -1"), Err("'-1' is no number of queries")),
        (with("max_fails x"), Err("'x' is no number of failed checks")),
        (with("max_connect_attempts 4294967296"), Err("is no number of attempts")),
        (with("max_idle_conns -1"), Err("'-1' is no number of connections")),
        (with("policy best"), Err("unknown policy 'best'")),
        (with("force_tcp yes"), Err("force_tcp")),
        (with("next_on_nodata yes"), Err("next_on_nodata")),
        (with("except"), Err("'except' has no argument")),
        (with("expire 10"), Err("'10' is no duration; add a unit")),
        (with("expire -1s"), Err("'-1s' is a negative duration")),
        (
            with("expire 20s\nmax_age 10s"),
            Err("Corefile:4 - max_age (10s) is less than expire (20s)"),
        ),
        (with("max_age 5s"), Err("max_age (5s) is less than expire (10s)")),
        (with("read_timeout 0s"), Err("nothing can be read in no time")),
        (with("health_check"), Err("'health_check' has no argument")),
        (with("health_check 5s domain"), Err("'domain' of health_check has no name")),
        (with("health_check 5s domain a..b"), Err("'a..b' is no domain name")),
        (
            with("health_check 5s norec"),
            Err("unknown word of health_check 'norec'; did you mean 'no_rec'?"),
        ),
        (with("next"), Err("'next' has no argument")),
        (with("failover NOERROR"), Err("NOERROR is no failure")),
        (with("source_address eth0"), Err("'eth0' is no IP address")),
        (with("resolver dns.test"), Err("'dns.test' is no address of a resolver")),
        (with("doh_method PUT"), Err("unknown method 'PUT'; use one of: GET, POST")),
        (with("tls a b c d"), Err("'tls' has 4 arguments")),
        (with("tls /nowhere/ca.pem"), Err("cannot read /nowhere/ca.pem (")),
        (with(&format!("tls {none}")), Err("none.pem has no certificate")),
        (with(&format!("tls {cert} {none}")), Err("cannot read ")),
        (with(&format!("tls {cert} {other}")), Err("the certificate or key cannot be used (")),
        (with("tls_servername a_b!"), Err("'a_b!' is no name that a certificate can be for")),
        (with("tls_servername"), Err("'tls_servername' has no argument")),
    ] {
        testing::check(&lines, super::super::NAME, setup, expected, |chain, _| {
            chain.plugins.len().to_string()
        });
    }
}
