//! One kind of objects that is watched in parts, one for each namespace that a member exposes.
//!
//! In: what the watch of one namespace says. Out: the same as a change of all namespaces: a finished list
//! of one is no list of the others, so it becomes what it adds and what it takes away.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::event::{Change, Update};
use super::kinds::{EndpointSlice, Namespace, ObjectKey, Service, ServiceEntry, ServiceExport};

/// What the parts of each kind have said.
#[derive(Default)]
pub struct Parts(Mutex<Kinds>);

#[derive(Default)]
struct Kinds {
    services: Part,
    namespaces: Part,
    slices: Part,
    entries: Part,
    exports: Part,
}

#[derive(Default)]
struct Part {
    known: HashSet<ObjectKey>,
    /// Whether any list was told, which replaced what a predecessor had said.
    begun: bool,
}

impl Parts {
    /// A change that the watch of this namespace tells, or of all namespaces where it is `None`.
    pub fn join(&self, space: Option<&str>, change: Change) -> Change {
        let Some(space) = space else { return change };
        // Sets that are changed by one call each: nothing is half done behind the lock.
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.join(space, change)
    }
}

impl Kinds {
    fn join(&mut self, space: &str, change: Change) -> Change {
        let of = |key: &ObjectKey| *key.namespace == *space;
        match change {
            Change::Together(all) => {
                Change::Together(all.into_iter().map(|change| self.join(space, change)).collect())
            }
            Change::Service(update) => {
                let key = |service: &Service| (*service.key).clone();
                together(self.services.join(update, key, of), Change::Service)
            }
            Change::EndpointSlice(update) => {
                let key = |slice: &EndpointSlice| slice.key.clone();
                together(self.slices.join(update, key, of), Change::EndpointSlice)
            }
            Change::ServiceExport(update) => {
                let key = |export: &ServiceExport| export.key.clone();
                together(self.exports.join(update, key, of), Change::ServiceExport)
            }
            Change::Namespace(update) => {
                let key = |namespace: &Namespace| namespace.key.clone();
                let of = |key: &ObjectKey| *key.name == *space;
                together(self.namespaces.join(update, key, of), Change::Namespace)
            }
            Change::ServiceEntry(update) => {
                let key = |entry: &ServiceEntry| entry.key.clone();
                together(self.entries.join(update, key, of), Change::ServiceEntry)
            }
            // No other kind is watched in parts.
            other => other,
        }
    }
}

impl Part {
    /// `of` says whether an object is of the part that speaks.
    fn join<T>(
        &mut self,
        update: Update<T>,
        key: impl Fn(&T) -> ObjectKey,
        of: impl Fn(&ObjectKey) -> bool,
    ) -> Vec<Update<T>> {
        match update {
            Update::Upsert(object) => {
                self.known.insert(key(&object));
                vec![Update::Upsert(object)]
            }
            Update::Delete(key) => {
                self.known.remove(&key);
                vec![Update::Delete(key)]
            }
            Update::Reset(all) => {
                let new: HashSet<ObjectKey> = all.iter().map(key).collect();
                let is_gone = |old: &&ObjectKey| of(old) && !new.contains(*old);
                let gone: HashSet<_> = self.known.iter().filter(is_gone).cloned().collect();
                self.known.retain(|key| !gone.contains(key));
                self.known.extend(new);
                if !std::mem::replace(&mut self.begun, true) {
                    return vec![Update::Reset(all)];
                }
                let upserts = all.into_iter().map(Update::Upsert);
                upserts.chain(gone.into_iter().map(Update::Delete)).collect()
            }
        }
    }
}

fn together<T>(updates: Vec<Update<T>>, change: fn(Update<T>) -> Change) -> Change {
    Change::Together(updates.into_iter().map(change).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(name: &str) -> Namespace {
        Namespace { key: ObjectKey::new("", name) }
    }

    fn shown(change: Change) -> String {
        match change {
            Change::Together(all) => all.into_iter().map(shown).collect::<Vec<_>>().join(", "),
            Change::Namespace(Update::Upsert(space)) => format!("upsert {}", space.key),
            Change::Namespace(Update::Delete(key)) => format!("delete {key}"),
            Change::Namespace(Update::Reset(all)) => format!("reset {}", all.len()),
            Change::EndpointSlice(Update::Delete(key)) => format!("delete slice {key}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_list_of_one_part_takes_nothing_from_the_others() {
        let parts = Parts::default();
        let join = |part: &str, update| shown(parts.join(Some(part), Change::Namespace(update)));
        assert_eq!(join("a", Update::Reset(vec![space("a")])), "reset 1");
        assert_eq!(join("b", Update::Reset(vec![space("b")])), "upsert b");
        assert_eq!(join("b", Update::Reset(vec![])), "delete b");
        assert_eq!(join("b", Update::Upsert(space("b"))), "upsert b");
        assert_eq!(join("b", Update::Delete(ObjectKey::new("", "b"))), "delete b");
        assert_eq!(join("b", Update::Reset(vec![])), "");
        assert_eq!(join("a", Update::Reset(vec![space("a")])), "upsert a");
        assert_eq!(shown(parts.join(None, Change::Namespace(Update::Reset(vec![])))), "reset 0");
        let both = vec![
            Change::Namespace(Update::Reset(vec![])),
            Change::EndpointSlice(Update::Delete(ObjectKey::new("a", "x"))),
        ];
        assert_eq!(
            shown(parts.join(Some("a"), Change::Together(both))),
            "delete a, delete slice a/x"
        );
    }
}
