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

use super::client::{self, Timing};
use super::condition::Condition;
use super::event::{Change, Update};
use super::gate::Gate;
use super::kinds::{EndpointSliceObject, NamespaceObject, PodObject, ServiceObject, pod};
use super::labels::LabelSelector;
use super::limits::Limiter;
use super::pods::Pods;
use super::selection::{Kind, Selection};
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

impl Watches {
    /// Watches until dropped.
    pub async fn run(&self) {
        // One task polls all of them: they are idle nearly always.
        tokio::join!(self.services(), self.namespaces(), self.slices(), self.pods());
    }

    async fn services(&self) {
        let selected = labelled(&self.selection.labels);
        let take = |update: Update<ServiceObject>| {
            self.gate.apply(Change::Service(update.map(Into::into)));
        };
        self.watch(Kind::Services, selected, take).await;
    }

    async fn namespaces(&self) {
        let selected = labelled(&self.selection.namespace_labels);
        let take = |update: Update<NamespaceObject>| {
            self.gate.apply(Change::Namespace(update.map(Into::into)));
        };
        self.watch(Kind::Namespaces, selected, take).await;
    }

    async fn slices(&self) {
        let selected = labelled(&self.selection.labels);
        let keep = self.selection.keep;
        let take = |update: Update<EndpointSliceObject>| {
            self.gate.apply(Change::EndpointSlice(update.map(|slice| slice.slim(keep))));
        };
        self.watch(Kind::EndpointSlices, selected, take).await;
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
    async fn watch<O>(&self, kind: Kind, selected: watcher::Config, mut take: impl FnMut(Update<O>))
    where
        O: Resource<DynamicType = ()> + DeserializeOwned + Clone + Debug + Send + 'static,
    {
        let Some(place) = self.selection.place(kind) else { return };
        let contact = self.condition.contact(place).clone();
        let (client, limiter) = (self.client.clone(), self.limiter.clone());
        let client = client::probe(client, contact.clone(), limiter, &self.timing);
        let watch = Watch {
            cluster: self.condition.id.clone(),
            kind: kind.name(),
            quotable: true,
            contact,
            peers: self.peers.clone(),
            timing: self.timing.clone(),
        };
        let api: Api<DeserializeGuard<O>> = Api::all(client);
        watch
            .run(api, selected, |told| match told {
                Told::Update(update) => take(update),
                Told::Listed => self.condition.set_synced(place),
                Told::Failing => self.condition.set_failing(place, true),
                Told::Working => self.condition.set_failing(place, false),
            })
            .await;
    }
}

/// A watch of the objects with such labels.
fn labelled(labels: &LabelSelector) -> watcher::Config {
    let config = watcher::Config::default();
    if labels.is_empty() { config } else { config.labels(&labels.to_string()) }
}
