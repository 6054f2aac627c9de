//! The name servers of the zone: the Services that this server is an endpoint of, or else its own
//! addresses (CoreDNS, plugin/kubernetes/ns.go).

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Look, Made, Verdict, records};
use crate::cluster::kinds::{EndpointSlice, ObjectKey, ServiceKind};
use crate::registry::{Holder, Owner};
use crate::zone::answer::{Answer, Section};
use crate::zone::name::WireName;
use crate::zone::rtype;

/// The name of the server where no Service is found.
const DEFAULT: [&[u8]; 2] = [b"ns", b"dns"];

impl Look<'_> {
    /// `ns.dns`: the addresses of the name servers, each once.
    pub(super) fn name_server(&self, qtype: u16, out: &mut Answer) -> Verdict {
        let mut written = HashSet::new();
        for (_, address) in self.servers() {
            if records::is_of(address, qtype) && written.insert(address) {
                out.address(Section::Answer, self.name.wire(), self.zone.ttl, address);
            }
        }
        Verdict::Answered
    }

    /// NS of the zone: each name once, and all of its addresses as glue.
    pub(super) fn name_servers(&self, out: &mut Answer) {
        let (owner, ttl, servers) = (self.name.wire(), self.zone.ttl, self.servers());
        let mut written = HashSet::new();
        for (server, _) in &servers {
            if written.insert(server.folded()) {
                out.name(Section::Answer, owner, rtype::NS, ttl, server.wire());
            }
        }
        for (server, address) in &servers {
            out.address(Section::Additional, server.wire(), ttl, *address);
        }
    }

    /// The names and addresses of the zone's servers. A name may come twice, and so may its addresses:
    /// once for each own address that a slice holds.
    pub(super) fn servers(&self) -> Vec<(WireName, IpAddr)> {
        let mut servers = Vec::new();
        let mut is_endpoint = false;
        // In a zone of all clusters no Service of the local one has a name of its own.
        let in_clusters =
            self.zone.is_per_cluster(self.name, self.left) || self.made() == Made::Exports;
        for own in self.zone.own_addresses.iter().filter(|_| !in_clusters) {
            for key in self.services_of(*own) {
                let Some(owner) = self.local_owner(&key) else { continue };
                let holds = |slice: &&Arc<EndpointSlice>| {
                    slice.endpoints.iter().any(|endpoint| endpoint.address == *own)
                };
                for slice in owner.slices.iter().filter(holds) {
                    is_endpoint = true;
                    self.of_service(&owner, slice, &mut servers);
                }
            }
        }
        if is_endpoint {
            return servers;
        }
        // A zone so long that this is no name has no name server to tell.
        let Some(name) = self.below_zone(DEFAULT) else { return servers };
        self.zone.own_addresses.iter().map(|address| (name.clone(), *address)).collect()
    }

    /// The local Services with an endpoint of this address.
    pub(super) fn services_of(&self, address: IpAddr) -> Vec<ObjectKey> {
        let holders = self.registry.address(address);
        let mut keys: Vec<ObjectKey> = holders
            .into_iter()
            .flatten()
            .filter(|holder| holder.cluster == self.zone.fleet.local)
            .filter(|holder| matches!(holder.holder, Holder::Endpoint(_)))
            .map(|holder| ObjectKey::clone(&holder.key))
            .collect();
        keys.dedup();
        keys
    }

    pub(super) fn local_owner(&self, key: &ObjectKey) -> Option<Owner> {
        let service = self.registry.service_of(key)?;
        service.owner(&self.zone.fleet.local).cloned()
    }

    /// What a Service with this slice gives: its ClusterIPs, or the endpoints of the slice if headless.
    fn of_service(
        &self,
        owner: &Owner,
        slice: &EndpointSlice,
        servers: &mut Vec<(WireName, IpAddr)>,
    ) {
        let key = &owner.key;
        match owner.service.as_ref().map(|service| &service.kind) {
            Some(ServiceKind::ClusterIp(ips)) => {
                let Some(name) = self.service_name("", "", key) else { return };
                servers.extend(ips.iter().map(|ip| (name.clone(), *ip)));
            }
            Some(ServiceKind::Headless) => {
                for endpoint in &slice.endpoints {
                    let name = self.service_name(&endpoint.label(), "", key);
                    servers.extend(name.map(|name| (name, endpoint.address)));
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
