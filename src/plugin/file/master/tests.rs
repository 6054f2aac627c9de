use std::fs;

use super::*;

/// The entries of a text for the zone `z.`, each as `OWNER TTL CLASS TYPE HEX`, or what is wrong.
fn entries(text: &str) -> Result<Vec<String>, String> {
    let mut all = Vec::new();
    let origin = Name::from_ascii("z.").unwrap();
    let mut each = |entry: Entry| {
        let Entry { owner, rtype, class, ttl, rdata } = entry;
        let hex: String = rdata.iter().map(|byte| format!("{byte:02x}")).collect();
        all.push(format!("{owner} {ttl} {class} {rtype} {hex}"));
        ControlFlow::Continue(())
    };
    match read(text.as_bytes(), Path::new("db"), &origin, &mut each) {
        Ok(()) => Ok(all),
        Err(mistake) => Err(mistake.to_string()),
    }
}

#[test]
fn what_a_line_does_not_say_the_one_before_says() {
    for (text, expected) in [
        ("a 5 A 1.2.3.4\n", "a.z. 5 1 1 01020304"),
        ("a IN 5 A 1.2.3.4\n", "a.z. 5 1 1 01020304"),
        ("a 5 IN A 1.2.3.4\n", "a.z. 5 1 1 01020304"),
        ("a IN A 1.2.3.4\n", "a.z. 0 1 1 01020304"),
        ("a 5 A 1.2.3.4\n A 1.2.3.5\n", "a.z. 5 1 1 01020304, a.z. 5 1 1 01020305"),
        (
            "$TTL 9\na A 1.2.3.4\nb 5 CH A 1.2.3.4\nc A 1.2.3.4\n",
            "a.z. 9 1 1 01020304, b.z. 5 3 1 01020304, c.z. 9 1 1 01020304",
        ),
        (
            "$ORIGIN b\na 5 NS c\n$ORIGIN d.\n@ NS @\n",
            "a.b.z. 5 1 2 01630162017a00, d. 5 1 2 016400",
        ),
        ("$GENERATE 1-2 $ A 1.2.3.$\n", "1.z. 3600 1 1 01020301, 2.z. 3600 1 1 01020302"),
        (
            "a 1 A 1.2.3.4\n$GENERATE 1-1 $ A 1.2.3.$\n A 1.2.3.5\n",
            "a.z. 1 1 1 01020304, 1.z. 3600 1 1 01020301, a.z. 1 1 1 01020305",
        ),
    ] {
        let found = entries(text).unwrap_or_else(|error| vec![error]).join(", ");
        assert_eq!(found, expected, "{text}");
    }
}

/// The words and places are those of miekg/dns; `zone_files` of the integration tests has more, beside
/// CoreDNS.
#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, expected) in [
        ("a A 1.2.3.4\n", r#"db: dns: missing TTL with no previous value: "A" at line: 1:4"#),
        ("\na 5 A b\n", r#"db: dns: bad A A: "b" at line: 2:7"#),
        ("a 5 A 1.2.3.4 5\n", r#"db: dns: garbage after rdata: "5" at line: 1:15"#),
        ("a..b 5 A 1.2.3.4\n", r#"db: dns: bad owner name: "a..b" at line: 1:5"#),
        ("$TTL x\n", r#"db: dns: expecting $TTL value, not this...: "x" at line: 1:6"#),
        (
            "a 5 B 1.2.3.4\n",
            r#"db: dns: expecting RR type or class, not this...: "B" at line: 1:6"#,
        ),
        (
            "$INCLUDE nothing.db\n",
            "db: dns: failed to open `nothing.db': open nothing.db: no such file or directory: \
          \"nothing.db\" at line: 1:19",
        ),
    ] {
        assert_eq!(entries(text).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn stops_where_nobody_wants_more() {
    let mut count = 0;
    let mut each = |_| {
        count += 1;
        ControlFlow::Break(())
    };
    let text = b"a 5 A 1.2.3.4\na 5 A 1.2.3.5\nwrong";
    assert_eq!(read(text, Path::new("db"), &Name::root(), &mut each), Ok(()));
    assert_eq!(count, 1);
}

#[test]
fn files_include_files_to_a_depth() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("db");
    fs::write(&file, "a 5 A 1.2.3.4\n$INCLUDE db\n").unwrap();
    let mut count = 0;
    let mut each = |_| {
        count += 1;
        ControlFlow::Continue(())
    };
    let text = fs::read(&file).unwrap();
    let mistake = read(&text, &file, &Name::root(), &mut each).unwrap_err();
    assert!(mistake.to_string().contains("too deeply nested $INCLUDE"), "{mistake}");
    assert_eq!(count, 8);
}

/// Words that make lines, and some that break them.
const WORDS: [&str; 44] = [
    "\n",
    " ",
    "\t",
    "(",
    ")",
    ";",
    "\"",
    "\\",
    "$TTL",
    "$ORIGIN",
    "$GENERATE",
    "$INCLUDE",
    "@",
    "a",
    "*.b",
    "60",
    "1w",
    "IN",
    "CH",
    "A",
    "AAAA",
    "NS",
    "SOA",
    "MX",
    "TXT",
    "SRV",
    "NAPTR",
    "CAA",
    "DS",
    "RRSIG",
    "NSEC",
    "SVCB",
    "LOC",
    "APL",
    "HIP",
    "TYPE65400",
    "\\#",
    "1-3",
    "${0,3,x}",
    "alpn=h2",
    "N",
    "192.0.2.1",
    "1:10.0.0.0/8",
    "AwEAAag=",
];

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(words in proptest::collection::vec(0..WORDS.len(), 0..60)) {
        let text: String = words.iter().flat_map(|word| [WORDS[*word], " "]).collect();
        let _ = entries(&text);
    }

    #[test]
    fn any_octets_are_read_or_refused(text in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let mut each = |_| ControlFlow::Continue(());
        let _ = read(&text, Path::new("db"), &Name::root(), &mut each);
    }
}
