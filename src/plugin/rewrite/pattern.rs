//! How a rule finds the names that it is for, and what it makes of them: on their text, as CoreDNS does.

use crate::corefile::Regexp;

/// Names, by their text in lower case with the final dot.
#[derive(Clone, Debug)]
pub enum Pattern {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Substring(String),
    Regex(Regexp),
}

impl Pattern {
    /// Whether a name is meant.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Pattern::Exact(text) => name == text,
            Pattern::Prefix(text) => name.starts_with(text),
            Pattern::Suffix(text) => name.ends_with(text),
            Pattern::Substring(text) => name.contains(text),
            Pattern::Regex(regexp) => regexp.is_match(name),
        }
    }

    /// The name with `to` in place of what is meant of it; `None` for one that is not.
    pub fn replace(&self, name: &str, to: &str) -> Option<String> {
        match self {
            Pattern::Exact(text) => (name == text).then(|| to.to_owned()),
            Pattern::Prefix(text) => name.strip_prefix(text).map(|after| format!("{to}{after}")),
            Pattern::Suffix(text) => name.strip_suffix(text).map(|before| format!("{before}{to}")),
            Pattern::Substring(text) => name.contains(text).then(|| name.replace(text, to)),
            Pattern::Regex(regexp) => Some(fill(to, &regexp.groups(name)?)),
        }
    }
}

/// `{0}` is the whole of what matched, `{1}` the first group. They are filled one after the other, so that
/// a group may bring the number of a later one, as in CoreDNS.
pub fn fill(template: &str, groups: &[&str]) -> String {
    let mut text = template.to_owned();
    for (number, group) in groups.iter().enumerate() {
        text = text.replace(&format!("{{{number}}}"), group);
    }
    text
}

/// How many different groups of the first hundred a template has.
pub fn groups_used(template: &str) -> usize {
    (0..=100).filter(|number| template.contains(&format!("{{{number}}}"))).count()
}

/// What a rule makes of the names of a reply.
#[derive(Clone, Debug)]
pub enum Renaming {
    /// A name, and names below it.
    Domain {
        from: String,
        to: String,
    },
    /// The end of names, within a label too.
    Suffix {
        from: String,
        to: String,
    },
    Regex {
        from: Regexp,
        to: String,
    },
}

impl Renaming {
    /// The new name; `None` for one that stays.
    pub fn of(&self, name: &str) -> Option<String> {
        match self {
            Renaming::Domain { from, to } => {
                let before = name.strip_suffix(from.as_str())?;
                (before.is_empty() || before.ends_with('.')).then(|| format!("{before}{to}"))
            }
            Renaming::Suffix { from, to } => {
                name.strip_suffix(from.as_str()).map(|before| format!("{before}{to}"))
            }
            Renaming::Regex { from, to } => Some(fill(to, &from.groups(name)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_and_replaces() {
        let regex = |pattern| Pattern::Regex(Regexp::new(pattern).unwrap());
        for (pattern, to, name, expected) in [
            (Pattern::Exact("a.b.".into()), "c.", "a.b.", Some("c.")),
            (Pattern::Exact("a.b.".into()), "c.", "x.a.b.", None),
            (Pattern::Prefix("a.".into()), "c.d.", "a.b.", Some("c.d.b.")),
            (Pattern::Suffix("b.".into()), "c.", "ab.", Some("ac.")),
            (Pattern::Substring("a.".into()), "x.", "a.ba.", Some("x.bx.")),
            (regex(r"(.*)-(.*)\.c\."), "{2}.{1}.{0}{3}.", "a-b.c.", Some("b.a.a-b.c.{3}.")),
            (regex(r"^(.*)\.c(d)?\.$"), "{1}.x{2}.", "a.c.", Some("a.x.")),
            // The second group is put where the first brought its number.
            (regex(r"^(.*)-(.*)\.$"), "{1}.", "{2}-b.", Some("b.")),
            (regex("^x"), "c.", "a.", None),
        ] {
            assert_eq!(pattern.replace(name, to).as_deref(), expected, "{pattern:?} of {name}");
            assert_eq!(pattern.matches(name), expected.is_some(), "{pattern:?} of {name}");
        }
        assert_eq!(groups_used("{0}{1}{1}{100}{101}"), 3);
    }

    #[test]
    fn renames() {
        let domain = Renaming::Domain { from: "b.".into(), to: "c.".into() };
        let suffix = Renaming::Suffix { from: "b.".into(), to: "c.".into() };
        for (name, below, end) in [
            ("b.", Some("c."), Some("c.")),
            ("a.b.", Some("a.c."), Some("a.c.")),
            ("ab.", None, Some("ac.")),
            ("B.", None, None),
        ] {
            assert_eq!(domain.of(name).as_deref(), below, "{name}");
            assert_eq!(suffix.of(name).as_deref(), end, "{name}");
        }
    }
}
