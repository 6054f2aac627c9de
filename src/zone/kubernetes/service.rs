//! Services, and names below them: their records.

use super::alias::Wanted;
use super::entries::Place;
use super::once::{Once, Written};
use super::{Look, Verdict, records};
use crate::zone::answer::{Answer, Section};
use crate::zone::rtype;

impl Look<'_> {
    /// Answers for a Service or a name below it.
    pub(super) fn service(&self, qtype: u16, wanted: &mut Wanted, out: &mut Answer) -> Verdict {
        let found = match qtype {
            rtype::A | rtype::AAAA => self.addresses(qtype, wanted, out),
            rtype::SRV => self.srv(out),
            rtype::CNAME => self.first_alias(out),
            _ => self.entries(|_| {}),
        };
        self.exists(found)
    }

    /// A or AAAA, each once, and what the aliases lead to.
    pub(super) fn addresses(&self, qtype: u16, wanted: &mut Wanted, out: &mut Answer) -> bool {
        let mut written = Once::default();
        self.entries(|entry| match entry.place {
            Place::Address(address)
                if records::is_of(address, qtype) && written.is_new(out, self.name, address) =>
            {
                out.address(Section::Answer, self.name.wire(), self.ttl(), address);
            }
            Place::Alias(target) => self.follow(target, qtype, wanted, out),
            _ => {}
        })
    }

    /// CNAME: the first entry, if it is an alias.
    fn first_alias(&self, out: &mut Answer) -> bool {
        let mut first = true;
        self.entries(|entry| {
            if let (true, Place::Alias(target)) = (std::mem::take(&mut first), entry.place) {
                self.cname(target, out);
            }
        })
    }

    /// SRV: every entry with a port, with its address as glue. The weights of all entries with an
    /// address, whether they are written or not, share 100 (CoreDNS, plugin/backend_lookup.go, `SRV`).
    fn srv(&self, out: &mut Answer) -> bool {
        let owner = self.name.wire();
        let (mut total, mut written) = (0_usize, Written::default());
        let found = self.entries(|entry| {
            total += usize::from(matches!(entry.place, Place::Address(_)));
            let port = entry.port.and_then(|port| port.number);
            let (Place::Address(address), Some(port)) = (&entry.place, port) else { return };
            let label = entry.called.label();
            let name = self.service_name(&label, entry.cluster, entry.service);
            // Below a zone so long that it is no name there is no record.
            let Some(target) = name else { return };
            let ttl = self.ttl();
            if written.is_new_port(out, &target, port) {
                records::srv(out, owner, ttl, 0, port, target.wire());
            }
            if written.is_new_glue(out, &target, *address) {
                out.address(Section::Additional, target.wire(), ttl, *address);
            }
        });
        out.weigh(u16::try_from(100 / total.max(1)).unwrap_or(100).max(1));
        found
    }
}
