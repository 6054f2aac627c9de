//! Sentinel suffixes: every name below one answers with fixed addresses, which a sidecar captures and
//! routes by authority.
//!
//! In: a question. Out: an answer for every type, so that no question for a name at or below a suffix
//! goes anywhere else; only the names of `except` do.

use std::net::IpAddr;

use super::answer::{Answer, Section};
use super::name::WireName;
use super::{rcode, reverse, rtype};
use crate::zone::kubernetes::records;

/// HINFO, with which ANY is answered (RFC 8482 §4.2).
const HINFO: u16 = 13;
/// The answers change with the configuration only, which is the same on every replica.
const SERIAL: u32 = 1;

/// One suffix.
#[derive(Clone, Debug)]
pub struct Suffix {
    pub name: WireName,
    pub addresses: Vec<IpAddr>,
    /// Seconds, also of negative answers.
    pub ttl: u32,
    /// Names that are not captured, nor any below them.
    pub except: Vec<WireName>,
}

/// The suffixes of a server block.
#[derive(Clone, Debug, Default)]
pub struct Sentinel {
    pub suffixes: Vec<Suffix>,
}

/// What became of a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The name is at or below no suffix, or is excepted.
    Elsewhere,
    Answered,
    /// A transfer, which a suffix cannot give: it has every name.
    Refused,
}

impl Sentinel {
    /// Answers a question. `out` is clear.
    pub fn answer(&self, name: &WireName, qtype: u16, out: &mut Answer) -> Verdict {
        match self.longest(name, 0) {
            Some((_, suffix)) if suffix.excepts(name) => Verdict::Elsewhere,
            Some((0, suffix)) => {
                // A suffix within another is also a name below that one, and has its address.
                let outer = self.longest(name, 1).filter(|(_, outer)| !outer.excepts(name));
                suffix.answer(name, 0, qtype, outer.map(|(_, outer)| outer), out)
            }
            Some((left, suffix)) => suffix.answer(name, left, qtype, Some(suffix), out),
            None => self.pointer(name, out),
        }
    }

    /// The longest suffix that a name is in with at least `least` labels left of it, and how many.
    fn longest(&self, name: &WireName, least: usize) -> Option<(usize, &Suffix)> {
        let left = |suffix: &Suffix| name.left_of(&suffix.name).filter(|left| *left >= least);
        let within = self.suffixes.iter().filter_map(|suffix| Some((left(suffix)?, suffix)));
        within.min_by_key(|(left, _)| *left)
    }

    /// The reverse name of a sentinel exists and says nothing: many names share the address.
    fn pointer(&self, name: &WireName, out: &mut Answer) -> Verdict {
        let Some(address) = reverse::address(name) else { return Verdict::Elsewhere };
        let suffix = self.suffixes.iter().find(|suffix| suffix.addresses.contains(&address));
        match suffix {
            Some(suffix) => {
                suffix.soa(name.wire(), Section::Authority, out);
                Verdict::Answered
            }
            None => Verdict::Elsewhere,
        }
    }
}

impl Suffix {
    fn excepts(&self, name: &WireName) -> bool {
        self.except.iter().any(|except| name.left_of(except).is_some())
    }

    /// `addresses` is the suffix whose addresses the name has, if it has any.
    fn answer(
        &self,
        name: &WireName,
        left: usize,
        qtype: u16,
        addresses: Option<&Suffix>,
        out: &mut Answer,
    ) -> Verdict {
        let apex = left == 0;
        match qtype {
            rtype::AXFR | rtype::IXFR => return Verdict::Refused,
            rtype::SOA if apex => self.soa(name.wire(), Section::Answer, out),
            rtype::NS if apex => self.name_server(name, out),
            rtype::ANY => out.push(Section::Answer, name.wire(), HINFO, self.ttl, |rdata| {
                rdata.extend_from_slice(b"\x07RFC8482\x00");
            }),
            _ => {
                if let Some(suffix) = addresses {
                    let asked = |address: &&IpAddr| records::is_of(**address, qtype);
                    for &address in suffix.addresses.iter().filter(asked) {
                        out.address(Section::Answer, name.wire(), suffix.ttl, address);
                    }
                }
            }
        }
        if out.is_empty(Section::Answer) {
            self.soa(name.suffix(left), Section::Authority, out);
        }
        out.code = rcode::NOERROR;
        out.authoritative = true;
        Verdict::Answered
    }

    fn soa(&self, zone: &[u8], section: Section, out: &mut Answer) {
        out.authoritative = true;
        records::soa(out, section, zone, self.ttl, SERIAL, self.ttl);
    }

    /// `ns.dns` below the suffix, which answers like every other name.
    fn name_server(&self, apex: &WireName, out: &mut Answer) {
        let server = WireName::parse("ns.dns").and_then(|mut server| {
            server.extend(apex)?;
            Some(server)
        });
        if let Some(server) = server {
            out.name(Section::Answer, apex.wire(), rtype::NS, self.ttl, server.wire());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suffix(name: &str, addresses: &[&str], ttl: u32, except: &[&str]) -> Suffix {
        Suffix {
            name: WireName::parse(name).unwrap(),
            addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
            ttl,
            except: except.iter().map(|text| WireName::parse(text).unwrap()).collect(),
        }
    }

    fn ask(name: &str, qtype: u16) -> (Verdict, String) {
        let sentinel = Sentinel {
            suffixes: vec![
                suffix("remote", &["240.0.0.10"], 30, &["ingress.b.remote"]),
                suffix("eu.remote", &["240.0.0.20", "fd00::20"], 5, &[]),
                suffix("global", &["240.0.0.31", "240.0.0.32"], 30, &[]),
            ],
        };
        let mut out = Answer::default();
        let verdict = sentinel.answer(&WireName::parse(name).unwrap(), qtype, &mut out);
        let shown = out.records().map(|record| {
            let owner = WireName::read(record.owner).unwrap().0;
            let rdata = match record.rtype {
                rtype::A | rtype::AAAA => {
                    record.rdata.iter().map(u8::to_string).collect::<Vec<_>>()
                }
                _ => Vec::new(),
            };
            format!(
                "{:?} {owner} {} {} {}",
                record.section,
                record.ttl,
                record.rtype,
                rdata.join(".")
            )
        });
        (verdict, shown.collect::<Vec<_>>().join("; ").trim_end().into())
    }

    #[test]
    fn every_type_at_and_below_a_suffix() {
        let table = [
            ("foo.remote", rtype::A, "Answer foo.remote. 30 1 240.0.0.10"),
            ("a.b.c.svc.d.remote", rtype::A, "Answer a.b.c.svc.d.remote. 30 1 240.0.0.10"),
            ("foo.remote", rtype::AAAA, "Authority remote. 30 6"),
            ("foo.remote", rtype::SRV, "Authority remote. 30 6"),
            ("foo.remote", rtype::SOA, "Authority remote. 30 6"),
            ("foo.remote", rtype::NS, "Authority remote. 30 6"),
            ("foo.remote", 65, "Authority remote. 30 6"),
            ("foo.remote", 9999, "Authority remote. 30 6"),
            ("foo.remote", rtype::ANY, "Answer foo.remote. 30 13"),
            ("remote", rtype::A, "Authority remote. 30 6"),
            ("remote", rtype::SOA, "Answer remote. 30 6"),
            ("remote", rtype::NS, "Answer remote. 30 2"),
            ("x.eu.remote", rtype::A, "Answer x.eu.remote. 5 1 240.0.0.20"),
            ("eu.remote", rtype::A, "Answer eu.remote. 30 1 240.0.0.10"),
            ("eu.remote", rtype::AAAA, "Authority eu.remote. 5 6"),
            ("eu.remote", rtype::SOA, "Answer eu.remote. 5 6"),
            ("x.us.remote", rtype::A, "Answer x.us.remote. 30 1 240.0.0.10"),
            (
                "x.global",
                rtype::A,
                "Answer x.global. 30 1 240.0.0.31; Answer x.global. 30 1 240.0.0.32",
            ),
            ("10.0.0.240.in-addr.arpa", rtype::PTR, "Authority 10.0.0.240.in-addr.arpa. 30 6"),
        ];
        for (name, qtype, expected) in table {
            assert_eq!(ask(name, qtype), (Verdict::Answered, expected.into()), "{name} {qtype}");
        }
    }

    #[test]
    fn names_that_are_not_captured() {
        let outside = ["fooremote", "xremote.x", "remote.example.com", "ingress.b.remote"];
        for name in outside.into_iter().chain(["x.ingress.b.remote", "9.0.0.240.in-addr.arpa"]) {
            assert_eq!(ask(name, rtype::A), (Verdict::Elsewhere, String::new()), "{name}");
        }
        assert_eq!(ask("remote", rtype::AXFR).0, Verdict::Refused);
    }
}
