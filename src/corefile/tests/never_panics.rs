use proptest::prelude::*;

use super::parsed;
use crate::corefile::{
    Line, Position, Token, parse, parse_bool, parse_duration, parse_ip, parse_listen_address,
    parse_network, parse_number, parse_zone,
};

/// Texts made of what the grammar knows, so that they get further than random letters.
fn corefile_like() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        3 => Just("\n"), 3 => Just(" "), 2 => Just("{"), 2 => Just("}"), 1 => Just(" {\n"), 1 => Just("\n}\n"),
        1 => Just("import"), 1 => Just("import s\n"), 1 => Just("(s)"), 1 => Just("\""), 1 => Just("\\"),
        1 => Just("#"), 1 => Just(","), 1 => Just("."), 1 => Just(":53"), 1 => Just("a.test"),
        1 => Just("tls://"), 1 => Just("10.0.0.0/9"), 1 => Just("2001:db8::/29"), 1 => Just("{$ZONE}"),
        1 => Just("{%"), 1 => Just("\r"), 1 => Just("\u{a0}"), 1 => Just("é"), 1 => Just("hosts"),
    ];
    prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

fn checked(text: &str) {
    let last = u32::try_from(text.matches('\n').count()).unwrap() + 1;
    let in_range = |at: &Position| assert!((1..=last).contains(&at.line), "{at} in {text:?}");
    let corefile = match parse(
        std::path::Path::new("Corefile"),
        text,
        &crate::corefile::ParseOptions::default(),
    ) {
        Ok(corefile) => corefile,
        Err(error) => {
            in_range(&error.at);
            assert!(!error.to_string().contains('\n'));
            return;
        }
    };
    corefile.warnings.iter().for_each(|warning| in_range(&warning.at));
    for block in &corefile.blocks {
        assert!(!block.keys.is_empty());
        in_range(&block.at);
        for key in &block.keys {
            assert!(key.zone.ends_with('.'), "{key}");
            in_range(&key.at);
        }
        for directive in &block.directives {
            in_range(directive.at());
            directive.args.iter().for_each(|word| in_range(&word.at));
            all_lines(directive.lines(), &in_range);
        }
    }
}

fn all_lines(lines: &[Line], in_range: &dyn Fn(&Position)) {
    for line in lines {
        assert!(!line.words.is_empty());
        line.words.iter().for_each(|word| in_range(&word.at));
        all_lines(line.lines(), in_range);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn on_any_text(text in any::<String>()) {
        checked(&text);
    }

    #[test]
    fn on_texts_like_corefiles(text in corefile_like()) {
        checked(&text);
        // Reading is a function of the text.
        prop_assert_eq!(format!("{:?}", parsed(&text)), format!("{:?}", parsed(&text)));
    }

    #[test]
    fn on_values(text in prop_oneof![any::<String>(), "[-+.0-9a-z:/\\[\\]µ%]{0,20}"]) {
        let at = Position::new(std::path::Path::new("Corefile").into(), 1);
        let word = Token { text, at };
        let _ = parse_duration(&word);
        let _ = parse_bool(&word);
        let _ = parse_ip(&word);
        let _ = parse_network(&word);
        let _ = parse_listen_address(&word);
        let _ = parse_number(&word, "number", 0..=u16::MAX);
        if let Ok(zones) = parse_zone(&word) {
            prop_assert!((1..=128).contains(&zones.len()));
        }
    }
}
