//! By how much miekg/dns takes records to be longer than they are (its `len` of each type, ztypes.go).
//!
//! It holds rdata as text: of strings it counts the escapes, and of base64 and base32 what they are padded to. What
//! need not be escaped in every text (`\065`, a tab) is counted as one octet here: how it was written is not known.

use hickory_proto::rr::Record;
use hickory_proto::serialize::binary::BinEncodable;

/// What of the rdata of a type is counted otherwise.
#[derive(Clone, Copy)]
enum Odd {
    /// So many character strings at most, behind so many octets.
    Strings(usize, usize),
    /// What follows these octets is held as base64.
    Base64(usize),
    /// As base64 behind the signer's name.
    Signature,
    /// A key as base64 behind a gateway, whose kind is at 1 (RFC 4025).
    Gateway,
    /// Prefixes of addresses (RFC 3123).
    Prefixes,
    /// Lengths of hash and key, and the two (RFC 8005).
    HostIdentity,
    /// Salt and hash, each behind its length (RFC 5155).
    Hash,
}

/// Octets that miekg/dns counts beyond those on the wire.
pub(super) fn surplus(record: &Record) -> usize {
    let Some(odd) = odd(record.record_type().into()) else { return 0 };
    // What cannot be written is not sent.
    record.data.to_bytes().map_or(0, |rdata| of_rdata(odd, &rdata))
}

fn odd(rtype: u16) -> Option<Odd> {
    Some(match rtype {
        // HINFO, TXT, X25, ISDN, GPOS, NINFO, SPF, UINFO, AVC, RESINFO
        13 | 16 | 19 | 20 | 27 | 56 | 99 | 100 | 258 | 261 => Odd::Strings(usize::MAX, 0),
        // NAPTR: a name follows its strings.
        35 => Odd::Strings(3, 4),
        // SIG, RRSIG
        24 | 46 => Odd::Signature,
        // KEY, DNSKEY, RKEY, CDNSKEY
        25 | 48 | 57 | 60 => Odd::Base64(4),
        // CERT
        37 => Odd::Base64(5),
        // DHCID, OPENPGPKEY
        49 | 61 => Odd::Base64(0),
        // IPSECKEY
        45 => Odd::Gateway,
        // APL
        42 => Odd::Prefixes,
        // NSEC3
        50 => Odd::Hash,
        // HIP
        55 => Odd::HostIdentity,
        _ => return None,
    })
}

fn of_rdata(odd: Odd, rdata: &[u8]) -> usize {
    let from = |at: usize| rdata.get(at..).unwrap_or_default();
    let byte = |at: usize| usize::from(rdata.get(at).copied().unwrap_or_default());
    match odd {
        Odd::Strings(most, before) => strings(from(before)).take(most).map(escapes).sum(),
        Odd::Base64(before) => padding(from(before).len()),
        // Eighteen octets are before the name.
        Odd::Signature => padding(from(18 + name_len(from(18))).len()),
        Odd::Gateway => {
            let length = match byte(1) {
                1 => 4,
                2 => 16,
                3 => name_len(from(3)),
                _ => 0,
            };
            padding(from(3 + length).len())
        }
        Odd::Prefixes => prefixes(rdata),
        Odd::HostIdentity => padding(byte(2) << 8 | byte(3)),
        Odd::Hash => {
            let hash = byte(5 + byte(4));
            2 + (8 * hash).div_ceil(5) - hash
        }
    }
}

/// The character strings, without their lengths.
fn strings(mut octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = octets.split_first()?;
        let (string, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        octets = rest;
        Some(string)
    })
}

/// Octets of `\"` and `\\` beyond what they stand for.
fn escapes(string: &[u8]) -> usize {
    string.iter().filter(|octet| matches!(octet, b'"' | b'\\')).count()
}

/// What is added to so many octets for base64.
fn padding(octets: usize) -> usize {
    (3 - octets % 3) % 3
}

/// Zeros at the end of addresses, which the wire leaves out.
fn prefixes(mut octets: &[u8]) -> usize {
    let mut sum = 0;
    while let [_, _, prefix, length, rest @ ..] = octets {
        let length = usize::from(*length & 0x7f);
        sum += usize::from(*prefix).div_ceil(8).saturating_sub(length);
        octets = rest.get(length..).unwrap_or_default();
    }
    sum
}

/// Octets of the name at the start.
fn name_len(octets: &[u8]) -> usize {
    let mut at = 0;
    while let Some(length) = octets.get(at).filter(|length| **length > 0) {
        at += 1 + usize::from(*length);
    }
    at + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_as_its_text_is_held() {
        let gateway =
            |kind: u8, of: &[u8], key: usize| [&[10, kind, 2], of, &vec![0; key]].concat();
        let zeros = |octets: usize| vec![0; octets];
        for (rtype, rdata, expected) in [
            (16, b"\x01a\x00".to_vec(), 0),
            (16, b"\x03a\"\\\x02\x00\xff".to_vec(), 2),
            (13, b"\x01\x7f\x01\"".to_vec(), 1),
            (35, b"\0\x01\0\x02\x01s\x01\\\x01\"\x01\\\0".to_vec(), 2),
            // RRSIG, signed by the root.
            (46, zeros(19 + 5), 1),
            (46, zeros(19 + 256), 2),
            (46, zeros(19 + 6), 0),
            (48, zeros(4 + 7), 2),
            (37, zeros(5 + 4), 2),
            (61, zeros(5), 1),
            (45, gateway(0, b"", 4), 2),
            (45, gateway(1, b"\x01\x02\x03\x04", 4), 2),
            (45, gateway(3, b"\x02gw\0", 6), 0),
            (45, gateway(3, b"\0", 7), 2),
            (42, vec![0, 1, 24, 2, 192, 1, 0, 1, 16, 2, 10, 1], 1),
            (55, vec![1, 2, 0, 4, 9, 1, 2, 3, 4], 2),
            (50, [&[1, 0, 0, 10, 2, 7, 7, 20][..], &[0; 20]].concat(), 2 + 12),
            (99, zeros(0), 0),
            (46, zeros(3), 0),
            (257, b"\0\x05issue\"".to_vec(), 0),
        ] {
            let found = odd(rtype).map_or(0, |odd| of_rdata(odd, &rdata));
            assert_eq!(found, expected, "{rtype} {rdata:?}");
        }
    }
}
