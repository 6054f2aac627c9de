//! What is wrong in a Corefile, where, and what would be right.

use std::fmt::{self, Write as _};

use super::Position;

/// One finding. Displayed on one line as `FILE:LINE - PROBLEM; REMEDY`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// Where it was found.
    pub at: Position,
    /// What is wrong.
    pub problem: String,
    /// What would be right; may be empty where the problem says it already.
    pub remedy: String,
}

impl Diagnostic {
    /// A finding at `at`.
    pub fn new(at: Position, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { at, problem: problem.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = OneLine(f);
        write!(out, "{} - {}", self.at, self.problem)?;
        if !self.remedy.is_empty() {
            write!(out, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// Escapes control characters: a quoted word may span lines, and a log line must not.
struct OneLine<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl fmt::Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| match c.is_control() {
            true => write!(self.0, "{}", c.escape_default()),
            false => self.0.write_char(c),
        })
    }
}

/// A word for a message, in single quotes and cut where it would drown the message.
pub(super) fn quote(word: &str) -> String {
    const MOST: usize = 80;
    match word.char_indices().nth(MOST) {
        Some((end, _)) => format!("'{}...'", &word[..end]),
        None => format!("'{word}'"),
    }
}

/// Which of `known` the writer of `word` probably meant: at most two letters away, and less than half
/// of the word.
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    const LONGEST: usize = 40;
    if word.len() > LONGEST {
        return None;
    }
    let word = word.to_ascii_lowercase();
    known
        .iter()
        .map(|candidate| (distance(&word, candidate), *candidate))
        .filter(|(letters, candidate)| *letters <= 2 && letters * 2 < candidate.len())
        // Two letters that changed places are two away: of equals, one as long as the word was meant.
        .min_by_key(|(letters, candidate)| (*letters, candidate.len().abs_diff(word.len())))
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, taken out or changed to make `a` of `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, in_a) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, in_b) in b.iter().enumerate() {
            let changed = diagonal + usize::from(in_a != *in_b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn is_one_line_with_the_place_first() {
        let at = Position::new(Path::new("/etc/coredns/Corefile").into(), 7);
        let found = Diagnostic::new(at, "bad word 'a\nb'", "write c");
        assert_eq!(found.to_string(), r"/etc/coredns/Corefile:7 - bad word 'a\nb'; write c");
    }

    #[test]
    fn knows_what_was_meant() {
        assert_eq!(nearest("cahce", &["cancel", "cache"]), Some("cache"));
        let known = ["errors", "health", "ready", "kubernetes", "log", "loop"];
        for (word, meant) in [
            ("error", Some("errors")),
            ("Errors", Some("errors")),
            ("kubernets", Some("kubernetes")),
            ("loops", Some("loop")),
            ("xx", None),
            ("whoami", None),
        ] {
            assert_eq!(nearest(word, &known), meant, "{word}");
        }
    }
}
