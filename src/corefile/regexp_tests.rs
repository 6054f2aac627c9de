use super::*;

/// What each pattern finds in a text, as Go's regexp does: the groups, or nothing.
#[test]
fn finds_what_go_finds() {
    for (pattern, text, expected) in [
        (r"(.*)\.example\.org", "www.example.org.", Some("www.example.org|www")),
        (r"^a(b)?c$", "ac", Some("ac|")),
        ("a|ab", "ab", Some("a")),
        (r"\Qa.b\E.c", "a.bxc", Some("a.bxc")),
        (r"\Qa.b", "axb", None),
        (r"\101\60", "A0", Some("A0")),
        (r"\0", "a", None),
        (r"\<a\>", "<a>", Some("<a>")),
        ("a{,2}", "a{,2}", Some("a{,2}")),
        ("a{x}b{01}", "a{x}b{01}", Some("a{x}b{01}")),
        ("{", "{", Some("{")),
        ("a{2}", "aaa", Some("aa")),
        ("a{1,}?", "aaa", Some("a")),
        (r"\b{", "a{", Some("{")),
        ("[[a]", "[", Some("[")),
        ("[a&&b]", "&", Some("&")),
        ("[+--]", ",", Some(",")),
        ("[a~~z]", "~", Some("~")),
        ("[]a]", "]", Some("]")),
        ("[^]a]", "]", None),
        (r"[\d-z]", "-", Some("-")),
        ("[a-]", "-", Some("-")),
        ("[[:alpha:]-]+", "ab-c", Some("ab-c")),
        ("[[:^digit:]]+", "12ab", Some("ab")),
        (r"\pL+", "12ab", Some("ab")),
        (r"\p{^L}+", "12ab", Some("12")),
        (r"\p{Latin}", "a", Some("a")),
        (r"\x41\x{42}", "AB", Some("AB")),
        ("(?i)WWW", "www", Some("www")),
        ("(?i:W)w", "Ww", Some("Ww")),
        ("(?P<first>[^.]+)", "a.b", Some("a|a")),
        ("(?<first>[^.]+)", "a.b", Some("a|a")),
        (r"\w{1000}", "a", None),
        (r"(?U)a+", "aa", Some("a")),
        ("a}", "a}", Some("a}")),
        ("", "a", Some("")),
    ] {
        let regexp = Regexp::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
        let found = regexp.groups(text).map(|groups| groups.join("|"));
        assert_eq!(found.as_deref(), expected, "{pattern} in {text}");
        assert_eq!(regexp.is_match(text), expected.is_some());
    }
    assert_eq!(Regexp::new("(a)(?:b)(c)").unwrap().group_count(), 2);
}

#[test]
fn refuses_what_go_refuses() {
    for (pattern, expected) in [
        ("a**", "a repetition is repeated"),
        ("a{2}{3}", "a repetition is repeated"),
        ("a??*", "a repetition is repeated"),
        ("a{1001}", "a count of repetitions is wrong"),
        ("a{3,2}", "a count of repetitions is wrong"),
        ("*a", "repetition operator missing expression"),
        ("(a", "unclosed group"),
        ("a)", "unopened group"),
        ("[a", "a class is not closed"),
        ("[b-a]", "invalid character class range"),
        ("[[:letter:]]", "there is no class [:letter:]"),
        (r"\1", "there are no backreferences"),
        (r"\8", "backreferences are not supported"),
        (r"\u0041", "there is no escape"),
        (r"a\", "it ends with a backslash"),
        (r"\y", "unrecognized escape sequence"),
        ("(?x)a", "there is no flag 'x'"),
        ("(?=a)", "there is no flag '='"),
        (r"\p{Nothing}", "Unicode property not found"),
        ("(((a{1000}){1000}){1000}){1000}", "it is too large"),
    ] {
        let error = Regexp::new(pattern).err().unwrap_or_else(|| panic!("{pattern} is taken"));
        assert!(error.contains(expected), "{pattern}: {error}");
    }
}
