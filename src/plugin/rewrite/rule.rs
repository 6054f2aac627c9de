//! One rule: which questions it is for, what it makes of them, and what then becomes of their replies.

use std::sync::Arc;

use hickory_proto::rr::{DNSClass, RecordType};

use super::cname::CnameRule;
use super::draft::{BadName, Draft};
use super::edns::EdnsRule;
use super::pattern::{Pattern, Renaming};
use super::undo::Undo;
use crate::corefile::Regexp;
use crate::telemetry::mnemonic;

/// A rule, and whether those behind it are left out where it is for a question.
#[derive(Debug)]
pub struct Rule {
    pub stop: bool,
    pub change: Change,
}

/// What a rule does.
#[derive(Debug)]
pub enum Change {
    Name(NameRule),
    Class {
        from: DNSClass,
        to: DNSClass,
    },
    Type {
        from: RecordType,
        to: RecordType,
    },
    Edns(EdnsRule),
    /// Of replies to questions for these names; so are the next ones.
    Reply {
        names: Pattern,
        undo: Undo,
    },
    Cname(Arc<CnameRule>),
}

/// A rule about the name of the question.
#[derive(Debug)]
pub struct NameRule {
    pub names: Pattern,
    pub to: Template,
    /// Whether the name that was made is the name that was asked for in the reply, too.
    pub auto: bool,
    pub undo: Vec<Undo>,
}

/// The new name.
#[derive(Debug)]
pub enum Template {
    Text(String),
    /// With labels of metadata; for patterns that are regular expressions.
    Parts(Regexp, Vec<Part>),
}

/// A piece of a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    Literal(String),
    /// What a group matched; 0 is the whole.
    Group(usize),
    /// A label of metadata.
    Metadata(String),
}

impl Rule {
    /// Whether it may be for a question of class IN with this name, as [`Pattern`] has it, and type. Rules that
    /// are not for it leave it as it is, so that the next rule has the same one.
    pub fn may_be_for(&self, name: &str, qtype: u16) -> bool {
        match &self.change {
            Change::Name(NameRule { names, .. }) | Change::Reply { names, .. } => {
                names.matches(name)
            }
            Change::Class { from, .. } => *from == DNSClass::IN,
            Change::Type { from, .. } => u16::from(*from) == qtype,
            Change::Edns(_) | Change::Cname(_) => true,
        }
    }

    /// Changes the question; what then becomes of replies, the last first. `None` where the rule is not for
    /// this question.
    ///
    /// # Errors
    /// The new name is none.
    pub fn apply(&self, draft: &mut Draft<'_>) -> Result<Option<Vec<Undo>>, BadName> {
        let done = Ok(Some(Vec::new()));
        match &self.change {
            Change::Name(rule) => rule.apply(draft),
            Change::Class { from, to } if draft.question().query_class() == *from => {
                draft.question_mut().set_query_class(*to);
                done
            }
            Change::Type { from, to } if draft.question().query_type() == *from => {
                draft.question_mut().set_query_type(*to);
                done
            }
            Change::Class { .. } | Change::Type { .. } => Ok(None),
            Change::Edns(rule) => Ok(rule.apply(draft)),
            Change::Reply { names, undo } => {
                Ok(names.matches(draft.name()).then(|| vec![undo.clone()]))
            }
            Change::Cname(rule) => Ok(Some(vec![Undo::Cname(rule.clone())])),
        }
    }
}

impl NameRule {
    fn apply(&self, draft: &mut Draft<'_>) -> Result<Option<Vec<Undo>>, BadName> {
        let old = draft.name().to_owned();
        let new = match &self.to {
            Template::Text(to) => self.names.replace(&old, to),
            Template::Parts(regexp, parts) => filled(regexp, parts, &old, draft),
        };
        let Some(new) = new else { return Ok(None) };
        draft.rename(new)?;
        let mut undo = Vec::new();
        if self.auto {
            let from = mnemonic::spelled(draft.question().name());
            let renaming = Arc::new(Renaming::Domain { from, to: old });
            undo.extend([Undo::Owner(renaming.clone()), Undo::Value(renaming)]);
        }
        undo.extend(self.undo.iter().cloned());
        Ok(Some(undo))
    }
}

/// The name of the parts; `None` where the pattern does not match or a label says nothing.
fn filled(regexp: &Regexp, parts: &[Part], name: &str, draft: &Draft<'_>) -> Option<String> {
    let groups = regexp.groups(name)?;
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Literal(literal) => text.push_str(literal),
            Part::Group(number) => text.push_str(groups.get(*number)?),
            Part::Metadata(label) => {
                let value = draft.request.metadata.as_ref()?.get(label)?;
                if value.is_empty() {
                    return None;
                }
                text.push_str(&value.to_lowercase());
            }
        }
    }
    Some(text)
}
