//! A sink for tests: remembers what each cluster holds and lets a test wait for it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use tokio::sync::watch;

use super::event::{Change, Sink, Update};
use super::id::ClusterId;
use super::kinds::{
    EndpointSlice, LoadBalancer, Namespace, Pod, Ranges, Service, ServiceEntry, ServiceExport,
    ServiceImport,
};

/// What a cluster holds, by key.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Held {
    pub services: BTreeMap<String, Service>,
    pub slices: BTreeMap<String, EndpointSlice>,
    pub namespaces: BTreeMap<String, Namespace>,
    pub pods: BTreeMap<String, Pod>,
    pub imports: BTreeMap<String, ServiceImport>,
    pub exports: BTreeMap<String, ServiceExport>,
    pub entries: BTreeMap<String, ServiceEntry>,
    pub cidrs: BTreeMap<String, Ranges>,
    pub nodes: BTreeMap<String, Ranges>,
    pub gateways: BTreeMap<String, LoadBalancer>,
}

#[derive(Clone, Default, Debug)]
pub struct Seen {
    pub clusters: BTreeMap<String, Held>,
    /// Each change in a word, as `west service reset 2`.
    pub history: Vec<String>,
}

impl Seen {
    /// The names of a cluster's Services.
    pub fn services(&self, cluster: &str) -> Vec<&str> {
        let held = self.clusters.get(cluster);
        held.iter().flat_map(|held| held.services.keys()).map(String::as_str).collect()
    }

    /// The names of a cluster's pods.
    pub fn pods(&self, cluster: &str) -> Vec<&str> {
        let held = self.clusters.get(cluster);
        held.iter().flat_map(|held| held.pods.keys()).map(String::as_str).collect()
    }

    /// The names of a cluster's ServiceExports.
    pub fn exports(&self, cluster: &str) -> Vec<&str> {
        let held = self.clusters.get(cluster);
        held.iter().flat_map(|held| held.exports.keys()).map(String::as_str).collect()
    }

    /// The names of a cluster's ServiceImports.
    pub fn imports(&self, cluster: &str) -> Vec<&str> {
        let held = self.clusters.get(cluster);
        held.iter().flat_map(|held| held.imports.keys()).map(String::as_str).collect()
    }

    pub fn members(&self) -> Vec<&str> {
        self.clusters.keys().map(String::as_str).collect()
    }
}

#[derive(Default)]
pub struct Record {
    seen: watch::Sender<Seen>,
}

impl Record {
    pub fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// Waits until what was seen is as wanted.
    pub async fn until(&self, wanted: impl Fn(&Seen) -> bool) -> Seen {
        let mut seen = self.seen.subscribe();
        let wait =
            tokio::time::timeout(Duration::from_secs(30), seen.wait_for(|seen| wanted(seen)));
        match wait.await {
            Ok(seen) => seen.unwrap().clone(),
            Err(_) => panic!("never came; seen: {:#?}", self.seen().history),
        }
    }
}

impl Sink for Record {
    fn apply(&self, cluster: &ClusterId, change: Change) {
        if let Change::Together(changes) = change {
            return changes.into_iter().for_each(|change| self.apply(cluster, change));
        }
        if let Change::Triggered(_) = change {
            return;
        }
        self.seen.send_modify(|seen| {
            let id = cluster.as_str().to_owned();
            let held = seen.clusters.entry(id.clone()).or_default();
            let said = match change {
                Change::Service(update) => {
                    let said = apply(update, &mut held.services, |service| service.key.to_string());
                    format!("{id} service {said}")
                }
                Change::EndpointSlice(update) => {
                    let said = apply(update, &mut held.slices, |slice| slice.key.to_string());
                    format!("{id} slice {said}")
                }
                Change::Namespace(update) => {
                    let said = apply(update, &mut held.namespaces, |space| space.key.to_string());
                    format!("{id} namespace {said}")
                }
                Change::Pod(update) => {
                    let said = apply(update, &mut held.pods, |pod| pod.key.to_string());
                    format!("{id} pod {said}")
                }
                Change::ServiceImport(update) => {
                    let said = apply(update, &mut held.imports, |import| import.key.to_string());
                    format!("{id} import {said}")
                }
                Change::ServiceExport(update) => {
                    let said = apply(update, &mut held.exports, |export| export.key.to_string());
                    format!("{id} export {said}")
                }
                Change::ServiceEntry(update) => {
                    let said = apply(update, &mut held.entries, |entry| entry.key.to_string());
                    format!("{id} entry {said}")
                }
                Change::ServiceCidr(update) => {
                    let said = apply(update, &mut held.cidrs, |ranges| ranges.key.to_string());
                    format!("{id} cidr {said}")
                }
                Change::Node(update) => {
                    let said = apply(update, &mut held.nodes, |ranges| ranges.key.to_string());
                    format!("{id} node {said}")
                }
                Change::Gateway(update) => {
                    let said = apply(update, &mut held.gateways, |of| of.key.to_string());
                    format!("{id} gateway {said}")
                }
                Change::Lost(lost) => format!("{id} lost {lost}"),
                Change::Together(_) | Change::Triggered(_) => unreachable!("taken above"),
                Change::Left => {
                    seen.clusters.remove(&id);
                    format!("{id} left")
                }
            };
            seen.history.push(said);
        });
    }
}

fn apply<T: Debug>(
    update: Update<T>,
    held: &mut BTreeMap<String, T>,
    key: impl Fn(&T) -> String,
) -> String {
    match update {
        Update::Upsert(object) => {
            let key = key(&object);
            held.insert(key.clone(), object);
            format!("upsert {key}")
        }
        Update::Delete(key) => {
            held.remove(&key.to_string());
            format!("delete {key}")
        }
        Update::Reset(objects) => {
            *held = objects.into_iter().map(|object| (key(&object), object)).collect();
            format!("reset {}", held.len())
        }
    }
}
