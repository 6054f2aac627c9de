//! What stands behind a listener: swapped whole when the Corefile is read again, so that no socket is
//! closed for that.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fast::Worker;
use super::site::Site;
use crate::plugin::Transport;
use crate::plugin::crowds::{Https, Quic};
use crate::plugin::timeouts::Timeouts;
use crate::plugin::tls::Identity;

/// What a listener serves at present.
pub struct Door(ArcSwap<Service>);

impl Door {
    pub fn new(service: Service) -> Self {
        Door(ArcSwap::from_pointee(service))
    }

    /// For a question that comes now. Connections ask anew for each, as they may last.
    pub fn service(&self) -> Arc<Service> {
        self.0.load_full()
    }

    /// Leads elsewhere from now on. What has begun goes on as it was.
    pub fn lead(&self, service: Service) {
        self.0.store(Arc::new(service));
    }
}

/// The blocks of a listener, and its limits.
#[derive(Clone)]
pub struct Service {
    pub site: Arc<Site>,
    pub timeouts: Timeouts,
    /// Without it listeners of encrypted schemes are not encrypted: a proxy before them is.
    pub tls: Option<Arc<Identity>>,
    /// UDP sockets that share the port.
    pub sockets: usize,
    pub https: Https,
    pub quic: Quic,
    /// Room for more connections; without it for all that come.
    room: Option<Arc<Semaphore>>,
    /// The fast path of all connections.
    worker: Arc<Mutex<Worker>>,
}

impl Service {
    /// With room for `connections` at a time, or for all.
    pub fn new(site: Arc<Site>, connections: Option<usize>) -> Self {
        let most = |most: usize| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Service {
            worker: Arc::new(Mutex::new(Worker::new(site.clone(), Transport::Tcp))),
            site,
            timeouts: Timeouts::default(),
            tls: None,
            sockets: 1,
            https: Https::default(),
            quic: Quic::default(),
            room: connections.map(most),
        }
    }

    /// The answer to a packet of a connection, where the fast path has it.
    pub fn answer_now(&self, packet: &[u8], client: SocketAddr) -> Option<Vec<u8>> {
        // Each answer begins with nothing that an earlier one left.
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = Vec::new();
        let is_answered = worker.answer(packet, client, &mut out);
        worker.end();
        is_answered.then_some(out)
    }

    /// Waits for room for a connection, which it has until the permit is dropped.
    pub async fn room(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        self.room.clone()?.acquire_owned().await.ok()
    }

    /// Room for a connection, if there is some at once.
    pub fn room_now(&self) -> Result<Option<OwnedSemaphorePermit>, Full> {
        match &self.room {
            None => Ok(None),
            Some(room) => room.clone().try_acquire_owned().map(Some).map_err(|_| Full),
        }
    }
}

/// There are as many connections as there may be.
#[derive(Debug)]
pub struct Full;
