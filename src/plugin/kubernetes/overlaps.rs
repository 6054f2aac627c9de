//! Addresses of members that were left out: each is said once, and every answer without it is counted.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::warn;

use crate::cluster::ClusterId;
use crate::telemetry::Metrics;
use crate::zone::overlap::Overlapped;

/// How many are remembered; then they are said anew.
const MOST: usize = 10_000;

/// Those that were said.
pub struct Overlaps {
    said: Mutex<HashSet<(ClusterId, IpAddr)>>,
    metrics: Arc<Metrics>,
}

impl Overlaps {
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Overlaps { said: Mutex::default(), metrics }
    }

    /// Notes an answer that an address was left out of.
    pub fn note(&self, overlapped: &Overlapped) {
        self.metrics.fleet.overlapped(&overlapped.cluster);
        // Nothing that is half done could be seen behind the lock.
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() >= MOST {
            said.clear();
        }
        if said.insert((overlapped.cluster.clone(), overlapped.address)) {
            warn!("{overlapped}; `overlap` in fleet says what is answered instead");
        }
    }
}
