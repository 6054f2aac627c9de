//! Changes that wait: what a successor says until it is complete.
//!
//! In: its [`Change`]s, in order. Out: the same, less what later ones made meaningless, so that a successor
//! which is never complete holds no more than its objects.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};

use super::event::Change;
use super::kinds::ObjectKey;

/// Holes are closed when there are as many as this, and more than half of all.
const HOLES: usize = 1024;

/// What waits.
#[derive(Default)]
pub struct Held {
    /// In their order; none where a later one took its place.
    changes: Vec<Option<Change>>,
    /// Where the last change of each object stands, and of each kind as a whole.
    last: HashMap<(Discriminant<Change>, Option<ObjectKey>), usize>,
    holes: usize,
}

impl Held {
    pub fn push(&mut self, change: Change) {
        match change {
            Change::Together(all) => return all.into_iter().for_each(|change| self.push(change)),
            Change::Left => *self = Held::default(),
            _ => {}
        }
        let (kind, key) = (discriminant(&change), change.key().cloned());
        if key.is_none() {
            // A list, or a state: of this kind nothing before it means anything.
            let last = &mut self.last;
            let old: Vec<usize> =
                last.extract_if(|(of, _), _| *of == kind).map(|(_, at)| at).collect();
            old.into_iter().for_each(|at| self.drop_at(at));
        }
        let at = self.changes.len();
        self.changes.push(Some(change));
        if let Some(old) = self.last.insert((kind, key), at) {
            self.drop_at(old);
        }
        if self.holes > HOLES && self.holes * 2 > self.changes.len() {
            self.close_holes();
        }
    }

    /// All of them, in their order.
    pub fn take(&mut self) -> Vec<Change> {
        std::mem::take(self).changes.into_iter().flatten().collect()
    }

    fn drop_at(&mut self, at: usize) {
        if self.changes[at].take().is_some() {
            self.holes += 1;
        }
    }

    fn close_holes(&mut self) {
        let mut new = 0;
        let places: Vec<usize> = self
            .changes
            .iter()
            .map(|change| {
                let at = new;
                new += usize::from(change.is_some());
                at
            })
            .collect();
        self.changes.retain(Option::is_some);
        self.last.values_mut().for_each(|at| *at = places[*at]);
        self.holes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::Update;
    use super::super::kinds::Namespace;
    use super::*;

    fn space(name: &str) -> Namespace {
        Namespace { key: ObjectKey::new("", name) }
    }

    fn shown(held: &mut Held) -> String {
        let show = |change: Change| match change {
            Change::Namespace(Update::Upsert(space)) => format!("+{}", space.key),
            Change::Namespace(Update::Delete(key)) => format!("-{key}"),
            Change::Namespace(Update::Reset(all)) => format!("={}", all.len()),
            other => format!("{other:?}"),
        };
        held.take().into_iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_said_again_takes_the_place_of_what_was_said() {
        let put = |name: &str| Change::Namespace(Update::Upsert(space(name)));
        let gone = |name: &str| Change::Namespace(Update::Delete(ObjectKey::new("", name)));
        let list = |all: &[&str]| {
            Change::Namespace(Update::Reset(all.iter().map(|name| space(name)).collect()))
        };
        let told = |changes: Vec<Change>| {
            let mut held = Held::default();
            changes.into_iter().for_each(|change| held.push(change));
            shown(&mut held)
        };
        assert_eq!(told(vec![put("a"), put("b"), put("a")]), "+b +a");
        assert_eq!(told(vec![put("a"), gone("a"), put("b")]), "-a +b");
        assert_eq!(told(vec![put("a"), list(&["b"]), put("c")]), "=1 +c");
        assert_eq!(told(vec![list(&["a"]), put("b"), list(&[]), put("b")]), "=0 +b");
        assert_eq!(told(vec![put("a"), Change::Left, put("b")]), "Left +b");
        let together = Change::Together(vec![put("a"), Change::Lost(true), put("a")]);
        assert_eq!(told(vec![together, Change::Lost(false)]), "+a Lost(false)");
    }

    #[test]
    fn no_more_is_held_than_there_are_objects() {
        let mut held = Held::default();
        for turn in 0..100_000 {
            held.push(Change::Namespace(Update::Upsert(space(&format!("n{}", turn % 10)))));
        }
        assert!(held.changes.len() <= HOLES * 2 + 10, "{}", held.changes.len());
        assert_eq!(shown(&mut held), "+n0 +n1 +n2 +n3 +n4 +n5 +n6 +n7 +n8 +n9");
    }
}
