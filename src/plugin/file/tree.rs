//! The names of a zone in canonical order (RFC 4034 §6.1), with their records.
//!
//! Empty non-terminals are not kept: they are where names below them are. Names outside of the zone
//! are kept like others, for a file may hold them.

use std::collections::BTreeMap;
use std::ops::Bound;

use hickory_proto::rr::{Name, RData, Record, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

use crate::zone::rtype;

/// Types that the codec has no names for here.
pub const DNAME: u16 = 39;
pub const RRSIG: u16 = 46;
pub const NSEC: u16 = 47;
pub const SVCB: u16 = 64;
pub const HTTPS: u16 = 65;

/// The records of one name.
#[derive(Debug)]
pub struct Node {
    /// As the first record spells it.
    pub name: Name,
    /// By type, in the order of the file.
    sets: Vec<(u16, Vec<Record>)>,
}

impl Node {
    /// The records of a type.
    pub fn of(&self, rtype: u16) -> &[Record] {
        let set = self.sets.iter().find(|(known, _)| *known == rtype);
        set.map_or(&[], |(_, records)| records)
    }

    /// The signatures of the records of a type.
    pub fn signatures(&self, covered: u16) -> impl Iterator<Item = &Record> {
        self.of(RRSIG).iter().filter(move |record| covers(record) == Some(covered))
    }

    /// The records of a type, and where `dnssec` asks for them their signatures.
    pub fn with_signatures(&self, rtype: u16, dnssec: bool) -> Vec<Record> {
        let signatures = self.signatures(rtype).filter(|_| dnssec);
        self.of(rtype).iter().chain(signatures).cloned().collect()
    }

    /// All records.
    pub fn all(&self) -> impl Iterator<Item = &Record> {
        self.sets.iter().flat_map(|(_, records)| records)
    }

    fn add(&mut self, rtype: u16, record: Record) {
        match self.sets.iter_mut().find(|(known, _)| *known == rtype) {
            Some((_, records)) => records.push(record),
            None => self.sets.push((rtype, vec![record])),
        }
    }
}

/// The names.
#[derive(Debug, Default)]
pub struct Tree(BTreeMap<Name, Node>);

impl Tree {
    pub fn add(&mut self, record: Record) {
        let name = record.name.clone();
        let node = self.0.entry(name.clone()).or_insert(Node { name, sets: Vec::new() });
        node.add(record.record_type().into(), record);
    }

    pub fn get(&self, name: &Name) -> Option<&Node> {
        self.0.get(name)
    }

    /// All names in their order.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.0.values()
    }

    /// The name itself, or the last one before it.
    pub fn at_or_before(&self, name: &Name) -> Option<&Node> {
        self.0.range(..=name).next_back().map(|(_, node)| node)
    }

    /// Whether there are names below this one.
    pub fn has_below(&self, name: &Name) -> bool {
        let mut after = self.0.range((Bound::Excluded(name), Bound::Unbounded));
        // Names below one follow it at once.
        after.next().is_some_and(|(next, _)| name.zone_of(next))
    }

    /// The addresses of name servers that lie below the name they serve.
    pub fn glue(&self, servers: &[Record], dnssec: bool) -> Vec<Record> {
        let inside = servers
            .iter()
            .filter_map(|server| Some((server, target(server)?)))
            .filter(|(server, target)| server.name.zone_of(target));
        inside.flat_map(|(_, target)| self.addresses(&target, dnssec)).collect()
    }

    /// The addresses of a name.
    pub fn addresses(&self, name: &Name, dnssec: bool) -> Vec<Record> {
        let Some(node) = self.get(name) else { return Vec::new() };
        [rtype::A, rtype::AAAA]
            .into_iter()
            .flat_map(|kind| node.with_signatures(kind, dnssec))
            .collect()
    }
}

/// The type whose records a signature is for.
pub fn covers(record: &Record) -> Option<u16> {
    match (&record.data, u16::from(record.record_type())) {
        (RData::Unknown { rdata, .. }, RRSIG) => {
            rdata.anything.first_chunk().map(|octets| u16::from_be_bytes(*octets))
        }
        _ => None,
    }
}

/// The name that a record points to, of the types that point to one.
pub fn target(record: &Record) -> Option<Name> {
    let name = match &record.data {
        RData::CNAME(target) => &target.0,
        RData::NS(target) => &target.0,
        RData::MX(mx) => &mx.exchange,
        RData::SRV(srv) => &srv.target,
        RData::SVCB(svcb) => &svcb.target_name,
        RData::HTTPS(https) => &https.0.target_name,
        RData::Unknown { code: RecordType::DNAME, rdata } => {
            return Name::read(&mut BinDecoder::new(&rdata.anything)).ok();
        }
        _ => return None,
    };
    Some(name.clone())
}
