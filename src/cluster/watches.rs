//! All watches of one API server.
//!
//! In: its client and what is wanted of it. Out: the [`Change`]s of each kind, and how each watch is.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use k8s_openapi::NamespaceResourceScope;
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::sync::watch::{Receiver, channel};
use tokio::time::timeout;
use tracing::warn;

use super::client::{self, Contact, Timing};
use super::condition::Condition;
use super::either::Either;
use super::event::{Change, Update};
use super::exported::{Exported, Sieve, service_by_label, service_by_name};
use super::failure::Cause;
use super::from_endpoints::FromEndpoints;
use super::gate::Gate;
use super::guarded::Guarded;
use super::identity::Identity;
use super::kinds::{
    EndpointSliceObject, LoadBalancerObject, NamespaceObject, PodObject, ServiceObject, pod,
};
use super::labels::LabelSelector;
use super::limits::Limiter;
use super::parts::Parts;
use super::pods::Pods;
use super::selection::{Kind, Selection};
use super::spaces::Spaces;
use super::trigger;
use super::watch::{Told, Watch};

/// What all of them share.
pub struct Watches {
    pub client: Client,
    pub identity: Identity,
    pub selection: Selection,
    pub limiter: Arc<Limiter>,
    pub timing: Timing,
    pub condition: Arc<Condition>,
    pub gate: Arc<Gate>,
    pub parts: Parts,
    /// Where no more is handed on than what is exported.
    pub exported: Option<Exported>,
    pub peers: Arc<Notify>,
    /// How long what a watch said is kept while it fails; for ever where `None`.
    pub stale: Option<Duration>,
}

/// An object that can be watched.
pub trait Object: Resource + DeserializeOwned + Clone + Debug + Send + 'static {}

impl<O: Resource + DeserializeOwned + Clone + Debug + Send + 'static> Object for O {}

impl Watches {
    /// Watches until dropped.
    pub async fn run(&self) {
        // One task for all of them: they are idle nearly always.
        let sifted = async {
            if let Some(exported) = &self.exported {
                exported.known().await;
            }
            all(vec![self.services().boxed(), self.slices().boxed()]).await;
        };
        let rest = [self.namespaces().boxed(), self.pods().boxed(), self.gateway().boxed()];
        all(rest.into_iter().chain([sifted.boxed()]).chain(self.optional()).collect()).await;
    }

    async fn services(&self) {
        let Selection { labels, exposed, .. } = &self.selection;
        let selected = labelled(&[labels, exposed]);
        join_all(self.selection.places(Kind::Services).into_iter().map(|(place, space)| {
            let take = move |update: Update<ServiceObject>| {
                self.tell(space, Change::Service(update.map(Into::into)));
            };
            let api = move |client| within(client, space);
            self.follow(place, Kind::Services.name(), api, selected.clone(), &[], take)
        }))
        .await;
    }

    async fn namespaces(&self) {
        let labels = &self.selection.namespace_labels;
        let named = |space: Option<&str>| match space {
            Some(space) => labelled(&[labels]).fields(&format!("metadata.name={space}")),
            None => labelled(&[labels]),
        };
        if !labels.is_empty() {
            // Services do not say which labels their namespaces have, so nothing can stand in.
            join_all(self.selection.places(Kind::Namespaces).into_iter().map(|(place, space)| {
                let take = move |update: Update<NamespaceObject>| {
                    self.tell(space, Change::Namespace(update.map(Into::into)));
                };
                let name = Kind::Namespaces.name();
                self.follow(place, name, Api::all, named(space), &[], take)
            }))
            .await;
            return;
        }
        let namespaces = |space| Either {
            kind: Kind::Namespaces,
            instead: "the namespaces of Services",
            api: Box::new(Api::all),
            other_api: Box::new(move |client| within(client, space)),
            selected: named(space),
            // A namespace exists, whether its Services are selected or not.
            other_selected: watcher::Config::default(),
            itself: |spaces: &mut Spaces, update: Update<NamespaceObject>| {
                vec![Change::Namespace(spaces.namespaces(update))]
            },
            other: |spaces: &mut Spaces, update: Update<ServiceObject>| {
                spaces.services(update).map(Change::Namespace).into_iter().collect()
            },
        };
        self.either(Kind::Namespaces, namespaces, Spaces::default).await;
    }

    async fn slices(&self) {
        let selected = labelled(&[&self.selection.labels]);
        let slices = |space| Either {
            kind: Kind::EndpointSlices,
            instead: "Endpoints",
            api: Box::new(move |client| within(client, space)),
            other_api: Box::new(move |client| within(client, space)),
            selected: selected.clone(),
            other_selected: selected.clone(),
            itself: |made: &mut FromEndpoints, update: Update<EndpointSliceObject>| {
                let triggers = trigger::of(&update);
                let slices = Change::EndpointSlice(update.map(|slice| slice.slim(made.keep)));
                [slices].into_iter().chain(triggers).collect()
            },
            other: |made: &mut FromEndpoints, update| {
                made.take(update).into_iter().map(Change::EndpointSlice).collect()
            },
        };
        let keep = self.selection.keep;
        self.either(Kind::EndpointSlices, slices, || FromEndpoints::new(keep)).await;
    }

    async fn pods(&self) {
        let selected = labelled(&[&self.selection.labels]).fields(pod::FIELD_SELECTOR);
        let mut pods = Pods::default();
        let take = |update: Update<PodObject>| {
            if let Some(update) = pods.take(update) {
                self.gate.apply(Change::Pod(update));
            }
        };
        if let Some(&(place, _)) = self.selection.places(Kind::Pods).first() {
            self.follow(place, Kind::Pods.name(), Api::all, selected, &[], take).await;
        }
    }

    async fn gateway(&self) {
        let Some(service) = &self.selection.gateway else { return };
        let named = watcher::Config::default().fields(&format!("metadata.name={}", service.name));
        let take = |update: Update<LoadBalancerObject>| {
            self.gate.apply(Change::Gateway(update.map(Into::into)));
        };
        if let Some(&(place, _)) = self.selection.places(Kind::Gateway).first() {
            let api = |client| Api::namespaced(client, &service.namespace);
            self.follow(place, Kind::Gateway.name(), api, named, &[], take).await;
        }
    }

    /// Hands on what the watch of one namespace tells, or of all where it is `None`.
    pub(super) fn tell(&self, space: Option<&str>, change: Change) {
        let change = self.parts.join(space, change);
        match &self.exported {
            Some(exported) => exported.sift(change, |change| self.gate.apply(change)),
            None => self.gate.apply(change),
        }
    }

    /// What of a watch is handed on: of Services, and of what belongs to them, what is exported.
    fn sieve(&self, place: usize, kind: &str) -> Sieve<'_> {
        let sifted = [Kind::Services, Kind::EndpointSlices];
        let mut places = sifted.iter().flat_map(|kind| self.selection.places(*kind));
        match &self.exported {
            Some(exported) if places.any(|(at, _)| at == place) => {
                let is_slice = kind == Kind::EndpointSlices.name();
                let service = if is_slice { service_by_label } else { service_by_name };
                exported.sieve(service, self.timing.renewal)
            }
            _ => Sieve::none(),
        }
    }

    /// Runs one watch and keeps the [`Condition`] by it. It ends as [`Watch::run`] says.
    pub(super) async fn follow<O: Object>(
        &self,
        place: usize,
        kind: &'static str,
        api: impl Fn(Client) -> Api<Guarded<O>>,
        selected: watcher::Config,
        ends_at: &'static [u16],
        mut take: impl FnMut(Update<O>),
    ) -> u16
    where
        O::DynamicType: Clone,
    {
        let condition = &self.condition;
        let watch = Watch {
            cluster: condition.id.clone(),
            kind,
            quotable: true,
            identity: self.identity.clone(),
            contact: condition.contact(place).clone(),
            peers: self.peers.clone(),
            timing: self.timing.clone(),
            ends_at,
        };
        // Only what failed here is forgiven here: a kind that another stands for is still forbidden.
        let mut is_forbidden = false;
        loop {
            let (failing, mut outlasted) = channel(false);
            let tell = |told| match told {
                Told::Update(update) => take(update),
                Told::Failing(failure) => {
                    if failure.cause == Cause::Status(403) {
                        condition.set_missing(place, self.selection.kind_at(place));
                        is_forbidden = true;
                    }
                    condition.fails(place, format!("{kind}: {}", failure.why));
                    failing.send_replace(true);
                }
                Told::Listed | Told::Working => {
                    if let Told::Listed = told {
                        condition.set_synced(place);
                    }
                    if std::mem::take(&mut is_forbidden) {
                        condition.set_missing(place, None);
                    }
                    condition.works(place);
                    failing.send_replace(false);
                }
            };
            let api = api(self.client(condition.contact(place).clone()));
            tokio::select! {
                status = watch.run(api, selected.clone(), self.sieve(place, kind), tell) => return status,
                () = self.outlasted(&mut outlasted) => {}
            }
            self.forget(place, kind);
            take(Update::Reset(Vec::new()));
        }
    }

    /// Ends when a watch failed for so long that what it said is not to be gone by any more, while others of
    /// the API work. Where none does, all of the member is forgotten.
    async fn outlasted(&self, failing: &mut Receiver<bool>) {
        let Some(stale) = self.stale else { return std::future::pending().await };
        loop {
            // The sender lives as long as the watch.
            let _ = failing.wait_for(|failing| *failing).await;
            let is_over = timeout(stale, failing.wait_for(|failing| !*failing)).await.is_err();
            if is_over && !self.condition.is_lost() {
                return;
            }
            let _ = failing.wait_for(|failing| !*failing).await;
        }
    }

    /// Notes that what a watch said is forgotten, and says so.
    pub(super) fn forget(&self, place: usize, kind: &str) {
        self.condition.forget(place);
        let (cluster, stale) = (&self.condition.id, self.stale);
        warn!(%cluster, kind, ?stale, "could not be watched for so long: what is known is forgotten until it is listed again");
    }

    /// A client that keeps to all limits.
    pub(super) fn client(&self, contact: Arc<Contact>) -> Client {
        client::probe(self.client.clone(), contact, self.limiter.clone(), &self.timing)
    }
}

/// Runs all of these. Each is polled when it is woken itself: an event of one costs nothing of the others.
async fn all(runs: Vec<BoxFuture<'_, ()>>) {
    runs.into_iter().collect::<FuturesUnordered<_>>().collect().await
}

/// The objects of one namespace, or of all.
pub(super) fn within<O>(client: Client, space: Option<&str>) -> Api<O>
where
    O: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    match space {
        Some(space) => Api::namespaced(client, space),
        None => Api::all(client),
    }
}

/// A watch of the objects with labels that all of these select.
pub(super) fn labelled(selectors: &[&LabelSelector]) -> watcher::Config {
    let texts = selectors.iter().filter(|labels| !labels.is_empty()).map(ToString::to_string);
    let text = texts.collect::<Vec<_>>().join(",");
    let config = watcher::Config::default();
    if text.is_empty() { config } else { config.labels(&text) }
}

#[cfg(test)]
#[path = "broken_tests.rs"]
mod tests;
