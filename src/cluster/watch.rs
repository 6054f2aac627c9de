//! One watch of one kind of object of one cluster.
//!
//! In: an API server's LIST and WATCH. Out: [`Told`]: updates in order, and how the watch is. A
//! finished list replaces what was known in one step; until then, and through every error, what was
//! known stays. Nothing here gives up: failures are logged once and tried again for ever.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use futures::StreamExt;
use kube::api::ListParams;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tracing::instrument::WithSubscriber;
use tracing::{Dispatch, info, warn};

use super::backoff::Backoff;
use super::client::{Contact, Timing};
use super::event::Update;
use super::exported::Sieve;
use super::failure::{Cause, cause, describe, unquoted};
use super::guarded::Guarded;
use super::id::ClusterId;
use super::identity::Identity;
use super::kinds::key_of;

/// What a watch tells the one who runs it.
#[derive(Debug)]
pub enum Told<O> {
    /// The objects changed.
    Update(Update<O>),
    /// A list is finished and was told as [`Update::Reset`].
    Listed,
    /// It failed, and is tried again.
    Failing(Failure),
    /// It failed and works again.
    Working,
}

/// How an attempt failed.
#[derive(Debug)]
pub struct Failure {
    pub cause: Cause,
    /// For people. Holds no credential.
    pub why: String,
}

/// A watch: its names for the log, and what it is run with.
pub struct Watch {
    pub cluster: ClusterId,
    /// The plural that the log uses: `Services`.
    pub kind: &'static str,
    /// Whether decoding errors may be logged: not those of Secrets, whatever they say.
    pub quotable: bool,
    /// What the API server knows the client by.
    pub identity: Identity,
    /// The stamp of the [`super::client::probe`] that the API was made with.
    pub contact: Arc<Contact>,
    /// Shared by the watches of one API server: the first that works again wakes the others, so
    /// that Services are not long ahead of their endpoints.
    pub peers: Arc<Notify>,
    pub timing: Timing,
    /// The HTTP statuses of failures that end the watch, because whoever runs it has another way.
    pub ends_at: &'static [u16],
}

impl Watch {
    /// Lists and watches until it is dropped, or fails with a status of [`Watch::ends_at`], which it gives.
    ///
    /// `selection` may hold selectors; page size and time limit are set here. `sieve` says what of lists
    /// is wanted, and when to list anew, though nothing fails.
    pub async fn run<O>(
        &self,
        // An object that does not decode fails itself, not the list that it is in.
        api: Api<Guarded<O>>,
        selection: watcher::Config,
        mut sieve: Sieve<'_>,
        mut tell: impl FnMut(Told<O>),
    ) -> u16
    where
        O: Resource + DeserializeOwned + Clone + Debug + Send + 'static,
        O::DynamicType: Clone,
    {
        let selection = selection.timeout(self.timing.watch_seconds).page_size(500);
        let mut backoff = Backoff::new(&self.timing);
        let mut failing = BTreeSet::new();
        let mut stream = watcher(api.clone(), selection.clone()).boxed();
        let mut listed = Vec::new();
        let mut is_listing = true;
        loop {
            // kube logs each failed attempt, and in full what it cannot decode, which may be a
            // Secret. What matters of it is said here.
            let event = tokio::select! {
                event = stream.next().with_subscriber(Dispatch::none()) => event,
                () = self.contact.watching() => {
                    if failing.is_empty() && !self.contact.is_early() {
                        continue;
                    }
                    match self.went_back(&api).await {
                        Ok(false) => self.working(&mut failing, &mut tell),
                        Ok(true) => stream = watcher(api.clone(), selection.clone()).boxed(),
                        // The next watch is looked at again.
                        Err(_) => {}
                    }
                    continue;
                }
                // A list that is under way will do.
                () = sieve.due(), if !is_listing => {
                    stream = watcher(api.clone(), selection.clone()).boxed();
                    is_listing = true;
                    continue;
                }
            };
            match event {
                Some(Ok(Event::Init)) => {
                    listed.clear();
                    is_listing = true;
                    sieve.begin();
                }
                Some(Ok(Event::InitApply(object))) => {
                    let object = self.decoded(object);
                    listed.extend(object.filter(|object| sieve.takes(object.meta())));
                }

                Some(Ok(Event::InitDone)) => {
                    is_listing = false;
                    tell(Told::Update(Update::Reset(std::mem::take(&mut listed))));
                    tell(Told::Listed);
                    self.working(&mut failing, &mut tell);
                }
                Some(Ok(Event::Apply(object))) => {
                    if let Some(object) = self.decoded(object) {
                        tell(Told::Update(Update::Upsert(object)));
                    }
                }
                Some(Ok(Event::Delete(object))) => {
                    tell(Told::Update(Update::Delete(key_of(object.meta()))));
                }
                Some(Err(error)) => {
                    let cause = cause(&error);
                    if let Cause::Status(status) = cause
                        && self.ends_at.contains(&status)
                    {
                        return status;
                    }
                    let why = self.identity.explain(cause, describe(&error));
                    if failing.insert(cause) {
                        warn!(cluster = %self.cluster, kind = self.kind, error = %why,
                            "the watch fails and is retried; what is known stays");
                    }
                    tell(Told::Failing(Failure { cause, why }));
                    if needs_new_list(&error) {
                        stream = watcher(api.clone(), selection.clone()).boxed();
                    }
                    tokio::select! {
                        () = tokio::time::sleep(backoff.next()) => {}
                        () = self.peers.notified() => {}
                    }
                }
                // The watcher's stream does not end; if it ever does, begin again.
                None => stream = watcher(api.clone(), selection.clone()).boxed(),
            }
        }
    }

    /// Whether the server is behind the version that it was asked to go on from, as one is that was made anew
    /// or from a backup. It accepts such a watch, and says nothing until it has counted so far again.
    async fn went_back<O>(&self, api: &Api<Guarded<O>>) -> kube::Result<bool>
    where
        O: Resource + DeserializeOwned + Clone + Debug,
    {
        let params = ListParams::default().limit(1);
        let list = api.list_metadata(&params).with_subscriber(Dispatch::none()).await?;
        let version = list.metadata.resource_version.and_then(|version| version.parse().ok());
        // Versions can be compared as numbers (KEP-5504).
        Ok(version.is_some_and(|version: u64| version < self.contact.version()))
    }

    fn working<O>(&self, failing: &mut BTreeSet<Cause>, tell: &mut impl FnMut(Told<O>)) {
        if !std::mem::take(failing).is_empty() {
            self.peers.notify_waiters();
            info!(cluster = %self.cluster, kind = self.kind, "the watch works again");
            tell(Told::Working);
        }
    }

    fn decoded<O>(&self, object: Guarded<O>) -> Option<O> {
        match object.0 {
            Ok(object) => Some(object),
            Err(invalid) => {
                let error = if self.quotable { unquoted(&invalid.error) } else { String::new() };
                warn!(cluster = %self.cluster, kind = self.kind, object = %key_of(&invalid.metadata),
                    %error, "skipped an object that does not decode");
                None
            }
        }
    }
}

/// Whether only a list leads on. kube lists anew when 410 comes inside the stream, as API servers send
/// it, and otherwise goes on where it was: with 410 as the HTTP status, as a proxy may send it, and
/// with an event that the server cannot send, it would ask for the same version for ever, and of a line
/// that is no event it would never know what it said.
fn needs_new_list(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::WatchStartFailed(_) => cause(error) == Cause::Status(410),
        watcher::Error::WatchError(_) => true,
        watcher::Error::WatchFailed(cause) => matches!(cause, kube::Error::SerdeError(_)),
        _ => false,
    }
}
