use std::fs;

use super::*;
use crate::plugin::testing;

#[test]
fn reads_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let (file, none) = (folder.path().join("resolv.conf"), folder.path().join("none"));
    fs::write(&file, "nameserver 192.0.2.1\nnameserver 192.0.2.2\n").unwrap();
    fs::write(&none, "search a\n").unwrap();
    let (file, none) = (file.to_str().unwrap(), none.to_str().unwrap());
    let many = |count| (1..=count).map(|n| format!(" 10.0.0.{n}")).collect::<String>();
    for (lines, expected) in [
        ("forward . 192.0.2.1".to_owned(), Ok(1)),
        ("forward . 192.0.2.1:5353 [2001:db8::1]:53 2001:db8::2 dns://192.0.2.9".to_owned(), Ok(1)),
        (format!("forward . {file}"), Ok(1)),
        (format!("forward . {file} {}", many(13)), Ok(1)),
        (format!("forward . {file} {}", many(14)), Err("forward has 16 upstreams")),
        ("forward . 192.0.2.1\nforward a 192.0.2.2".to_owned(), Ok(2)),
        ("forward 10.0.0.0/9 192.0.2.1".to_owned(), Ok(1)),
        (
            "forward . 192.0.2.1 {\nexcept a b\nforce_tcp\nprefer_udp\npolicy sequential\nmax_concurrent 1000\n}"
                .to_owned(),
            Ok(1),
        ),
        ("forward".to_owned(), Err("'forward' has no argument")),
        ("forward .".to_owned(), Err("'forward' has the argument '.'")),
        (format!("forward . {none}"), Err("names no name server")),
        ("forward . dns.example".to_owned(), Err("names of hosts are not supported yet")),
        ("forward . tls://192.0.2.1".to_owned(), Err("forwarding to tls:// is not supported yet")),
        ("forward . https://192.0.2.1".to_owned(), Err("forwarding to https:// is not supported")),
        ("forward . quic://192.0.2.1".to_owned(), Err("forwarding to quic:// is not supported yet")),
        ("forward . grpc://192.0.2.1".to_owned(), Err("forward cannot use grpc://")),
        ("forward a..b 192.0.2.1".to_owned(), Err("a..b")),
        ("forward . 192.0.2.1 {\nmax_fails 2\n}".to_owned(), Err("forward option max_fails is not supported yet; take the line out; supported: except, force_tcp")),
        ("forward . 192.0.2.1 {\nhealth_check 5s\n}".to_owned(), Err("not supported yet")),
        ("forward . 192.0.2.1 {\nmax_concurent 5\n}".to_owned(), Err("did you mean 'max_concurrent'?")),
        ("forward . 192.0.2.1 {\nmax_concurrent -1\n}".to_owned(), Err("'-1' is no number of queries")),
        ("forward . 192.0.2.1 {\npolicy best\n}".to_owned(), Err("unknown policy 'best'")),
        ("forward . 192.0.2.1 {\nforce_tcp yes\n}".to_owned(), Err("force_tcp")),
        ("forward . 192.0.2.1 {\nexcept\n}".to_owned(), Err("'except' has no argument")),
    ] {
        let expected = expected.map(|count: usize| if count == 1 { "1" } else { "2" });
        testing::check(&lines, NAME, setup, expected, |chain, _| chain.plugins.len().to_string());
    }
}
