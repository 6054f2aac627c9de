//! The `expose` lines of `fleet`: what of a member other clusters may know.

use std::collections::{BTreeMap, BTreeSet};

use super::OTHERS;
use crate::cluster::{ClusterId, Expose, PerMember};
use crate::corefile::{Diagnostic, Line, Token};
use crate::plugin::kubernetes::labels;

const USAGE: &str = "expose [CLUSTER] all | serviceexport | labels SELECTOR | namespaces NAME... | top-level NAME...";
const WAYS: [&str; 5] = ["all", "serviceexport", "labels", "namespaces", TOP_LEVEL];
const TOP_LEVEL: &str = "top-level";

/// The names of namespaces, as labels.
pub type Names = BTreeSet<Box<[u8]>>;

/// The lines that were read so far.
#[derive(Default)]
pub struct Lines {
    ways: BTreeMap<Box<str>, (Token, Expose)>,
    top_level: BTreeMap<Box<str>, (Token, Names)>,
}

impl Lines {
    /// Takes a line.
    ///
    /// # Errors
    /// It is wrong, or says again what another line says of the same member.
    pub fn read(&mut self, line: &Line) -> Result<(), Diagnostic> {
        let args = line.args_within(1.., USAGE)?;
        let is_way = |word: &Token| WAYS.contains(&word.text.as_str());
        let (member, way, rest) = match args {
            [way, rest @ ..] if is_way(way) => (None, way, rest),
            [member, way, rest @ ..] => (Some(member), way, rest),
            [word, ..] => return Err(word.unknown("way to expose", &WAYS)),
            [] => return Err(line.name().error("expose says nothing", format!("write `{USAGE}`"))),
        };
        let id: Box<str> = member.map_or(OTHERS, |word| &word.text).into();
        let at = member.unwrap_or(way);
        let twice = |before: &Token| {
            let whose = member.map_or("members expose", |_| "this member exposes");
            at.error(
                format!("what {whose} is said already at {}", before.at),
                "keep one expose line for each member, and one of top-level",
            )
        };
        if way.text == TOP_LEVEL {
            let names = namespaces(way, rest)?.into_iter().map(|name| name.into_bytes().into());
            match self.top_level.insert(id, (at.clone(), names.collect())) {
                Some((before, _)) => return Err(twice(&before)),
                None => return Ok(()),
            }
        }
        let expose = match (way.text.as_str(), rest) {
            ("all", []) => Expose::All,
            ("serviceexport", []) => Expose::ServiceExports,
            ("all" | "serviceexport", [word, ..]) => {
                return Err(word.error(
                    format!("expose {way} takes no argument"),
                    format!("write `expose [CLUSTER] {way}`"),
                ));
            }
            ("labels", []) => {
                return Err(
                    way.error("expose labels has no selector", "write `expose labels SELECTOR`")
                );
            }
            ("labels", words) => Expose::Labels(labels(words)?),
            ("namespaces", _) => Expose::Namespaces(namespaces(way, rest)?),
            _ => return Err(way.unknown("way to expose", &WAYS)),
        };
        match self.ways.insert(id, (at.clone(), expose)) {
            Some((before, _)) => Err(twice(&before)),
            None => Ok(()),
        }
    }

    /// The place of the line that names a member, if one does.
    pub fn names(&self, member: &str) -> Option<&Token> {
        self.ways.get(member).map(|(at, _)| at).or_else(|| Some(&self.top_level.get(member)?.0))
    }

    /// The words that name members.
    pub fn members(&self) -> impl Iterator<Item = &Token> {
        let ways = self.ways.iter().map(|(id, (at, _))| (id, at));
        let all = ways.chain(self.top_level.iter().map(|(id, (at, _))| (id, at)));
        all.filter(|(id, _)| &***id != OTHERS).map(|(_, at)| at)
    }

    /// What each member exposes.
    pub fn exposed(&self) -> PerMember<Expose> {
        let mut all = PerMember::default();
        for (member, (_, expose)) in &self.ways {
            match &**member {
                OTHERS => all.others = expose.clone(),
                id => drop(all.named.insert(ClusterId::new(id), expose.clone())),
            }
        }
        all
    }

    /// The namespaces of each member that are exposed by their names, so that they may be named like
    /// top-level domains.
    pub fn top_level(&self) -> PerMember<Names> {
        let exposed = self.exposed();
        let for_all = self.top_level.get(OTHERS).map(|(_, names)| names.clone());
        let for_all = for_all.unwrap_or_default();
        let all_of = |own: Option<&Names>, expose: &Expose| {
            let mut names = for_all.clone();
            names.extend(own.into_iter().flatten().cloned());
            if let Expose::Namespaces(exposed) = expose {
                names.extend(exposed.iter().map(|name| name.as_bytes().into()));
            }
            names
        };
        let members = self.ways.keys().chain(self.top_level.keys());
        let named = members.filter(|member| &***member != OTHERS).map(|member| {
            let id = ClusterId::new(&**member);
            let own = self.top_level.get(member).map(|(_, names)| names);
            let names = all_of(own, exposed.get(&id));
            (id, names)
        });
        PerMember { named: named.collect(), others: all_of(None, &exposed.others) }
    }
}

/// The names of namespaces, which are labels (RFC 1123).
fn namespaces(way: &Token, words: &[Token]) -> Result<BTreeSet<String>, Diagnostic> {
    if words.is_empty() {
        return Err(way.error(
            format!("expose {way} names no namespace"),
            format!("write `expose [CLUSTER] {way} NAME...`"),
        ));
    }
    let is_edge = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit();
    let is_label = |text: &str| {
        let bytes = text.as_bytes();
        (1..=63).contains(&bytes.len())
            && bytes.iter().all(|octet| is_edge(*octet) || *octet == b'-')
            && bytes.first().is_some_and(|octet| is_edge(*octet))
            && bytes.last().is_some_and(|octet| is_edge(*octet))
    };
    let mut names = BTreeSet::new();
    for word in words {
        if !is_label(&word.text) {
            return Err(word.error(
                format!("'{word}' is no name of a namespace"),
                "write lower-case letters, digits and '-', at most 63",
            ));
        }
        names.insert(word.text.clone());
    }
    Ok(names)
}
