//! Which messages are kept, and as what.
//!
//! A message with records in its answer section need not answer the question: a chain of CNAME records may
//! end before the type that was asked for. With an SOA that is NODATA (RFC 2308 §2.2), and is kept as a
//! denial; without one it is not kept.

use std::collections::HashMap;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use crate::plugin::response::Kind;

/// The kind of a reply that came through the chain.
pub(super) fn kind(message: &Message) -> Kind {
    let dnssec_ok = message.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok);
    match Kind::of(message, dnssec_ok) {
        Kind::NoError if has_soa(message) && is_no_data(message) => Kind::NoData,
        kind => kind,
    }
}

/// Whether a reply with a question is one to keep.
pub(super) fn is_kept(message: &Message, kind: Kind) -> bool {
    if message.metadata.truncation {
        return false;
    }
    match kind {
        Kind::OtherError | Kind::Meta | Kind::Update => false,
        // What bounds the time of a denial is its SOA.
        Kind::NameError => has_soa(message),
        Kind::NoError => has_soa(message) || !is_no_data(message),
        Kind::ServerError | Kind::NoData | Kind::Delegation => true,
    }
}

/// Whether a reply is complete and answers its question.
pub(super) fn is_usable(message: &Message) -> bool {
    !message.metadata.truncation && kind(message) == Kind::NoError && answers(message)
}

/// Whether a reply has what its question asks for: a record of the type at the end of the CNAME chain that
/// begins at the name.
pub(super) fn answers(message: &Message) -> bool {
    let (ResponseCode::NoError, Some(query)) =
        (message.metadata.response_code, message.queries.first())
    else {
        return false;
    };
    let of_class = |record: &&Record| {
        query.query_class() == DNSClass::ANY || record.dns_class == query.query_class()
    };
    let name = query.name();
    let records = || message.answers.iter().filter(of_class);
    match query.query_type() {
        RecordType::ANY => records().any(|record| record.name == *name),
        RecordType::CNAME => {
            Aliases::of(records()).0.get(name).is_some_and(|target| target.is_some())
        }
        qtype => Aliases::of(records()).end(name).is_some_and(|end| {
            records().any(|record| record.record_type() == qtype && record.name == *end)
        }),
    }
}

fn has_soa(message: &Message) -> bool {
    message.authorities.iter().any(|record| record.record_type() == RecordType::SOA)
}

/// An answer section that has records, and none that answers. One without records may be of a reply that
/// says all in its additional section (`whoami`).
fn is_no_data(message: &Message) -> bool {
    !message.answers.is_empty() && !answers(message)
}

/// Where the CNAME records of each name lead; `None` where they do not agree (RFC 2181 §10.1).
struct Aliases<'a>(HashMap<&'a Name, Option<&'a Name>>);

impl<'a> Aliases<'a> {
    fn of(records: impl Iterator<Item = &'a Record>) -> Self {
        let mut aliases: HashMap<&Name, Option<&Name>> = HashMap::new();
        for record in records {
            let RData::CNAME(CNAME(target)) = &record.data else { continue };
            let known = aliases.entry(&record.name).or_insert(Some(target));
            if *known != Some(target) {
                *known = None;
            }
        }
        Aliases(aliases)
    }

    /// The end of the chain from a name; `None` where it is a circle, or not one chain.
    fn end(&self, mut name: &'a Name) -> Option<&'a Name> {
        for _ in 0..=self.0.len() {
            match self.0.get(name) {
                None => return Some(name),
                Some(target) => name = (*target)?,
            }
        }
        None
    }
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
