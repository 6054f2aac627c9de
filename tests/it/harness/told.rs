//! What the library tells of clusters, where no answer shows it: a [`Sink`] that a test can ask.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard};

use fleetdns::cluster::kinds::ObjectKey;
use fleetdns::cluster::{Change, ClusterId, Fleet, FleetSpec, Selection, Sink, Source, Update};

use super::{ApiServer, LONG, eventually};

/// Objects by kind, namespace and name, as text.
type Objects = BTreeMap<(&'static str, ObjectKey), String>;

/// Remembers what is told of one cluster.
#[derive(Default)]
pub struct Told {
    objects: Mutex<Objects>,
}

impl Told {
    /// Watches a cluster as the Corefile's `kubernetes` does. It ends when the fleet is dropped.
    pub fn watch(cluster: &ApiServer, selection: Selection) -> (Fleet, Arc<Self>) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let source = Source::Kubeconfig { file: cluster.kubeconfig(), context: None };
        let single = FleetSpec::single(ClusterId::new(cluster.name()), source);
        let told = Arc::new(Told::default());
        let fleet = Fleet::new(FleetSpec { selection, ..single }, told.clone());
        fleet.start();
        (fleet, told)
    }

    /// The objects of a kind (`pod`) in a namespace: name and what it says.
    pub fn of(&self, kind: &str, namespace: &str) -> Vec<(String, String)> {
        let objects = self.objects();
        let here =
            objects.iter().filter(|((k, key), _)| *k == kind && *key.namespace == *namespace);
        here.map(|((_, key), said)| (key.name.to_string(), said.clone())).collect()
    }

    /// Waits until these are the names of a kind in a namespace.
    pub async fn comes_to_be(&self, kind: &str, namespace: &str, names: &[&str]) {
        eventually(&format!("{names:?} as {kind} of {namespace}"), LONG, async || {
            let of = self.of(kind, namespace);
            let same = of.iter().map(|(name, _)| name.as_str()).eq(names.iter().copied());
            if same { Ok(()) } else { Err(format!("{of:?}")) }
        })
        .await;
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().expect("what was told")
    }

    fn take<T: Debug>(
        &self,
        kind: &'static str,
        update: Update<T>,
        key: impl Fn(&T) -> &ObjectKey,
    ) {
        let mut objects = self.objects();
        let put = |objects: &mut Objects, object: T| {
            objects.insert((kind, key(&object).clone()), format!("{object:?}"));
        };
        match update {
            Update::Upsert(object) => put(&mut objects, object),
            Update::Delete(key) => drop(objects.remove(&(kind, key))),
            Update::Reset(all) => {
                objects.retain(|(other, _), _| *other != kind);
                all.into_iter().for_each(|object| put(&mut objects, object));
            }
        }
    }
}

impl Sink for Told {
    fn apply(&self, _: &ClusterId, change: Change) {
        self.hear(change);
    }
}

impl Told {
    fn hear(&self, change: Change) {
        match change {
            Change::Together(changes) => {
                changes.into_iter().for_each(|change| self.hear(change));
            }
            Change::Service(update) => self.take("service", update, |service| &service.key),
            Change::EndpointSlice(update) => self.take("slice", update, |slice| &slice.key),
            Change::Namespace(update) => self.take("namespace", update, |space| &space.key),
            Change::ServiceImport(update) => self.take("import", update, |import| &import.key),
            Change::ServiceExport(update) => self.take("export", update, |export| &export.key),
            Change::Pod(update) => self.take("pod", update, |pod| &pod.key),
            Change::ServiceEntry(update) => self.take("entry", update, |entry| &entry.key),
            Change::ServiceCidr(update) => self.take("cidr", update, |ranges| &ranges.key),
            Change::Node(update) => self.take("node", update, |ranges| &ranges.key),
            Change::Gateway(update) => self.take("gateway", update, |of| &of.key),
            Change::Lost(_) | Change::Triggered(_) => {}
            Change::Left => self.objects().clear(),
        }
    }
}
