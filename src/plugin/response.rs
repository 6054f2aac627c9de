//! What kind of answer a message is, in which class it is for `log` (CoreDNS, plugin/pkg/response), and for
//! how long it holds (plugin/pkg/dnsutil/ttl.go).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::{Record, RecordType};
use hickory_proto::serialize::binary::BinEncodable;

/// How long what has no records to say it holds, or is no answer.
pub const DEFAULT_TTL: Duration = Duration::from_secs(5);

/// The kind of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// NOERROR with records, or with nothing at all.
    NoError,
    /// NXDOMAIN.
    NameError,
    /// SERVFAIL and NOTIMP.
    ServerError,
    /// NOERROR without an answer, and with the SOA of the zone.
    NoData,
    /// NOERROR without an answer, and with the NS records of a zone below.
    Delegation,
    /// Transfers and NOTIFY.
    Meta,
    Update,
    /// All else, and no message at all.
    OtherError,
}

/// The classes that `log` can be told to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    Success,
    Denial,
    Error,
}

impl Kind {
    /// As CoreDNS calls it, in the metadata `log/type`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::NoError => "NOERROR",
            Kind::NameError => "NXDOMAIN",
            Kind::ServerError => "SERVERERROR",
            Kind::NoData => "NODATA",
            Kind::Delegation => "DELEGATION",
            Kind::Meta => "META",
            Kind::Update => "UPDATE",
            Kind::OtherError => "OTHERERROR",
        }
    }

    pub fn class(self) -> Class {
        match self {
            Kind::NoError | Kind::Delegation => Class::Success,
            Kind::NameError | Kind::NoData => Class::Denial,
            Kind::ServerError | Kind::Meta | Kind::Update | Kind::OtherError => Class::Error,
        }
    }

    /// Of a message, as it goes to a client: with `dnssec_ok` expired signatures make it an error.
    pub fn of(message: &Message, dnssec_ok: bool) -> Self {
        match message.metadata.op_code {
            OpCode::Update => return Kind::Update,
            OpCode::Notify => return Kind::Meta,
            _ => {}
        }
        let qtype = message.queries.first().map(|query| query.query_type());
        if matches!(qtype, Some(RecordType::AXFR | RecordType::IXFR)) {
            return Kind::Meta;
        }
        if dnssec_ok && is_expired(message) {
            return Kind::OtherError;
        }
        let has = |rtype| message.authorities.iter().any(|record| record.record_type() == rtype);
        match (message.metadata.response_code, message.answers.is_empty()) {
            (ResponseCode::NoError, false) => Kind::NoError,
            (ResponseCode::NXDomain, false) => Kind::OtherError,
            (ResponseCode::NoError, true) if has(RecordType::SOA) => Kind::NoData,
            (ResponseCode::NXDomain, true) => Kind::NameError,
            (ResponseCode::ServFail | ResponseCode::NotImp, _) => Kind::ServerError,
            (ResponseCode::NoError, true) if has(RecordType::NS) => Kind::Delegation,
            (ResponseCode::NoError, true) => Kind::NoError,
            _ => Kind::OtherError,
        }
    }
}

/// How long a message of this kind holds: the least TTL of its records, and no longer than `most`.
pub fn least_ttl(message: &Message, kind: Kind, most: Duration) -> Duration {
    if !matches!(kind, Kind::NoError | Kind::NameError | Kind::NoData) {
        return DEFAULT_TTL;
    }
    let sections = [&message.answers, &message.authorities, &message.additionals];
    let least = sections.into_iter().flatten().map(|record| record.ttl).min();
    least.map_or(DEFAULT_TTL, |least| most.min(Duration::from_secs(least.into())))
}

impl Class {
    /// The classes in CoreDNS's words.
    pub const NAMES: [(&str, Class); 3] =
        [("denial", Class::Denial), ("error", Class::Error), ("success", Class::Success)];

    /// As the Corefile names it, and the metadata `log/class`.
    pub fn name(self) -> &'static str {
        match self {
            Class::Success => "success",
            Class::Denial => "denial",
            Class::Error => "error",
        }
    }
}

/// Whether a signature of the message is not valid now.
fn is_expired(message: &Message) -> bool {
    // A clock before 1970 finds all signatures invalid.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let all = message.answers.iter().chain(&message.authorities).chain(&message.additionals);
    let mut signatures = all.filter(|record| record.record_type() == RecordType::RRSIG);
    signatures.any(|record| !is_valid(record, now))
}

/// Whether a signature is valid at a time, in seconds since 1970 (RFC 4034 §3.1.5: times are serial
/// numbers).
fn is_valid(signature: &Record, now: u64) -> bool {
    // Behind covered type, algorithm, labels and original TTL.
    const EXPIRATION: usize = 8;
    let Ok(rdata) = signature.data.to_bytes() else { return true };
    let time = |at: usize| {
        let bytes = rdata.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    let (Some(end), Some(start)) = (time(EXPIRATION), time(EXPIRATION + 4)) else { return true };
    // The low 32 bits: of two serial numbers the one is later that is less than 2^31 ahead.
    let now = now as u32;
    now.wrapping_sub(start) < 1 << 31 && end.wrapping_sub(now) < 1 << 31
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
