//! What is to be known of answers by members' Services: addresses that were left out, which are counted, too,
//! and endpoints with other ports than their Service. Each is said once.

use std::collections::HashSet;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::warn;

use crate::cluster::ClusterId;
use crate::cluster::kinds::ObjectKey;
use crate::telemetry::Metrics;
use crate::zone::overlap::Overlapped;

/// How many are remembered; then they are said anew.
const MOST: usize = 10_000;

/// Those that were said.
pub struct Overlaps {
    said: Mutex<HashSet<(ClusterId, IpAddr)>>,
    ports: Mutex<HashSet<(ClusterId, ObjectKey)>>,
    metrics: Arc<Metrics>,
}

impl Overlaps {
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Overlaps { said: Mutex::default(), ports: Mutex::default(), metrics }
    }

    /// Notes an answer that an address was left out of.
    pub fn note(&self, overlapped: &Overlapped) {
        self.metrics.fleet.overlapped(&overlapped.cluster);
        if is_new(&self.said, (overlapped.cluster.clone(), overlapped.address)) {
            warn!("{overlapped}; `overlap` in fleet says what is answered instead");
        }
    }

    /// Notes an answer with endpoints whose ports differ from those of their Service.
    pub fn note_ports(&self, service: &(ClusterId, ObjectKey)) {
        if is_new(&self.ports, service.clone()) {
            let (cluster, key) = service;
            warn!(
                "{key} in {cluster} has another targetPort than port: clients find its endpoints' ports by \
                 SRV only"
            );
        }
    }
}

/// Whether it is the first of its kind.
fn is_new<T: Hash + Eq>(said: &Mutex<HashSet<T>>, what: T) -> bool {
    // Nothing that is half done could be seen behind the lock.
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    if said.len() >= MOST {
        said.clear();
    }
    said.insert(what)
}
