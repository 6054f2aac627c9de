//! One watch of one kind of object of one cluster.
//!
//! In: an API server's LIST and WATCH. Out: [`Told`]: updates in order, and how the watch is. A
//! finished list replaces what was known in one step; until then, and through every error, what was
//! known stays. Nothing here gives up: failures are logged once and tried again for ever.

use std::error::Error as StdError;
use std::fmt::Debug;
use std::sync::Arc;

use futures::StreamExt;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tracing::instrument::WithSubscriber;
use tracing::{Dispatch, info, warn};

use super::backoff::Backoff;
use super::client::{Contact, Timing};
use super::event::{ClusterId, Update};
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
    /// The HTTP status, if it was the server that refused.
    pub status: Option<u16>,
    /// For people. Holds no credential.
    pub why: String,
}

/// A watch: its names for the log, and what it is run with.
pub struct Watch {
    pub cluster: ClusterId,
    /// The plural that the log uses: `Services`.
    pub kind: &'static str,
    /// Whether decoding errors may be logged in full: they may quote the object, so not of Secrets.
    pub quotable: bool,
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
    /// `selection` may hold selectors; page size and time limit are set here.
    pub async fn run<O>(
        &self,
        // An object that does not decode fails itself, not the list that it is in.
        api: Api<DeserializeGuard<O>>,
        selection: watcher::Config,
        mut tell: impl FnMut(Told<O>),
    ) -> u16
    where
        O: Resource + DeserializeOwned + Clone + Debug + Send + 'static,
        O::DynamicType: Clone,
    {
        let selection = selection.timeout(self.timing.watch_seconds).page_size(500);
        let mut backoff = Backoff::new(&self.timing);
        let mut failing = false;
        let mut stream = watcher(api.clone(), selection.clone()).boxed();
        let mut listed = Vec::new();
        loop {
            // kube logs each failed attempt, and in full what it cannot decode, which may be a
            // Secret. What matters of it is said here.
            let event = tokio::select! {
                event = stream.next().with_subscriber(Dispatch::none()) => event,
                () = self.contact.watching() => {
                    self.working(&mut failing, &mut tell);
                    continue;
                }
            };
            match event {
                Some(Ok(Event::Init)) => listed.clear(),
                Some(Ok(Event::InitApply(object))) => listed.extend(self.decoded(object)),
                Some(Ok(Event::InitDone)) => {
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
                    let status = status(&error);
                    if let Some(status) = status.filter(|status| self.ends_at.contains(status)) {
                        return status;
                    }
                    let why = describe(&error);
                    if !std::mem::replace(&mut failing, true) {
                        warn!(cluster = %self.cluster, kind = self.kind, error = %why,
                            "the watch fails and is retried; what is known stays");
                    }
                    tell(Told::Failing(Failure { status, why }));
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

    fn working<O>(&self, failing: &mut bool, tell: &mut impl FnMut(Told<O>)) {
        if std::mem::take(failing) {
            self.peers.notify_waiters();
            info!(cluster = %self.cluster, kind = self.kind, "the watch works again");
            tell(Told::Working);
        }
    }

    fn decoded<O>(&self, object: DeserializeGuard<O>) -> Option<O> {
        match object.0 {
            Ok(object) => Some(object),
            Err(invalid) => {
                let error = if self.quotable { plain(&invalid.error) } else { String::new() };
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
        watcher::Error::WatchStartFailed(_) => status(error) == Some(410),
        watcher::Error::WatchError(_) => true,
        watcher::Error::WatchFailed(cause) => matches!(cause, kube::Error::SerdeError(_)),
        _ => false,
    }
}

/// The HTTP status of a failure, if it was the server that refused.
fn status(error: &watcher::Error) -> Option<u16> {
    use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
    match error {
        InitialListFailed(kube::Error::Api(status))
        | WatchStartFailed(kube::Error::Api(status))
        | WatchFailed(kube::Error::Api(status))
        | WatchError(status) => Some(status.code),
        _ => None,
    }
}

/// An error with its causes, for the log. Bodies are not quoted: they may hold a Secret.
pub(super) fn describe(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let part = match error.downcast_ref::<serde_json::Error>() {
            Some(json) => format!("the response does not decode at column {}", json.column()),
            None => error.to_string(),
        };
        // Some errors print their cause themselves.
        if !text.contains(&part) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&part);
        }
        next = error.source();
    }
    plain(&text)
}

/// One line of at most 300 characters: what a server says must not shape the log.
fn plain(text: &str) -> String {
    text.chars().take(300).map(|char| if char.is_control() { ' ' } else { char }).collect()
}
