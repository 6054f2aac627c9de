//! The reverse names of sentinels and pools.
//!
//! The reverse zone of a pool is answered wholly: an address in use has its names, and the others do not
//! exist. That of an address which all names share exists, and says nothing.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{ALL_BELOW, Asked, Rule, Sentinel, Suffix, Verdict, minimal};
use crate::zone::answer::{Answer, Section};
use crate::zone::name::WireName;
use crate::zone::pool::Pool;
use crate::zone::{rcode, reverse, rtype};

/// Seconds that an answer about an address of a pool is kept at most: its names come and go.
const POOLED: u32 = 5;

/// Labels of the reverse name of an address.
const V4: usize = 6;
const V6: usize = 34;

/// What a name is in a reverse zone.
struct Place<'a> {
    suffix: &'a Suffix,
    /// The labels left of the zone.
    left: usize,
    /// Whose name it is.
    address: Option<IpAddr>,
    /// Whether it is there.
    exists: bool,
    /// Seconds that an answer is kept at most.
    most: u32,
}

impl Sentinel {
    /// Answers a question for a reverse name.
    pub(super) fn pointer(&self, asked: &Asked<'_>, out: &mut Answer) -> Verdict {
        if !reverse::is_reverse(asked.name) {
            return Verdict::Elsewhere;
        }
        let Some(place) = self.place(asked.name) else { return Verdict::Elsewhere };
        let most = place.most;
        let ttl = place.suffix.ttl.min(most);
        match asked.qtype {
            rtype::AXFR | rtype::IXFR => return Verdict::Refused,
            rtype::SOA if place.left == 0 => {
                place.suffix.soa(asked.name.wire(), Section::Answer, most, out);
            }
            rtype::NS if place.left == 0 => {
                place.suffix.name_server(asked.name, &place.suffix.name, most, out);
            }
            rtype::ANY if place.exists => minimal(asked.name, ttl, out),
            rtype::PTR => {
                for name in place.address.iter().flat_map(|address| self.names(*address)) {
                    out.name(Section::Answer, asked.name.wire(), rtype::PTR, ttl, &name);
                }
            }
            _ => {}
        }
        if out.is_empty(Section::Answer) {
            out.code = if place.exists { rcode::NOERROR } else { rcode::NXDOMAIN };
            place.suffix.soa(asked.name.suffix(place.left), Section::Authority, most, out);
        }
        out.authoritative = true;
        Verdict::Answered
    }

    /// The names in use of an address.
    fn names(&self, address: IpAddr) -> Vec<Box<[u8]>> {
        let pools = self.suffixes.iter().filter_map(|suffix| match &suffix.rule {
            Rule::Pools(pools) => Some(pools),
            _ => None,
        });
        let names = pools.flatten().find_map(|pool| pool.names(address));
        // An address that all names of a suffix share has none of them.
        let all = names.iter().flat_map(|names| names.iter());
        all.filter(|name| !name.starts_with(ALL_BELOW)).cloned().collect()
    }

    fn place(&self, name: &WireName) -> Option<Place<'_>> {
        let (below, at) = whole(name);
        let address = at.filter(|_| below == 0);
        let shared = at.and_then(|at| self.sharing(at));
        for suffix in &self.suffixes {
            let Rule::Pools(pools) = &suffix.rule else { continue };
            for pool in pools {
                if let Some(left) = left_of(&pool.pool, name) {
                    let exists = match address {
                        Some(address) => shared.is_some() || !self.names(address).is_empty(),
                        // A part of an address has names below it, if any name has.
                        None => reverse::network(name).is_some(),
                    };
                    return Some(Place { suffix, left, address, exists, most: POOLED });
                }
            }
        }
        let exists = below == 0;
        shared.map(|suffix| Place { suffix, left: below, address, exists, most: u32::MAX })
    }

    /// The suffix whose names all share an address.
    fn sharing(&self, address: IpAddr) -> Option<&Suffix> {
        self.suffixes.iter().find(|suffix| match &suffix.rule {
            Rule::Answer(all) => all.contains(&address),
            _ => false,
        })
    }
}

/// The address whose reverse name this is, or that it lies below of, by how many labels.
fn whole(name: &WireName) -> (usize, Option<IpAddr>) {
    for labels in [V4, V6] {
        let Some(below) = name.labels().checked_sub(labels) else { continue };
        let network =
            WireName::read(name.suffix(below)).and_then(|(name, _)| reverse::network(&name));
        let is_whole = |network: &IpNet| network.prefix_len() == network.max_prefix_len();
        if let Some(network) = network.filter(is_whole) {
            return (below, Some(network.addr()));
        }
    }
    (0, None)
}

/// How many labels stand left of a reverse zone that is wholly the pool's; `None` where the name is in no
/// such zone.
fn left_of(pool: &Pool, name: &WireName) -> Option<usize> {
    let network = pool.network();
    let left = name.labels().checked_sub(reverse::labels_within(&network))?;
    let (zone, _) = WireName::read(name.suffix(left))?;
    reverse::network(&zone).is_some_and(|zone| network.contains(&zone)).then_some(left)
}
