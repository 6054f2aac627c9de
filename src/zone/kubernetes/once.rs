//! Which records are there already: each is written once.
//!
//! Most sets are small: those are looked through, and nothing is allocated. Of larger ones a set is kept.

use std::collections::HashSet;
use std::net::IpAddr;

use crate::zone::answer::{Answer, Section};
use crate::zone::name::WireName;
use crate::zone::rtype;

/// The most of which no set is kept.
const FEW: usize = 24;
/// Octets of an SRV record before its target: priority, weight and port.
const BEFORE_TARGET: usize = 6;

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
pub(super) struct Written {
    /// Where there are many.
    sets: Option<Sets>,
}

#[derive(Default)]
struct Sets {
    ports: HashSet<(Box<[u8]>, u16)>,
    glue: HashSet<(Box<[u8]>, IpAddr)>,
}

impl Written {
    /// For so many records at most.
    pub fn new(most: usize) -> Self {
        Written { sets: (most > FEW).then(Sets::default) }
    }

    /// Whether no SRV record in `out` leads to a port at a target.
    pub fn is_new_port(&mut self, out: &Answer, target: &WireName, port: u16) -> bool {
        if let Some(sets) = &mut self.sets {
            return sets.ports.insert((target.folded().into(), port));
        }
        !out.records().any(|record| {
            record.rtype == rtype::SRV
                && record.rdata.split_at_checked(BEFORE_TARGET).is_some_and(|(fixed, name)| {
                    fixed.ends_with(&port.to_be_bytes())
                        && name.eq_ignore_ascii_case(target.folded())
                })
        })
    }

    /// Whether a target does not have an address in `out` yet.
    pub fn is_new_glue(&mut self, out: &Answer, target: &WireName, address: IpAddr) -> bool {
        if let Some(sets) = &mut self.sets {
            return sets.glue.insert((target.folded().into(), address));
        }
        !out.records().any(|record| {
            record.section == Section::Additional
                && has(record.rdata, address)
                && record.owner.eq_ignore_ascii_case(target.folded())
        })
    }
}
