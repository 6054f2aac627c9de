//! The OPT record (RFC 6891), in CoreDNS's way: the client's size is mirrored, and so are DO and the
//! upper bits beside it; options of the client are not (request/request.go, `SizeAndDo`).

use hickory_proto::op::Edns as ProtoEdns;
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder};

use crate::zone::rtype;

/// The flags that are mirrored: DO, and seven bits that nobody has given a meaning.
const MIRRORED: u16 = 0xff00;

/// DNSSEC answers are wanted (RFC 3225).
const DO: u16 = 1 << 15;

/// Octets of an OPT record without options.
pub const FIXED: usize = 11;

/// The client's OPT record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edns {
    /// Octets that the client takes over UDP, as it said it.
    pub size: u16,
    version: u8,
    flags: u16,
}

impl Edns {
    /// What answers a version that is not known: nothing is mirrored.
    pub const BADVERS: Edns = Edns { size: 0, version: 0, flags: 0 };

    /// What a plugin says to a client that has no OPT record.
    pub fn of_reply(reply: &ProtoEdns) -> Self {
        Edns { size: reply.max_payload(), version: 0, flags: 0 }
    }

    /// That of a question that a plugin changed.
    pub fn of_request(edns: &ProtoEdns) -> Self {
        let flags = u16::from(*edns.flags());
        Edns { size: edns.max_payload(), version: edns.version(), flags }
    }

    /// Finds the OPT record behind the question of a packet that is known to be well formed.
    pub fn find(packet: &[u8], question_end: usize) -> Option<Self> {
        let mut at = question_end;
        while at < packet.len() {
            at = skip_name(packet, at)?;
            let fixed = packet.get(at..at + 10)?;
            let word = |index: usize| u16::from_be_bytes([fixed[index], fixed[index + 1]]);
            if word(0) == rtype::OPT {
                return Some(Edns { size: word(2), version: fixed[5], flags: word(6) });
            }
            at += 10 + usize::from(word(8));
        }
        None
    }

    /// The OPT record that these octets are, if it has no options and its version is known.
    pub fn bare(record: &[u8]) -> Option<Self> {
        let [0, t, y, s, z, _, version, f, g, 0, 0] = *record else { return None };
        let [rtype, size, flags] = [[t, y], [s, z], [f, g]].map(u16::from_be_bytes);
        (rtype == rtype::OPT && version == 0).then_some(Edns { size, version, flags })
    }

    pub fn version(self) -> u8 {
        self.version
    }

    /// The OPT record of the reply. `code` is the whole response code, whose upper bits it carries, and
    /// `reply` has the options.
    pub fn record(self, code: u16, reply: Option<&ProtoEdns>) -> Vec<u8> {
        let mut options = Vec::new();
        let mut flags = self.flags & MIRRORED;
        if let Some(edns) = reply {
            // What a plugin or an upstream said stands, with the client's DO.
            let said = edns.flags();
            let said_do = if said.dnssec_ok { DO } else { 0 };
            flags = (said_do | said.z) & MIRRORED | self.flags & DO;
            // Options that do not encode are worth less than the answer.
            if edns.options().emit(&mut BinEncoder::new(&mut options)).is_err() {
                options.clear();
            }
        }
        // A message holds no options of 64 KiB.
        let mut record = fixed(self.size, code, flags, options.len() as u16).to_vec();
        record.extend_from_slice(&options);
        record
    }

    /// The OPT record of a reply that says nothing beside.
    pub fn bare_record(self, code: u16) -> [u8; FIXED] {
        fixed(self.size, code, self.flags & MIRRORED, 0)
    }

    /// Whether DNSSEC answers are wanted.
    pub fn dnssec_ok(self) -> bool {
        self.flags & DO != 0
    }
}

/// An OPT record without its options, which are so long.
fn fixed(size: u16, code: u16, flags: u16, options: u16) -> [u8; FIXED] {
    let ([t, y], [s, z], [f, g]) =
        (rtype::OPT.to_be_bytes(), size.to_be_bytes(), flags.to_be_bytes());
    let [l, n] = options.to_be_bytes();
    [0, t, y, s, z, (code >> 4) as u8, 0, f, g, l, n]
}

/// Where the name at `at` ends, which may end in a pointer.
fn skip_name(packet: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *packet.get(at)? {
            0 => return Some(at + 1),
            pointer if pointer & 0xc0 == 0xc0 => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}
