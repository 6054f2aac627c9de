//! The words of an expression that the library has read: it does not show what it read.

/// One word; comments and white space are none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word<'t> {
    /// A keyword, or the name of a function, variable or field.
    Name(&'t str),
    /// A string or bytes, with its quotes.
    Text(&'t str),
    Number,
    /// All else: operators, brackets, and `#` with its name.
    Sign(&'t str),
}

/// Operators that are looked at, and those that would be read as them.
const SIGNS: [&str; 11] = ["?.", "??", "..", "==", "!=", "<=", ">=", "&&", "||", "**", "::"];

/// The words of an expression that is one.
pub fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, length) = if rest.starts_with("//") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (None, rest.find("*/").map_or(rest.len(), |end| end + 2))
        } else if let Some(length) = quoted(rest) {
            (Some(Word::Text(&rest[..length])), length)
        } else if first.is_ascii_digit() {
            (Some(Word::Number), number(rest))
        } else if is_of_name(first) || first == '#' {
            let length = 1 + end(&rest[1..], is_of_name);
            let word = &rest[..length];
            (Some(if first == '#' { Word::Sign(word) } else { Word::Name(word) }), length)
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let length = sign.map_or(first.len_utf8(), |sign| sign.len());
            (Some(Word::Sign(&rest[..length])), length)
        };
        words.extend(word);
        rest = rest[length..].trim_start();
    }
    words
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '$'
}

/// Where what `is_part` ends.
fn end(text: &str, is_part: impl Fn(char) -> bool) -> usize {
    text.find(|letter| !is_part(letter)).unwrap_or(text.len())
}

/// Octets of a number; two dots behind it are a range.
fn number(text: &str) -> usize {
    let whole = end(text, is_of_name);
    match text[whole..].strip_prefix('.') {
        Some(fraction) if !fraction.starts_with('.') => whole + 1 + end(fraction, is_of_name),
        _ => whole,
    }
}

/// Octets of the string or bytes that the text begins with.
fn quoted(text: &str) -> Option<usize> {
    let letters = text.strip_prefix(['b', 'B']).filter(|rest| rest.starts_with(['\'', '"']));
    let letters = letters.unwrap_or(text);
    let quote = letters.chars().next().filter(|quote| ['\'', '"', '`'].contains(quote))?;
    let mut escaped = false;
    for (at, letter) in letters.char_indices().skip(1) {
        if letter == quote && !escaped {
            return Some(text.len() - letters.len() + at + 1);
        }
        escaped = letter == '\\' && !escaped && quote != '`';
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Word::{Name, Number, Sign, Text};
    use super::*;

    #[test]
    fn reads_names_strings_numbers_and_signs() {
        type Case = (&'static str, &'static [Word<'static>]);
        let cases: [Case; 8] = [
            ("name() == 'a'", &[Name("name"), Sign("("), Sign(")"), Sign("=="), Text("'a'")]),
            (r"'it\'s' + `\`", &[Text(r"'it\'s'"), Sign("+"), Text(r"`\`")]),
            ("b'x' in \"y\\\\\"", &[Text("b'x'"), Name("in"), Text("\"y\\\\\"")]),
            ("1..3 .. 1.5e3", &[Number, Sign(".."), Number, Sign(".."), Number]),
            ("#.a?.b /* name() */ // x", &[Sign("#"), Sign("."), Name("a"), Sign("?."), Name("b")]),
            ("#index < 0x1f", &[Sign("#index"), Sign("<"), Number]),
            ("big\t&&\n!b", &[Name("big"), Sign("&&"), Sign("!"), Name("b")]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), expected, "{text}");
        }
    }
}
