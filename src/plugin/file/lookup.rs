//! What a zone says to a question (RFC 1034 §4.3.2, RFC 4592, RFC 6672), as plugin/file/lookup.go
//! goes about it.
//!
//! In: a zone's [`Data`] and a question. Out: three sections and how it [`End`]ed.

use hickory_proto::rr::{Name, Record};

use super::alias;
use super::place::{Place, asterisk, closest_encloser, place};
use super::tree::{HTTPS, NSEC, Node, SVCB, target};
use super::zone::Data;
use crate::plugin::Request;
use crate::zone::rtype;

/// How an answer came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// There are records; or none, for an empty non-terminal.
    Success,
    NoSuchName,
    Delegation,
    NoData,
    Failure,
}

/// An answer.
#[derive(Debug)]
pub struct Found {
    pub answer: Vec<Record>,
    pub authority: Vec<Record>,
    pub additional: Vec<Record>,
    pub end: End,
}

impl Found {
    /// Without records.
    pub fn failure() -> Self {
        Found {
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            end: End::Failure,
        }
    }

    fn denied(authority: Vec<Record>, end: End) -> Self {
        Found { answer: Vec::new(), authority, additional: Vec::new(), end }
    }
}

/// One question to one zone.
pub struct Lookup<'a> {
    pub data: &'a Data,
    pub request: &'a Request,
    /// In lower case.
    pub name: Name,
    pub rtype: u16,
    /// Whether the client wants signatures.
    pub dnssec: bool,
}

impl<'a> Lookup<'a> {
    pub fn new(data: &'a Data, request: &'a Request) -> Self {
        let edns = request.message.edns.as_ref();
        Lookup {
            data,
            request,
            name: request.qname().to_lowercase(),
            rtype: request.qtype().into(),
            dnssec: edns.is_some_and(|edns| edns.flags().dnssec_ok),
        }
    }

    pub async fn answer(&self) -> Found {
        let (data, dnssec) = (self.data, self.dnssec);
        if self.name == data.origin {
            match self.rtype {
                rtype::SOA => return self.found(data.soa(dnssec), Vec::new()),
                rtype::NS => {
                    let servers = data.ns(dnssec);
                    let additional = data.tree.glue(&servers, dnssec);
                    let (authority, end) = (Vec::new(), End::Success);
                    return Found { answer: servers, authority, additional, end };
                }
                _ => {}
            }
        }
        // Aliases that lead here again and again.
        if self.request.depth > alias::MOST {
            return Found::failure();
        }
        match place(data, &self.name, self.rtype) {
            Place::Below(node) => alias::substitute(self, node).await,
            Place::Cut(node) => self.referral(Vec::new(), node),
            Place::Here(node) => self.here(node).await,
            Place::Wildcard(node) => self.wildcard(node).await,
            Place::EmptyWildcard => Found::denied(data.soa(false), End::NoData),
            Place::Nowhere => self.nowhere(),
        }
    }

    /// The servers of a zone below, behind the aliases that led there.
    pub fn referral(&self, answer: Vec<Record>, cut: &Node) -> Found {
        let mut authority = cut.of(rtype::NS).to_vec();
        let additional = self.data.tree.glue(&authority, self.dnssec);
        if self.dnssec {
            authority.extend(cut.with_signatures(rtype::DS, true));
        }
        Found { answer, authority, additional, end: End::Delegation }
    }

    async fn here(&self, node: &Node) -> Found {
        let aliases = node.of(rtype::CNAME);
        if !aliases.is_empty() && self.rtype != rtype::CNAME {
            return alias::follow(self, node, aliases.to_vec()).await;
        }
        if node.of(self.rtype).is_empty() {
            return self.no_data(node);
        }
        let answer = node.with_signatures(self.rtype, self.dnssec);
        self.found(answer, self.additional(node.of(self.rtype)))
    }

    async fn wildcard(&self, node: &Node) -> Found {
        let renamed = |records: &mut dyn Iterator<Item = &Record>| -> Vec<Record> {
            let mut records: Vec<Record> = records.cloned().collect();
            records.iter_mut().for_each(|record| record.name = self.name.clone());
            records
        };
        let aliases = renamed(&mut node.of(rtype::CNAME).iter());
        if !aliases.is_empty() && self.rtype != rtype::CNAME {
            return alias::follow(self, node, aliases).await;
        }
        let mut answer = renamed(&mut node.of(self.rtype).iter());
        if answer.is_empty() {
            return self.no_data(node);
        }
        let additional = self.additional(&answer);
        let mut authority = self.data.ns(self.dnssec);
        if self.dnssec {
            // That the name itself does not exist.
            authority.extend(self.denial(&self.name).into_iter().flat_map(nsec));
            answer.extend(renamed(&mut node.signatures(self.rtype)));
        }
        Found { answer, authority, additional, end: End::Success }
    }

    /// The name is there without that type.
    fn no_data(&self, node: &Node) -> Found {
        let mut authority = self.data.soa(self.dnssec);
        if self.dnssec {
            authority.extend(nsec(node));
        }
        Found::denied(authority, End::NoData)
    }

    /// The name is not there. Where names are below it, it exists and is empty.
    fn nowhere(&self) -> Found {
        let data = self.data;
        let end = if data.tree.has_below(&self.name) { End::Success } else { End::NoSuchName };
        let mut authority = data.soa(self.dnssec);
        let denial = self.denial(&self.name).filter(|_| self.dnssec);
        if let Some(denial) = denial {
            authority.extend(nsec(denial));
            let wildcard = closest_encloser(data, &self.name)
                .filter(|_| end == End::NoSuchName)
                .and_then(|node| asterisk(&node.name))
                .and_then(|wildcard| self.denial(&wildcard))
                .filter(|node| node.name != denial.name);
            authority.extend(wildcard.into_iter().flat_map(nsec));
        }
        Found::denied(authority, end)
    }

    /// The name whose NSEC record says that another does not exist.
    fn denial(&self, name: &Name) -> Option<&'a Node> {
        self.data.tree.at_or_before(name)
    }

    fn found(&self, answer: Vec<Record>, additional: Vec<Record>) -> Found {
        Found { answer, authority: self.data.ns(self.dnssec), additional, end: End::Success }
    }

    /// The addresses of the names in the zone that MX, SRV, SVCB and HTTPS records point to, each once.
    pub fn additional(&self, answer: &[Record]) -> Vec<Record> {
        let points = |record: &&Record| {
            matches!(u16::from(record.record_type()), rtype::MX | rtype::SRV | SVCB | HTTPS)
        };
        let mut seen: Vec<Name> = Vec::new();
        let mut additional = Vec::new();
        for target in answer.iter().filter(points).filter_map(target) {
            if self.data.origin.zone_of(&target) && !seen.contains(&target) {
                additional.extend(self.data.tree.addresses(&target, self.dnssec));
                seen.push(target);
            }
        }
        additional
    }
}

fn nsec(node: &Node) -> Vec<Record> {
    node.with_signatures(NSEC, true)
}
