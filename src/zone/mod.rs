//! Which names exist and what they say: pure and synchronous, no I/O.
//!
//! In: a question ([`name::WireName`] and type), a [`crate::registry::Registry`] or a sentinel's
//! addresses. Out: an [`answer::Answer`], whose records are wire bytes already; [`mod@write`] makes a
//! message of them, so that an answer never needs a codec's record types on its way to a socket. The
//! plugin chain, which speaks hickory's types, converts at its edge ([`answer::Answer::message`]).

pub mod answer;
pub mod choice;
pub mod clusterset;
pub mod compression;
pub mod explain;
pub mod gateway;
pub mod kubernetes;
pub mod name;
pub mod overlap;
pub mod pool;
pub mod reverse;
pub mod schema;
pub mod sentinel;
mod top_level;
pub mod why;
pub mod write;

/// Record types and the class, as numbers (RFC 1035 §3.2.2, RFC 3596, RFC 2782, RFC 6891).
pub mod rtype {
    pub const A: u16 = 1;
    pub const NS: u16 = 2;
    pub const CNAME: u16 = 5;
    pub const SOA: u16 = 6;
    pub const PTR: u16 = 12;
    pub const HINFO: u16 = 13;
    pub const MX: u16 = 15;
    pub const TXT: u16 = 16;
    pub const AAAA: u16 = 28;
    pub const SRV: u16 = 33;
    pub const OPT: u16 = 41;
    pub const DS: u16 = 43;
    pub const IXFR: u16 = 251;
    pub const AXFR: u16 = 252;
    pub const ANY: u16 = 255;
    /// Class IN.
    pub const IN: u16 = 1;
}

/// Bits of the header's second word (RFC 1035 §4.1.1, RFC 4035 §3.2).
pub mod flag {
    /// A response.
    pub const QR: u16 = 1 << 15;
    pub const OPCODE: u16 = 0xf << 11;
    pub const AA: u16 = 1 << 10;
    pub const TC: u16 = 1 << 9;
    pub const RD: u16 = 1 << 8;
    pub const RA: u16 = 1 << 7;
    pub const AD: u16 = 1 << 5;
    pub const CD: u16 = 1 << 4;
}

/// Response codes (RFC 1035 §4.1.1, RFC 6891 §9).
pub mod rcode {
    pub const NOERROR: u16 = 0;
    pub const FORMERR: u16 = 1;
    pub const SERVFAIL: u16 = 2;
    pub const NXDOMAIN: u16 = 3;
    pub const NOTIMP: u16 = 4;
    pub const REFUSED: u16 = 5;
    pub const BADVERS: u16 = 16;
}
