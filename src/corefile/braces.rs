//! Braces that do not match.

use super::{Diagnostic, Position, lexer::Lexeme};

/// A file is imported for whole lines and blocks, so its braces must match within it.
pub(super) fn balanced(words: &[Lexeme]) -> Result<(), Diagnostic> {
    let mut open = Vec::new();
    for word in words {
        if word.is("{") {
            open.push(&word.token.at);
        } else if word.is("}") && open.pop().is_none() {
            return Err(stray_brace(&word.token.at));
        }
    }
    open.pop().map_or(Ok(()), |at| Err(unclosed(at)))
}

/// A `}` that closes nothing.
pub(super) fn stray_brace(at: &Position) -> Diagnostic {
    Diagnostic::new(
        at.clone(),
        "this '}' closes no block",
        "take it out, or open the block with a '{' at the end of a line",
    )
}

/// A `{` at `at` that nothing closes.
pub(super) fn unclosed(at: &Position) -> Diagnostic {
    Diagnostic::new(
        at.clone(),
        "the block that this '{' opens is never closed",
        "put a '}' on a line of its own after its last line",
    )
}
