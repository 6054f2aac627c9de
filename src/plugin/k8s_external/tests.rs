use super::*;
use crate::plugin::testing;

#[test]
fn reads_its_words() {
    let kubernetes = "kubernetes cluster.local {\nendpoint https://127.0.0.1:1\n}";
    for (lines, expected) in [
        ("k8s_external example.org", Ok("1")),
        ("k8s_external", Ok("1")),
        ("k8s_external example.org {\napex nsdns\nttl 300\nheadless\nfallthrough\n}", Ok("1")),
        ("k8s_external example.org {\nfallthrough a.example.org in-addr.arpa\nttl 0\n}", Ok("1")),
        ("k8s_external a..b", Err("a..b")),
        ("k8s_external {\nttl\n}", Err("'ttl' has no argument; write `ttl SECONDS`")),
        (
            "k8s_external {\nttl 3601\n}",
            Err("'3601' is no TTL in seconds; write a whole number from 0 to 3600"),
        ),
        ("k8s_external {\napex\n}", Err("'apex' has no argument; write `apex APEX`")),
        ("k8s_external {\napex a..b\n}", Err("'a..b' is no name")),
        ("k8s_external {\nheadless yes\n}", Err("'headless' has the argument 'yes'")),
        (
            "k8s_external {\ntll 5\n}",
            Err("unknown property of k8s_external 'tll'; did you mean 'ttl'?"),
        ),
        ("k8s_external\nk8s_external", Err("used twice")),
    ] {
        let lines = format!("{lines}\n{kubernetes}");
        testing::check(&lines, NAME, setup, expected, |chain, _| chain.plugins.len().to_string());
    }
    let expected = Err("there is no kubernetes in this server block");
    testing::check("k8s_external", NAME, setup, expected, |_, _| String::new());
}
