use super::*;

fn parse(text: &str) -> LabelSelector {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn selectors_are_read_as_kubernetes_reads_them() {
    let cases = [
        ("", ""),
        ("  ", ""),
        ("app", "app"),
        ("!app", "!app"),
        ("! app", "!app"),
        ("app=web", "app=web"),
        ("app == web", "app=web"),
        ("app!=web", "app!=web"),
        ("app=", "app="),
        ("a,b=1", "b=1,a"),
        ("app in (web, api),tier notin(x)", "app in (api,web),tier notin (x)"),
        ("a in ()", "a in ()"),
        ("a in (,x)", "a in (,x)"),
        ("x in (foo,,baz),y,z notin ()", "x in (,baz,foo),z notin (),y"),
        ("in in (in,notin)", "in in (in,notin)"),
        ("example.com/app-1_2.3=V_1.2-3", "example.com/app-1_2.3=V_1.2-3"),
        ("a=1,a=1,a!=2", "a=1,a!=2"),
    ];
    for (text, printed) in cases {
        assert_eq!(parse(text).to_string(), printed, "{text}");
        assert_eq!(parse(printed), parse(text), "{text}");
    }
    assert!(parse("").is_empty() && !parse("a").is_empty());
}

#[test]
fn what_is_no_selector_is_refused() {
    let long = "x".repeat(64);
    let cases = [
        (",a", "the key of a label is expected where ',' stands"),
        ("a,", "another label after ',' is expected where the end stands"),
        ("a,,b", "the key of a label is expected where ',' stands"),
        ("a b", "=, !=, in, notin or ',' is expected where 'b' stands"),
        ("a=b c", "',' or the end is expected where 'c' stands"),
        ("a=(b)", "a value is expected where '(' stands"),
        ("!a=b", "',' or the end is expected where '=' stands"),
        ("!", "the key of a label is expected where the end stands"),
        ("a in b", "'(' is expected where 'b' stands"),
        ("a in (b", "',' or ')' is expected where the end stands"),
        ("a in (b c)", "',' or ')' is expected where 'c' stands"),
        ("a in (b))", "',' or the end is expected where ')' stands"),
        ("a > 1", "labels cannot be compared by '>'"),
        ("a<1", "labels cannot be compared by '<'"),
        ("-a", "'-a' is no key of a label"),
        ("/a", "'/a' is no key of a label"),
        ("a/", "'a/' is no key of a label"),
        ("A.example/a", "'A.example/a' is no key of a label"),
        ("a/b/c", "'a/b/c' is no key of a label"),
        ("a=b:c", "'b:c' is no value of a label"),
        ("a in (b-)", "'b-' is no value of a label"),
        (&long, &format!("'{long}' is no key of a label")),
        ("a=1,b,a=2", "a cannot be both '1' and '2'"),
    ];
    for (text, message) in cases {
        let error = text.parse::<LabelSelector>().expect_err(text);
        assert_eq!(error.to_string(), message, "{text}");
    }
}

#[test]
fn labels_are_selected() {
    let labels = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let web = labels(&[("app", "web"), ("old", "")]);
    for text in ["", "app", "app=web", "app in (api,web)", "tier!=a", "!tier", "old="] {
        assert!(parse(text).matches(&web), "{text}");
    }
    for text in ["tier", "app=api", "app!=web", "app notin (web)", "!app", "app=web,tier"] {
        assert!(!parse(text).matches(&web), "{text}");
    }
}
