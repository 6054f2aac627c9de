use super::parsed;
use crate::corefile::{Diagnostic, Directive};

/// The first directive of a block with these lines.
fn directive(lines: &str) -> Directive {
    let text = format!(". {{\n{lines}\n}}");
    parsed(&text).unwrap().blocks.remove(0).directives.remove(0)
}

fn message<T: std::fmt::Debug>(result: Result<T, Diagnostic>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn arguments_are_counted() {
    let none = directive("loop");
    let one = directive("cache 30");
    let two = directive("reload 2s 1s");
    assert!(none.no_args().is_ok() && none.no_block().is_ok());
    assert_eq!(one.one_arg("cache SECONDS").unwrap().text, "30");
    assert_eq!(none.optional_arg("loop [X]").unwrap().map(|arg| &arg.text), None);
    assert_eq!(two.args_within(1..=2, "reload").unwrap().len(), 2);
    for (got, expected) in [
        (message(one.no_args()), "Corefile:2 - 'cache' has the argument '30'; write `cache`"),
        (message(none.one_arg("loop X")), "Corefile:2 - 'loop' has no argument; write `loop X`"),
        (
            message(two.optional_arg("reload [INTERVAL]")),
            "Corefile:2 - 'reload' has 2 arguments, the last '1s'; write `reload [INTERVAL]`",
        ),
        (
            message(directive("loop {\n}").no_block()),
            "Corefile:2 - 'loop' takes no block; take the braces and what is between them out",
        ),
    ] {
        assert_eq!(got, expected);
    }
}

#[test]
fn lines_are_read_like_directives() {
    let kubernetes = directive("kubernetes {\n ttl 30\n noendpoints\n labels { a\n }\n nodes\n}");
    let [ttl, noendpoints, labels, nodes] = kubernetes.lines() else {
        panic!("four lines");
    };
    assert_eq!(ttl.name().text, "ttl");
    assert_eq!(ttl.one_arg("ttl SECONDS").unwrap().text, "30");
    assert!(noendpoints.no_args().is_ok());
    assert_eq!(labels.lines()[0].name().text, "a");
    for (got, expected) in [
        (message(labels.one_arg("labels EXPR")), "Corefile:5 - 'labels' takes no block"),
        (message(noendpoints.one_arg("x")), "Corefile:4 - 'noendpoints' has no argument"),
        (
            message::<()>(Err(nodes.unknown("kubernetes", &["ttl", "pods"]))),
            "Corefile:7 - unknown property of kubernetes 'nodes'; use one of: ttl, pods",
        ),
        (
            message::<()>(Err(nodes.unknown("kubernetes", &["nodes_", "pods"]))),
            "Corefile:7 - unknown property of kubernetes 'nodes'; did you mean 'nodes_'?",
        ),
        (
            message::<()>(Err(nodes.unknown("loop", &[]))),
            "Corefile:7 - loop has no property 'nodes'",
        ),
    ] {
        assert!(got.starts_with(expected), "{got}");
    }
}

#[test]
fn sameness_is_that_of_the_words() {
    let one = directive("fleet {\n members secrets ns\n reach west {\n x\n }\n}");
    let elsewhere = directive("fleet { members secrets \"ns\"\n\n reach west { x } }");
    assert!(one.says_the_same(&elsewhere));
    for other in [
        "fleet",
        "fleet { }",
        "fleet {\n members secrets ns\n}",
        "fleet {\n members secrets ns\n reach west\n}",
        "fleet a {\n members secrets ns\n reach west {\n x\n }\n}",
        "flee {\n members secrets ns\n reach west {\n x\n }\n}",
    ] {
        assert!(!one.says_the_same(&directive(other)), "{other}");
    }
}
