use hickory_proto::op::Edns;
use hickory_proto::rr::RecordType;

use super::*;
use crate::plugin::testing::{self, request, shown};
use crate::plugin::{Transport, metadata};

#[test]
fn reads_its_words() {
    for (lines, expected) in [
        ("view office", Ok("office 0")),
        ("view office {\n}", Ok("office 0")),
        ("view office {\nexpr true\nexpr name() == 'a.'\n}", Ok("office 2")),
        ("view", Err("'view' has no argument; write `view NAME`")),
        ("view a b", Err("write `view NAME`")),
        ("view a\nview b", Err("used twice")),
        ("view a {\nfoo bar\n}", Err("unknown property of view 'foo'; write 'expr'")),
        ("view a {\nexpr\n}", Err("Corefile:3 - '' is no expression")),
        ("view a {\nexpr nam() == 'x'\n}", Err("Corefile:3 - the expression calls an unknown")),
        ("view a {\nexpr true {\nx\n}\n}", Err("'expr' takes no block")),
    ] {
        testing::check(lines, NAME, setup, expected, |chain, _| {
            assert_eq!(chain.plugins.len(), 1);
            let view = chain.view.as_ref().unwrap();
            format!("{} {}", view.name, view.expressions.len())
        });
    }
}

fn view(lines: &str) -> Arc<View> {
    let (chain, _) = testing::setup(&format!("view v {{\n{lines}\n}}"), NAME, setup).unwrap();
    chain.view.unwrap()
}

/// From 192.0.2.1:40000 to 192.0.2.53:53, ID 7, with EDNS.
fn question(name: &str) -> Request {
    let mut request = request(name, RecordType::AAAA);
    let mut edns = Edns::new();
    edns.set_max_payload(1400).set_dnssec_ok(true);
    Arc::make_mut(&mut request.message).set_edns(edns);
    request
}

#[test]
fn asks_about_the_question() {
    let known = || Values::from([("a/b".to_owned(), "c".to_owned())]);
    for (lines, expected) in [
        ("", true),
        ("expr true", true),
        ("expr false", false),
        ("expr true\nexpr false", false),
        ("expr 1", false),
        ("expr name()", false),
        ("expr int(name()) > 1", false),
        ("expr incidr('invalid', '10.0.0.0/8')", false),
        ("expr false || incidr(name(), '10.0.0.0/8')", false),
        ("expr type() == 'AAAA'", true),
        ("expr name() == 'www.example.org.'", true),
        ("expr name() endsWith '.example.org.'", true),
        ("expr name() matches '^w+[.]'", true),
        ("expr class() == 'IN'", true),
        ("expr proto() == 'udp'", true),
        ("expr size() == 33", true),
        ("expr client_ip() == '192.0.2.1'", true),
        ("expr incidr(client_ip(), '192.0.2.0/24')", true),
        ("expr incidr(client_ip(), '192.0.3.0/24')", false),
        ("expr incidr(client_ip(), '2001:db8::/32')", false),
        ("expr incidr('::ffff:192.0.2.1', '192.0.2.0/24')", true),
        ("expr incidr('2001:db8::1', '2001:db8::/32')", true),
        ("expr incidr('10.0.0.1', '::ffff:10.0.0.0/104')", true),
        ("expr port() == '40000'", true),
        ("expr id() == 7", true),
        ("expr opcode() == 0", true),
        ("expr do()", true),
        ("expr bufsize() == 1400", true),
        ("expr server_ip() == '192.0.2.53'", true),
        ("expr server_port() == '53'", true),
        ("expr metadata('a/b') == 'c'", true),
        ("expr metadata('a/c') == ''", true),
        ("expr \"any(['x', 'www'], {name() startsWith #})\"", true),
        ("expr now().Hour() in 0..23 && now() > date('2024-02-03')", true),
        ("expr duration('1h30m').Minutes() == 90", true),
        ("expr fromJSON('[1, 2]')[1] == 2", true),
        ("expr toBase64('hi') == 'aGk='", true),
        ("expr let label = split(name(), '.')[0]; label == 'www'", true),
    ] {
        let asked = question("WWW.Example.org");
        assert_eq!(view(lines).takes(&asked, &known), expected, "{lines}");
    }
    let plain = Request { transport: Transport::Tcp, ..request("a", RecordType::A) };
    for lines in ["expr not do()", "expr bufsize() == 65535", "expr proto() == 'tcp'"] {
        assert!(view(lines).takes(&plain, &known), "{lines}");
    }
    let plain = request("a", RecordType::A);
    assert!(view("expr bufsize() == 512").takes(&plain, &known));
}

#[test]
fn asks_for_metadata_only_where_an_expression_does() {
    let nothing = || panic!("nobody asks for it");
    assert!(
        view("expr name() == 'a.' || metadata('a/b') == 'c'")
            .takes(&request("a", RecordType::A), &nothing)
    );
}

#[tokio::test]
async fn tells_its_name_and_hands_on() {
    let (mut chain, _) = testing::setup("view office", NAME, setup).unwrap();
    let asked = request("a", RecordType::A);
    let outcome = testing::ask(&mut chain, &asked).await;
    assert_eq!(shown(&outcome), "failed NotImp");

    // Only a block with `metadata` collects any.
    assert!(metadata::collect(&chain.plugins, &asked).is_empty());
    let (with, _) = testing::setup("metadata", "metadata", metadata::setup).unwrap();
    chain.plugins.splice(0..0, with.plugins);
    let known = metadata::collect(&chain.plugins, &asked);
    assert_eq!(known.get("view/name").map(String::as_str), Some("office"));
}
