//! Which records are there already: each is written once.
//!
//! Most sets are small: those are looked through, and nothing is allocated. Of larger ones a set is kept.

use std::collections::HashSet;
use std::net::IpAddr;

use crate::zone::answer::{Answer, RecordRef, Section};
use crate::zone::name::WireName;
use crate::zone::rtype;

/// The most of which no set is kept.
const FEW: usize = 24;

/// Addresses that come again.
#[derive(Default)]
pub(super) struct Once {
    /// Once there are many.
    set: Option<HashSet<IpAddr>>,
}

impl Once {
    /// Whether no record of a name in `out` has the address.
    pub fn is_new(&mut self, out: &Answer, name: &WireName, address: IpAddr) -> bool {
        let mut of_name = out.records().filter(|record| record.owner == name.wire());
        if self.set.is_none() && out.mark() < FEW {
            return !of_name.any(|record| has(record.rdata, address));
        }
        let known = || of_name.filter_map(|record| address_of(record.rdata)).collect();
        self.set.get_or_insert_with(known).insert(address)
    }
}

/// Whether rdata is an address.
fn has(rdata: &[u8], address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => rdata == v4.octets(),
        IpAddr::V6(v6) => rdata == v6.octets(),
    }
}

/// The address that rdata is as long as.
fn address_of(rdata: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(rdata).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(rdata).map(IpAddr::from)).ok()
}

/// SRV records and their glue.
#[derive(Default)]
pub(super) struct Written {
    /// Once there are many.
    sets: Option<Sets>,
}

#[derive(Default)]
struct Sets {
    ports: HashSet<(Box<[u8]>, u16)>,
    glue: HashSet<(Box<[u8]>, IpAddr)>,
}

impl Written {
    /// Whether no SRV record in `out` leads to a port at a target.
    pub fn is_new_port(&mut self, out: &Answer, target: &WireName, port: u16) -> bool {
        if let Some(sets) = self.sets(out) {
            return sets.ports.insert((target.folded().into(), port));
        }
        !out.records()
            .filter_map(port_of)
            .any(|(name, number)| number == port && name.eq_ignore_ascii_case(target.folded()))
    }

    /// Whether a target does not have an address in `out` yet.
    pub fn is_new_glue(&mut self, out: &Answer, target: &WireName, address: IpAddr) -> bool {
        if let Some(sets) = self.sets(out) {
            return sets.glue.insert((target.folded().into(), address));
        }
        !out.records().any(|record| {
            record.section == Section::Additional
                && has(record.rdata, address)
                && record.owner.eq_ignore_ascii_case(target.folded())
        })
    }

    /// What is in `out`, if that is much.
    fn sets(&mut self, out: &Answer) -> Option<&mut Sets> {
        if self.sets.is_none() && out.mark() >= FEW {
            let ports = out.records().filter_map(port_of);
            let glue = out.records().filter(|record| record.section == Section::Additional);
            let glue = glue.filter_map(|record| Some((record.owner, address_of(record.rdata)?)));
            self.sets = Some(Sets {
                ports: ports.map(|(name, port)| (name.to_ascii_lowercase().into(), port)).collect(),
                glue: glue.map(|(name, of)| (name.to_ascii_lowercase().into(), of)).collect(),
            });
        }
        self.sets.as_mut()
    }
}

/// Where an SRV record leads: the target as spelled, and the port.
fn port_of(record: RecordRef<'_>) -> Option<(&[u8], u16)> {
    let [_, _, _, _, high, low, target @ ..] = record.rdata else { return None };
    (record.rtype == rtype::SRV).then_some((target, u16::from_be_bytes([*high, *low])))
}
