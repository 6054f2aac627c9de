//! Regular expressions as Go writes them (RE2, package regexp/syntax), for Rust's `regex`, which is of the
//! same family and matches the same where it reads the same.
//!
//! It reads otherwise in a few places. Translated: `\Q...\E`, octal escapes, `\<` and `\>`, braces that
//! count nothing, and in classes what `regex` takes for set operations. Refused, as by Go: stacked
//! repetitions (`a**`), counts above 1000, and the flags and escapes that only `regex` has. Names are ASCII
//! here, so that neither's Unicode tables matter; patterns that name Unicode classes are taken.

use regex::bytes;

use super::{Diagnostic, Token};

/// The most that a repetition may count in Go.
const MOST_REPEATED: u32 = 1000;
/// The classes that `[[:NAME:]]` may name.
const CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// A regular expression.
#[derive(Clone, Debug)]
pub struct Regexp(bytes::Regex);

/// The regular expression that a word of the Corefile spells.
///
/// # Errors
/// If it spells none.
pub fn parse_regexp(word: &Token) -> Result<Regexp, Diagnostic> {
    Regexp::new(&word.text).map_err(|why| {
        word.error(
            format!("'{}' is no regular expression: {why}", word.text),
            r"write one as Go does, e.g. (.*)\.example\.org",
        )
    })
}

impl Regexp {
    /// # Errors
    /// What Go, or `regex`, does not take, in a few words.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let translated = Translator::new(pattern).translate()?;
        // Without Unicode's tables, which make counted classes too large, if that will do.
        let build = |unicode| bytes::RegexBuilder::new(&translated).unicode(unicode).build();
        let built = build(false).or_else(|_| build(true));
        built.map(Regexp).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            // The last line says what is wrong, the others where in the translation.
            error => {
                let text = error.to_string();
                let last = text.lines().last().unwrap_or_default();
                last.trim_start_matches("error: ").to_owned()
            }
        })
    }

    /// Whether it matches anywhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text.as_bytes())
    }

    /// What the whole and each group matched of the text, empty for groups that took no part.
    pub fn groups<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let captures = self.0.captures(text.as_bytes())?;
        let group = |group: Option<bytes::Match<'_>>| {
            group.and_then(|found| text.get(found.range())).unwrap_or_default()
        };
        Some(captures.iter().map(group).collect())
    }

    /// The names of the whole and of each group, where they have one.
    pub fn group_names(&self) -> impl Iterator<Item = Option<&str>> {
        self.0.capture_names()
    }

    /// How many groups it has, without the whole.
    pub fn group_count(&self) -> usize {
        self.0.captures_len() - 1
    }
}

/// From one syntax to the other.
struct Translator<'a> {
    rest: &'a str,
    out: String,
    /// Whether what stands before is a repetition.
    repeated: bool,
}

impl<'a> Translator<'a> {
    fn new(pattern: &'a str) -> Self {
        Translator { rest: pattern, out: String::with_capacity(pattern.len()), repeated: false }
    }

    fn next(&mut self) -> Option<char> {
        let first = self.rest.chars().next()?;
        self.rest = &self.rest[first.len_utf8()..];
        Some(first)
    }

    /// Takes a text that is next.
    fn takes(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn translate(mut self) -> Result<String, String> {
        while let Some(first) = self.next() {
            match first {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' if self.rest.starts_with('?') => self.flags()?,
                '*' | '+' | '?' => {
                    self.repeat(first.to_string())?;
                    continue;
                }
                '{' => match counted(self.rest) {
                    Some((length, least, most)) => {
                        if least.max(most.unwrap_or(0)) > MOST_REPEATED
                            || most.is_some_and(|most| most < least)
                        {
                            return Err("a count of repetitions is wrong".to_owned());
                        }
                        let (count, rest) = self.rest.split_at(length);
                        self.rest = rest;
                        self.repeat(format!("{{{count}"))?;
                        continue;
                    }
                    None => self.out.push_str(r"\{"),
                },
                '}' => self.out.push_str(r"\}"),
                other => self.out.push(other),
            }
            self.repeated = false;
        }
        Ok(self.out)
    }

    /// A repetition, which may be lazy.
    fn repeat(&mut self, operator: String) -> Result<(), String> {
        if self.repeated {
            return Err("a repetition is repeated".to_owned());
        }
        self.out.push_str(&operator);
        if self.takes("?") {
            self.out.push('?');
        }
        self.repeated = true;
        Ok(())
    }

    /// `(?P<name>`, `(?flags)`, `(?flags:`.
    fn flags(&mut self) -> Result<(), String> {
        self.out.push('(');
        if self.rest.starts_with("?P<") || self.rest.starts_with("?<") {
            return Ok(());
        }
        let end = self.rest.find([':', ')']).unwrap_or(self.rest.len());
        let (flags, rest) = self.rest.split_at(end);
        if let Some(wrong) = flags[1..].chars().find(|flag| !"imsU-".contains(*flag)) {
            return Err(format!("there is no flag '{wrong}'"));
        }
        self.out.push_str(flags);
        self.rest = rest;
        // The `:` or `)` is no repetition, and nothing is to be repeated after it.
        let end = self.next();
        self.out.extend(end);
        Ok(())
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<(), String> {
        if self.takes("Q") {
            let end = self.rest.find(r"\E").unwrap_or(self.rest.len());
            let (text, rest) = self.rest.split_at(end);
            self.out.push_str(&regex::escape(text));
            self.rest = rest.strip_prefix(r"\E").unwrap_or(rest);
            return Ok(());
        }
        let Some(first) = self.next() else { return Err("it ends with a backslash".to_owned()) };
        match first {
            '0'..='7' => self.octal(first)?,
            '<' | '>' => self.out.push(first),
            'u' | 'U' => return Err(format!("there is no escape '\\{first}'")),
            'p' | 'P' | 'x' => {
                let negated = first != 'x' && self.takes("{^");
                let letter = match (first, negated) {
                    ('p', true) => 'P',
                    ('P', true) => 'p',
                    (letter, _) => letter,
                };
                self.out.extend(['\\', letter]);
                if negated {
                    self.out.push('{');
                }
                if negated || self.rest.starts_with('{') {
                    let end = self.rest.find('}').ok_or("a brace is not closed")?;
                    let (name, rest) = self.rest.split_at(end + 1);
                    self.out.push_str(name);
                    self.rest = rest;
                }
            }
            other => self.out.extend(['\\', other]),
        }
        Ok(())
    }

    /// An octal escape; one digit alone but 0 would be a backreference.
    fn octal(&mut self, first: char) -> Result<(), String> {
        let digits = self.rest.bytes().take(2).take_while(|digit| (b'0'..=b'7').contains(digit));
        let (more, rest) = self.rest.split_at(digits.count());
        if more.is_empty() && first != '0' {
            return Err("there are no backreferences".to_owned());
        }
        self.rest = rest;
        let code = format!("{first}{more}").chars().fold(0, |code, digit| {
            // All of them are digits.
            code * 8 + digit.to_digit(8).unwrap_or_default()
        });
        self.out.push_str(&format!("\\x{{{code:x}}}"));
        Ok(())
    }

    /// A class, whose bracket was read.
    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.takes("^") {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            if !first && self.takes("]") {
                self.out.push(']');
                return Ok(());
            }
            first = false;
            if self.named()? {
                continue;
            }
            self.member()?;
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.next();
                self.out.push('-');
                self.member()?;
            }
        }
    }

    /// `[:alpha:]` in a class.
    fn named(&mut self) -> Result<bool, String> {
        let Some(rest) = self.rest.strip_prefix("[:") else { return Ok(false) };
        let Some((name, rest)) = rest.split_once(":]") else { return Ok(false) };
        if !CLASSES.contains(&name.trim_start_matches('^')) {
            return Err(format!("there is no class [:{name}:]"));
        }
        self.out.push_str(&format!("[:{name}:]"));
        self.rest = rest;
        Ok(true)
    }

    /// One letter or escape in a class.
    fn member(&mut self) -> Result<(), String> {
        match self.next() {
            None => Err("a class is not closed".to_owned()),
            Some('\\') if self.rest.starts_with('Q') => {
                Err("there is no \\Q in classes".to_owned())
            }
            Some('\\') => {
                let is_class = self.rest.starts_with(['d', 'D', 's', 'S', 'w', 'W', 'p', 'P']);
                self.escape()?;
                // A hyphen behind a class is a letter.
                if is_class && self.rest.starts_with('-') {
                    self.next();
                    self.out.push_str(r"\-");
                }
                Ok(())
            }
            Some(letter) => {
                self.out.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
                Ok(())
            }
        }
    }
}

/// A count behind a brace, `2}`, `2,}` or `2,3}`: its length, the least and the most.
fn counted(text: &str) -> Option<(usize, u32, Option<u32>)> {
    let end = text.find('}')?;
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        let leading_zero = digits.len() > 1 && digits.starts_with('0');
        // What is longer than a number is more than any.
        (plain && !leading_zero).then(|| digits.parse().unwrap_or(u32::MAX))
    };
    let (least, most) = match text[..end].split_once(',') {
        None => {
            let exactly = number(&text[..end])?;
            (exactly, Some(exactly))
        }
        Some((least, "")) => (number(least)?, None),
        Some((least, most)) => (number(least)?, Some(number(most)?)),
    };
    Some((end + 1, least, most))
}

#[cfg(test)]
#[path = "regexp_tests.rs"]
mod tests;
