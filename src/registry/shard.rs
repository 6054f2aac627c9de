//! What one cluster holds, as last told.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::Owner;
use crate::cluster::kinds::{EndpointSlice, Namespace, ObjectKey, Service};
use crate::cluster::{Change, ClusterId, Update};

#[derive(Default)]
pub(super) struct Shard {
    services: HashMap<ObjectKey, Arc<Service>>,
    slices: HashMap<ObjectKey, Arc<EndpointSlice>>,
    /// The names of the slices of a Service.
    slices_of: HashMap<ObjectKey, BTreeSet<Box<str>>>,
    namespaces: HashSet<Box<str>>,
}

/// What a change concerns.
#[derive(Default)]
pub(super) struct Touched {
    pub services: BTreeSet<ObjectKey>,
    pub namespaces: BTreeSet<Box<str>>,
    /// Whether the zone's serial moves: not for namespaces.
    pub serial: bool,
}

impl Shard {
    pub fn has_namespace(&self, name: &str) -> bool {
        self.namespaces.contains(name)
    }

    /// What this cluster says of a Service name; `None` for nothing.
    pub fn owner(&self, cluster: &ClusterId, key: &ObjectKey) -> Option<Arc<Owner>> {
        let service = self.services.get(key).cloned();
        let slices: Vec<_> = self
            .slices_of
            .get(key)
            .into_iter()
            .flatten()
            .filter_map(|name| {
                self.slices.get(&ObjectKey::new(key.namespace.clone(), name.clone())).cloned()
            })
            .collect();
        if service.is_none() && slices.is_empty() {
            return None;
        }
        Some(Arc::new(Owner { cluster: cluster.clone(), key: key.clone(), service, slices }))
    }

    pub fn apply(&mut self, change: Change) -> Touched {
        let mut touched = Touched::default();
        match change {
            Change::Service(update) => self.services(update, &mut touched),
            Change::EndpointSlice(update) => self.slices(update, &mut touched),
            Change::Namespace(update) => self.namespaces(update, &mut touched),
            // No answer depends on pods yet.
            Change::Pod(_) => {}
            Change::Left => {
                self.services(Update::Reset(Vec::new()), &mut touched);
                self.slices(Update::Reset(Vec::new()), &mut touched);
                self.namespaces(Update::Reset(Vec::new()), &mut touched);
            }
        }
        touched
    }

    fn services(&mut self, update: Update<Service>, touched: &mut Touched) {
        match update {
            Update::Upsert(service) => self.put_service(service, touched),
            Update::Delete(key) => {
                if self.services.remove(&key).is_some() {
                    touched.service(key);
                }
            }
            Update::Reset(all) => {
                let kept: HashSet<_> = all.iter().map(|service| service.key.clone()).collect();
                self.services.retain(|key, _| {
                    kept.contains(key) || {
                        touched.service(key.clone());
                        false
                    }
                });
                all.into_iter().for_each(|service| self.put_service(service, touched));
            }
        }
    }

    fn put_service(&mut self, service: Service, touched: &mut Touched) {
        if self.services.get(&service.key).is_none_or(|old| **old != service) {
            touched.service(service.key.clone());
            self.services.insert(service.key.clone(), Arc::new(service));
        }
    }

    fn slices(&mut self, update: Update<EndpointSlice>, touched: &mut Touched) {
        match update {
            Update::Upsert(slice) => self.put_slice(slice, touched),
            Update::Delete(key) => self.remove_slice(&key, touched),
            Update::Reset(all) => {
                let kept: HashSet<_> = all.iter().map(|slice| slice.key.clone()).collect();
                let gone: Vec<_> =
                    self.slices.keys().filter(|key| !kept.contains(key)).cloned().collect();
                gone.iter().for_each(|key| self.remove_slice(key, touched));
                all.into_iter().for_each(|slice| self.put_slice(slice, touched));
            }
        }
    }

    fn put_slice(&mut self, slice: EndpointSlice, touched: &mut Touched) {
        if self.slices.get(&slice.key).is_some_and(|old| **old == slice) {
            return;
        }
        // The label may name another Service than before.
        self.remove_slice(&slice.key, touched);
        if let Some(service) = service_of(&slice) {
            self.slices_of.entry(service.clone()).or_default().insert(slice.key.name.clone());
            touched.service(service);
        }
        self.slices.insert(slice.key.clone(), Arc::new(slice));
    }

    fn remove_slice(&mut self, key: &ObjectKey, touched: &mut Touched) {
        let Some(old) = self.slices.remove(key) else { return };
        let Some(service) = service_of(&old) else { return };
        if let Some(names) = self.slices_of.get_mut(&service) {
            names.remove(&key.name);
            if names.is_empty() {
                self.slices_of.remove(&service);
            }
        }
        touched.service(service);
    }

    fn namespaces(&mut self, update: Update<Namespace>, touched: &mut Touched) {
        match update {
            Update::Upsert(namespace) => {
                if self.namespaces.insert(namespace.key.name.clone()) {
                    touched.namespaces.insert(namespace.key.name);
                }
            }
            Update::Delete(key) => {
                if self.namespaces.remove(&key.name) {
                    touched.namespaces.insert(key.name);
                }
            }
            Update::Reset(all) => {
                let new: HashSet<_> = all.into_iter().map(|namespace| namespace.key.name).collect();
                touched.namespaces.extend(self.namespaces.symmetric_difference(&new).cloned());
                self.namespaces = new;
            }
        }
    }
}

impl Touched {
    fn service(&mut self, key: ObjectKey) {
        self.services.insert(key);
        self.serial = true;
    }
}

/// The Service that a slice belongs to, by its label.
fn service_of(slice: &EndpointSlice) -> Option<ObjectKey> {
    slice
        .service
        .as_ref()
        .map(|service| ObjectKey::new(slice.key.namespace.clone(), service.clone()))
}

#[cfg(test)]
impl Shard {
    /// All that is held, as finished lists would tell it.
    pub fn into_lists(self) -> (Vec<Service>, Vec<EndpointSlice>, Vec<Namespace>) {
        let namespace = |name| Namespace { key: ObjectKey::new("", name) };
        (
            self.services.into_values().map(|service| (*service).clone()).collect(),
            self.slices.into_values().map(|slice| (*slice).clone()).collect(),
            self.namespaces.into_iter().map(namespace).collect(),
        )
    }
}
