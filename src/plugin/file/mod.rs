//! `file`: zones from master files (CoreDNS, plugin/file).
//!
//! In: a question in one of its zones. Out: what the zone says, with AA, its name servers and addresses
//! of what the answer points to; a referral without AA; NXDOMAIN and NODATA with the SOA, and with NSEC and
//! signatures for those who ask with DO, if the file has them. Where nothing is found and
//! `fallthrough` allows it, the next plugin is asked. A zone whose file was never there is SERVFAIL.

mod alias;
mod lookup;
pub mod master;
mod place;
mod record;
mod reload;
mod setup;
mod tree;
mod zone;

use std::sync::Arc;

use async_trait::async_trait;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, RecordType};

use super::background::Background;
use super::explain::Told;
use super::transfer::{Notifier, Transferred};
use super::{Failure, Next, Outcome, Plugin, Reply, Request, metadata, names};
use crate::telemetry::mnemonic;
use crate::zone::explain::Steps;
use lookup::{End, Lookup};
use place::{Place, place};
use zone::Zone;

pub use setup::setup;

const NAME: &str = "file";

/// The plugin: all `file` of a server block.
pub struct File {
    zones: Vec<Served>,
    /// Where names that are not there are handed on.
    fallthrough: Vec<Name>,
    /// Who is told that a zone changed, by the block's `transfer`.
    notifier: Option<Arc<Notifier>>,
}

/// A zone, and when its file is looked at.
struct Served {
    zone: Arc<Zone>,
    watch: reload::Watch,
}

#[async_trait]
impl Plugin for File {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let Some(zone) = self.zone(request.qname()) else {
            return match next.name() {
                // It has authority over what it serves, and refuses the rest.
                None => Err(Failure::code(ResponseCode::Refused)),
                Some(_) => next.run(NAME, request).await,
            };
        };
        // `transfer` takes these, where it is.
        if matches!(request.qtype(), RecordType::AXFR | RecordType::IXFR) {
            return Err(Failure::code(ResponseCode::Refused));
        }
        let Some(data) = zone.data() else {
            return Err(Failure::code(ResponseCode::ServFail));
        };
        let found = Lookup::new(&data, request).answer().await;
        let nothing =
            found.answer.is_empty() && matches!(found.end, End::NoSuchName | End::Success);
        if nothing && names::within(&self.fallthrough, request.qname()) {
            return next.run(NAME, request).await;
        }
        let mut reply = request.reply();
        reply.metadata.response_code = match found.end {
            End::Success | End::NoData | End::Delegation => ResponseCode::NoError,
            End::NoSuchName => ResponseCode::NXDomain,
            End::Failure if found.answer.is_empty() => {
                return Err(Failure::code(ResponseCode::ServFail));
            }
            // The aliases, with the code of where they led (RFC 6604 §3).
            End::Failure => ResponseCode::ServFail,
        };
        reply.metadata.authoritative = found.end != End::Delegation || !found.answer.is_empty();
        (reply.answers, reply.authorities, reply.additionals) =
            (found.answer, found.authority, found.additional);
        Reply::message(reply)
    }

    fn start(&self, background: &Background) {
        self.announce(background);
        for Served { zone, watch } in &self.zones {
            reload::watch(zone, *watch, self.notifier.as_ref(), background);
        }
    }

    /// CoreDNS tells the secondaries then, too.
    fn goes_on(&self, background: &Background) {
        self.announce(background);
    }

    /// `zone/wildcard`: the wildcard that stands in for the name.
    fn metadata(&self, request: &Request, values: &mut metadata::Values) {
        let Some(data) = self.zone(request.qname()).and_then(Zone::data) else { return };
        let lookup = Lookup::new(&data, request);
        if let Place::Wildcard(node) = place(&data, &lookup.name, lookup.rtype) {
            values.insert("zone/wildcard".to_owned(), mnemonic::name(&node.name));
        }
    }

    fn explain(&self, request: &Request, steps: &mut Steps) -> Told {
        let Some(zone) = self.zone(request.qname()) else {
            steps.add("zone", "the name is in none of its zones");
            return Told::Passes;
        };
        let Some(data) = zone.data() else {
            steps.add("file", format!("{} was not there yet", zone.path.display()));
            return Told::Answers;
        };
        steps.add("file", format!("{} with serial {}", zone.path.display(), data.serial()));
        let lookup = Lookup::new(&data, request);
        let (says, found) = match place(&data, &lookup.name, lookup.rtype) {
            Place::Cut(node) => (format!("{} is delegated", node.name), true),
            Place::Below(node) => (format!("{} has a DNAME", node.name), true),
            Place::Here(_) => ("it has the name".to_owned(), true),
            Place::Wildcard(node) => (format!("{} stands in for the name", node.name), true),
            Place::EmptyWildcard => ("a wildcard without records stands in".to_owned(), true),
            Place::Nowhere if lookup.name == data.origin => ("it is the zone".to_owned(), true),
            Place::Nowhere => ("it does not have the name".to_owned(), false),
        };
        steps.add("name", says);
        match found || !names::within(&self.fallthrough, request.qname()) {
            true => Told::Answers,
            false => Told::Passes,
        }
    }

    async fn transfer(&self, request: &Request) -> Transferred {
        let zone = self.zone(request.qname()).filter(|zone| zone.name == *request.qname());
        let Some(zone) = zone else { return Transferred::Elsewhere };
        let Some(data) = zone.data() else { return Transferred::Failed("no SOA") };
        match data.contents() {
            Ok(contents) => Transferred::Zone(Box::new(contents)),
            Err(error) => {
                tracing::error!("Zone {} cannot be transferred: {error}", zone.text);
                Transferred::NotYet
            }
        }
    }
}

impl File {
    /// Tells the secondaries of all its zones.
    fn announce(&self, background: &Background) {
        if let Some(notifier) = &self.notifier {
            let zones = self.zones.iter().map(|served| served.zone.clone()).collect();
            reload::announce(zones, notifier, background);
        }
    }

    /// The longest zone that a name is in; of equal ones the last of the Corefile.
    fn zone(&self, name: &Name) -> Option<&Zone> {
        let within = self.zones.iter().map(|served| &served.zone);
        let within = within.filter(|zone| zone.name.zone_of(name));
        within.max_by_key(|zone| zone.name.iter().len()).map(Arc::as_ref)
    }
}

#[cfg(test)]
mod tests;
