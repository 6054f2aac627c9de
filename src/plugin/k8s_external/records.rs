//! The records of Services (CoreDNS, plugin/k8s_external/msg_to_dns.go).

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use hickory_proto::op::Message;
use hickory_proto::rr::rdata::{CNAME, PTR, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::External;
use crate::cluster::kinds::{ObjectKey, Point};
use crate::plugin::{Request, names};
use crate::zone::kubernetes::Way;

/// The weights of all ways share so much.
const WEIGHT: usize = 100;

/// The data of an address.
pub(super) fn data(address: IpAddr) -> RData {
    match address {
        IpAddr::V4(address) => RData::A(address.into()),
        IpAddr::V6(address) => RData::AAAA(address.into()),
    }
}

/// The name of these labels below another; `None` for one that is too long.
pub(super) fn below<'l>(labels: impl Iterator<Item = &'l [u8]>, zone: &'l Name) -> Option<Name> {
    Name::from_labels(labels.chain(zone.iter())).ok()
}

impl External {
    /// A or AAAA: each address once, and aliases to host names with what the whole server says of those.
    pub(super) async fn addresses(&self, request: &Request, ways: &[Way], reply: &mut Message) {
        let (owner, qtype) = (request.qname(), request.qtype());
        let mut written = HashSet::new();
        for way in ways {
            match &way.to {
                Point::Address(address) => {
                    let data = data(*address);
                    if data.record_type() == qtype && written.insert(*address) {
                        reply.answers.push(self.record(owner.clone(), data));
                    }
                }
                Point::Host(host) => {
                    let Some(host) = names::parse(host) else { continue };
                    let alias = RData::CNAME(CNAME(host.clone()));
                    let ttl = self.kubernetes.ttl;
                    reply.answers.push(Record::from_rdata(owner.clone(), ttl, alias));
                    if let Some(found) = request.ask(host, qtype).await {
                        reply.metadata.truncation |= found.metadata.truncation;
                        reply.answers.extend(found.answers);
                    }
                }
            }
        }
    }

    /// SRV: each target and port once, and the addresses of each target. `left` is how many labels of the
    /// name stand before its zone.
    pub(super) async fn ports(
        &self,
        request: &Request,
        ways: &[Way],
        left: usize,
        reply: &mut Message,
    ) {
        let weight = u16::try_from(WEIGHT / ways.len().max(1)).unwrap_or_default().max(1);
        let name = request.qname().to_lowercase();
        let Ok(zone) = Name::from_labels(name.iter().skip(left)) else { return };
        let (mut targets, mut hosts, mut written) =
            (HashSet::new(), HashSet::new(), HashSet::new());
        for way in ways {
            let Some(port) = way.port else { continue };
            let target = match &way.to {
                Point::Host(host) => names::parse(host),
                Point::Address(_) => target(way, &zone),
            };
            // What is no name cannot be led to.
            let Some(target) = target else { continue };
            if targets.insert((target.clone(), port)) {
                let srv = RData::SRV(SRV::new(0, weight, port, target.clone()));
                let record = Record::from_rdata(request.qname().clone(), self.kubernetes.ttl, srv);
                reply.answers.push(record);
            }
            match &way.to {
                Point::Address(address) => {
                    if written.insert((target.clone(), *address)) {
                        reply.additionals.push(self.record(target, data(*address)));
                    }
                }
                Point::Host(_) => {
                    if !hosts.insert(target.clone()) {
                        continue;
                    }
                    for qtype in [RecordType::A, RecordType::AAAA] {
                        if let Some(found) = request.ask(target.clone(), qtype).await {
                            reply.additionals.extend(found.answers);
                        }
                    }
                }
            }
        }
    }

    /// PTR: the Services of an address, in the first zone.
    pub(super) fn pointers(
        &self,
        request: &Request,
        services: BTreeSet<ObjectKey>,
        reply: &mut Message,
    ) {
        for service in services {
            let labels = [service.name.as_bytes(), service.namespace.as_bytes()];
            if let Some(target) = below(labels.into_iter(), &self.first) {
                let data = RData::PTR(PTR(target));
                reply.answers.push(self.record(request.qname().clone(), data));
            }
        }
    }
}

/// The name of a Service or of its endpoint in a zone.
fn target(way: &Way, zone: &Name) -> Option<Name> {
    let endpoint = way.endpoint.split('.').filter(|label| !label.is_empty()).map(str::as_bytes);
    let service = [way.service.name.as_bytes(), way.service.namespace.as_bytes()];
    below(endpoint.chain(service), zone)
}
