use std::path::Path;

use super::{parsed, shown};
use crate::corefile::{ParseOptions, load, parse};

/// The Corefile of kubeadm, as every cluster has it.
const KUBEADM: &str = ".:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
";

#[test]
fn reads_what_coredns_reads() {
    for (text, expected) in [
        // Nothing at all.
        ("", ""),
        ("# nothing\n\n  # at all", ""),
        ("\u{feff}", ""),
        (
            KUBEADM,
            "dns://.:53 { errors; health { lameduck 5s; }; ready; \
             kubernetes cluster.local in-addr.arpa ip6.arpa \
             { pods insecure; fallthrough in-addr.arpa ip6.arpa; ttl 30; }; \
             prometheus :9153; forward . /etc/resolv.conf { max_concurrent 1000; }; \
             cache 30 { disable success cluster.local; disable denial cluster.local; }; \
             loop; reload; loadbalance; }",
        ),
        // Keys.
        (". {\n}", "dns://.:1053 { }"),
        (". { }", "dns://.:1053 { }"),
        ("a, b {\n}", "dns://a.:1053 dns://b.:1053 { }"),
        ("a,\nb {\n}", "dns://a.:1053 dns://b.:1053 { }"),
        ("a b,\n c\n{\n}", "dns://a.:1053 dns://b.:1053 dns://c.:1053 { }"),
        ("a:53 tls://b {\n}", "dns://a.:53 tls://b.:853 { }"),
        ("a tls://a a:5 {\n}", "dns://a.:1053 tls://a.:853 dns://a.:5 { }"),
        (
            "10.0.0.0/15 b {\n}",
            "dns://0.10.in-addr.arpa.:1053 dns://1.10.in-addr.arpa.:1053 dns://b.:1053 { }",
        ),
        ("\"a\"b {\n}", "dns://a.:1053 dns://b.:1053 { }"),
        ("\"\" a {\n}", "dns://a.:1053 { }"),
        ("\"\"\na {\n}", "dns://a.:1053 { }"),
        // Braces of server blocks.
        (".\n{\n whoami\n}", "dns://.:1053 { whoami; }"),
        (". { whoami\n log\n}", "dns://.:1053 { whoami; log; }"),
        (".\nwhoami\nlog", "dns://.:1053 { whoami; log; }"),
        (".:53", "dns://.:53 { }"),
        ("a {\n} b {\n}", "dns://a.:1053 { } dns://b.:1053 { }"),
        ("(s) {\n log\n}\n.\nimport s\nwhoami", "dns://.:1053 { log; whoami; }"),
        // Blocks of plugins: words may stand beside their braces.
        (". {\n hosts { 1.2.3.4 a\n }\n}", "dns://.:1053 { hosts { 1.2.3.4 a; }; }"),
        (". {\n hosts {\n 1.2.3.4 a }\n}", "dns://.:1053 { hosts { 1.2.3.4 a; }; }"),
        (". {\n hosts f { 1.2.3.4 a }\n}", "dns://.:1053 { hosts f { 1.2.3.4 a; }; }"),
        (". {\n errors { }\n}", "dns://.:1053 { errors { }; }"),
        (". {\n p {\n q r {\n s\n }\n t\n }\n}", "dns://.:1053 { p { q r { s; }; t; }; }"),
        (". {\n log a\n log b\n}", "dns://.:1053 { log a; log b; }"),
        // Comments, quotes and blanks.
        (". { # c\n whoami # c }\n # }\n}", "dns://.:1053 { whoami; }"),
        (". {\n whoami#x\n}", "dns://.:1053 { whoami; }"),
        (". {\n errors# hello world\n}", "dns://.:1053 { errors hello world; }"),
        (
            ". {\n log . \"{remote} \\\"x\\\" \\d\"\n}",
            "dns://.:1053 { log . \"{remote} \\\"x\\\" \\\\d\"; }",
        ),
        (". {\n template \"a\nb\" c\n whoami\n}", "dns://.:1053 { template \"a\\nb\" c; whoami; }"),
        ("\u{feff}.\u{a0}{\r\n\twhoami\r\n}\r\n", "dns://.:1053 { whoami; }"),
        // Environment variables: in one word, never split, never a brace or an import.
        ("{$ZONE}:53 {\n}", "dns://env.test.:53 { }"),
        ("{%ZONE%} {\n}", "dns://env.test.:1053 { }"),
        ("{$UNSET} a {\n}", "dns://a.:1053 { }"),
        (
            ". {\n {$PLUGIN} {$TWO} x{$UNSET}y {$UNSET} {$BRACE}\n}",
            "dns://.:1053 { whoami \"a b\" xy \"\" {; }",
        ),
        (". {\n p {\n {$IMPORT} s\n {$BRACE}\n }\n}", "dns://.:1053 { p { import s; {; }; }"),
        (
            ". {\n template IN A {\n answer \"{{$y := 1}}\"\n }\n}",
            "dns://.:1053 { template IN A { answer {}; }; }",
        ),
    ] {
        let got = parsed(text).map(|corefile| shown(&corefile));
        assert_eq!(got.as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn refuses_with_the_line_and_the_remedy() {
    for (text, expected) in [
        // Braces.
        ("}", "1 - this '}' closes no block"),
        (". {\n}\n}", "3 - this '}' closes no block"),
        (". {\n}\n}\na {\n}", "3 - this '}' closes no block"),
        (".\nwhoami\n}", "3 - this '}' closes no block"),
        ("a }", "1 - this '}' closes no block"),
        (". {", "1 - the block that this '{' opens is never closed"),
        (". {\nwhoami", "1 - the block that this '{' opens is never closed"),
        (". {\n errors {\n }\n", "1 - the block that this '{' opens"),
        (". {\n errors {\n", "2 - the block that this '{' opens"),
        (". {\n errors {\n a\n}", "1 - the block that this '{' opens"),
        (". {\n p {\n q {\n", "3 - the block that this '{' opens"),
        (". { whoami }", "1 - '}' on the line where 'whoami' ends; begin a new line"),
        (". {\n errors {\n } }", "3 - '}' on the line where 'errors' ends"),
        (". {\n errors {\n } x\n}", "3 - 'x' on the line where 'errors' ends"),
        (". {\n errors { } { }\n}", "2 - '{' on the line where 'errors' ends"),
        (
            ". {\n hosts\n {\n a\n }\n}",
            "3 - the '{' of 'hosts' stands on another line; write `hosts {`",
        ),
        (". {\n {\n }\n}", "2 - a block without a plugin name before it"),
        (". { {\n }\n}", "1 - a block without a plugin name before it"),
        (". {\n p {\n {\n }\n }\n}", "3 - a block without a word before it"),
        (". {\n p {\n q {\n } r\n }\n}", "4 - 'r' on the line where a block ends"),
        ("{\n whoami\n}", "1 - a server block without a zone"),
        ("{$UNSET} {\n whoami\n}", "1 - a server block without a zone"),
        (". {\n errors{\n }\n}", "2 - a brace is glued to 'errors'; write `errors {`"),
        (". {\n whoami}", "2 - a brace is glued to 'whoami'; put the '}' on a line of its own"),
        (".:53{\n}", "1 - a brace is glued to '.:53'; write `.:53 {`"),
        ("example.org{\n}", "1 - a brace is glued to 'example.org'"),
        (". {\n {$UNSET} x\n}", "2 - a plugin name is empty"),
        // Quotes.
        (". {\n log \"a\n}\n", "2 - the quote before 'a' is never closed"),
        // Keys.
        ("a, {\n}", "1 - no zone follows the comma"),
        ("a,", "1 - no zone follows the comma"),
        ("a , b {\n}", "1 - a comma without a zone before it"),
        ("a:b {\n}", "1 - 'b' is no port, in 'a:b'"),
        (
            "foo://a {\n}",
            "1 - 'foo://a' has an unknown scheme; use one of dns://, tls://, https://, https3://, grpc://, quic://",
        ),
        ("a..b {\n}", "1 - 'a..b' is no zone: a label is empty"),
        ("a,\n10.0.0.0/33 {\n}", "2 - '10.0.0.0/33' is no network"),
        // Snippets.
        ("(s)", "1 - the snippet (s) has no block"),
        ("(s)\nlog", "1 - the snippet (s) has no block"),
        ("(s) {\n log\n", "1 - the block that this '{' opens"),
        ("() {\n}", "1 - a snippet needs one name"),
        ("(s) (t) {\n}", "1 - a snippet needs one name"),
        ("a (s) {\n}", "1 - a snippet needs one name"),
        (
            "(s) {\n}\n(s) {\n}",
            "3 - the snippet (s) is defined already at Corefile:1; give one of the two another name",
        ),
    ] {
        let got = parsed(text).map(|corefile| shown(&corefile));
        let error = got.expect_err(text);
        assert!(error.starts_with(&format!("Corefile:{expected}")), "{text}\n{error}");
        assert!(error.contains("; "), "no remedy: {error}");
    }
}

#[test]
fn warns_of_what_is_odd() {
    for (text, expected) in [
        (". {\n errors# hello world\n}", "Corefile:2 - 'hello' is read as a word"),
        (". {\n log {$UNSET}\n}", "Corefile:2 - the environment variable 'UNSET' is not set"),
        ("a,b {\n}", "Corefile:1 - 'a,b' is read as one zone"),
        ("10.0.0.1 {\n}", "Corefile:1 - '10.0.0.1' is read as the name of a zone"),
        ("\"\" a {\n}", "Corefile:1 - an empty word where a zone is expected"),
    ] {
        let warnings = parsed(text).unwrap().warnings;
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].to_string().starts_with(expected), "{}", warnings[0]);
    }
}

#[test]
fn blocks_nest_only_so_deep() {
    let nested = |depth: usize| format!(". {{\n{}{}}}", "p {\n".repeat(depth), "}\n".repeat(depth));
    assert!(parsed(&nested(32)).is_ok());
    let error = parsed(&nested(100_000)).unwrap_err();
    assert!(error.contains("more than 32 blocks"), "{error}");
}

#[test]
fn positions_are_those_of_the_words() {
    let corefile = parsed("# c\na,\nb {\n p \"x\ny\" z {\n q\n }\n}").unwrap();
    let block = &corefile.blocks[0];
    let lines = |tokens: &[crate::corefile::Token]| {
        tokens.iter().map(|token| token.at.line).collect::<Vec<_>>()
    };
    assert_eq!(block.at.line, 2);
    assert_eq!(block.keys[1].at.line, 3);
    let directive = &block.directives[0];
    assert_eq!(directive.at().line, 4);
    assert_eq!(lines(&directive.args), [4, 5]);
    assert_eq!(directive.lines()[0].at().line, 6);
}

#[test]
fn loads_a_file_in_any_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Corefile");
    let options = ParseOptions::default();

    let missing = load(&path, &options).unwrap_err().to_string();
    let expected = format!("{} - cannot read the Corefile: ", path.display());
    assert!(missing.starts_with(&expected), "{missing}");

    std::fs::write(&path, b". {\n # caf\xe9\n}\n").unwrap();
    let corefile = load(&path, &options).unwrap();
    assert_eq!(shown(&corefile), "dns://.:53 { }");
    assert_eq!(corefile.files, [path]);
    assert_eq!(corefile.warnings[0].at.line, 2);
}

#[test]
fn the_environment_of_the_process_is_the_default() {
    let options = ParseOptions::default();
    let corefile = parse(Path::new("Corefile"), ". {\n p {$PATH}\n}", &options).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    assert_eq!(corefile.blocks[0].directives[0].args[0].text, path);
}
