//! The zone itself, and the name of its server `ns1` (CoreDNS, plugin/k8s_external/apex.go).

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{NS, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::External;
use super::records::{below, data};
use crate::plugin::Request;

/// The server, below the apex.
const SERVER: &[u8] = b"ns1";
/// The mailbox of the SOA, likewise.
const MAILBOX: &[u8] = b"hostmaster";
/// REFRESH, RETRY and EXPIRE of the SOA, in seconds.
const TIMERS: [i32; 3] = [7200, 1800, 86_400];

impl External {
    /// Answers for the zone itself.
    pub(super) fn apex(&self, request: &Request, zone: &Name, reply: &mut Message) {
        match request.qtype() {
            RecordType::SOA => reply.answers = vec![self.soa(zone)],
            RecordType::NS => {
                let server = RData::NS(NS(self.below_zone(SERVER, zone)));
                reply.answers = vec![self.record(zone.clone(), server)];
                let server = self.below_zone(SERVER, request.qname());
                let addresses = self.addresses_of_server().into_iter();
                reply.additionals =
                    addresses.map(|address| self.record(server.clone(), address)).collect();
            }
            _ => reply.authorities = vec![self.soa(zone)],
        }
    }

    /// Answers for a name at or below the apex: `before` are its labels before that, `left` is how many there
    /// are before the zone.
    pub(super) fn server(
        &self,
        request: &Request,
        zone: &Name,
        before: &[&[u8]],
        left: usize,
        reply: &mut Message,
    ) {
        // As in CoreDNS the apex counts as one label, whatever it is.
        let code = match (left, before) {
            (1, _) => ResponseCode::NoError,
            (2, [SERVER, ..]) => {
                let of_type = |data: &RData| data.record_type() == request.qtype();
                let addresses = self.addresses_of_server().into_iter().filter(of_type);
                let owner = request.qname();
                reply.answers =
                    addresses.map(|address| self.record(owner.clone(), address)).collect();
                ResponseCode::NoError
            }
            _ => ResponseCode::NXDomain,
        };
        reply.metadata.response_code = code;
        if reply.answers.is_empty() {
            reply.authorities = vec![self.soa(zone)];
        }
    }

    /// The name server of a zone and its addresses, for a transfer.
    pub(super) fn servers(&self, zone: &Name) -> Vec<Record> {
        let server = self.below_zone(SERVER, zone);
        let addresses = self.addresses_of_server().into_iter();
        let addresses = addresses.map(|address| self.record(server.clone(), address));
        let first = self.record(zone.clone(), RData::NS(NS(server.clone())));
        std::iter::once(first).chain(addresses).collect()
    }

    /// The labels before the apex; `None` where the labels do not end with it.
    pub(super) fn below_apex<'a, 'l>(&self, labels: &'a [&'l [u8]]) -> Option<&'a [&'l [u8]]> {
        let apex = usize::from(self.apex.num_labels());
        let (before, end) = labels.split_at(labels.len().checked_sub(apex)?);
        let is_same = |(a, b): (&&[u8], &[u8])| a.eq_ignore_ascii_case(b);
        end.iter().zip(self.apex.iter()).all(is_same).then_some(before)
    }

    /// The SOA of a zone.
    pub(super) fn soa(&self, zone: &Name) -> Record {
        let [refresh, retry, expire] = TIMERS;
        let serial = self.view.registry().outside_serial();
        let (server, mailbox) = (self.below_zone(SERVER, zone), self.below_zone(MAILBOX, zone));
        let soa = SOA::new(server, mailbox, serial, refresh, retry, expire, self.ttl);
        self.record(zone.clone(), RData::SOA(soa))
    }

    /// A name below the apex; before a zone so long that it is none, the zone.
    fn below_zone(&self, label: &[u8], zone: &Name) -> Name {
        let labels = [label].into_iter().chain(self.apex.iter());
        below(labels, zone).unwrap_or_else(|| zone.clone())
    }

    /// The data of the addresses of this server.
    fn addresses_of_server(&self) -> Vec<RData> {
        let registry = self.view.registry();
        self.kubernetes.outside_servers(registry, self.headless).into_iter().map(data).collect()
    }
}
