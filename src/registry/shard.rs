//! What one cluster holds, as last told.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::Owner;
use crate::cluster::kinds::{EndpointSlice, Namespace, ObjectKey, Pod, Service, ServiceImport};
use crate::cluster::{Change, ClusterId, Update};

#[derive(Default)]
pub(super) struct Shard {
    services: Named,
    /// ServiceImports, as the Services that they stand for.
    imports: Named,
    slices: HashMap<ObjectKey, Arc<EndpointSlice>>,
    namespaces: HashSet<Box<str>>,
    pods: HashMap<ObjectKey, Arc<Pod>>,
}

/// Services, or ServiceImports, and the slices that name them.
#[derive(Default)]
struct Named {
    objects: HashMap<ObjectKey, Arc<Service>>,
    /// The names of the slices of each.
    slices: HashMap<ObjectKey, BTreeSet<Box<str>>>,
}

/// What a change concerns.
#[derive(Default)]
pub(super) struct Touched {
    pub services: BTreeSet<ObjectKey>,
    pub imports: BTreeSet<ObjectKey>,
    pub namespaces: BTreeSet<Box<str>>,
    pub pods: Vec<PodChange>,
    /// Whether the serial of cluster zones moves: not for namespaces.
    pub serial: bool,
}

/// A Pod as it was, and as it is.
type PodChange = (Option<Arc<Pod>>, Option<Arc<Pod>>);

impl Shard {
    pub fn has_namespace(&self, name: &str) -> bool {
        self.namespaces.contains(name)
    }

    /// What this cluster says of a Service name; `None` for nothing.
    pub fn service(&self, cluster: &ClusterId, key: &ObjectKey) -> Option<Arc<Owner>> {
        self.owner(&self.services, cluster, key)
    }

    /// The same of the name of a ServiceImport.
    pub fn import(&self, cluster: &ClusterId, key: &ObjectKey) -> Option<Arc<Owner>> {
        self.owner(&self.imports, cluster, key)
    }

    fn owner(&self, named: &Named, cluster: &ClusterId, key: &ObjectKey) -> Option<Arc<Owner>> {
        let service = named.objects.get(key).cloned();
        let names = named.slices.get(key).into_iter().flatten();
        let slice =
            |name: &str| self.slices.get(&ObjectKey::new(key.namespace.clone(), name)).cloned();
        let slices: Vec<_> = names.filter_map(|name| slice(name)).collect();
        if service.is_none() && slices.is_empty() {
            return None;
        }
        Some(Arc::new(Owner { cluster: cluster.clone(), key: key.clone(), service, slices }))
    }

    pub fn apply(&mut self, change: Change) -> Touched {
        let mut touched = Touched::default();
        self.take(change, &mut touched);
        let addresses = |pod: &Option<Arc<Pod>>| pod.as_ref().map(|pod| pod.addresses.clone());
        touched.serial |= !touched.services.is_empty()
            || !touched.imports.is_empty()
            || touched.pods.iter().any(|(old, new)| addresses(old) != addresses(new));
        touched
    }

    fn take(&mut self, change: Change, touched: &mut Touched) {
        match change {
            Change::Together(changes) => {
                changes.into_iter().for_each(|change| self.take(change, touched));
            }
            Change::Service(update) => self.services.apply(update, &mut touched.services),
            Change::ServiceImport(update) => {
                self.imports.apply(update.map(stand_in), &mut touched.imports);
            }
            Change::EndpointSlice(update) => self.slices(update, touched),
            Change::Namespace(update) => self.namespaces(update, touched),
            Change::Pod(update) => self.pods(update, touched),
            Change::Left => {
                self.services.apply(Update::Reset(Vec::new()), &mut touched.services);
                self.imports.apply(Update::Reset(Vec::new()), &mut touched.imports);
                self.slices(Update::Reset(Vec::new()), touched);
                self.namespaces(Update::Reset(Vec::new()), touched);
                self.pods(Update::Reset(Vec::new()), touched);
            }
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
        // The labels may name other objects than before.
        self.remove_slice(&slice.key, touched);
        let (service, import) = named_by(&slice);
        if let Some(service) = service {
            self.services.add_slice(&service, &slice.key.name);
            touched.services.insert(service);
        }
        if let Some(import) = import {
            self.imports.add_slice(&import, &slice.key.name);
            touched.imports.insert(import);
        }
        touched.serial = true;
        self.slices.insert(slice.key.clone(), Arc::new(slice));
    }

    fn remove_slice(&mut self, key: &ObjectKey, touched: &mut Touched) {
        let Some(old) = self.slices.remove(key) else { return };
        let (service, import) = named_by(&old);
        if let Some(service) = service {
            self.services.remove_slice(&service, &key.name);
            touched.services.insert(service);
        }
        if let Some(import) = import {
            self.imports.remove_slice(&import, &key.name);
            touched.imports.insert(import);
        }
        touched.serial = true;
    }

    fn pods(&mut self, update: Update<Pod>, touched: &mut Touched) {
        match update {
            Update::Upsert(pod) => self.put_pod(pod, touched),
            Update::Delete(key) => {
                if let Some(old) = self.pods.remove(&key) {
                    touched.pods.push((Some(old), None));
                }
            }
            Update::Reset(all) => {
                let kept: HashSet<_> = all.iter().map(|pod| pod.key.clone()).collect();
                self.pods.retain(|key, old| {
                    kept.contains(key) || {
                        touched.pods.push((Some(old.clone()), None));
                        false
                    }
                });
                all.into_iter().for_each(|pod| self.put_pod(pod, touched));
            }
        }
    }

    fn put_pod(&mut self, pod: Pod, touched: &mut Touched) {
        let new = Arc::new(pod);
        let old = self.pods.insert(new.key.clone(), new.clone());
        if old.as_ref() != Some(&new) {
            touched.pods.push((old, Some(new)));
        }
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

impl Named {
    fn apply(&mut self, update: Update<Service>, touched: &mut BTreeSet<ObjectKey>) {
        match update {
            Update::Upsert(service) => self.put(service, touched),
            Update::Delete(key) => {
                if self.objects.remove(&key).is_some() {
                    touched.insert(key);
                }
            }
            Update::Reset(all) => {
                let kept: HashSet<_> = all.iter().map(|service| service.key.clone()).collect();
                self.objects.retain(|key, _| {
                    kept.contains(key) || {
                        touched.insert(key.clone());
                        false
                    }
                });
                all.into_iter().for_each(|service| self.put(service, touched));
            }
        }
    }

    fn put(&mut self, service: Service, touched: &mut BTreeSet<ObjectKey>) {
        if self.objects.get(&service.key).is_none_or(|old| **old != service) {
            touched.insert(service.key.clone());
            self.objects.insert(service.key.clone(), Arc::new(service));
        }
    }

    fn add_slice(&mut self, key: &ObjectKey, slice: &str) {
        self.slices.entry(key.clone()).or_default().insert(slice.into());
    }

    fn remove_slice(&mut self, key: &ObjectKey, slice: &str) {
        if let Some(names) = self.slices.get_mut(key) {
            names.remove(slice);
            if names.is_empty() {
                self.slices.remove(key);
            }
        }
    }
}

/// The Service and the ServiceImport that a slice belongs to, by its labels.
fn named_by(slice: &EndpointSlice) -> (Option<ObjectKey>, Option<ObjectKey>) {
    let key = |name: &str| ObjectKey::new(slice.key.namespace.clone(), name);
    (slice.service.as_deref().map(key), slice.import.as_ref().map(|import| key(&import.service)))
}

/// A ServiceImport as the Service that it stands for.
fn stand_in(import: ServiceImport) -> Service {
    Service { key: import.key, kind: import.kind, ports: import.ports, created: 0 }
}

#[cfg(test)]
impl Shard {
    /// All that is held, as finished lists would tell it.
    pub fn into_lists(self) -> (Vec<Service>, Vec<EndpointSlice>, Vec<Namespace>) {
        let namespace = |name| Namespace { key: ObjectKey::new("", name) };
        (
            self.services.objects.into_values().map(|service| (*service).clone()).collect(),
            self.slices.into_values().map(|slice| (*slice).clone()).collect(),
            self.namespaces.into_iter().map(namespace).collect(),
        )
    }
}
