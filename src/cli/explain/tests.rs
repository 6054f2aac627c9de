use super::*;
use crate::cli::whom::Said;
use crate::plugin::explain::Told;
use crate::server::explain::{Answered, Explained, Explaining};
use crate::zone::explain::Step;

fn parsed(line: &str) -> Result<(String, String), String> {
    let words = line.split_whitespace().map(OsString::from);
    let said = parse(words).map(|explain| {
        let qtype = crate::telemetry::mnemonic::record_type(explain.qtype).into_owned();
        (explain.name.to_string(), qtype)
    });
    said.map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
}

#[test]
fn reads_its_words() {
    for (line, name, qtype) in [
        ("web.shop.svc.cluster.local", "web.shop.svc.cluster.local.", "A"),
        ("Web.Shop. srv -o json", "Web.Shop.", "SRV"),
        ("10.96.0.1", "1.0.96.10.in-addr.arpa.", "PTR"),
        ("web type65280", "web.", "TYPE65280"),
        ("10.96.0.1 TXT --offline", "1.0.96.10.in-addr.arpa.", "TXT"),
        ("_http._tcp.web AAAA --server 127.0.0.1:9154", "_http._tcp.web.", "AAAA"),
    ] {
        assert_eq!(parsed(line), Ok((name.to_owned(), qtype.to_owned())), "{line}");
    }
    for (line, expected) in [
        ("", "error: the following required arguments were not provided:"),
        ("a..b", "error: 'a..b' is no name"),
        ("web ADDR", "error: 'ADDR' is no type"),
        ("web A AAAA", "error: unexpected argument 'AAAA' found"),
    ] {
        assert_eq!(parsed(line), Err(expected.to_owned()), "{line}");
    }
}

#[test]
fn is_shown_in_columns_and_without_control_characters() {
    let step = |rule: &str, cluster: Option<&str>, says: &str| Step {
        rule: rule.into(),
        cluster: cluster.map(str::to_owned),
        says: says.into(),
    };
    let steps = vec![step("name", None, "it asks"), step("local", Some("ea\x1b[1mst"), "has it")];
    let page = Explained {
        name: "web.shop.".into(),
        qtype: "A".into(),
        block: Some("dns://:53 .".into()),
        plugins: vec![
            Explaining { plugin: "hosts".into(), verdict: Told::Passes, steps: vec![] },
            Explaining { plugin: "kubernetes".into(), verdict: Told::Answers, steps },
        ],
        answer: Answered {
            rcode: "NOERROR".into(),
            authoritative: true,
            answer: vec!["web.shop. 30 IN A 10.96.0.1".into()],
            additional: vec!["x. 30 IN A 10.96.0.2".into()],
            extended_error: Some((3, "west is out of reach".into())),
            ..Answered::default()
        },
    };
    let said = Said { server: None, offline: Some("as was asked for".into()), page };
    let expected = "\
Offline (as was asked for): this is what this process knows.

web.shop. A
server block dns://:53 .

hosts: hands on

kubernetes: answers
  name            it asks
  local ea [1mst  has it

NOERROR, authoritative
  web.shop. 30 IN A 10.96.0.1
  additional: x. 30 IN A 10.96.0.2
  extended error 3: west is out of reach
";
    assert_eq!(text::text(&said), expected);
}
