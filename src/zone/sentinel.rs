//! Sentinel suffixes: every name below one answers with addresses that a sidecar captures, and routes by
//! authority, or by the address where each name has its own.
//!
//! In: a question, and what ServiceEntries declare. Out: an answer for every type, so that no question for
//! a name at or below a suffix goes anywhere else; only the names of `except` do. Reverse names of the
//! addresses are answered too.

mod declared;
mod explain;
pub mod in_use;
mod pointer;

use std::net::IpAddr;
use std::sync::Arc;

pub use declared::{Eyes, Given, Viewer};
use in_use::InUse;

use super::answer::{Answer, Section};
use super::name::WireName;
use super::{rcode, rtype};
use crate::zone::kubernetes::records;

/// Nobody transfers a zone that has every name, so no secondary compares it; it is the same on every replica.
const SERIAL: u32 = 1;
/// The label that stands for all names of a suffix or wildcard host where names in use are told.
const ALL_BELOW: &[u8] = b"\x01*";

/// The suffixes of a server block.
#[derive(Clone, Default)]
pub struct Sentinel {
    pub suffixes: Vec<Suffix>,
    /// The Kubernetes zones of the server: names left of a suffix that lie in one are artefacts of search
    /// lists.
    pub artefacts: Vec<WireName>,
}

/// One suffix.
#[derive(Clone)]
pub struct Suffix {
    /// The root has no rule.
    pub name: WireName,
    pub rule: Rule,
    /// Seconds, also of negative answers.
    pub ttl: u32,
    /// Names that are not captured, nor any below them.
    pub except: Vec<WireName>,
    /// Zones that search lists put left of the suffix; with the root no name below it exists.
    pub guard: Vec<WireName>,
    /// Whether ServiceEntries may say another address.
    pub entries: bool,
}

/// Which addresses names have that no ServiceEntry gives others.
#[derive(Clone)]
pub enum Rule {
    /// The same for all names.
    Answer(Vec<IpAddr>),
    /// Another one for each, of one pool for each family.
    Pools(Vec<Arc<InUse>>),
    /// None: what no ServiceEntry declares is for others.
    Pass,
}

/// A question.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub name: &'a WireName,
    pub qtype: u16,
    /// Which of several addresses stands first.
    pub turn: usize,
    /// Seconds that answers may be kept at most where ServiceEntries may say others, while it is not
    /// known what they say.
    pub most: u32,
    /// What ServiceEntries declare, where any suffix wants to know.
    pub viewer: Option<Viewer<'a>>,
}

/// What became of a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The name is at or below no suffix, or is excepted.
    Elsewhere,
    Answered,
    /// The same, with the name's own address, which is in use now.
    Used,
    /// A transfer, which a suffix cannot give: it has every name.
    Refused,
}

impl Sentinel {
    /// Answers a question. `out` is clear.
    pub fn answer(&self, asked: &Asked<'_>, out: &mut Answer) -> Verdict {
        match self.longest(asked.name, 0) {
            Some((left, suffix)) if !matches!(suffix.rule, Rule::Pass) => {
                if matches!(asked.qtype, rtype::AXFR | rtype::IXFR) {
                    return Verdict::Refused;
                }
                // A suffix within another is also a name below that one, and has its address.
                let giving = self.giving(asked.name);
                if self.is_artefact(asked.name, left, suffix) {
                    // A name that has others below it is there (RFC 8020).
                    let is_there = self.has_below(asked.name);
                    out.code = if is_there { rcode::NOERROR } else { rcode::NXDOMAIN };
                    suffix.soa(asked.name.suffix(left), Section::Authority, u32::MAX, out);
                    return Verdict::Answered;
                }
                if !self.declares(suffix) {
                    let asked = Asked { most: u32::MAX, ..*asked };
                    return suffix.answer(&asked, left, giving, None, out);
                }
                let viewer = asked.viewer.as_ref();
                let given = viewer.and_then(|viewer| viewer.addresses(asked.name));
                suffix.answer(asked, left, giving, given, out)
            }
            Some((_, suffix)) => match self.pointer(asked, out) {
                Verdict::Elsewhere => self.declared(suffix, asked, out),
                verdict => verdict,
            },
            None if self.is_excepted(asked.name) => Verdict::Elsewhere,
            None => self.pointer(asked, out),
        }
    }

    /// The suffix whose rule gives a name its addresses.
    pub fn giving(&self, name: &WireName) -> Option<&Suffix> {
        self.longest(name, 1).map(|(_, suffix)| suffix)
    }

    /// The longest suffix that a name is in with at least `least` labels left of it, and how many. What
    /// is excepted is in no suffix that is not longer than the exception.
    fn longest(&self, name: &WireName, least: usize) -> Option<(usize, &Suffix)> {
        let left = |zone: &WireName| name.left_of(zone);
        let within = self.suffixes.iter().filter_map(|suffix| Some((left(&suffix.name)?, suffix)));
        let (at, suffix) =
            within.filter(|(left, _)| *left >= least).min_by_key(|(left, _)| *left)?;
        let excepted = self.suffixes.iter().flat_map(|suffix| &suffix.except).filter_map(left);
        excepted.min().is_none_or(|excepted| excepted >= at).then_some((at, suffix))
    }

    /// Whether a suffix or an exception lies below a name.
    fn has_below(&self, name: &WireName) -> bool {
        let excepted = self.suffixes.iter().flat_map(|suffix| &suffix.except);
        let mut zones = self.suffixes.iter().map(|suffix| &suffix.name).chain(excepted);
        zones.any(|zone| zone.left_of(name).is_some_and(|left| left > 0))
    }

    /// Without a rule: the addresses of hosts that ServiceEntries declare, and nothing else. In a Kubernetes
    /// zone a Service comes first, as in Istio's agent, and what that zone would deny exists for all types.
    fn declared(&self, suffix: &Suffix, asked: &Asked<'_>, out: &mut Answer) -> Verdict {
        let Some(viewer) = &asked.viewer else { return Verdict::Elsewhere };
        let in_kubernetes = self.artefacts.iter().any(|zone| asked.name.left_of(zone).is_some());
        let is_asked = match asked.qtype {
            rtype::A | rtype::AAAA => true,
            rtype::AXFR | rtype::IXFR => false,
            _ => in_kubernetes,
        };
        if !is_asked || in_kubernetes && viewer.is_kubernetes(asked.name, &self.artefacts) {
            return Verdict::Elsewhere;
        }
        let Some(given) = viewer.addresses(asked.name) else { return Verdict::Elsewhere };
        if asked.qtype == rtype::ANY {
            minimal(asked.name, suffix.ttl.min(asked.most), out);
        }
        suffix.addresses(asked, &given.addresses, out);
        if out.is_empty(Section::Answer) {
            // The host's domain may be anywhere; nothing is said of its other names.
            suffix.soa(asked.name.suffix(given.left), Section::Authority, asked.most, out);
        }
        out.authoritative = true;
        Verdict::Answered
    }

    fn is_excepted(&self, name: &WireName) -> bool {
        self.suffixes
            .iter()
            .flat_map(|suffix| &suffix.except)
            .any(|zone| name.left_of(zone).is_some())
    }

    fn is_artefact(&self, name: &WireName, left: usize, suffix: &Suffix) -> bool {
        let mut zones = self.artefacts.iter().chain(&suffix.guard);
        left > 0 && zones.any(|zone| name.starts_within(left, zone))
    }

    /// Whether ServiceEntries speak of a suffix's names: by a line of its own, or of the root's.
    fn declares(&self, suffix: &Suffix) -> bool {
        suffix.entries || self.suffixes.iter().any(|other| other.entries && other.name.is_root())
    }
}

impl Suffix {
    /// `giving` is the suffix whose rule the name has, if it has any; `declared` goes before it.
    fn answer(
        &self,
        asked: &Asked<'_>,
        left: usize,
        giving: Option<&Suffix>,
        declared: Option<Given>,
        out: &mut Answer,
    ) -> Verdict {
        let name = asked.name;
        let mut verdict = Verdict::Answered;
        match asked.qtype {
            rtype::SOA if left == 0 => {
                self.soa(name.wire(), Section::Answer, asked.most, out);
            }
            rtype::NS if left == 0 => self.name_server(name, name, asked.most, out),
            rtype::ANY => minimal(name, self.ttl.min(asked.most), out),
            _ => match (declared, giving.map(|suffix| (suffix, &suffix.rule))) {
                (Some(given), _) => self.addresses(asked, &given.addresses, out),
                (None, Some((suffix, Rule::Answer(all)))) => suffix.addresses(asked, all, out),
                (None, Some((suffix, Rule::Pools(pools)))) => {
                    for address in pools.iter().map(|pool| pool.pool.address(name)) {
                        suffix.addresses(asked, &[address], out);
                    }
                    if !out.is_empty(Section::Answer) {
                        verdict = Verdict::Used;
                    }
                }
                (None, Some((_, Rule::Pass)) | None) => {}
            },
        }
        if out.is_empty(Section::Answer) {
            self.soa(name.suffix(left), Section::Authority, asked.most, out);
        }
        out.authoritative = true;
        verdict
    }

    /// Adds the addresses of the family that is asked for, another one first each time.
    fn addresses(&self, asked: &Asked<'_>, all: &[IpAddr], out: &mut Answer) {
        let is_asked = |address: &&IpAddr| records::is_of(**address, asked.qtype);
        let count = all.iter().filter(is_asked).count();
        if count == 0 {
            return;
        }
        let turned = all.iter().filter(is_asked).cycle().skip(asked.turn % count).take(count);
        for &address in turned {
            let ttl = self.ttl.min(asked.most);
            out.address(Section::Answer, asked.name.wire(), ttl, address);
        }
    }

    fn soa(&self, zone: &[u8], section: Section, most: u32, out: &mut Answer) {
        let ttl = self.ttl.min(most);
        out.authoritative = true;
        records::soa(out, section, zone, ttl, SERIAL, ttl);
    }

    /// `ns.dns` below the suffix, as spelled, which answers like every other name.
    fn name_server(&self, owner: &WireName, suffix: &WireName, most: u32, out: &mut Answer) {
        let server = WireName::parse("ns.dns").and_then(|mut server| {
            server.extend(suffix)?;
            Some(server)
        });
        if let Some(server) = server {
            let ttl = self.ttl.min(most);
            out.name(Section::Answer, owner.wire(), rtype::NS, ttl, server.wire());
        }
    }
}

/// The answer to ANY (RFC 8482 §4.2).
fn minimal(name: &WireName, ttl: u32, out: &mut Answer) {
    out.push(Section::Answer, name.wire(), rtype::HINFO, ttl, |rdata| {
        rdata.extend_from_slice(b"\x07RFC8482\x00");
    });
}

#[cfg(test)]
mod tests;
