use hickory_proto::rr::RecordType;

use super::*;
use crate::plugin::testing::{self, request, shown};

#[test]
fn reads_its_words() {
    let long = format!("template IN A {{\nmatch {}\n}}", "a".repeat(10_001));
    for (lines, expected) in [
        ("template IN A", Ok("1")),
        ("template ANY ANY a.test b.test {\nrcode NXDOMAIN\n}", Ok("1")),
        ("template IN A\ntemplate IN AAAA", Ok("1")),
        ("template IN A {\nupstream\nfallthrough a b\nederror 21\n}", Ok("1")),
        ("template IN A {\nvar n 1\nvar m n + 1\nexpr m == 2 && group('a') == ''\n}", Ok("1")),
        ("template", Err("write `template CLASS TYPE [ZONE...]`")),
        ("template IN", Err("write `template CLASS TYPE [ZONE...]`")),
        ("template in A", Err("'in' is no class; write IN, or ANY")),
        ("template IN a", Err("'a' is no type")),
        ("template IN A a..b", Err("a..b")),
        ("template IN A {\nnotavailable\n}", Err("unknown property of template 'notavailable'")),
        ("template IN A {\nmatch\n}", Err("write `match REGEX...`")),
        ("template IN A {\nmatch (\n}", Err("'(' is no regular expression")),
        ("template IN A {\nmatch a**\n}", Err("'a**' is no regular expression")),
        (&*long, Err("a pattern has 10001 letters")),
        ("template IN A {\nanswer\n}", Err("write `answer RECORD`")),
        ("template IN A {\nanswer \"{{\"\n}", Err("'{{' is no template: an action does not end")),
        ("template IN A {\nauthority \"{{ nosuch }}\"\n}", Err("there is no function \"nosuch\"")),
        ("template IN A {\nrcode\n}", Err("write `rcode CODE`")),
        ("template IN A {\nrcode nxdomain\n}", Err("'nxdomain' is no response code")),
        ("template IN A {\nederror x\n}", Err("'x' is no code of an Extended DNS Error")),
        ("template IN A {\nederror 1 a b\n}", Err("write `ederror CODE [REASON]`")),
        ("template IN A {\nvar n\n}", Err("write `var NAME EXPRESSION`")),
        ("template IN A {\nvar 1n 1\n}", Err("'1n' is no name of a variable")),
        ("template IN A {\nvar len 1\n}", Err("'len' is a word or a function")),
        ("template IN A {\nvar name 1\n}", Err("'name' is a word or a function")),
        ("template IN A {\nvar not 1\n}", Err("'not' is a word or a function")),
        ("template IN A {\nvar group 1\n}", Err("'group' is a word or a function")),
        ("template IN A {\nvar n nosuch\n}", Err("unknown variable 'nosuch'")),
        ("template IN A {\nexpr n == 1\nvar n 1\n}", Err("unknown variable 'n'")),
        ("template IN A {\nvar n 'a'\nexpr not n\n}", Err("the expression fails")),
        ("template IN A {\nexpr group()\n}", Err("'group' of the expression has 0 arguments")),
        ("template IN A {\nexpr\n}", Err("write `expr EXPRESSION`")),
    ] {
        testing::check(lines, NAME, setup, expected, |chain, _| chain.plugins.len().to_string());
    }
}

/// The answers of a chain with `lines` for each question.
async fn ask(lines: &str, cases: &[(&str, RecordType, &str)]) {
    let (mut chain, _) = testing::setup_in("example.", lines, NAME, setup).unwrap();
    for (name, qtype, expected) in cases {
        let outcome = testing::ask(&mut chain, &request(name, *qtype)).await;
        assert_eq!(shown(&outcome), *expected, "{name} {qtype}: {lines}");
    }
}

#[tokio::test]
async fn makes_records_of_names() {
    let lines = r#"template IN A example {
        match (^|[.])ip-(?P<a>[0-9]*)-(?P<b>[0-9]*)-(?P<c>[0-9]*)-(?P<d>[0-9]*)[.]example[.]$
        answer "{{ .Name }} 60 IN A {{ .Group.a }}.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"
        fallthrough
    }
    template IN PTR 10.in-addr.arpa {
        match ^(?P<d>[0-9]*)[.](?P<c>[0-9]*)[.](?P<b>[0-9]*)[.](?P<a>[0-9]*)[.]in-addr[.]arpa[.]$
        answer "{{ .Name }} IN PTR ip-{{ index .Match 4 }}-{{ .Group.b }}-{{ .Group.c }}-{{ .Group.d }}.example"
    }"#;
    ask(
        lines,
        &[
            (
                "IP-10-1-2-3.Example",
                RecordType::A,
                "NoError aa: ip-10-1-2-3.example. 60 A 10.1.2.3",
            ),
            (
                "x.ip-10-1-2-3.example",
                RecordType::A,
                "NoError aa: x.ip-10-1-2-3.example. 60 A 10.1.2.3",
            ),
            (
                "ip-10-1-2-3.example",
                RecordType::ANY,
                "NoError aa: ip-10-1-2-3.example. 60 A 10.1.2.3",
            ),
            ("ip-10-1-2-3.example", RecordType::AAAA, "failed NotImp"),
            ("other.example", RecordType::A, "failed NotImp"),
            ("other.test", RecordType::A, "failed NotImp"),
            (
                "ip-999-1-2-3.example",
                RecordType::A,
                "failed ServFail: dns: bad A A: \"999.1.2.3\" at line: 1:39",
            ),
            (
                "3.2.1.10.in-addr.arpa",
                RecordType::PTR,
                "NoError aa: 3.2.1.10.in-addr.arpa. 3600 PTR ip-10-1-2-3.example.",
            ),
            ("1.10.in-addr.arpa", RecordType::PTR, "failed ServFail"),
        ],
    )
    .await;
}

#[tokio::test]
async fn asks_variables_and_conditions() {
    let lines = r#"template IN A example {
        match ^(?P<ip>[0-9]+-[0-9]+-[0-9]+-[0-9]+)[.]example[.]$
        var ip replace(group('ip'), '-', '.')
        var n int(group(1)[0:1])
        expr "any(['10.0.0.0/8', '192.168.0.0/16'], incidr(ip, #))"
        answer "{{ .Name }} {{ .Var.n }} IN A {{ .Var.ip }}"
        fallthrough
    }
    template IN TXT example {
        answer `x TXT "{{ len .Var }} {{ .Zone }} {{ .Class }} {{ .Type }} {{ .Remote }} {{ .Regex }}"`
    }
    template IN MX example {
        expr "incidr(name(), '10.0.0.0/8')"
        fallthrough
    }"#
    .replace('`', "\"")
    .replace("TXT \"{{", "TXT \\\"{{")
    .replace("}}\"\"", "}}\\\"\"");
    ask(
        &lines,
        &[
            ("10-0-0-1.example", RecordType::A, "NoError aa: 10-0-0-1.example. 1 A 10.0.0.1"),
            ("11-0-0-1.example", RecordType::A, "failed NotImp"),
            ("1000-0-0-1.example", RecordType::A, "failed ServFail"),
            (
                "a.example",
                RecordType::TXT,
                "NoError aa: x. 3600 TXT 0 example. IN TXT 192.0.2.1 .*",
            ),
            ("a.example", RecordType::MX, "failed ServFail"),
        ],
    )
    .await;
}

#[tokio::test]
async fn answers_with_codes_and_errors() {
    let lines = "template ANY ANY a.example {\nrcode NXDOMAIN\nauthority \"{{ .Zone }} 60 {{ .Class }} SOA ns.{{ .Zone }} h.{{ .Zone }} (1 60 60 60 60)\"\nederror 21 \"No\"\n}\ntemplate IN A b.example {\nrcode SERVFAIL\n}";
    let (mut chain, process) = testing::setup_in("example.", lines, NAME, setup).unwrap();
    let Ok(Reply::Message(message)) =
        testing::ask(&mut chain, &request("x.a.example", RecordType::MX)).await
    else {
        panic!("no message");
    };
    assert_eq!(message.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(
        message.authorities[0].to_string(),
        "a.example. 60 IN SOA ns.a.example. h.a.example. 1 60 60 60 60"
    );
    let edns = message.edns.unwrap();
    assert_eq!((edns.max_payload(), edns.flags().dnssec_ok), (4096, true));
    let outcome = testing::ask(&mut chain, &request("b.example", RecordType::A)).await;
    assert_eq!(shown(&outcome), "failed ServFail");
    let page = process.metrics.page();
    for line in [
        "coredns_template_matches_total{class=\"IN\",server=\"dns://:53\",type=\"MX\",view=\"\",zone=\"a.example.\"} 1",
        "coredns_template_matches_total{class=\"IN\",server=\"dns://:53\",type=\"A\",view=\"\",zone=\"b.example.\"} 1",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
}

#[tokio::test]
async fn counts_what_fails() {
    let lines = "template IN A {\nanswer \"{{ .Nam }} A 10.0.0.1\"\nfallthrough\n}\n\
        template IN AAAA {\nanswer \"{{ .Name  }} AAAA 10.0.0.1\"\n}\n\
        template IN MX {\nanswer \"{{ if false }}x{{ end }}\"\n}";
    let (mut chain, process) = testing::setup_in("example.", lines, NAME, setup).unwrap();
    for (qtype, expected) in [
        (
            RecordType::A,
            "template: answer:1:3: executing \"answer\" at <.Nam>: can't evaluate field Nam in type \
             *template.templateData",
        ),
        (RecordType::AAAA, "dns: bad AAAA AAAA: \"10.0.0.1\" at line: 1:24"),
        (RecordType::MX, "the template makes no record"),
    ] {
        let outcome = testing::ask(&mut chain, &request("a.example", qtype)).await;
        assert_eq!(shown(&outcome), format!("failed ServFail: {expected}"));
    }
    let page = process.metrics.page();
    for (family, template, qtype) in [
        ("template_failures", "{{.Nam}} A 10.0.0.1", "A"),
        ("rr_failures", "{{.Name}} AAAA 10.0.0.1", "AAAA"),
    ] {
        let line = format!(
            "coredns_template_{family}_total{{class=\"IN\",section=\"answer\",server=\"dns://:53\",\
             template=\"{template}\",type=\"{qtype}\",view=\"\",zone=\"example.\"}} 1"
        );
        assert!(page.contains(&line), "{line}: {page}");
    }
}
