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
pub(super) struct Once {
    few: [Option<IpAddr>; FEW],
    more: HashSet<IpAddr>,
}

impl Default for Once {
    fn default() -> Self {
        Once { few: [None; FEW], more: HashSet::new() }
    }
}

impl Once {
    /// Whether it is the first time.
    pub fn is_new(&mut self, address: IpAddr) -> bool {
        for known in &mut self.few {
            match known {
                Some(known) if *known == address => return false,
                Some(_) => {}
                None => {
                    *known = Some(address);
                    return true;
                }
            }
        }
        self.more.insert(address)
    }
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
        let has = |rdata: &[u8]| match address {
            IpAddr::V4(v4) => rdata == v4.octets(),
            IpAddr::V6(v6) => rdata == v6.octets(),
        };
        !out.records().any(|record| {
            record.section == Section::Additional
                && has(record.rdata)
                && record.owner.eq_ignore_ascii_case(target.folded())
        })
    }
}
