//! A kind that is read, or another in its stead where RBAC forbids it.
//!
//! In: what both say. Out: the [`Change`]s that the one or the other means. Each takes the place of the
//! other with a finished list, in one step.

use kube::Api;
use kube::api::{ListParams, WatchParams};
use kube::runtime::watcher;

use super::backoff::Backoff;
use super::event::{Change, Update};
use super::rights::{Reading, Rights};
use super::selection::Kind;
use super::watches::{Object, Watches};

/// What an API server says to those who lack a right.
const FORBIDDEN: &[u16] = &[403];

/// Two kinds that tell the same. `S` is what is remembered of both.
pub struct Either<S, A, B> {
    pub kind: Kind,
    /// What the other is called in the log.
    pub instead: &'static str,
    /// Which of both are watched.
    pub selected: watcher::Config,
    pub itself: fn(&mut S, Update<A>) -> Vec<Change>,
    pub other: fn(&mut S, Update<B>) -> Vec<Change>,
}

impl Watches {
    /// Watches the kind, if it is wanted, and the other while the kind is forbidden. Now and then it is
    /// looked whether the right is there.
    pub(super) async fn either<S, A, B>(&self, either: Either<S, A, B>, mut state: S)
    where
        A: Object<DynamicType = ()>,
        B: Object<DynamicType = ()>,
    {
        let Either { kind, instead, selected, itself, other } = either;
        let Some(place) = self.selection.place(kind) else { return };
        let mut rights = Rights::new(&self.condition.id, kind, instead);
        let mut backoff = Backoff::new(&self.timing);
        let mut take = |reading, is_list, changes: Vec<Change>| {
            if is_list {
                rights.now(reading);
            }
            if !changes.is_empty() {
                self.gate.apply(Change::Together(changes));
            }
        };
        loop {
            let (name, with) = (kind.name(), || selected.clone());
            self.follow(place, name, Api::all, with(), FORBIDDEN, |update: Update<A>| {
                let is_list = matches!(update, Update::Reset(_));
                take(Reading::Itself, is_list, itself(&mut state, update));
            })
            .await;
            let forbidden = self.follow(place, instead, Api::all, with(), FORBIDDEN, |update| {
                let is_list = matches!(update, Update::Reset(_));
                take(Reading::Instead, is_list, other(&mut state, update));
            });
            tokio::select! {
                _ = forbidden => {}
                () = self.allowed::<A>() => continue,
            }
            take(Reading::Nothing, true, Vec::new());
            self.condition.set_failing(place, true);
            tokio::time::sleep(backoff.next()).await;
        }
    }

    /// Waits until a kind may be listed and watched.
    async fn allowed<O: Object<DynamicType = ()>>(&self) {
        let api: Api<O> = Api::all(self.client(Default::default()));
        loop {
            tokio::time::sleep(self.timing.rights).await;
            let Ok(list) = api.list_metadata(&ListParams::default().limit(1)).await else {
                continue;
            };
            let version = list.metadata.resource_version.unwrap_or_default();
            let watch = WatchParams::default().timeout(1);
            if api.watch_metadata(&watch, &version).await.is_ok() {
                return;
            }
        }
    }
}

#[cfg(test)]
#[path = "either_tests.rs"]
mod tests;
