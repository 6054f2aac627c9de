//! What stands before the block of a server or a snippet: its keys, or its name.

use super::{Diagnostic, Position, Token, braces::stray_brace, import::Source};

/// The words before a block, and where its `{` stands if it has one.
pub(super) struct Heading {
    /// At least one.
    pub(super) words: Vec<Token>,
    pub(super) open: Option<Position>,
}

impl Heading {
    /// Reads the words before a block's `{`, and that brace if there is one. `None` at the end.
    pub(super) fn read(source: &mut Source<'_>) -> Result<Option<Self>, Diagnostic> {
        let mut words: Vec<Token> = Vec::new();
        let mut comma: Option<Position> = None;
        loop {
            let Some(word) = source.peek() else {
                return match comma {
                    Some(at) => Err(after_comma(at)),
                    None if words.is_empty() => Ok(None),
                    None => Ok(Some(Self { words, open: None })),
                };
            };
            let at = word.token.at.clone();
            if word.is("{") {
                if let Some(at) = comma {
                    return Err(after_comma(at));
                }
                if words.is_empty() {
                    return Err(Diagnostic::new(
                        at,
                        "a server block without a zone",
                        "write the zones before the '{', e.g. `.:53 {`",
                    ));
                }
                source.take();
                return Ok(Some(Self { words, open: Some(at) }));
            }
            if word.starts_line && comma.is_none() && !words.is_empty() {
                return Ok(Some(Self { words, open: None }));
            }
            if word.is("}") {
                return Err(stray_brace(&at));
            }
            if word.starts_line && word.is("import") {
                source.import()?;
                continue;
            }
            let raw = word.token.clone();
            source.take();
            let mut key = source.expand(&raw)?;
            if key.text.is_empty() {
                source.warnings.push(Diagnostic::new(
                    at,
                    "an empty word where a zone is expected",
                    "write a zone, or take it out; it is skipped",
                ));
                continue;
            }
            comma = key.text.ends_with(',').then(|| at.clone());
            if comma.is_some() {
                key.text.pop();
            }
            if key.text.is_empty() {
                return Err(Diagnostic::new(
                    at,
                    "a comma without a zone before it",
                    "write the comma at the end of a zone, or leave commas out",
                ));
            }
            words.push(key);
        }
    }

    /// The name of a snippet if that is what these words before a `{` are.
    pub(super) fn snippet_name(&self) -> Result<Option<Token>, Diagnostic> {
        let keys = &self.words;
        let name = |key: &Token| {
            let name = key.text.strip_prefix('(')?.strip_suffix(')')?;
            Some(name.to_owned())
        };
        let Some((snippet, text)) = keys.iter().find_map(|key| Some((key, name(key)?))) else {
            return Ok(None);
        };
        if text.is_empty() || keys.len() > 1 {
            return Err(Diagnostic::new(
                snippet.at.clone(),
                "a snippet needs one name, and nothing beside it",
                "write `(NAME) {`",
            ));
        }
        Ok(Some(Token { text, at: snippet.at.clone() }))
    }
}

fn after_comma(at: Position) -> Diagnostic {
    Diagnostic::new(at, "no zone follows the comma", "write another zone, or take the comma out")
}
