use super::*;

#[test]
fn takes_what_coredns_takes() {
    for text in [
        "true",
        "1",
        "name()",
        "name() == 'example.org.'",
        "'example.org.' == name()",
        "incidr(client_ip(), '10.0.0.0/8') && type() == 'A'",
        "not incidr(client_ip(), '10.0.0.0/8') or do()",
        "client_ip() | incidr('10.0.0.0/8')",
        "incidr(client_ip(), metadata('some/label'))",
        "metadata('view/name') startsWith 'off'",
        "name() matches '^(www|ftp)[.]'",
        "name() matches '^' + proto()",
        "type() in ['A', 'AAAA']",
        "any(['a.', 'b.'], {name() endsWith #})",
        "all([1, 2], # < size())",
        "let label = split(name(), '.')[0]; label == 'www'",
        "do() ? bufsize() > 1232 : true",
        "{a: 1, b: 2}.a == 1",
        "{'a': 1, b: 'c'}['a'] == 1",
        "if do() { id() > 5 } else { opcode() == 0 }",
        "len(name()) > 10 && lower(name()) == name() // x()",
        "int(port()) > 1023 && server_port() == '53' && server_ip() != class()",
    ] {
        assert!(compile(text).is_ok(), "{text}: {:?}", compile(text));
    }
}

#[test]
fn says_what_can_never_be_true() {
    for (text, expected) in [
        ("", "'' is no expression"),
        ("name() = 'x'", "'name() = 'x'' is no expression; write e.g. `expr incidr"),
        ("invalid expression", "is no expression"),
        ("true && nam() == 'x'", "unknown function 'nam'; did you mean 'name'?"),
        ("false && bogus()", "unknown function 'bogus'; a question has: type, name, class"),
        ("'x' | bogus()", "unknown function 'bogus'"),
        ("name == 'x'", "unknown variable 'name'; write name()"),
        ("incidr == 'x'", "unknown variable 'incidr'; write incidr(IP, CIDR)"),
        ("do() || example.org", "unknown variable 'example'; text stands in single quotes"),
        ("do() ? yes : true", "unknown variable 'yes'"),
        ("$env['name']", "unknown variable '$env'"),
        ("name(1) == 'x'", "'name' of the expression has 1 arguments; write name()"),
        (
            "incidr('10.0.0.0/8')",
            "'incidr' of the expression has 1 arguments; write incidr(IP, CIDR)",
        ),
        ("'x' | name()", "'name' of the expression has 1 arguments"),
        ("metadata()", "'metadata' of the expression has 0 arguments; write metadata(LABEL)"),
        ("incidr(client_ip(), '10.0.0.0')", "'10.0.0.0' of the expression is no network"),
        ("port() == 53", "'port' is text, and the expression compares it with a number; put"),
        ("53 == port()", "'port' is text, and the expression compares it with a number"),
        ("bufsize() > '1232'", "'bufsize' is a number, and the expression compares it with text"),
        ("do() == 'true'", "'do' is true or false, and the expression compares it with text"),
        ("metadata('a/b') == true", "'metadata' is text, and the expression compares it with true"),
        ("name() matches '('", "'(' of the expression is no regular expression"),
        ("{a: size()}.a == 1", "a map of the expression holds what is to be computed"),
        ("{a: 1, b: [1]}.a == 1", "a map of the expression holds what is to be computed"),
        ("now().Hour() > 8", "the function 'now' of the expression is not built in"),
        ("fromJSON('1') == 1", "the function 'fromJSON' of the expression is not built in"),
    ] {
        let wrong = compile(text).map(|_| text).unwrap_err();
        let said = format!("{}; {}", wrong.problem, wrong.remedy);
        assert!(said.contains(expected), "{text}: {said}");
    }
}

/// They are called without arguments to see whether they are there.
#[test]
fn knows_the_functions_of_the_language() {
    for name in [
        "trim",
        "trimPrefix",
        "trimSuffix",
        "upper",
        "lower",
        "split",
        "splitAfter",
        "replace",
        "repeat",
        "indexOf",
        "lastIndexOf",
        "hasPrefix",
        "hasSuffix",
        "all",
        "any",
        "one",
        "none",
        "map",
        "filter",
        "find",
        "findIndex",
        "findLast",
        "findLastIndex",
        "count",
        "sum",
        "reduce",
        "groupBy",
        "sort",
        "sortBy",
        "bitand",
        "bitor",
        "bitxor",
        "bitnand",
        "bitnot",
        "bitshl",
        "bitshr",
        "bitushr",
        "join",
        "first",
        "last",
        "take",
        "reverse",
        "uniq",
        "concat",
        "flatten",
        "int",
        "float",
        "string",
        "keys",
        "values",
        "len",
        "get",
        "toPairs",
        "fromPairs",
        "max",
        "min",
        "abs",
        "ceil",
        "floor",
        "round",
        "mean",
        "median",
    ] {
        assert!(of_language(name).is_ok(), "{name}");
    }
}
