//! Names of codes and the spelling of domain names in log lines and metric labels, as miekg/dns
//! prints them; hickory's own spelling differs (it has other mnemonics and octal escapes).

use std::borrow::Cow;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{DNSClass, Name, RecordType};

/// `NOERROR`, `SERVFAIL`, …; `None` for a code without a name.
pub fn rcode(code: ResponseCode) -> Option<&'static str> {
    Some(match u16::from(code) {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        11 => "DSOTYPENI",
        16 => "BADSIG",
        17 => "BADKEY",
        18 => "BADTIME",
        19 => "BADMODE",
        20 => "BADNAME",
        21 => "BADALG",
        22 => "BADTRUNC",
        23 => "BADCOOKIE",
        _ => return None,
    })
}

/// The code that a word of a Corefile names, in capitals; `NOTIMPL` is an old spelling.
pub fn parse_rcode(word: &str) -> Option<ResponseCode> {
    if word == "NOTIMPL" {
        return Some(ResponseCode::NotImp);
    }
    let mut codes = (0..=23).map(|code: u8| ResponseCode::from(code >> 4, code & 15));
    codes.find(|code| rcode(*code) == Some(word))
}

/// `A`, `AAAA`, …; `TYPE999` for a type without a name.
pub fn record_type(qtype: RecordType) -> Cow<'static, str> {
    let code = u16::from(qtype);
    match TYPES.binary_search_by_key(&code, |(known, _)| *known) {
        Ok(at) => Cow::Borrowed(TYPES[at].1),
        Err(_) => Cow::Owned(format!("TYPE{code}")),
    }
}

/// The class that a word of a Corefile names.
pub fn parse_class(word: &str) -> Option<DNSClass> {
    let code = match word {
        "IN" => 1,
        "CS" => 2,
        "CH" => 3,
        "HS" => 4,
        "NONE" => 254,
        "ANY" => 255,
        _ => return None,
    };
    Some(DNSClass::from(code))
}

/// The type that a word of a Corefile names; not the one that miekg/dns calls `None`, which is none.
pub fn parse_record_type(word: &str) -> Option<RecordType> {
    let (code, _) = TYPES.iter().find(|(code, name)| *code != 0 && *name == word)?;
    Some(RecordType::from(*code))
}

/// `IN`, `CH`, …; `CLASS42` for a class without a name.
pub fn class(class: DNSClass) -> Cow<'static, str> {
    match u16::from(class) {
        1 => Cow::Borrowed("IN"),
        2 => Cow::Borrowed("CS"),
        3 => Cow::Borrowed("CH"),
        4 => Cow::Borrowed("HS"),
        254 => Cow::Borrowed("NONE"),
        255 => Cow::Borrowed("ANY"),
        code => Cow::Owned(format!("CLASS{code}")),
    }
}

/// The name in lower case with its final dot; special letters are escaped by a backslash, others by
/// `\DDD`, so that a name never breaks a line.
pub fn name(name: &Name) -> String {
    let mut text = spelled(name);
    text.make_ascii_lowercase();
    text
}

/// The same in its own case.
pub fn spelled(name: &Name) -> String {
    if name.is_root() {
        return ".".to_owned();
    }
    let mut text = String::with_capacity(name.len() + 1);
    for label in name.iter() {
        text.extend(label.iter().flat_map(|octet| escaped(*octet)).map(char::from));
        text.push('.');
    }
    text
}

/// An octet of a label as it is spelled.
pub fn escaped(octet: u8) -> impl Iterator<Item = u8> {
    let digit = |of: u8| b'0' + of % 10;
    let (spelled, length) = match octet {
        b'.' | b' ' | b'\'' | b'@' | b';' | b'(' | b')' | b'"' | b'\\' => ([b'\\', octet, 0, 0], 2),
        b' '..=b'~' => ([octet, 0, 0, 0], 1),
        _ => ([b'\\', digit(octet / 100), digit(octet / 10), digit(octet)], 4),
    };
    spelled.into_iter().take(length)
}

/// Every type with a name, by number.
const TYPES: &[(u16, &str)] = &[
    (0, "None"),
    (1, "A"),
    (2, "NS"),
    (3, "MD"),
    (4, "MF"),
    (5, "CNAME"),
    (6, "SOA"),
    (7, "MB"),
    (8, "MG"),
    (9, "MR"),
    (10, "NULL"),
    (12, "PTR"),
    (13, "HINFO"),
    (14, "MINFO"),
    (15, "MX"),
    (16, "TXT"),
    (17, "RP"),
    (18, "AFSDB"),
    (19, "X25"),
    (20, "ISDN"),
    (21, "RT"),
    (23, "NSAP-PTR"),
    (24, "SIG"),
    (25, "KEY"),
    (26, "PX"),
    (27, "GPOS"),
    (28, "AAAA"),
    (29, "LOC"),
    (30, "NXT"),
    (31, "EID"),
    (32, "NIMLOC"),
    (33, "SRV"),
    (34, "ATMA"),
    (35, "NAPTR"),
    (36, "KX"),
    (37, "CERT"),
    (39, "DNAME"),
    (41, "OPT"),
    (42, "APL"),
    (43, "DS"),
    (44, "SSHFP"),
    (45, "IPSECKEY"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (49, "DHCID"),
    (50, "NSEC3"),
    (51, "NSEC3PARAM"),
    (52, "TLSA"),
    (53, "SMIMEA"),
    (55, "HIP"),
    (56, "NINFO"),
    (57, "RKEY"),
    (58, "TALINK"),
    (59, "CDS"),
    (60, "CDNSKEY"),
    (61, "OPENPGPKEY"),
    (62, "CSYNC"),
    (63, "ZONEMD"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (99, "SPF"),
    (100, "UINFO"),
    (101, "UID"),
    (102, "GID"),
    (103, "UNSPEC"),
    (104, "NID"),
    (105, "L32"),
    (106, "L64"),
    (107, "LP"),
    (108, "EUI48"),
    (109, "EUI64"),
    (128, "NXNAME"),
    (249, "TKEY"),
    (250, "TSIG"),
    (251, "IXFR"),
    (252, "AXFR"),
    (253, "MAILB"),
    (254, "MAILA"),
    (255, "ANY"),
    (256, "URI"),
    (257, "CAA"),
    (258, "AVC"),
    (260, "AMTRELAY"),
    (261, "RESINFO"),
    (32768, "TA"),
    (32769, "DLV"),
    (65535, "Reserved"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_stand_in_order() {
        assert!(TYPES.is_sorted_by_key(|(code, _)| *code));
    }

    #[test]
    fn reads_types_by_name() {
        for (word, expected) in
            [("A", Some(1)), ("CAA", Some(257)), ("a", None), ("None", None), ("TYPE1", None)]
        {
            assert_eq!(parse_record_type(word).map(u16::from), expected, "{word}");
        }
    }

    #[test]
    fn names_codes_as_miekg_does() {
        for (code, expected) in
            [(1, "A"), (28, "AAAA"), (29, "LOC"), (65, "HTTPS"), (999, "TYPE999"), (255, "ANY")]
        {
            assert_eq!(record_type(RecordType::from(code)), expected);
        }
        for (code, expected) in [
            (ResponseCode::NoError, Some("NOERROR")),
            (ResponseCode::NXDomain, Some("NXDOMAIN")),
            (ResponseCode::BADVERS, Some("BADSIG")),
            (ResponseCode::Unknown(100), None),
        ] {
            assert_eq!(rcode(code), expected);
        }
        assert_eq!(class(DNSClass::IN), "IN");
    }

    #[test]
    fn spells_names_in_lower_case_on_one_line() {
        let odd = Name::from_labels([&b"A b"[..], b"\n\x1b[", b"x.y\\", b"ORG"]).unwrap();
        assert_eq!(name(&odd), "a\\ b.\\010\\027[.x\\.y\\\\.org.");
        assert_eq!(name(&Name::root()), ".");
        assert_eq!(name(&Name::from_ascii("WWW.Example.ORG.").unwrap()), "www.example.org.");
    }
}
