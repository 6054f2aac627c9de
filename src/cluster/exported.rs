//! The objects of a member that exposes what it exports, and no more (`expose serviceexport`).
//!
//! In: what the watches of ServiceExports, Services and EndpointSlices say. Out: the same of exported
//! Services alone. All others are let go as soon as they are decoded: nothing of them is held.
//!
//! What was let go is not there when its export comes later, so Services and EndpointSlices are then listed
//! anew. A list that begins after an export is known has all that belongs to it, in whatever order the
//! watches speak. To fetch the single objects instead would race with the watches: one that was deleted
//! meanwhile, by an event that came before what was fetched, would stay for ever. Exports are made by hand and
//! rarely; lists begin at most once in [`Timing::renewal`](super::client::Timing), and each comes to its end.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::event::{Change, Update};
use super::kinds::{EndpointSlice, ObjectKey, SERVICE_NAME, Service, ServiceExport, key_of};

/// What is exported, and what was handed on.
#[derive(Default)]
pub struct Exported {
    held: Mutex<Held>,
    /// Whether it is known what is exported, be it nothing.
    is_known: watch::Sender<bool>,
    /// Counts how often there was more than before.
    grown: watch::Sender<u64>,
}

#[derive(Default)]
struct Held {
    exports: HashSet<ObjectKey>,
    /// The slices that were handed on, each with its Service.
    slices: HashMap<ObjectKey, ObjectKey>,
    has_grown: bool,
}

impl Exported {
    /// Hands on what of a change is of exported Services, and takes back what is not any more.
    pub fn sift(&self, change: Change, hand_on: impl FnOnce(Change)) {
        // The lock is held until the change is handed on: that is what keeps the order.
        let mut held = self.held();
        let is_list = matches!(change, Change::ServiceExport(Update::Reset(_)));
        hand_on(held.sift(change));
        if std::mem::take(&mut held.has_grown) {
            self.grown.send_modify(|count| *count += 1);
        }
        if is_list {
            self.know();
        }
    }

    /// Notes that it is known what is exported.
    pub fn know(&self) {
        self.is_known.send_replace(true);
    }

    /// Waits until it is known what is exported: a list before that would be for nothing.
    pub async fn known(&self) {
        // The sender lives as long as this.
        let _ = self.is_known.subscribe().wait_for(|known| *known).await;
    }

    /// For a watch of objects that belong to these Services. It lists anew at most once in a `pause`.
    pub fn sieve(
        &self,
        service: fn(&ObjectMeta) -> Option<ObjectKey>,
        pause: Duration,
    ) -> Sieve<'_> {
        let of = Of { exported: self, service, grown: self.grown.subscribe() };
        Sieve { of: Some(of), pause, next: Instant::now(), is_due: false }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // What is behind it is mended by the next list, were someone to panic.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn sift(&mut self, change: Change) -> Change {
        match change {
            Change::Together(all) => {
                Change::Together(all.into_iter().map(|change| self.sift(change)).collect())
            }
            Change::ServiceExport(update) => self.export(update),
            Change::Service(update) => Change::Service(match update {
                Update::Upsert(service) if !self.exports.contains(&service.key) => {
                    return nothing();
                }
                Update::Reset(mut all) => {
                    all.retain(|service: &Service| self.exports.contains(&service.key));
                    Update::Reset(all)
                }
                update => update,
            }),
            Change::EndpointSlice(update) => Change::EndpointSlice(match update {
                Update::Upsert(slice) => {
                    // Its label may name another Service than before.
                    let was_held = self.slices.remove(&slice.key).is_some();
                    match self.keep(&slice) {
                        true => Update::Upsert(slice),
                        false if was_held => Update::Delete(slice.key),
                        false => return nothing(),
                    }
                }
                Update::Delete(key) => {
                    self.slices.remove(&key);
                    Update::Delete(key)
                }
                Update::Reset(mut all) => {
                    self.slices.clear();
                    all.retain(|slice| self.keep(slice));
                    Update::Reset(all)
                }
            }),
            other => other,
        }
    }

    /// What is exported no more is taken back.
    fn export(&mut self, update: Update<ServiceExport>) -> Change {
        let mut gone = HashSet::new();
        match &update {
            Update::Upsert(export) => self.has_grown |= self.exports.insert(export.key.clone()),
            Update::Delete(key) => gone.extend(self.exports.take(key)),
            Update::Reset(all) => {
                let new: HashSet<_> = all.iter().map(|export| export.key.clone()).collect();
                self.has_grown |= !new.is_subset(&self.exports);
                gone.extend(self.exports.difference(&new).cloned());
                self.exports = new;
            }
        }
        let mut all = vec![Change::ServiceExport(update)];
        if !gone.is_empty() {
            let of_gone = self.slices.extract_if(|_, service| gone.contains(service));
            all.extend(of_gone.map(|(key, _)| Change::EndpointSlice(Update::Delete(key))));
        }
        all.extend(gone.into_iter().map(|key| Change::Service(Update::Delete(key))));
        Change::Together(all)
    }

    /// Notes a slice, if its Service is exported. Says whether it is.
    fn keep(&mut self, slice: &EndpointSlice) -> bool {
        let service = service_of(slice).filter(|key| self.exports.contains(key));
        let is_exported = service.is_some();
        self.slices.extend(service.map(|service| (slice.key.clone(), service)));
        is_exported
    }
}

/// The Service that Endpoints belong to, and a Service itself.
pub fn service_by_name(object: &ObjectMeta) -> Option<ObjectKey> {
    Some(key_of(object))
}

/// The Service that an EndpointSlice belongs to.
pub fn service_by_label(slice: &ObjectMeta) -> Option<ObjectKey> {
    let name = slice.labels.as_ref()?.get(SERVICE_NAME)?;
    Some(ObjectKey::new(slice.namespace.clone().unwrap_or_default(), name.as_str()))
}

/// The Service that a slice belongs to.
pub fn service_of(slice: &EndpointSlice) -> Option<ObjectKey> {
    let name = slice.service.as_ref()?;
    Some(ObjectKey::new(slice.key.namespace.clone(), name.clone()))
}

fn nothing() -> Change {
    Change::Together(Vec::new())
}

/// What of a watch is wanted, and when it has to list anew. Nothing is lost when a wait for that is given up.
pub struct Sieve<'a> {
    of: Option<Of<'a>>,
    pause: Duration,
    /// No list before this.
    next: Instant,
    is_due: bool,
}

struct Of<'a> {
    exported: &'a Exported,
    /// Which Service an object belongs to.
    service: fn(&ObjectMeta) -> Option<ObjectKey>,
    grown: watch::Receiver<u64>,
}

impl Sieve<'_> {
    /// All is wanted.
    pub fn none() -> Self {
        Sieve { of: None, pause: Duration::ZERO, next: Instant::now(), is_due: false }
    }

    /// Whether an object of a list may be wanted. What it says no to is not held for a moment.
    pub fn takes(&self, object: &ObjectMeta) -> bool {
        let Some(Of { exported, service, .. }) = &self.of else { return true };
        service(object).is_some_and(|key| exported.held().exports.contains(&key))
    }

    /// A list begins: all that is exported by now will be taken.
    pub fn begin(&mut self) {
        self.is_due = false;
        if let Some(of) = &mut self.of {
            of.grown.mark_unchanged();
        }
    }

    /// Waits until another list has to begin.
    pub async fn due(&mut self) {
        let Some(of) = &mut self.of else { return std::future::pending().await };
        if !self.is_due && of.grown.changed().await.is_err() {
            return std::future::pending().await;
        }
        self.is_due = true;
        sleep_until(self.next).await;
        self.is_due = false;
        self.next = Instant::now() + self.pause;
    }
}

#[cfg(test)]
#[path = "exported_tests.rs"]
mod tests;
