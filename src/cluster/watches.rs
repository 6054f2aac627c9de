//! All watches of one API server.
//!
//! In: its client and what is wanted of it. Out: the [`Change`]s of each kind, and how each watch is.

use std::fmt::Debug;
use std::sync::Arc;

use kube::core::DeserializeGuard;
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use super::client::{self, Contact, Timing};
use super::condition::Condition;
use super::either::Either;
use super::event::{Change, Update};
use super::from_endpoints::FromEndpoints;
use super::gate::Gate;
use super::kinds::{EndpointSliceObject, NamespaceObject, PodObject, ServiceObject, pod};
use super::labels::LabelSelector;
use super::limits::Limiter;
use super::pods::Pods;
use super::selection::{Kind, Selection};
use super::spaces::Spaces;
use super::watch::{Told, Watch};

/// What all of them share.
pub struct Watches {
    pub client: Client,
    pub selection: Selection,
    pub limiter: Arc<Limiter>,
    pub timing: Timing,
    pub condition: Arc<Condition>,
    pub gate: Arc<Gate>,
    pub peers: Arc<Notify>,
}

/// An object that can be watched.
pub trait Object: Resource + DeserializeOwned + Clone + Debug + Send + 'static {}

impl<O: Resource + DeserializeOwned + Clone + Debug + Send + 'static> Object for O {}

impl Watches {
    /// Watches until dropped.
    pub async fn run(&self) {
        // One task polls all of them: they are idle nearly always.
        let (services, namespaces) = (self.services(), self.namespaces());
        tokio::join!(services, namespaces, self.slices(), self.pods(), self.optional());
    }

    async fn services(&self) {
        let selected = labelled(&self.selection.labels);
        let take = |update: Update<ServiceObject>| {
            self.gate.apply(Change::Service(update.map(Into::into)));
        };
        self.watch(Kind::Services, selected, take).await;
    }

    async fn namespaces(&self) {
        let labels = &self.selection.namespace_labels;
        if !labels.is_empty() {
            // Services do not say which labels their namespaces have, so nothing can stand in.
            let take = |update: Update<NamespaceObject>| {
                self.gate.apply(Change::Namespace(update.map(Into::into)));
            };
            return self.watch(Kind::Namespaces, labelled(labels), take).await;
        }
        let namespaces = Either {
            kind: Kind::Namespaces,
            instead: "the namespaces of Services",
            // A namespace exists, whether its Services are selected or not.
            selected: watcher::Config::default(),
            itself: |spaces: &mut Spaces, update: Update<NamespaceObject>| {
                vec![Change::Namespace(spaces.namespaces(update))]
            },
            other: |spaces: &mut Spaces, update: Update<ServiceObject>| {
                spaces.services(update).map(Change::Namespace).into_iter().collect()
            },
        };
        self.either(namespaces, Spaces::default()).await;
    }

    async fn slices(&self) {
        let slices = Either {
            kind: Kind::EndpointSlices,
            instead: "Endpoints",
            selected: labelled(&self.selection.labels),
            itself: |made: &mut FromEndpoints, update: Update<EndpointSliceObject>| {
                vec![Change::EndpointSlice(update.map(|slice| slice.slim(made.keep)))]
            },
            other: |made: &mut FromEndpoints, update| {
                made.take(update).into_iter().map(Change::EndpointSlice).collect()
            },
        };
        self.either(slices, FromEndpoints::new(self.selection.keep)).await;
    }

    async fn pods(&self) {
        let selected = labelled(&self.selection.labels).fields(pod::FIELD_SELECTOR);
        let mut pods = Pods::default();
        let take = |update: Update<PodObject>| {
            if let Some(update) = pods.take(update) {
                self.gate.apply(Change::Pod(update));
            }
        };
        self.watch(Kind::Pods, selected, take).await;
    }

    /// Watches one kind, if it is wanted.
    async fn watch<O: Object<DynamicType = ()>>(
        &self,
        kind: Kind,
        selected: watcher::Config,
        take: impl FnMut(Update<O>),
    ) {
        if let Some(place) = self.selection.place(kind) {
            self.follow(place, kind.name(), Api::all, selected, &[], take).await;
        }
    }

    /// Runs one watch and keeps the [`Condition`] by it. It ends as [`Watch::run`] says.
    pub(super) async fn follow<O: Object>(
        &self,
        place: usize,
        kind: &'static str,
        api: impl FnOnce(Client) -> Api<DeserializeGuard<O>>,
        selected: watcher::Config,
        ends_at: &'static [u16],
        mut take: impl FnMut(Update<O>),
    ) -> u16
    where
        O::DynamicType: Clone,
    {
        let contact = self.condition.contact(place).clone();
        let watch = Watch {
            cluster: self.condition.id.clone(),
            kind,
            quotable: true,
            contact: contact.clone(),
            peers: self.peers.clone(),
            timing: self.timing.clone(),
            ends_at,
        };
        watch
            .run(api(self.client(contact)), selected, |told| match told {
                Told::Update(update) => take(update),
                Told::Listed => {
                    self.condition.set_synced(place);
                    self.condition.set_failing(place, false);
                }
                Told::Failing => self.condition.set_failing(place, true),
                Told::Working => self.condition.set_failing(place, false),
            })
            .await
    }

    /// A client that keeps to all limits.
    pub(super) fn client(&self, contact: Arc<Contact>) -> Client {
        client::probe(self.client.clone(), contact, self.limiter.clone(), &self.timing)
    }
}

/// A watch of the objects with such labels.
pub(super) fn labelled(labels: &LabelSelector) -> watcher::Config {
    let config = watcher::Config::default();
    if labels.is_empty() { config } else { config.labels(&labels.to_string()) }
}

#[cfg(test)]
#[path = "broken_tests.rs"]
mod tests;
