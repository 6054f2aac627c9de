use std::path::Path;

use super::*;
use crate::corefile;

fn said(text: &str) -> String {
    let check = parse(["Corefile".into()]).expect("words");
    let parsed = check.text(|options| corefile::parse(Path::new("Corefile"), text, options));
    match parsed {
        Ok(text) => text,
        Err(problems) => format!("wrong:\n{problems}"),
    }
}

#[test]
fn all_problems_are_said_at_once() {
    let text = ". {
    errors
    chache
    whoami now
    bufsize 1
    etcd
}
grpc://. {
    errors
}
example.org {
    hosts {
        # a comment
        ttl never
    }
}
";
    let all = said(text);
    let places: Vec<&str> =
        all.lines().skip(1).map(|line| line.split(" - ").next().unwrap_or_default()).collect();
    let expected = [3, 4, 5, 6, 8, 14].map(|line| format!("Corefile:{line}"));
    assert_eq!(places, expected, "{all}");
    assert!(all.contains("did you mean 'cache'?"), "{all}");
    // A Corefile that cannot be read is one problem.
    assert!(said(". {\n errors\n").starts_with("wrong:\nCorefile:"));
}

#[test]
fn no_problem_hides_another_one() {
    let text = ". {
    cache 30 {
        success many
        serve_stale never
        keepttl
        frobnicate
    }
    forward
    forward example.org
    forward . 127.0.0.1 {
        policy first
        max_fails x y
    }
    errors {
        consolidate 5m (
    }
    kubernetes cluster.local {
        ttl 1h
        pods some
        fallthrough a..b
    }
    fleet {
        local a
        locale b
        stale never
    }
}
. {
    whoami
}
";
    let all = said(text);
    let places: Vec<&str> =
        all.lines().skip(1).map(|line| line.split(" - ").next().unwrap_or_default()).collect();
    let lines = [3, 4, 6, 8, 9, 11, 12, 15, 18, 19, 20, 24, 25, 28];
    assert_eq!(places, lines.map(|line| format!("Corefile:{line}")), "{all}");
}

/// A wrong `kubernetes` is none of what is wrong with `fleet`, nor a wrong `answer` with its `sentinel`.
#[test]
fn what_lacks_a_wrong_line_is_not_wrong() {
    let text = ". {
    kubernetes a..b
    fleet {
        local a
    }
    autopath @kubernetes
    sentinel remote {
        answer 240.0.0
    }
    view v {
        expr 1 +
    }
}
";
    let all = said(text);
    let places: Vec<&str> =
        all.lines().skip(1).map(|line| line.split(" - ").next().unwrap_or_default()).collect();
    assert_eq!(places, [2, 8, 11].map(|line| format!("Corefile:{line}")), "{all}");
}

#[test]
fn the_corefile_is_named_as_to_a_server() {
    let conf = |line: &str| {
        parse(line.split_whitespace().map(OsString::from))
            .map(|check| (check.conf.display().to_string(), check.port))
            .map_err(|_| ())
    };
    for (line, expected) in [
        ("", ("Corefile", 53)),
        ("x", ("x", 53)),
        ("-conf x -dns.port 1053", ("x", 1053)),
        ("--conf=x -p 1053", ("x", 1053)),
        ("stdin", ("stdin", 53)),
    ] {
        assert_eq!(conf(line), Ok((expected.0.to_owned(), expected.1)), "{line}");
    }
    assert_eq!(conf("x -conf y"), Err(()));
}

#[test]
fn templates_that_a_sentinel_replaces_are_said() {
    let text = ". {
    template IN A remote global {
        answer \"{{ .Name }} 60 IN A 240.0.0.1\"
    }
    template IN AAAA remote {
        rcode NOERROR
    }
    template IN ANY mesh {
        match .*
        answer \"{{ .Name }} 30 IN A 240.0.0.2\"
        answer \"{{.Name}} 30 IN AAAA fd00::2\"
    }
    template IN A ip.example {
        match \"^(?P<a>[0-9]+)[.]ip[.]example[.]$\"
        answer \"{{ .Name }} 60 IN A 10.0.0.{{ .Group.a }}\"
    }
    template IN A . {
        answer \"{{ .Name }} 60 IN A 240.0.0.1\"
    }
}
";
    let all = said(text);
    assert_eq!(
        all,
        "Corefile:2 - a sentinel would do this for all types, with the records that negative answers need:\n\
         sentinel remote global {\n    answer 240.0.0.1\n    ttl 60\n}\n\
         Corefile:8 - a sentinel would do this for all types, with the records that negative answers need:\n\
         sentinel mesh {\n    answer 240.0.0.2 fd00::2\n    ttl 30\n}\n\
         Corefile: nothing is wrong"
    );
}

#[test]
fn where_it_is_checked_says_nothing_of_clusters() {
    let text = ". {\n    kubernetes cluster.local {\n        pods insecure\n    }\n}\n";
    assert_eq!(said(text), "Corefile: nothing is wrong");
}
