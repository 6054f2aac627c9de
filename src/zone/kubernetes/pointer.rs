//! PTR: from addresses back to Services and endpoints.

use std::net::IpAddr;

use super::{Look, Verdict};
use crate::registry::{AddressOwner, Holder};
use crate::zone::answer::{Answer, Section};
use crate::zone::name::WireName;
use crate::zone::rtype;

impl Look<'_> {
    /// One name for a ClusterIP, else one for each endpoint that has the address; the local cluster's
    /// first, else those of the members whose address is handed out.
    pub(super) fn pointers(&self, address: IpAddr, qtype: u16, out: &mut Answer) -> Verdict {
        let Some(owners) = self.registry.address(address) else { return Verdict::NameError };
        let is_local = |owner: &&AddressOwner| owner.cluster == self.zone.fleet.local;
        let exposed = |owner: &&AddressOwner| self.points_into(owner.key.namespace.as_bytes());
        // What the local cluster has, exposed or not, is never handed out for a member.
        let found = if owners.iter().any(|owner| is_local(&owner)) {
            self.point(owners.iter().filter(is_local).filter(exposed), address, qtype, out)
        } else {
            let handed_out = |owner: &&AddressOwner| self.hands_out(owner, address);
            self.point(owners.iter().filter(exposed).filter(handed_out), address, qtype, out)
        };
        self.exists(found)
    }

    /// Whether pointers lead into a namespace: into all, unless some are named, which must exist then
    /// (plugin/kubernetes/reverse.go).
    pub(super) fn points_into(&self, namespace: &[u8]) -> bool {
        self.zone.namespaces.is_none()
            || self.zone.exposes(namespace) && self.registry.namespace(namespace).is_some()
    }

    /// Writes the names of these holders; `ClusterIP`s stand first. Says whether there are any.
    fn point<'o>(
        &self,
        owners: impl Iterator<Item = &'o AddressOwner>,
        address: IpAddr,
        qtype: u16,
        out: &mut Answer,
    ) -> bool {
        let mut found = false;
        for owner in owners {
            if found && owner.holder == Holder::ClusterIp {
                return true;
            }
            if let Some(target) = self.target(owner, address) {
                let written =
                    |record: crate::zone::answer::RecordRef| record.rdata == target.wire();
                let twice = out.records().any(written);
                if qtype == rtype::PTR && !twice {
                    self.answers(&owner.cluster);
                    let (name, ttl) = (self.name.wire(), self.ttl());
                    out.name(Section::Answer, name, rtype::PTR, ttl, target.wire());
                }
                found = true;
            }
            if owner.holder == Holder::ClusterIp {
                return found;
            }
        }
        found
    }

    /// The name of what holds an address, in the first zone that is not a reverse zone.
    fn target(&self, owner: &AddressOwner, address: IpAddr) -> Option<WireName> {
        let label = owner.holder.label(address);
        // The name of a pod may have dots.
        let endpoint = label.as_deref().map(|label| label.split('.').map(str::as_bytes));
        let service = [owner.key.name.as_bytes(), owner.key.namespace.as_bytes(), b"svc"];
        let mut target = WireName::from_labels(endpoint.into_iter().flatten().chain(service))?;
        target.extend(&self.zone.primary)?;
        Some(target)
    }

    /// Whether a member's address is what its name answers with.
    pub(super) fn hands_out(&self, owner: &AddressOwner, address: IpAddr) -> bool {
        let namespace = owner.key.namespace.as_bytes();
        let Some(service) = self.registry.service_of(&owner.key) else { return false };
        self.zone
            .fleet
            .choose(self.registry, namespace, service, self.known.local)
            .is_some_and(|chosen| chosen.hands_out(&owner.cluster, &owner.holder))
            && service
                .owner(&owner.cluster)
                .is_some_and(|owner| self.zone.fleet.clash(self.registry, owner, address).is_none())
    }
}
