//! A zone for its transfer (CoreDNS, plugin/k8s_external/transfer.go).

use hickory_proto::ProtoError;
use hickory_proto::rr::Name;

use super::External;
use crate::plugin::names;
use crate::plugin::transfer::{Contents, piece};
use crate::zone::answer::Answer;
use crate::zone::kubernetes::Outside;

impl External {
    /// What there is to transfer of a zone.
    ///
    /// # Errors
    /// A record that does not fit the wire.
    pub(super) fn contents(&self, zone: &Name) -> Result<Contents, ProtoError> {
        let registry = self.view.registry();
        let serial = registry.outside_serial();
        let soa = piece(vec![self.soa(zone)])?;
        let servers = piece(self.servers(zone))?;
        let (kubernetes, view) = (self.kubernetes.clone(), self.view.clone());
        let outside = Outside { zone: names::wire(zone), ttl: self.ttl, headless: self.headless };
        let services = kubernetes.outside_names(registry).into_iter().map(move |name| {
            let mut records = Answer::default();
            kubernetes.outside_name(view.registry(), &outside, &name, &mut records);
            records
        });
        let records = Box::new(std::iter::once(servers).chain(services));
        Ok(Contents { serial, newer_is_known: true, soa, records })
    }
}
