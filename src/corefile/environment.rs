//! Environment variables in words: `{$NAME}` and `{%NAME%}`.
//!
//! They are replaced within one word after the text is split, so a value is never split again and
//! never becomes a brace or an `import`. A variable that is not set is empty, as in CoreDNS, but warned
//! about: the same rule eats what a template writes as `{{$y := 1}}`.

use super::{Diagnostic, Token, diagnostics::quote};

/// The value of a variable of this process.
pub(super) fn of_process(name: &str) -> Option<String> {
    // A name that is empty or has '=' or NUL cannot exist, and the standard library may panic at it.
    if name.is_empty() || name.contains(['=', '\0']) {
        return None;
    }
    Some(std::env::var_os(name)?.to_string_lossy().into_owned())
}

/// `token` with its variables replaced. A value may name variables in turn.
pub(super) fn expand(
    token: &Token,
    env: &dyn Fn(&str) -> Option<String>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<Token, Diagnostic> {
    let mut text = token.text.clone();
    for (open, close) in [("{%", "%}"), ("{$", "}")] {
        // Values that name each other would go on for ever, or double at each step.
        let mut steps = 0;
        while let Some((reference, name)) = first_reference(&text, open, close) {
            steps += 1;
            if steps > 100 || text.len() > 1 << 20 {
                return Err(Diagnostic::new(
                    token.at.clone(),
                    format!(
                        "the environment variables in {} name each other without end",
                        quote(&token.text)
                    ),
                    "give one of them a plain value",
                ));
            }
            let value = env(&name).unwrap_or_else(|| {
                warnings.push(Diagnostic::new(
                    token.at.clone(),
                    format!("the environment variable {} is not set", quote(&name)),
                    "set it, or take it out; it is read as empty",
                ));
                String::new()
            });
            text = text.replace(&reference, &value);
        }
    }
    Ok(Token { text, at: token.at.clone() })
}

/// The first `{$NAME}` of `text`, and its NAME. An empty name ends the search, as in CoreDNS.
fn first_reference(text: &str, open: &str, close: &str) -> Option<(String, String)> {
    let (_, after) = text.split_once(open)?;
    let (name, _) = after.split_once(close)?;
    (!name.is_empty()).then(|| (format!("{open}{name}{close}"), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::corefile::Position;

    fn expanded(text: &str) -> (Result<String, String>, usize) {
        let env = |name: &str| match name {
            "A" => Some("a".to_owned()),
            "SPACED" => Some("a b".to_owned()),
            "NESTED" => Some("<{$A}>".to_owned()),
            "LOOP" => Some("{$LOOP}{$LOOP}".to_owned()),
            _ => None,
        };
        let token =
            Token { text: text.to_owned(), at: Position::new(Path::new("Corefile").into(), 1) };
        let mut warnings = Vec::new();
        let result = expand(&token, &env, &mut warnings);
        (result.map(|t| t.text).map_err(|e| e.to_string()), warnings.len())
    }

    #[test]
    fn replaces_inside_one_word() {
        for (text, expected, warnings) in [
            ("plain", "plain", 0),
            ("{$A}", "a", 0),
            ("{%A%}", "a", 0),
            ("x{$A}.{%A%}{$A}", "xa.aa", 0),
            ("{$SPACED}", "a b", 0),
            ("{$NONE}", "", 1),
            ("{%NONE%}x", "x", 1),
            ("{{$y := 1}}", "{}", 1),
            ("{$NESTED}", "<a>", 0),
            ("{%NESTED%}", "<a>", 0),
            ("{$}", "{$}", 0),
            ("{%%}", "{%%}", 0),
            ("{$A", "{$A", 0),
            ("{$} {$A}", "{$} {$A}", 0),
        ] {
            assert_eq!(expanded(text), (Ok(expected.to_owned()), warnings), "{text}");
        }
        assert!(expanded("{$LOOP}").0.is_err());
    }

    #[test]
    fn impossible_names_are_not_set() {
        for name in ["", "a=b", "a\0b"] {
            assert_eq!(of_process(name), None);
        }
    }
}
