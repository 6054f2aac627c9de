//! Where aliases lead: CNAME (RFC 1034 §3.6.2) and DNAME (RFC 6672), in the zone and out of it.
//!
//! In the zone the chain is followed here; a name that is not in the file is asked of the whole server, as a
//! client would. The answer has the chain, and what was found at its end.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::lookup::{End, Found, Lookup};
use super::place::cut;
use super::tree::{DNAME, Node, target};
use crate::zone::rtype;

/// How many times the server may be asked for one question, and how many aliases of one zone are
/// followed at once.
pub const MOST: u8 = 8;

/// The answer for a name below a DNAME: the DNAME, the CNAME that it means for the name, and what
/// that leads to.
pub async fn substitute(lookup: &Lookup<'_>, node: &Node) -> Found {
    let made = node.of(DNAME).first().and_then(|dname| made(&lookup.name, dname));
    // One that leads to itself only loops, and one that is too long leads nowhere.
    let Some(alias) = made.filter(|alias| target(alias).as_ref() != Some(&lookup.name)) else {
        return Found::failure();
    };
    let mut found = match lookup.rtype {
        rtype::CNAME => Found {
            answer: vec![alias],
            authority: lookup.data.ns(lookup.dnssec),
            additional: Vec::new(),
            end: End::Success,
        },
        _ => follow(lookup, node, vec![alias]).await,
    };
    found.answer.splice(..0, node.with_signatures(DNAME, lookup.dnssec));
    found
}

/// The CNAME record that a DNAME means for a name below it.
fn made(name: &Name, dname: &Record) -> Option<Record> {
    let above = dname.name.iter().len();
    let kept = name.iter().take(name.iter().len().checked_sub(above)?);
    let to = target(dname)?;
    let mut renamed = Name::from_labels(kept.chain(to.iter())).ok()?;
    renamed.set_fqdn(true);
    Some(Record::from_rdata(name.clone(), dname.ttl, RData::CNAME(CNAME(renamed))))
}

/// The answer for a name that is an alias: `chain` has the CNAME records of the first, `node`.
pub async fn follow(lookup: &Lookup<'_>, node: &Node, mut chain: Vec<Record>) -> Found {
    let (data, dnssec) = (lookup.data, lookup.dnssec);
    let Some(mut next) = chain.first().and_then(target) else { return Found::failure() };
    chain.extend(node.signatures(rtype::CNAME).filter(|_| dnssec).cloned());
    let mut followed = 0;
    loop {
        if let Some(cut) = cut(data, &next, lookup.rtype) {
            return lookup.referral(chain, cut);
        }
        // What the apex has is not among the names.
        let apex = lookup.rtype == rtype::NS || lookup.rtype == rtype::SOA && next == data.origin;
        let Some(node) = data.tree.get(&next).filter(|_| !apex) else {
            return ask(lookup, chain, next).await;
        };
        if followed > MOST {
            return end(lookup, chain, End::Success);
        }
        let Some(alias) = node.of(rtype::CNAME).first() else {
            let signed = dnssec && !node.of(lookup.rtype).is_empty();
            chain.extend(node.with_signatures(lookup.rtype, signed));
            return end(lookup, chain, End::Success);
        };
        let Some(further) = target(alias).filter(|further| *further != alias.name) else {
            return Found::failure();
        };
        chain.extend(node.with_signatures(rtype::CNAME, dnssec));
        next = further;
        followed += 1;
    }
}

/// Asks the whole server for the name at the end of a chain.
async fn ask(lookup: &Lookup<'_>, mut chain: Vec<Record>, name: Name) -> Found {
    let reply = lookup.request.ask(name, RecordType::from(lookup.rtype)).await;
    let (answers, result) = match reply {
        None => (Vec::new(), End::Success),
        Some(reply) => {
            let result = match reply.metadata.response_code {
                ResponseCode::NXDomain => End::NoSuchName,
                ResponseCode::ServFail => End::Failure,
                ResponseCode::NoError if reply.answers.is_empty() => End::NoData,
                // Other codes, such as REFUSED of a name that nobody here knows: the client may ask others.
                _ => End::Success,
            };
            (reply.answers, result)
        }
    };
    chain.extend(answers);
    end(lookup, chain, result)
}

/// The answer with a chain, whose end says what stands in the authority section (RFC 2308 §2).
fn end(lookup: &Lookup<'_>, answer: Vec<Record>, end: End) -> Found {
    let authority = match end {
        End::NoSuchName | End::NoData => lookup.data.soa(lookup.dnssec),
        _ => lookup.data.ns(lookup.dnssec),
    };
    let additional = lookup.additional(&answer);
    Found { answer, authority, additional, end }
}
