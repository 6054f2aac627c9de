use super::*;

/// The tokens of a text, in short: kind and text, with the place of the last.
fn tokens(text: &str) -> String {
    let mut lexer = Lexer::new(text.as_bytes());
    let mut shown = Vec::new();
    loop {
        let token = lexer.next();
        let text = String::from_utf8_lossy(&token.text).into_owned();
        shown.push(match token.kind {
            Kind::Blank => "_".to_owned(),
            Kind::Newline => "/".to_owned(),
            Kind::Quote => "Q".to_owned(),
            Kind::Owner => format!("owner:{text}"),
            Kind::Word => text,
            Kind::Type(rtype) => format!("type:{rtype}"),
            Kind::Class(class) => format!("class:{class}"),
            Kind::Wrong(what) => format!("wrong:{what} {}:{}", token.at.line, token.at.column),
            Kind::End => break,
        });
    }
    shown.join(" ")
}

#[test]
fn words_are_what_their_place_makes_them() {
    for (text, expected) in [
        ("a IN A 1.2.3.4\n", "owner:a _ class:1 _ type:1 _ 1.2.3.4 /"),
        ("  60 mx 10 A\n", "_ 60 _ type:15 _ 10 _ A /"),
        ("A\n", "type:1 /"),
        ("a\n", "type:1 /"),
        ("x\n", "x /"),
        ("x ; IN A\ny", "owner:x _ / y"),
        ("x A;c\n", "owner:x _ A /"),
        ("x TYPE62000 \\# 0\n", "owner:x _ type:62000 _ \\# _ 0 /"),
        ("x TYPE62000\n", "owner:x _ TYPE62000 /"),
        ("x CLASS32 A b\n", "owner:x _ class:32 _ type:1 _ b /"),
        ("x TYPE99999 b\n", "owner:x _ wrong:unknown RR type 1:12"),
        ("x ANY b\n", "owner:x _ class:255 _ b /"),
        ("a TXT \"b c\\\"\" d\n", "owner:a _ type:16 _ Q b c\\\" Q _ d /"),
        ("a TXT \"b\nc\"\n", "owner:a _ type:16 _ Q b\nc Q /"),
        ("a\\ b A c\n", "owner:a\\ b _ type:1 _ c /"),
        ("a SOA ( b\n c ; d\n e )\n", "owner:a _ type:6 _ b _ c _ e _ /"),
        ("a (b\nc)\n", "owner:a _ bc /"),
        ("a )\n", "owner:a _ wrong:extra closing brace 1:3"),
        ("a ( b", "owner:a _ b wrong:unbalanced brace 1:5"),
        ("a\r\nb A c\r\n", "type:1 / owner:b _ type:1 _ c /"),
        ("x ; end", "owner:x _ /"),
        ("", ""),
    ] {
        assert_eq!(tokens(text), expected, "{text:?}");
    }
}

#[test]
fn places_are_those_of_the_last_octet() {
    let mut lexer = Lexer::new(b"ab A\n  c");
    let places: Vec<_> = std::iter::from_fn(|| {
        let token = lexer.next();
        (token.kind != Kind::End).then_some((token.at.line, token.at.column))
    })
    .collect();
    assert_eq!(places, [(1, 3), (1, 3), (1, 4), (1, 4), (2, 1), (2, 3)]);
}

#[test]
fn what_is_peeked_is_read() {
    let mut lexer = Lexer::new(b"a b\n");
    assert_eq!(lexer.peek().kind, Kind::Owner);
    assert_eq!(lexer.next().kind, Kind::Owner);
    assert_eq!(lexer.peek().kind, Kind::Blank);
    assert_eq!(lexer.peek().kind, Kind::Blank);
    assert_eq!(lexer.next().kind, Kind::Blank);
    assert_eq!(lexer.next().text, b"b");
}
