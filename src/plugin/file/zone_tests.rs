use super::tree::Node;
use super::*;
use crate::plugin::names;

const HEAD: &str = "$TTL 60\n@ SOA ns Host 7 1 2 3 4\n@ NS NS\n";

fn zone() -> Zone {
    Zone::new(names::parse("z.test").unwrap(), "z.test.".into(), "./a/../db".into())
}

fn parsed(text: &str, known: Option<u32>) -> Result<Data, String> {
    zone().parse(text.as_bytes(), known).map_err(|error| error.to_string())
}

#[test]
fn the_apex_stands_apart() {
    let text = format!(
        "{HEAD}@ RRSIG SOA 8 2 60 1 1 1 @ AAAA\n@ RRSIG NS 8 2 60 1 1 1 @ AAAA\n\
         @ A 1.2.3.4\nsub NS ns\nsub RRSIG NS 8 2 60 1 1 1 @ AAAA\n"
    );
    let data = parsed(&text, None).unwrap();
    assert_eq!(data.serial(), 7);
    let counts =
        [data.soa(false), data.soa(true), data.ns(false), data.ns(true)].map(|set| set.len());
    assert_eq!(counts, [1, 2, 1, 2]);
    assert_eq!(data.tree.nodes().map(|node| node.all().count()).collect::<Vec<_>>(), [1, 2]);
    let contents = Arc::new(data).contents().unwrap();
    assert_eq!(contents.serial, 7);
    let count: usize = contents.records.map(|piece| piece.records().count()).sum();
    assert_eq!(count, 6);
}

#[test]
fn names_are_in_lower_case_but_for_services() {
    let text = format!(
        "{HEAD}A CNAME B.C\nM MX 1 B\n_S SRV 1 2 3 Target\nP PTR Q\nH HTTPS 1 Web alpn=H2\n"
    );
    let data = parsed(&text, None).unwrap();
    let shown: Vec<String> = data
        .ns(false)
        .iter()
        .chain(data.tree.nodes().flat_map(Node::all))
        .map(|record| format!("{} {}", record.name, record.data))
        .collect();
    assert_eq!(
        shown,
        [
            "z.test. ns.z.test.",
            "_S.z.test. 1 2 3 Target.z.test.",
            "a.z.test. b.c.z.test.",
            "h.z.test. 1 web.z.test. alpn=H2,",
            "m.z.test. 1 b.z.test.",
            "p.z.test. Q.z.test.",
        ]
    );
}

#[test]
fn zones_are_taken_whole_or_not() {
    for (text, known, expected) in [
        (HEAD, Some(6), "taken"),
        (HEAD, Some(7), "no change in SOA serial"),
        ("", None, r#"file "db" has no SOA record for origin z.test."#),
        ("a 1 A 1.2.3.4\n", None, r#"file "db" has no SOA record for origin z.test."#),
        (
            "a 1 SOA a b 1 2 3 4 5\n",
            None,
            r#"file "db" has SOA owner a.z.test. that does not match origin z.test."#,
        ),
        ("Z.TEST. 1 SOA a b 1 2 3 4 5\n", None, "taken"),
        (
            "@ 1 NSEC3PARAM 1 0 1 -\n",
            None,
            "NSEC3 zone is not supported, dropping RR: z.test. for zone: z.test.",
        ),
        (
            "@ 1 A x\n",
            None,
            r#"failed to parse file "db" for origin z.test. with error db: dns: bad A A: "x" at line: 1:7"#,
        ),
        (
            "@ 1 DNSKEY 256 3 8 A!==\n",
            None,
            "failed to parse file \"db\" for origin z.test. with error db: dns: bad DNSKEY PublicKey: \
             \"8\" at line: 1:19",
        ),
        (
            "@ 1 A\n",
            None,
            "failed to parse file \"db\" for origin z.test. with error db: dns: unexpected newline: \
             \"\\n\" at line: 1:5",
        ),
    ] {
        let found = parsed(text, known).map_or_else(|error| error, |_| "taken".into());
        assert_eq!(found, expected, "{text}");
    }
    let mut missing = zone();
    missing.path = "/nowhere/db".into();
    let error = missing.read(None).unwrap_err().to_string();
    assert_eq!(error, "open /nowhere/db: no such file or directory");
}

#[test]
fn what_the_codec_does_not_know_stays_as_it_is() {
    let text = format!("{HEAD}a TYPE65400 \\# 3 010203\nb A \\# 3 010203\nc LOC 1 N 1 E 1m\n");
    let data = parsed(&text, None).unwrap();
    let codes: Vec<u16> =
        data.tree.nodes().flat_map(Node::all).map(|record| record.record_type().into()).collect();
    assert_eq!(codes, [65400, 1, 29]);
}

#[test]
fn paths_are_cleaned_by_their_words() {
    for (path, expected) in [
        ("db", "db"),
        ("./db", "db"),
        ("a/../db", "db"),
        ("../db", "../db"),
        ("/../a//b/.", "/a/b"),
        ("a/../..", ".."),
        (".", "."),
    ] {
        assert_eq!(clean(Path::new(path)), Path::new(expected), "{path}");
    }
}
