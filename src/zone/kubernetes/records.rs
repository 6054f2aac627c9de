//! The records that more than one kind of name has.

use std::net::IpAddr;

use crate::zone::answer::{Answer, Section};
use crate::zone::name::MAX_NAME;
use crate::zone::rtype;

/// REFRESH, RETRY and EXPIRE of every SOA, in seconds (CoreDNS, plugin/backend_lookup.go).
const SOA_TIMERS: [u32; 3] = [7200, 1800, 86_400];

/// Whether an address is what a question of this type asks for.
pub fn is_of(address: IpAddr, qtype: u16) -> bool {
    match address {
        IpAddr::V4(_) => qtype == rtype::A,
        IpAddr::V6(_) => qtype == rtype::AAAA,
    }
}

/// The SOA of a zone, whose name servers it says are `ns.dns` and whose mailbox is `hostmaster`.
pub fn soa(out: &mut Answer, section: Section, zone: &[u8], ttl: u32, serial: u32, minimum: u32) {
    out.push(section, zone, rtype::SOA, ttl, |rdata| {
        for prefix in [&b"\x02ns\x03dns"[..], b"\x0ahostmaster"] {
            // Before a zone so long there is no room for another label.
            if prefix.len() + zone.len() <= MAX_NAME {
                rdata.extend_from_slice(prefix);
            }
            rdata.extend_from_slice(zone);
        }
        let [refresh, retry, expire] = SOA_TIMERS;
        let numbers = [serial, refresh, retry, expire, minimum].map(u32::to_be_bytes);
        rdata.extend_from_slice(numbers.as_flattened());
    });
}

/// A TXT record of one string.
pub fn txt(out: &mut Answer, owner: &[u8], ttl: u32, text: &str) {
    out.push(Section::Answer, owner, rtype::TXT, ttl, |rdata| {
        // Every text that is written is a short constant.
        rdata.push(text.len() as u8);
        rdata.extend_from_slice(text.as_bytes());
    });
}

/// An SRV record of priority 0 (RFC 2782).
pub fn srv(out: &mut Answer, owner: &[u8], ttl: u32, weight: u16, port: u16, target: &[u8]) {
    out.push(Section::Answer, owner, rtype::SRV, ttl, |rdata| {
        for field in [0, weight, port] {
            rdata.extend_from_slice(&field.to_be_bytes());
        }
        rdata.extend_from_slice(target);
    });
}
