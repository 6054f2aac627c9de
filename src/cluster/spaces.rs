//! Namespaces, where they may be listed and where they may not.
//!
//! In: what a watch says of Namespaces, or of Services instead. Out: which namespaces exist. Without
//! the right to list Namespaces, one exists while a Service is in it; one that was known before the
//! right was lost still does.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::event::Update;
use super::kinds::{Namespace, NamespaceObject, ObjectKey, ServiceObject, key_of};

type Name = Box<str>;

/// The namespaces that were told.
#[derive(Default)]
pub struct Spaces {
    /// As Namespaces.
    known: BTreeSet<Name>,
    /// By their Services; empty while Namespaces are listed.
    used: HashMap<Name, HashSet<Name>>,
}

impl Spaces {
    /// What a change of a Namespace means.
    pub fn namespaces(&mut self, update: Update<NamespaceObject>) -> Update<Namespace> {
        let update = update.map(Namespace::from);
        match &update {
            Update::Upsert(namespace) => {
                self.known.insert(namespace.key.name.clone());
            }
            Update::Delete(key) => {
                self.known.remove(&key.name);
            }
            Update::Reset(all) => {
                self.known = all.iter().map(|namespace| namespace.key.name.clone()).collect();
                self.used.clear();
            }
        }
        update
    }

    /// What a change of a Service means; `None` for nothing.
    pub fn services(&mut self, update: Update<ServiceObject>) -> Option<Update<Namespace>> {
        match update {
            Update::Upsert(service) => {
                let ObjectKey { namespace, name } = key_of(&service.metadata);
                let services = self.used.entry(namespace.clone()).or_default();
                let is_new = services.is_empty() && !self.known.contains(&namespace);
                services.insert(name);
                is_new.then(|| Update::Upsert(of_name(namespace)))
            }
            Update::Delete(ObjectKey { namespace, name }) => {
                let services = self.used.get_mut(&namespace)?;
                services.remove(&name);
                if !services.is_empty() {
                    return None;
                }
                self.used.remove(&namespace);
                let is_gone = !self.known.contains(&namespace);
                is_gone.then(|| Update::Delete(of_name(namespace).key))
            }
            Update::Reset(all) => {
                self.used.clear();
                for service in all {
                    let ObjectKey { namespace, name } = key_of(&service.metadata);
                    self.used.entry(namespace).or_default().insert(name);
                }
                let all: BTreeSet<&Name> = self.used.keys().chain(&self.known).collect();
                Some(Update::Reset(all.into_iter().cloned().map(of_name).collect()))
            }
        }
    }
}

fn of_name(name: Name) -> Namespace {
    Namespace { key: ObjectKey::new("", name) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn space(name: &str) -> NamespaceObject {
        serde_json::from_value(json!({"metadata": {"name": name}})).unwrap()
    }

    fn service(space: &str, name: &str) -> ServiceObject {
        serde_json::from_value(json!({"metadata": {"namespace": space, "name": name}})).unwrap()
    }

    fn shown(update: Option<Update<Namespace>>) -> String {
        match update {
            None => "nothing".into(),
            Some(Update::Upsert(space)) => format!("upsert {}", space.key),
            Some(Update::Delete(key)) => format!("delete {key}"),
            Some(Update::Reset(all)) => {
                let names = all.iter().map(|space| &*space.key.name);
                format!("reset {}", names.collect::<Vec<_>>().join(" "))
            }
        }
    }

    #[test]
    fn a_namespace_exists_while_it_has_a_service() {
        let mut spaces = Spaces::default();
        let mut take = |update| shown(spaces.services(update));
        let list = vec![service("n", "a"), service("m", "a"), service("n", "b")];
        assert_eq!(take(Update::Reset(list)), "reset m n");
        assert_eq!(take(Update::Upsert(service("n", "c"))), "nothing");
        assert_eq!(take(Update::Upsert(service("o", "a"))), "upsert o");
        assert_eq!(take(Update::Upsert(service("o", "a"))), "nothing");
        assert_eq!(take(Update::Delete(ObjectKey::new("n", "a"))), "nothing");
        assert_eq!(take(Update::Delete(ObjectKey::new("o", "a"))), "delete o");
        assert_eq!(take(Update::Delete(ObjectKey::new("o", "a"))), "nothing");
        assert_eq!(take(Update::Reset(vec![])), "reset ");
    }

    #[test]
    fn what_was_known_stays_when_the_right_is_lost_and_is_left_to_it_when_it_is_back() {
        let mut spaces = Spaces::default();
        spaces.namespaces(Update::Reset(vec![space("empty"), space("n"), space("gone")]));
        spaces.namespaces(Update::Delete(ObjectKey::new("", "gone")));
        spaces.namespaces(Update::Upsert(space("late")));
        let lost = spaces.services(Update::Reset(vec![service("n", "a"), service("new", "a")]));
        assert_eq!(shown(lost), "reset empty late n new");
        let gone = spaces.services(Update::Delete(ObjectKey::new("n", "a")));
        assert_eq!(shown(gone), "nothing");
        let back = spaces.namespaces(Update::Reset(vec![space("n")]));
        assert_eq!(shown(Some(back)), "reset n");
        let lost = spaces.services(Update::Reset(vec![]));
        assert_eq!(shown(lost), "reset n");
    }
}
