//! A server that runs: from its start through changes of its Corefile to its end.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::endpoints::Endpoints;
use super::instance::Instance;
use super::listen::ListenError;
use super::listener::{Listener, Opened};
use super::place::Place;
use crate::plugin::background::Background;

/// How long questions that are being answered may go on after the sockets are closed.
const GRACE: Duration = Duration::from_secs(5);

/// A server that runs.
pub struct Running {
    instance: Instance,
    listeners: BTreeMap<Place, Listener>,
    endpoints: Endpoints,
    /// All that answers questions.
    questions: TaskTracker,
    /// What goes on beside the questions, of this instance.
    background: Background,
}

impl Instance {
    /// Opens all sockets, and starts to watch and to answer. Needs a runtime.
    ///
    /// # Errors
    /// An address that cannot be listened on; then nothing goes on running.
    pub fn start(self) -> Result<Running, ListenError> {
        let mut running = Running {
            instance: self,
            listeners: BTreeMap::new(),
            endpoints: Endpoints::default(),
            questions: TaskTracker::new(),
            background: Background::default(),
        };
        let opened = running.open(&running.instance)?;
        let pages = running.instance.pages();
        let pages_opened = running.endpoints.listen(&pages)?;
        running.instance.watch(&running.background);
        running.endpoints.show(pages, pages_opened);
        running.accompany(&opened);
        running.lead(opened);
        Ok(running)
    }
}

impl Running {
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Becomes another instance, which was made as the successor of this one. Listeners that both have stay
    /// open, so no question is lost; those that are answered end as they began.
    ///
    /// # Errors
    /// An address that cannot be listened on; then nothing has changed.
    pub async fn become_instance(&mut self, next: Instance) -> Result<(), ListenError> {
        let opened = self.open(&next)?;
        let pages = next.pages();
        let pages_opened = self.endpoints.listen(&pages)?;
        let background = Background::default();
        next.watch(&background);
        // New clusters are waited for; those that were known before are known now.
        next.settled().await;
        self.background.stop();
        self.background = background;
        self.instance = next;
        self.endpoints.show(pages, pages_opened);
        self.accompany(&opened);
        self.lead(opened);
        Ok(())
    }

    /// Tells the plugins that this instance goes on, as the one that was to replace it is wrong.
    pub fn goes_on(&self) {
        self.instance.goes_on(&self.background);
    }

    /// Opens the places of an instance that have no listener yet.
    fn open(&self, instance: &Instance) -> Result<Vec<(Place, Opened)>, ListenError> {
        let new = instance.places.iter().filter(|(at, _)| !self.listeners.contains_key(at));
        new.map(|(at, service)| Ok((*at, Opened::new(*at, service.sockets)?))).collect()
    }

    /// Has all listeners lead to the instance, and closes those that it has no more.
    fn lead(&mut self, opened: Vec<(Place, Opened)>) {
        let places = &self.instance.places;
        self.listeners.retain(|at, listener| match places.get(at) {
            Some(service) => {
                listener.lead(service.clone());
                true
            }
            None => {
                listener.stop();
                false
            }
        });
        for (at, opened) in opened {
            if let Some(service) = places.get(&at) {
                self.listeners.insert(at, opened.serve(service.clone(), &self.questions));
            }
        }
    }

    /// Starts what goes on beside the questions, before the first of them comes: files are read in the order of
    /// the Corefile.
    fn accompany(&self, opened: &[(Place, Opened)]) {
        let at = |place: &Place| {
            let known = self.listeners.get(place).map(Listener::address);
            let new = || opened.iter().find(|(at, _)| at == place);
            known.or_else(|| new().map(|(_, opened)| opened.address()))
        };
        self.instance.accompany(at, &self.background);
    }

    /// Ends in CoreDNS's order: `/ready` is gone at once, questions are answered through the lameduck
    /// time, then the sockets close and what is being answered has `GRACE` to be done.
    pub async fn stop(mut self) {
        self.endpoints.unready();
        // One after the other, as in CoreDNS.
        for health in &self.instance.process().health {
            health.lameduck().await;
        }
        self.listeners.values().for_each(Listener::stop);
        self.questions.close();
        if timeout(GRACE, self.questions.wait()).await.is_err() {
            tracing::warn!("some questions were still being answered at the end");
        }
        self.background.stop();
        self.endpoints.stop(GRACE).await;
    }
}
