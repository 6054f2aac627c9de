//! The name servers of the zone: the Services that this server is an endpoint of, or else its own
//! addresses (CoreDNS, plugin/kubernetes/ns.go).

use std::net::IpAddr;
use std::sync::Arc;

use super::once::Once;
use super::{Look, Made, Verdict, records};
use crate::cluster::kinds::{EndpointSlice, ObjectKey, ServiceKind};
use crate::registry::{Holder, Owner};
use crate::zone::answer::{Answer, RecordRef, Section};
use crate::zone::name::WireName;
use crate::zone::rtype;

/// The name of the server where no Service is found.
const DEFAULT: [&[u8]; 2] = [b"ns", b"dns"];

impl Look<'_> {
    /// `ns.dns`: the addresses of the name servers, each once.
    pub(super) fn name_server(&self, qtype: u16, out: &mut Answer) -> Verdict {
        let mut written = Once::default();
        self.servers(&mut |_, address| {
            if records::is_of(address, qtype) && written.is_new(out, self.name, address) {
                out.address(Section::Answer, self.name.wire(), self.zone.ttl, address);
            }
        });
        Verdict::Answered
    }

    /// NS of the zone: each name once, and all of its addresses in the section of glue, with their TTL.
    pub(super) fn name_servers(&self, (glue, ttl): (Section, u32), out: &mut Answer) {
        // A zone has few.
        self.servers(&mut |server, _| {
            let is_it = |record: RecordRef<'_>| {
                record.rtype == rtype::NS && record.rdata.eq_ignore_ascii_case(server.wire())
            };
            if !out.records().any(is_it) {
                let (owner, ttl) = (self.name.wire(), self.zone.ttl);
                out.name(Section::Answer, owner, rtype::NS, ttl, server.wire());
            }
        });
        self.servers(&mut |server, address| out.address(glue, server.wire(), ttl, address));
    }

    /// Gives the names and addresses of the zone's servers. A name may come twice, and so may its addresses:
    /// once for each own address that a slice holds.
    fn servers(&self, take: &mut dyn FnMut(&WireName, IpAddr)) {
        let mut is_endpoint = false;
        // In a zone of all clusters no Service of the local one has a name of its own.
        let in_clusters =
            self.zone.is_per_cluster(self.name, self.left) || self.made == Made::Exports;
        for own in self.zone.own_addresses.iter().filter(|_| !in_clusters) {
            for owner in self.services_of(*own) {
                let holds = |slice: &&Arc<EndpointSlice>| {
                    slice.endpoints.iter().any(|endpoint| endpoint.address == *own)
                };
                for slice in owner.slices.iter().filter(holds) {
                    is_endpoint = true;
                    self.of_service(owner, slice, take);
                }
            }
        }
        // A zone so long that this is no name has no name server to tell.
        if !is_endpoint && let Some(name) = self.below_zone(DEFAULT) {
            self.zone.own_addresses.iter().for_each(|address| take(&name, *address));
        }
    }

    /// The local Services with an endpoint of this address, and what the local cluster says of them.
    pub(super) fn services_of(&self, address: IpAddr) -> impl Iterator<Item = &Owner> {
        let local = &self.zone.fleet.local;
        let holders = self.registry.address(address).unwrap_or_default();
        // They are in order, so that a Service with the address in two slices comes at once.
        let mut last = None;
        let mut is_next = move |key| last.replace(key) != Some(key);
        holders
            .iter()
            .filter(move |holder| holder.cluster == *local)
            .filter(|holder| matches!(holder.holder, Holder::Endpoint(_)))
            .filter(move |holder| is_next(&*holder.key))
            .filter_map(move |holder| self.registry.service_of(&holder.key)?.owner(local))
    }

    /// Gives what a Service with this slice has: its ClusterIPs, or the endpoints of the slice if headless.
    fn of_service(
        &self,
        owner: &Owner,
        slice: &EndpointSlice,
        take: &mut dyn FnMut(&WireName, IpAddr),
    ) {
        let key = &owner.key;
        match owner.service.as_ref().map(|service| &service.kind) {
            Some(ServiceKind::ClusterIp(ips)) => {
                if let Some(name) = self.service_name("", "", key) {
                    ips.iter().for_each(|ip| take(&name, *ip));
                }
            }
            Some(ServiceKind::Headless) => {
                for endpoint in &slice.endpoints {
                    if let Some(name) = self.service_name(&endpoint.label(), "", key) {
                        take(&name, endpoint.address);
                    }
                }
            }
            Some(ServiceKind::ExternalName(_)) | None => {}
        }
    }

    /// The name of a Service in the zone as the question spells it, or of one of its endpoints. `None`
    /// below a zone so long that it is no name.
    pub(super) fn service_name(
        &self,
        endpoint: &str,
        cluster: &str,
        service: &ObjectKey,
    ) -> Option<WireName> {
        // The name of a pod may have dots.
        let parts = [endpoint, cluster].into_iter().flat_map(|part| part.split('.'));
        let labels = parts.filter(|label| !label.is_empty()).map(str::as_bytes);
        let service = [service.name.as_bytes(), service.namespace.as_bytes(), b"svc"];
        self.below_zone(labels.chain(service))
    }

    /// The name of these labels below the zone as the question spells it.
    pub(super) fn below_zone<'l>(
        &self,
        labels: impl IntoIterator<Item = &'l [u8]>,
    ) -> Option<WireName> {
        let mut name = WireName::from_labels(labels)?;
        name.extend_by(self.name, self.left)?;
        Some(name)
    }
}
