//! What one cluster holds, as last told.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use ipnet::IpNet;

use super::Owner;
use super::keyed::{HasKey, Keyed};
use crate::cluster::kinds::{
    EndpointSlice, FleetAnnotations, Namespace, ObjectKey, Pod, Point, Ranges, Service,
    ServiceEntry, ServiceExport, ServiceImport, ServiceKind,
};
use crate::cluster::{Change, ClusterId, Kind, Trigger, Update};
use crate::telemetry::kubernetes::KUBERNETES;

#[derive(Default)]
pub(super) struct Shard {
    services: Named,
    /// ServiceImports, as the Services that they stand for.
    imports: Named,
    /// When the ServiceExports of Services were made.
    exports: HashMap<ObjectKey, i64>,
    slices: Keyed<EndpointSlice>,
    namespaces: HashSet<Box<str>>,
    pods: Keyed<Pod>,
    entries: Keyed<ServiceEntry>,
    cidrs: HashMap<ObjectKey, Ranges>,
    nodes: HashMap<ObjectKey, Ranges>,
    /// The cluster is no member any more, and this is not what it holds if it comes back.
    pub has_left: bool,
}

/// Services, or ServiceImports, and the slices that name them.
#[derive(Default)]
struct Named {
    objects: Keyed<Service>,
    /// The slices of each, in the order of their names.
    slices: HashMap<ObjectKey, Box<[Arc<EndpointSlice>]>>,
}

/// What a change concerns.
#[derive(Default)]
pub(super) struct Touched {
    pub services: BTreeSet<ObjectKey>,
    /// Services that are reached otherwise from outside, and are else as before.
    pub outside: BTreeSet<ObjectKey>,
    /// Services whose ServiceExports are others than before.
    pub exports: BTreeSet<ObjectKey>,
    pub imports: BTreeSet<ObjectKey>,
    pub namespaces: BTreeSet<Box<str>>,
    pub pods: Vec<Replaced<Pod>>,
    pub entries: Vec<Replaced<ServiceEntry>>,
    pub ranges: bool,
    /// The ways into the cluster, where they were told; `None` in it where they are not known any more.
    pub gateway: Option<Option<Vec<Point>>>,
    /// Whether the serial of cluster zones moves: not for namespaces.
    pub serial: bool,
}

/// An object as it was, and as it is.
type Replaced<T> = (Option<Arc<T>>, Option<Arc<T>>);

impl Shard {
    pub fn has_namespace(&self, name: &str) -> bool {
        self.namespaces.contains(name)
    }

    /// What this cluster says of a Service name; `None` for nothing.
    pub fn service(&self, cluster: &ClusterId, key: &ObjectKey) -> Option<Owner> {
        self.owner(&self.services, cluster, key, self.exports.get(key).copied())
    }

    /// The same of the name of a ServiceImport.
    pub fn import(&self, cluster: &ClusterId, key: &ObjectKey) -> Option<Owner> {
        self.owner(&self.imports, cluster, key, None)
    }

    /// The ranges of its Services and pods, each once.
    pub fn ranges(&self) -> BTreeSet<IpNet> {
        let all = self.cidrs.values().chain(self.nodes.values());
        all.flat_map(|ranges| ranges.networks.iter().copied()).collect()
    }

    /// How many objects of a kind it has; `None` for the gateway, which is one of its Services.
    pub fn count(&self, kind: Kind) -> Option<usize> {
        Some(match kind {
            Kind::Services => self.services.objects.len(),
            Kind::Namespaces => self.namespaces.len(),
            Kind::EndpointSlices => self.slices.len(),
            Kind::Pods => self.pods.len(),
            Kind::ServiceImports => self.imports.objects.len(),
            Kind::ServiceExports => self.exports.len(),
            Kind::ServiceEntries => self.entries.len(),
            Kind::ServiceCidrs => self.cidrs.len(),
            Kind::Nodes => self.nodes.len(),
            Kind::Gateway => return None,
        })
    }

    /// How many ready endpoints its slices have.
    pub fn endpoints(&self) -> usize {
        self.slices.values().map(|slice| slice.endpoints.len() + slice.aliases.len()).sum()
    }

    fn owner(
        &self,
        named: &Named,
        cluster: &ClusterId,
        key: &ObjectKey,
        exported: Option<i64>,
    ) -> Option<Owner> {
        let service = named.objects.get(key).map(|service| Service::clone(service));
        let slices = named.slices.get(key).cloned().unwrap_or_default();
        if service.is_none() && slices.is_empty() {
            return None;
        }
        let own_key = service.as_ref().map(|service| service.key.clone());
        let key = own_key.unwrap_or_else(|| Arc::new(key.clone()));
        Some(Owner { cluster: cluster.clone(), key, service, slices, exported })
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
            Change::Service(update) => {
                let Touched { services, outside, .. } = touched;
                self.services.apply(update, services, outside);
            }
            Change::ServiceImport(update) => {
                // None of these is reached from outside.
                let outside = &mut BTreeSet::new();
                self.imports.apply(update.map(stand_in), &mut touched.imports, outside);
            }
            Change::ServiceExport(update) => self.exports(update, touched),
            Change::EndpointSlice(update) => self.slices(update, touched),
            Change::Namespace(update) => self.namespaces(update, touched),
            Change::Pod(update) => replace(&mut self.pods, update, &mut touched.pods),
            Change::ServiceEntry(update) => {
                replace(&mut self.entries, update, &mut touched.entries);
            }
            Change::ServiceCidr(update) => touched.ranges |= put_ranges(&mut self.cidrs, update),
            Change::Node(update) => touched.ranges |= put_ranges(&mut self.nodes, update),
            Change::Gateway(update) => {
                touched.gateway = Some(Some(match update {
                    Update::Upsert(service) => service.points,
                    Update::Delete(_) => Vec::new(),
                    Update::Reset(all) => all.into_iter().flat_map(|one| one.points).collect(),
                }));
                touched.serial = true;
            }
            Change::Triggered(triggers) => {
                triggers.iter().for_each(|trigger| self.measure(trigger))
            }
            Change::Lost(_) => {}
            Change::Left => {
                self.has_left = true;
                touched.gateway = Some(None);
                self.take(Change::Service(Update::Reset(Vec::new())), touched);
                self.take(Change::ServiceImport(Update::Reset(Vec::new())), touched);
                self.exports(Update::Reset(Vec::new()), touched);
                self.slices(Update::Reset(Vec::new()), touched);
                self.namespaces(Update::Reset(Vec::new()), touched);
                self.take(Change::Pod(Update::Reset(Vec::new())), touched);
                self.take(Change::ServiceEntry(Update::Reset(Vec::new())), touched);
                touched.ranges = true;
                self.cidrs.clear();
                self.nodes.clear();
            }
        }
    }

    /// Measures how old the news of endpoints is, now that questions are answered by it, if their Service
    /// is known (CoreDNS, plugin/kubernetes/object/metrics.go).
    fn measure(&self, trigger: &Trigger) {
        if let Some(service) = self.services.objects.get(&trigger.service) {
            let headless = service.kind == ServiceKind::Headless;
            // The clock of the other machine may be ahead.
            KUBERNETES.programmed(headless, trigger.at.elapsed().unwrap_or_default());
        }
    }

    fn exports(&mut self, update: Update<ServiceExport>, touched: &mut Touched) {
        match update {
            Update::Upsert(ServiceExport { key, created }) => {
                if self.exports.insert(key.clone(), created) != Some(created) {
                    touched.exports.insert(key);
                }
            }
            Update::Delete(key) => {
                if self.exports.remove(&key).is_some() {
                    touched.exports.insert(key);
                }
            }
            Update::Reset(all) => {
                let new: HashMap<_, _> =
                    all.into_iter().map(|export| (export.key, export.created)).collect();
                let all = self.exports.keys().chain(new.keys());
                let is_other = |key: &&ObjectKey| self.exports.get(key) != new.get(key);
                touched.exports.extend(all.filter(is_other).cloned());
                self.exports = new;
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
        let slice = Arc::new(slice);
        let (service, import) = named_by(&slice);
        if let Some(service) = service {
            self.services.add_slice(&service, &slice);
            touched.services.insert(service);
        }
        if let Some(import) = import {
            self.imports.add_slice(&import, &slice);
            touched.imports.insert(import);
        }
        touched.serial = true;
        self.slices.insert(slice);
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
    /// Notes in `touched` what is another than before, and in `outside` what is so from outside alone.
    fn apply(
        &mut self,
        update: Update<Service>,
        touched: &mut BTreeSet<ObjectKey>,
        outside: &mut BTreeSet<ObjectKey>,
    ) {
        match update {
            Update::Upsert(service) => self.put(service, touched, outside),
            Update::Delete(key) => {
                if self.objects.remove(&key).is_some() {
                    touched.insert(key);
                }
            }
            Update::Reset(all) => {
                let kept: HashSet<_> = all.iter().map(|service| service.key.clone()).collect();
                let gone: Vec<_> =
                    self.objects.keys().filter(|key| !kept.contains(*key)).cloned().collect();
                gone.iter().for_each(|key| drop(self.objects.remove(key)));
                touched.extend(gone);
                all.into_iter().for_each(|service| self.put(service, touched, outside));
            }
        }
    }

    fn put(
        &mut self,
        service: Service,
        touched: &mut BTreeSet<ObjectKey>,
        outside: &mut BTreeSet<ObjectKey>,
    ) {
        match self.objects.get(&service.key) {
            Some(old) if **old == service => return,
            Some(old) if old.is_same_inside(&service) => outside.insert((*service.key).clone()),
            _ => touched.insert((*service.key).clone()),
        };
        self.objects.insert(Arc::new(service));
    }

    /// Adds a slice, of whose name there is none.
    fn add_slice(&mut self, key: &ObjectKey, slice: &Arc<EndpointSlice>) {
        let slices = self.slices.entry(key.clone()).or_default();
        let mut all: Vec<_> = slices.iter().chain([slice]).cloned().collect();
        all.sort_by(|one, other| one.key.name.cmp(&other.key.name));
        *slices = all.into();
    }

    fn remove_slice(&mut self, key: &ObjectKey, name: &str) {
        if let Some(slices) = self.slices.get_mut(key) {
            let left = slices.iter().filter(|slice| *slice.key.name != *name);
            *slices = left.cloned().collect();
            if slices.is_empty() {
                self.slices.remove(key);
            }
        }
    }
}

/// Takes a change of objects that are told one by one.
fn replace<T: PartialEq + HasKey>(
    held: &mut Keyed<T>,
    update: Update<T>,
    touched: &mut Vec<Replaced<T>>,
) {
    let mut put = |held: &mut Keyed<T>, object: T| {
        let new = Arc::new(object);
        let old = held.insert(new.clone());
        if old.as_ref() != Some(&new) {
            touched.push((old, Some(new)));
        }
    };
    match update {
        Update::Upsert(object) => put(held, object),
        Update::Delete(key) => touched.extend(held.remove(&key).map(|old| (Some(old), None))),
        Update::Reset(all) => {
            let kept: HashSet<_> = all.iter().map(|object| object.key().clone()).collect();
            let gone: Vec<_> = held.keys().filter(|key| !kept.contains(key)).cloned().collect();
            all.into_iter().for_each(|object| put(held, object));
            touched.extend(gone.iter().filter_map(|key| Some((Some(held.remove(key)?), None))));
        }
    }
}

/// Whether the ranges are others than before.
fn put_ranges(held: &mut HashMap<ObjectKey, Ranges>, update: Update<Ranges>) -> bool {
    match update {
        Update::Upsert(ranges) => {
            held.get(&ranges.key) != Some(&ranges) && {
                held.insert(ranges.key.clone(), ranges);
                true
            }
        }
        Update::Delete(key) => held.remove(&key).is_some(),
        Update::Reset(all) => {
            *held = all.into_iter().map(|ranges| (ranges.key.clone(), ranges)).collect();
            true
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
    let annotations = FleetAnnotations::default();
    let (created, external) = (0, Arc::default());
    let ServiceImport { key, kind, ports } = import;
    Service { key: key.into(), kind, ports: ports.into(), created, annotations, external }
}

#[cfg(test)]
impl Shard {
    /// The ServiceEntries that are held, as a finished list would tell them.
    pub fn entries(&self) -> Vec<ServiceEntry> {
        self.entries.values().map(|entry| (**entry).clone()).collect()
    }

    /// All that is held, as finished lists would tell it.
    pub fn into_lists(self) -> (Vec<Service>, Vec<EndpointSlice>, Vec<Namespace>) {
        let namespace = |name| Namespace { key: ObjectKey::new("", name) };
        (
            self.services.objects.values().map(|service| (**service).clone()).collect(),
            self.slices.values().map(|slice| (**slice).clone()).collect(),
            self.namespaces.into_iter().map(namespace).collect(),
        )
    }
}
