//! `k8s_external`: zones of the Services that are reached from outside of their clusters, by their external
//! addresses and load balancers (CoreDNS, plugin/k8s_external).
//!
//! In: a question in one of its zones, `SERVICE.NAMESPACE.ZONE` and names below, or of a reverse zone. Out:
//! addresses, aliases to the host names of load balancers with what those lead to, SRV and PTR records. Names
//! that do not exist may fall through to the next plugin.

mod records;
mod servers;
mod setup;
mod transfer;

use std::sync::Arc;

use async_trait::async_trait;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::fast::{Now, Question, Stance};
use super::kubernetes::{View, Zones as Kubernetes};
use super::transfer::Transferred;
use super::{Next, Outcome, Plugin, Reply, Request, names};
use crate::zone::answer::Answer;
use crate::zone::name::WireName;
use crate::zone::reverse;
pub use setup::setup;

const NAME: &str = "k8s_external";

/// The plugin.
pub struct External {
    /// Longest first.
    zones: Vec<Name>,
    /// The same as the fast path has them.
    wire_zones: Vec<WireName>,
    /// The first of the Corefile, which PTR records lead into.
    first: Name,
    /// The labels of the name below which a zone's name server is.
    apex: Name,
    /// Seconds; records of ports and aliases have that of `kubernetes`, as in CoreDNS.
    ttl: u32,
    headless: bool,
    fallthrough: Vec<Name>,
    kubernetes: Arc<Kubernetes>,
    view: Arc<View>,
}

#[async_trait]
impl Plugin for External {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let name = request.qname().to_lowercase();
        let Some(zone) = self.zones.iter().find(|zone| zone.zone_of(&name)) else {
            return next.run(NAME, request).await;
        };
        self.view.local().await;
        let mut reply = request.reply();
        reply.metadata.authoritative = true;
        let left = usize::from(name.num_labels() - zone.num_labels());
        let labels: Vec<&[u8]> = name.iter().take(left).collect();
        if labels.is_empty() {
            self.apex(request, zone, &mut reply);
            return Reply::message(reply);
        }
        if let Some(before) = self.below_apex(&labels) {
            self.server(request, zone, before, left, &mut reply);
            return Reply::message(reply);
        }
        let code = match self.look_up(request, &name, &labels, &mut reply).await {
            Ok(()) => ResponseCode::NoError,
            Err(ResponseCode::NXDomain) if names::within(&self.fallthrough, &name) => {
                return next.run(NAME, request).await;
            }
            Err(code) => code,
        };
        reply.metadata.response_code = code;
        if reply.answers.is_empty() {
            reply.authorities = vec![self.soa(zone)];
        }
        Reply::message(reply)
    }

    fn stance(&self) -> Stance {
        Stance::Chooses
    }

    fn answer_now(&self, question: &Question<'_>, _answer: &mut Answer) -> Now {
        if names::wire_within(&self.wire_zones, question.name) { Now::Unknown } else { Now::Passes }
    }

    async fn transfer(&self, request: &Request) -> Transferred {
        let Some(zone) = self.zones.iter().find(|zone| *zone == request.qname()) else {
            return Transferred::Elsewhere;
        };
        self.view.local().await;
        // What a member has not told yet would be missing until the next refresh.
        self.view.members().await;
        // A zone without names would empty a secondary.
        if !self.view.known().local {
            return Transferred::NotYet;
        }
        match self.contents(zone) {
            Ok(contents) => Transferred::Zone(Box::new(contents)),
            Err(error) => {
                tracing::error!("Zone {zone} cannot be transferred: {error}");
                Transferred::NotYet
            }
        }
    }
}

impl External {
    /// Writes what a name leads to.
    ///
    /// # Errors
    /// The code of a reply without records: NOERROR for a name that exists.
    async fn look_up(
        &self,
        request: &Request,
        name: &Name,
        labels: &[&[u8]],
        reply: &mut Message,
    ) -> Result<(), ResponseCode> {
        let (registry, known, qtype) = (self.view.registry(), self.view.known(), request.qtype());
        let is_pointer = qtype == RecordType::PTR;
        if let (true, Some(address)) = (is_pointer, reverse::address(&names::wire(name))) {
            let services = self.kubernetes.outside_pointers(registry, known, address);
            if services.is_empty() {
                return Err(ResponseCode::NXDomain);
            }
            self.pointers(request, services, reply);
            return Ok(());
        }
        let ways = self.kubernetes.outside(registry, known, labels, self.headless);
        let ways = ways.map_err(|code| ResponseCode::from(0, (code & 15) as u8))?;
        match qtype {
            RecordType::A | RecordType::AAAA => self.addresses(request, &ways, reply).await,
            RecordType::SRV => self.ports(request, &ways, labels.len(), reply).await,
            _ => {}
        }
        Ok(())
    }

    /// A record with the TTL of the zone.
    fn record(&self, owner: Name, data: RData) -> Record {
        Record::from_rdata(owner, self.ttl, data)
    }
}

#[cfg(test)]
mod tests;
