//! A kind that is read, or another in its stead where RBAC forbids it.
//!
//! In: what both say. Out: the [`Change`]s that the one or the other means. Each takes the place of the
//! other with a finished list, in one step.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use kube::api::{ListParams, WatchParams};
use kube::runtime::watcher;
use kube::{Api, Client};
use tokio::time::Instant;

use super::backoff::Backoff;
use super::event::{Change, Update};
use super::guarded::Guarded;
use super::rights::{Reading, Rights};
use super::selection::Kind;
use super::watches::{Object, Watches};

/// What an API server says to those who lack a right.
const FORBIDDEN: &[u16] = &[403];

/// Two kinds that tell the same. `S` is what is remembered of both.
pub struct Either<'a, S, A, B> {
    pub kind: Kind,
    /// What the other is called in the log.
    pub instead: &'static str,
    pub api: MakeApi<'a, A>,
    pub other_api: MakeApi<'a, B>,
    /// Which are watched.
    pub selected: watcher::Config,
    pub other_selected: watcher::Config,
    pub itself: fn(&mut S, Update<A>) -> Vec<Change>,
    pub other: fn(&mut S, Update<B>) -> Vec<Change>,
}

/// The API of a kind, of one namespace or of all.
pub type MakeApi<'a, O> = Box<dyn Fn(Client) -> Api<Guarded<O>> + Send + Sync + 'a>;

impl Watches {
    /// Watches a kind, if it is wanted, in each namespace that is. `either` says how, and `state` what is
    /// remembered at the start.
    pub(super) async fn either<'a, S, A, B>(
        &'a self,
        kind: Kind,
        either: impl Fn(Option<&'a str>) -> Either<'a, S, A, B>,
        state: impl Fn() -> S,
    ) where
        A: Object<DynamicType = ()>,
        B: Object<DynamicType = ()>,
    {
        let places = self.selection.places(kind).into_iter();
        join_all(places.map(|place| self.one_of(place, either(place.1), state()))).await;
    }

    /// Watches the kind, and the other while the kind is forbidden. Now and then it is looked whether the
    /// right is there.
    async fn one_of<S, A, B>(
        &self,
        (place, space): (usize, Option<&str>),
        either: Either<'_, S, A, B>,
        mut state: S,
    ) where
        A: Object<DynamicType = ()>,
        B: Object<DynamicType = ()>,
    {
        let Either { kind, instead, itself, other, .. } = either;
        let mut rights = Rights::new((&self.condition, place), kind, instead);
        let mut backoff = Backoff::new(&self.timing);
        // Since when neither may be listed, and whether what they said is forgotten because of that.
        let (mut since, mut is_forgotten) = (None, false);
        let is_listed = AtomicBool::new(false);
        let mut take = |reading, is_list, changes: Vec<Change>| {
            if is_list {
                rights.now(reading);
                is_listed.store(reading != Reading::Nothing, Ordering::Relaxed);
            }
            if !changes.is_empty() {
                self.tell(space, Change::Together(changes));
            }
        };
        loop {
            let (api, selected) = (&either.api, either.selected.clone());
            self.follow(place, kind.name(), api, selected, FORBIDDEN, |update: Update<A>| {
                let is_list = matches!(update, Update::Reset(_));
                take(Reading::Itself, is_list, itself(&mut state, update));
            })
            .await;
            let (api, selected) = (&either.other_api, either.other_selected.clone());
            let forbidden = self.follow(place, instead, api, selected, FORBIDDEN, |update| {
                let is_list = matches!(update, Update::Reset(_));
                take(Reading::Instead, is_list, other(&mut state, update));
            });
            tokio::select! {
                _ = forbidden => {}
                () = self.allowed(&either.api, &either.selected) => continue,
            }
            if is_listed.load(Ordering::Relaxed) {
                (since, is_forgotten) = (None, false);
            }
            take(Reading::Nothing, true, Vec::new());
            let kind = kind.name();
            let begun: Instant = *since.get_or_insert_with(Instant::now);
            if !is_forgotten && self.stale.is_some_and(|stale| begun.elapsed() >= stale) {
                is_forgotten = true;
                self.forget(place, kind);
                let nothing = itself(&mut state, Update::Reset(Vec::new()));
                take(Reading::Nothing, true, nothing);
            }
            self.condition
                .fails(place, format!("{kind}: neither they nor {instead} may be listed"));
            tokio::time::sleep(backoff.next()).await;
        }
    }

    /// Waits until a kind may be listed and watched.
    async fn allowed<O: Object<DynamicType = ()>>(
        &self,
        api: &MakeApi<'_, O>,
        selected: &watcher::Config,
    ) {
        let api = api(self.client(Default::default()));
        let mut list = ListParams::default().limit(1);
        let mut watch = WatchParams::default().timeout(1);
        list.field_selector.clone_from(&selected.field_selector);
        watch.field_selector.clone_from(&selected.field_selector);
        loop {
            tokio::time::sleep(self.timing.rights).await;
            let Ok(list) = api.list_metadata(&list).await else { continue };
            let version = list.metadata.resource_version.unwrap_or_default();
            if api.watch_metadata(&watch, &version).await.is_ok() {
                return;
            }
        }
    }
}

#[cfg(test)]
#[path = "either_tests.rs"]
mod tests;
