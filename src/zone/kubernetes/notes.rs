//! What is not plain from an answer: who said it, and what was left out of it.

use std::cell::{Cell, OnceCell};

use super::UNKNOWN_TTL;
use super::look::Look;
use crate::cluster::ClusterId;
use crate::cluster::kinds::ObjectKey;
use crate::zone::answer::Answer;
use crate::zone::choice::Reach;
use crate::zone::gateway::Missing;
use crate::zone::overlap::Overlapped;
use crate::zone::why::Why;

/// What is not plain from an answer.
#[derive(Default)]
pub(super) struct Notes {
    /// The first address that was left out.
    pub(super) overlapped: OnceCell<Overlapped>,
    /// The first cluster that answers though it is out of reach.
    pub(super) lost: OnceCell<ClusterId>,
    /// Seconds that a gateway's addresses may be kept.
    pub(super) gateway: Cell<Option<u32>>,
    /// A gateway, of which not all is known.
    pub(super) missing: OnceCell<(ClusterId, Missing)>,
    /// A Service whose endpoints, which are handed out for it, have other ports.
    pub(super) ports: OnceCell<(ClusterId, ObjectKey)>,
}

impl Notes {
    /// Says with an answer why it is no other.
    pub(super) fn tell(&mut self, out: &mut Answer) {
        // Mostly there is nothing, and nothing to move.
        if let Some(overlapped) = self.overlapped.take() {
            out.why = Some(Why::Overlap(overlapped));
        } else if let Some((cluster, missing)) = self.missing.take() {
            out.why = Some(Why::NoGateway(cluster, missing));
        } else if let Some(cluster) = self.lost.take() {
            out.why = Some(Why::Stale(cluster));
        }
        if let Some(ports) = self.ports.take() {
            out.ports_differ = Some(ports);
        }
    }
}

impl Look<'_> {
    /// Notes that a cluster answers, which may be out of reach.
    pub(super) fn answers(&self, cluster: &ClusterId) {
        if *cluster != self.zone.fleet.local
            && self.registry.is_lost(cluster)
            && let Some(notes) = self.notes
        {
            notes.lost.get_or_init(|| cluster.clone());
        }
    }

    /// Notes that a gateway answers for a cluster, if one does: how long its addresses may be kept, and what
    /// of it is not known.
    pub(super) fn leads(&self, cluster: &ClusterId) {
        let (Some(notes), Reach::Instead(gateway)) = (self.notes, self.zone.fleet.reach(cluster))
        else {
            return;
        };
        let found = self.zone.fleet.lead(self.registry, cluster, gateway);
        if let Some(ttl) = found.ttl {
            notes.gateway.set(Some(notes.gateway.get().map_or(ttl, |least| least.min(ttl))));
        }
        if let (Some(missing), true) = (found.missing, found.addresses.is_empty()) {
            notes.missing.get_or_init(|| (cluster.clone(), missing));
        }
    }

    /// Seconds that positive answers may be kept: not for long by what a lost cluster said, and no longer than
    /// the name of a gateway.
    pub(super) fn ttl(&self) -> u32 {
        let Some(notes) = self.notes else { return self.zone.ttl };
        let lost = notes.lost.get().map(|_| UNKNOWN_TTL);
        let least = [lost, notes.gateway.get()].into_iter().flatten().min();
        least.map_or(self.zone.ttl, |least| least.min(self.zone.ttl))
    }
}
