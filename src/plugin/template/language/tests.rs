use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;

/// What stands for the data of a question.
#[derive(Debug)]
struct Data;

impl Object for Data {
    fn type_name(&self) -> &'static str {
        "*template.templateData"
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "Name" => "a.example.".into(),
            "Match" => Value::texts(["a.b".to_owned(), "a".to_owned(), String::new()]),
            "Group" => {
                let pairs = [("a", "10"), ("x", "ff"), ("none", "")];
                let pairs = pairs.map(|(name, value)| (name.to_owned(), value.into()));
                Value::Map(Map { values: Arc::new(BTreeMap::from(pairs)), of: "string" })
            }
            "Var" => {
                let pairs = [("n", Value::Int(3)), ("t", true.into()), ("f", Value::Float(1.5))];
                let pairs = pairs.map(|(name, value)| (name.to_owned(), value));
                Value::Map(Map { values: Arc::new(BTreeMap::from(pairs)), of: "any" })
            }
            "Qtype" => 28_u16.into(),
            "Self" => Value::Object(Arc::new(Data)),
            _ => return None,
        })
    }

    fn method(&self, name: &str) -> Option<Method<'_>> {
        match name {
            "Meta" => Some(Method::OfText(Box::new(|label| format!("<{label}>").into()))),
            "Nine" => Some(Method::Gives(Value::Int(9))),
            _ => None,
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

fn written(text: &str) -> String {
    let template = match Template::parse("answer", text) {
        Ok(template) => template,
        Err(wrong) => return format!("no template: {wrong}"),
    };
    match template.execute(Value::Object(Arc::new(Data))) {
        Ok(text) => text,
        Err(failed) => failed.to_string(),
    }
}

#[test]
fn writes_what_go_writes() {
    for (text, expected) in [
        ("plain", "plain"),
        ("{{ .Name }} 60 IN A 10.0.0.1", "a.example. 60 IN A 10.0.0.1"),
        ("a {{- .Name -}} b", "aa.example.b"),
        ("a {{- /* no */ -}} b", "ab"),
        ("{{/* no */}}x", "x"),
        ("{{ index .Match 1 }}", "a"),
        ("{{ .Match }}", "[a.b a ]"),
        ("{{ .Group }}", "map[a:10 none: x:ff]"),
        ("{{ .Group.a }}.{{ .Group.missing }}", "10.<no value>"),
        ("{{ index .Group \"missing\" }}|{{ index .Var \"missing\" }}", "|<no value>"),
        ("{{ parseInt .Group.x 16 8 }}", "255"),
        ("{{ parseInt \"0x_f\" 0 64 }}", "15"),
        ("{{ .Group.x | printf \"%s-%s\" .Group.a }}", "10-ff"),
        ("{{ printf \"%03d %x %v %q\" 7 255 .Match .Name }}", "007 ff [a.b a ] \"a.example.\""),
        ("{{ if eq .Name \"b\" \"a.example.\" }}yes{{ else }}no{{ end }}", "yes"),
        ("{{ if ne .Qtype 28 }}a{{ else if gt .Qtype 20 }}b{{ else }}c{{ end }}", "b"),
        ("{{ with .Group.a }}{{ . }}{{ $.Name }}{{ end }}", "10a.example."),
        ("{{ with .Group.none }}x{{ else with .Name }}{{ . }}{{ end }}", "a.example."),
        ("{{ range .Match }}<{{ . }}>{{ end }}", "<a.b><a><>"),
        ("{{ range $i, $m := .Match }}{{ $i }}={{ $m }} {{ end }}", "0=a.b 1=a 2= "),
        ("{{ range $k, $v := .Group }}{{ $k }}:{{ $v }};{{ end }}", "a:10;none:;x:ff;"),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        ("{{ range .Match }}{{ if eq . \"a\" }}{{ break }}{{ end }}{{ . }}{{ end }}", "a.b"),
        (
            "{{ range .Match }}{{ if eq . \"a\" }}{{ continue }}{{ end }}({{ . }}){{ end }}",
            "(a.b)()",
        ),
        ("{{ range .Group.missing }}x{{ else }}none{{ end }}", "none"),
        ("{{ $x := .Name }}{{ $x }}", "a.example."),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ and .Name .Group.none }}|{{ or .Group.none \"x\" }}|{{ not .Name }}", "|x|false"),
        ("{{ len .Match }} {{ len .Name }} {{ len .Group }}", "3 10 3"),
        ("{{ slice .Name 2 9 }} {{ slice .Match 1 2 }}", "example [a]"),
        ("{{ print 1 2 \"a\" 3 4.5 }}", "1 2a3 4.5"),
        ("{{ println 1 \"a\" }}", "1 a\n"),
        (
            "{{ html \"<a&'\\\">\" }} {{ js \"'=\" }} {{ urlquery \"a b*~/\" }}",
            "&lt;a&amp;&#39;&#34;&gt; \\'\\u003D a+b%2A~%2F",
        ),
        ("{{ .Meta \"kubernetes/x\" }} {{ \"y\" | .Meta }} {{ .Nine }}", "<kubernetes/x> <y> 9"),
        (
            "{{ .Self.Self.Name }} {{ (.Self).Group.a }} {{ $.Self.Name }}",
            "a.example. 10 a.example.",
        ),
        ("{{ .Var.n }} {{ .Var.t }} {{ .Var.f }} {{ .Var.x }}", "3 true 1.5 <no value>"),
        (
            "{{ 0x10 }} {{ 1_000 }} {{ 'a' }} {{ 1e3 }} {{ 1e21 }} {{ .5 }} {{ -3 }}",
            "16 1000 97 1000 1e+21 0.5 -3",
        ),
        ("{{ `raw\\n` }}{{ \"a\\tb\\u00e9\\x41\" }}", "raw\\na\tb\u{e9}A"),
        ("{{ define \"t\" }}[{{ . }}]{{ end }}{{ template \"t\" .Name }}", "[a.example.]"),
        ("{{ block \"t\" .Name }}({{ . }}){{ end }}", "(a.example.)"),
        (
            "{{ eq 1 1.0 }}",
            "template: answer:1:3: executing \"answer\" at <eq 1 1.0>: error calling eq: incompatible types for comparison: int and float64",
        ),
        ("{{ eq .Var.missing nil }} {{ if .Var.missing }}a{{ end }}", "true "),
        ("{{ lt \"a\" \"b\" }} {{ ge 2 2 }} {{ le 3 2 }}", "true true false"),
        ("{{ if and (eq 1 1) (or false (ne \"a\" \"b\")) }}x{{ end }}", "x"),
    ] {
        assert_eq!(written(text), expected, "{text}");
    }
}

#[test]
fn fails_in_the_words_of_go() {
    for (text, expected) in [
        (
            "a {{ .Nam }}",
            "template: answer:1:5: executing \"answer\" at <.Nam>: can't evaluate field Nam in type *template.templateData",
        ),
        (
            "{{ .Name.X }}",
            "template: answer:1:8: executing \"answer\" at <.Name.X>: can't evaluate field X in type string",
        ),
        (
            "{{ index .Match 9 }}",
            "template: answer:1:3: executing \"answer\" at <index .Match 9>: error calling index: index out of range: 9",
        ),
        (
            "{{ index .Match 3 }}",
            "template: answer:1:3: executing \"answer\" at <index .Match 3>: error calling index: reflect: slice index out of range",
        ),
        (
            "{{ parseInt .Name 16 8 }}",
            "template: answer:1:3: executing \"answer\" at <parseInt .Name 16 8>: error calling parseInt: strconv.ParseUint: parsing \"a.example.\": invalid syntax",
        ),
        (
            "{{ parseInt \"100\" 16 8 }}",
            "template: answer:1:3: executing \"answer\" at <parseInt \"100\" 16 8>: error calling parseInt: strconv.ParseUint: parsing \"100\": value out of range",
        ),
        (
            "{{ parseInt .Group.missing 16 8 }}",
            "template: answer:1:18: executing \"answer\" at <.Group.missing>: invalid value; expected string",
        ),
        (
            "{{ parseInt 5 16 8 }}",
            "template: answer:1:12: executing \"answer\" at <5>: expected string; found 5",
        ),
        (
            "{{ parseInt .Name 16 }}",
            "template: answer:1:3: executing \"answer\" at <parseInt>: wrong number of args for parseInt: want 3 got 2",
        ),
        (
            "{{ printf }}",
            "template: answer:1:3: executing \"answer\" at <printf>: wrong number of args for printf: want at least 1 got 0",
        ),
        (
            "x\ny {{ .Meta 5 }}",
            "template: answer:2:11: executing \"answer\" at <5>: expected string; found 5",
        ),
        (
            "{{ .Meta }}",
            "template: answer:1:3: executing \"answer\" at <.Meta>: wrong number of args for Meta: want 1 got 0",
        ),
        (
            "{{ .Name 5 }}",
            "template: answer:1:3: executing \"answer\" at <.Name>: Name has arguments but cannot be invoked as function",
        ),
        (
            "{{ .Group.a 5 }}",
            "template: answer:1:9: executing \"answer\" at <.Group.a>: a is not a method but has arguments",
        ),
        (
            "{{ 5 .Name }}",
            "template: answer:1:3: executing \"answer\" at <5>: can't give argument to non-function 5",
        ),
        ("{{ nil }}", "template: answer:1:3: executing \"answer\" at <nil>: nil is not a command"),
        (
            "{{ len 3 }}",
            "template: answer:1:3: executing \"answer\" at <len 3>: error calling len: len of type int",
        ),
        (
            "{{ lt true false }}",
            "template: answer:1:3: executing \"answer\" at <lt true false>: error calling lt: invalid type for comparison",
        ),
        (
            "{{ template \"x\" }}",
            "template: answer:1:12: executing \"answer\" at <{{template \"x\"}}>: template \"x\" not defined",
        ),
        (
            "{{ $x = 5 }}",
            "template: answer:1:8: executing \"answer\" at <5>: undefined variable: $x",
        ),
        (
            "{{ 18446744073709551615 }}",
            "template: answer:1:3: executing \"answer\" at <18446744073709551615>: 18446744073709551615 overflows int",
        ),
    ] {
        assert_eq!(written(text), expected, "{text}");
    }
}

#[test]
fn says_what_is_no_template() {
    for (text, expected) in [
        ("{{ .Name", "an action does not end"),
        ("{{ }}", "an action has no value"),
        ("{{ if }}x{{ end }}", "an `if` has no value"),
        ("{{ if .Name }}x", "an `end` is missing"),
        ("{{ end }}", "an `end` or `else` ends nothing"),
        ("{{ else }}", "an `end` or `else` ends nothing"),
        ("{{ if 1 }}{{ else }}{{ else }}{{ end }}", "an `else` follows an `else`"),
        ("{{ .Name | \"x\" }}", "\"x\" takes no value from a '|'"),
        ("{{ nosuch }}", "there is no function \"nosuch\""),
        ("{{ $x }}", "there is no variable \"$x\""),
        ("{{ \"x }}", "a string does not end"),
        ("{{ \"\\q\" }}", "is no string"),
        ("{{ (1 }}", "a parenthesis is not closed"),
        ("{{ 1) }}", "a parenthesis was not opened"),
        ("{{ 3i }}", "complex number"),
        ("{{ 1.2.3 }}", "1.2.3 is no number"),
        ("{{ 99999999999999999999 }}", "is no number"),
        ("{{ break }}", "a `break` is in no `range`"),
        ("{{ /* x }}", "\"/\" stands in an action"),
        ("{{/* x }}", "a comment does not end"),
        ("{{ .a+b }}", "'+' stands in a name"),
        ("{{ 5.Name }}", "is no number"),
        ("{{ \"x\".Name }}", "\"x\" has no fields"),
        ("{{ template x }}", "stands in the name of a template"),
        ("{{ \u{e9}# }}", "'#' stands in a name"),
    ] {
        let said = written(text);
        assert!(said.starts_with("no template") && said.contains(expected), "{text}: {said}");
    }
}

#[test]
fn spells_templates_as_go_does() {
    for (text, expected) in [
        ("{{ .Name }} 60 IN A {{- .Group.a -}} x", "{{.Name}} 60 IN A{{.Group.a}}x"),
        (
            "{{  parseInt   .Group.b 16 8 | printf `%d` }}",
            "{{parseInt .Group.b 16 8 | printf `%d`}}",
        ),
        (
            "{{ if eq .A 1 }}a{{ else if .B }}b{{ else }}c{{ end }}",
            "{{if eq .A 1}}a{{else}}{{if .B}}b{{else}}c{{end}}{{end}}",
        ),
        (
            "{{ range $i,$m := .Match }}{{ $m.X }}{{ end }}",
            "{{range $i, $m := .Match}}{{$m.X}}{{end}}",
        ),
        (
            "{{ with (index .M 1).X }}{{ . }}{{ end }}{{/* c */}}",
            "{{with (index .M 1).X}}{{.}}{{end}}",
        ),
        (
            "{{ template \"t\" (not true) }}{{ $x = nil | print }}",
            "{{template \"t\" (not true)}}{{$x = nil | print}}",
        ),
    ] {
        match Template::parse("answer", text) {
            Ok(template) => assert_eq!(template.spelled(), expected, "{text}"),
            Err(_) => assert_eq!(expected, "no", "{text}"),
        }
    }
}

#[test]
fn prints_by_verbs() {
    for (text, expected) in [
        ("printf \"%5d|%-5d|%05d|%+d|% d\" 42 42 42 42 42", "   42|42   |00042|+42| 42"),
        ("printf \"%x %X %o %b %c %U %#x\" 255 255 8 5 65 65 10", "ff FF 10 101 A U+0041 0xa"),
        (
            "printf \"%s|%5s|%-5s|%.2s|%x\" \"abc\" \"abc\" \"abc\" \"abc\" \"abc\"",
            "abc|  abc|abc  |ab|616263",
        ),
        (
            "printf \"%f %.2f %e %g %6.1f\" 1.5 1.5 1500.0 0.00001 2.25",
            "1.500000 1.50 1.500000e+03 1e-05    2.2",
        ),
        ("printf \"%t %v %T\" true false 1", "true false int"),
        ("printf \"%d\" \"a\"", "%!d(string=a)"),
        ("printf \"%s\" 5", "%!s(int=5)"),
        ("printf \"%d %d\" 1", "1 %!d(MISSING)"),
        ("printf \"%d\" 1 \"x\"", "1%!(EXTRA string=x)"),
        ("printf \"%[2]d %[1]d\" 1 2", "2 1"),
        ("printf \"%[5]d\" 1", "%!d(BADINDEX)"),
        ("printf \"%*d\" 4 1", "   1"),
        ("printf \"100%%\"", "100%"),
        ("printf \"%\"", "%!(NOVERB)"),
        ("printf \"%v\" nil", "<nil>"),
        ("printf \"%.3d|%3c\" 5 65", "005|  A"),
        ("printf \"%q %v\" .Match .Group", "[\"a.b\" \"a\" \"\"] map[a:10 none: x:ff]"),
        ("printf \"%.3g %g\" 1234.5 100000.0", "1.23e+03 100000"),
    ] {
        assert_eq!(written(&format!("{{{{ {text} }}}}")), expected, "{text}");
    }
}
