//! What the rdata of each type looks like: the table of [`layout`], read field by field.
//!
//! Types that are not in the table can be written as any type can: `\# LENGTH HEX` (RFC 3597 §5).

use hickory_proto::rr::Name;

use super::fields::Fields;
use super::lexer::{Kind, Lexer};
use super::{Bad, address, location, service};

/// One field; the word is its name in mistakes.
enum Field {
    Name(&'static str),
    /// A number of so many octets.
    Number(usize, &'static str),
    /// A number of so many octets, or the word that stands for it.
    Named(usize, &'static [(u32, &'static str)], &'static str),
    Seconds(&'static str),
    Moment(&'static str),
    Type(&'static str),
    /// A word with a length octet.
    Text(&'static str),
    /// The same in quotes.
    Quoted(&'static str),
    /// The rest of the line.
    Types(&'static str),
    Hex(&'static str),
    Base64(&'static str),
    Texts(&'static str),
    /// The rest of the line, which is one text without a length.
    Octets(&'static str),
    /// What only one type has.
    Own(fn(&mut Fields<'_, '_>) -> Result<(), Bad>),
}

use Field::{
    Base64, Hex, Moment, Name as Domain, Named, Number, Octets, Own, Quoted, Seconds, Text, Texts,
    Type, Types,
};

/// Algorithms of DNSSEC by name.
const ALGORITHMS: &[(u32, &str)] = &[
    (1, "RSAMD5"),
    (2, "DH"),
    (3, "DSA"),
    (5, "RSASHA1"),
    (6, "DSA-NSEC3-SHA1"),
    (7, "RSASHA1-NSEC3-SHA1"),
    (8, "RSASHA256"),
    (10, "RSASHA512"),
    (12, "ECC-GOST"),
    (13, "ECDSAP256SHA256"),
    (14, "ECDSAP384SHA384"),
    (15, "ED25519"),
    (16, "ED448"),
    (252, "INDIRECT"),
    (253, "PRIVATEDNS"),
    (254, "PRIVATEOID"),
];
/// Types of certificates by name (RFC 4398 §2.1).
const CERTIFICATES: &[(u32, &str)] = &[
    (1, "PKIX"),
    (2, "SPKI"),
    (3, "PGP"),
    (4, "IPIX"),
    (5, "ISPKI"),
    (6, "IPGP"),
    (7, "ACPKIX"),
    (8, "IACPKIX"),
    (253, "URI"),
    (254, "OID"),
];

const DS: &[Field] = &[
    Number(2, "KeyTag"),
    Named(1, ALGORITHMS, "Algorithm"),
    Number(1, "DigestType"),
    Hex("Digest"),
];
const KEY: &[Field] =
    &[Number(2, "Flags"), Number(1, "Protocol"), Number(1, "Algorithm"), Base64("PublicKey")];
const SIGNATURE: &[Field] = &[
    Type("Typecovered"),
    Named(1, ALGORITHMS, "Algorithm"),
    Number(1, "Labels"),
    Number(4, "OrigTtl"),
    Moment("Expiration"),
    Moment("Inception"),
    Number(2, "KeyTag"),
    Domain("SignerName"),
    Base64("Signature"),
];
const NEXT: &[Field] = &[Domain("NextDomain"), Types("TypeBitMap")];
const CERTIFICATE: &[Field] =
    &[Number(1, "Usage"), Number(1, "Selector"), Number(1, "MatchingType"), Hex("Certificate")];

/// The name of a type in mistakes, and its fields.
#[rustfmt::skip]
fn layout(rtype: u16) -> Option<(&'static str, &'static [Field])> {
    Some(match rtype {
        1 => ("A", &[Own(address::v4)]),
        2 => ("NS", &[Domain("Ns")]),
        3 => ("MD", &[Domain("Md")]),
        4 => ("MF", &[Domain("Mf")]),
        5 => ("CNAME", &[Domain("Target")]),
        6 => ("SOA", &[
            Domain("Ns"), Domain("Mbox"), Number(4, "zone parameter"), Seconds("zone parameter"),
            Seconds("zone parameter"), Seconds("zone parameter"), Seconds("zone parameter"),
        ]),
        7 => ("MB", &[Domain("Mb")]),
        8 => ("MG", &[Domain("Mg")]),
        9 => ("MR", &[Domain("Mr")]),
        12 => ("PTR", &[Domain("Ptr")]),
        13 => ("HINFO", &[Own(two_texts)]),
        14 => ("MINFO", &[Domain("Rmail"), Domain("Email")]),
        15 => ("MX", &[Number(2, "Pref"), Domain("Mx")]),
        16 => ("TXT", &[Texts("Txt")]),
        17 => ("RP", &[Domain("Mbox"), Domain("Txt")]),
        18 => ("AFSDB", &[Number(2, "Subtype"), Domain("Hostname")]),
        19 => ("X25", &[Text("PSDNAddress")]),
        20 => ("ISDN", &[Own(two_texts)]),
        21 => ("RT", &[Number(2, "Preference"), Domain("Host")]),
        23 => ("NSAP-PTR", &[Domain("Ptr")]),
        24 | 46 => ("RRSIG", SIGNATURE),
        25 => ("KEY", KEY),
        26 => ("PX", &[Number(2, "Preference"), Domain("Map822"), Domain("Mapx400")]),
        27 => ("GPOS", &[Text("Longitude"), Text("Latitude"), Text("Altitude")]),
        28 => ("AAAA", &[Own(address::v6)]),
        29 => ("LOC", &[Own(location::location)]),
        30 | 47 => ("NSEC", NEXT),
        31 => ("EID", &[Hex("Endpoint")]),
        32 => ("NIMLOC", &[Hex("Locator")]),
        33 => ("SRV", &[
            Number(2, "Priority"), Number(2, "Weight"), Number(2, "Port"), Domain("Target"),
        ]),
        35 => ("NAPTR", &[
            Number(2, "Order"), Number(2, "Preference"), Quoted("Flags"), Quoted("Service"),
            Quoted("Regexp"), Domain("Replacement"),
        ]),
        36 => ("KX", &[Number(2, "Pref"), Domain("Exchanger")]),
        37 => ("CERT", &[
            Named(2, CERTIFICATES, "Type"), Number(2, "KeyTag"), Named(1, ALGORITHMS, "Algorithm"),
            Base64("Certificate"),
        ]),
        39 => ("DNAME", &[Domain("Target")]),
        42 => ("APL", &[Own(address::prefixes)]),
        43 => ("DS", DS),
        44 => ("SSHFP", &[Number(1, "Algorithm"), Number(1, "Type"), Hex("Fingerprint")]),
        45 => ("IPSECKEY", &[Own(address::ipsec_gateway), Base64("PublicKey")]),
        48 => ("DNSKEY", KEY),
        49 => ("DHCID", &[Base64("Digest")]),
        // No zone may have them, whatever they say.
        50 | 51 => ("NSEC3", &[Own(skip)]),
        52 => ("TLSA", CERTIFICATE),
        53 => ("SMIMEA", CERTIFICATE),
        55 => ("HIP", &[Own(address::host_identity)]),
        56 => ("NINFO", &[Texts("ZSData")]),
        57 => ("RKEY", KEY),
        58 => ("TALINK", &[Domain("PreviousName"), Domain("NextName")]),
        59 => ("CDS", DS),
        60 => ("CDNSKEY", KEY),
        61 => ("OPENPGPKEY", &[Base64("PublicKey")]),
        62 => ("CSYNC", &[Number(4, "serial"), Number(2, "flags"), Types("TypeBitMap")]),
        63 => ("ZONEMD", &[
            Number(4, "Serial"), Number(1, "Scheme"), Number(1, "Hash Algorithm"), Hex("Digest"),
        ]),
        64 | 65 => ("SVCB", &[Number(2, "priority"), Domain("Target"), Own(service::parameters)]),
        99 => ("SPF", &[Texts("Txt")]),
        100 => ("UINFO", &[Own(first_text)]),
        101 => ("UID", &[Number(4, "Uid")]),
        102 => ("GID", &[Number(4, "Gid")]),
        104 => ("NID", &[Number(2, "Preference"), Own(address::node)]),
        105 => ("L32", &[Number(2, "Preference"), Own(address::locator)]),
        106 => ("L64", &[Number(2, "Preference"), Own(address::node)]),
        107 => ("LP", &[Number(2, "Preference"), Domain("Fqdn")]),
        108 => ("EUI48", &[Own(address::eui48)]),
        109 => ("EUI64", &[Own(address::eui64)]),
        256 => ("URI", &[Number(2, "Priority"), Number(2, "Weight"), Octets("Target")]),
        257 => ("CAA", &[Number(1, "Flag"), Text("Tag"), Octets("Value")]),
        258 => ("AVC", &[Texts("Txt")]),
        260 => ("AMTRELAY", &[Own(address::relay)]),
        261 => ("RESINFO", &[Texts("Resinfo")]),
        32768 => ("TA", DS),
        32769 => ("DLV", DS),
        _ => return None,
    })
}

/// Reads the rdata of a record, to the end of its line.
pub fn read(rtype: u16, lexer: &mut Lexer<'_>, origin: &Name) -> Result<Vec<u8>, Bad> {
    let known = layout(rtype);
    let of = known.map_or("RFC3597", |(of, _)| of);
    let mut fields = Fields::new(lexer, origin, of);
    let generic = fields.lexer.peek().text == b"\\#";
    let Some((_, layout)) = known.filter(|_| !generic) else {
        fields.of = "RFC3597";
        self::generic(&mut fields)?;
        return Ok(fields.out);
    };
    for field in layout {
        match *field {
            Domain(field) => fields.name(field)?,
            Number(octets, field) => drop(fields.number(octets, field)?),
            Named(octets, names, field) => fields.named(octets, names, field)?,
            Seconds(field) => fields.seconds(field)?,
            Moment(field) => fields.moment(field)?,
            Type(field) => fields.rtype(field)?,
            Text(field) => fields.text(field)?,
            Quoted(field) => fields.quoted(field)?,
            Types(field) => return fields.types(field).map(|()| fields.out),
            Hex(field) => return fields.hex(field).map(|()| fields.out),
            Base64(field) => return fields.base64(field).map(|()| fields.out),
            Texts(field) => return fields.texts(field).map(|()| fields.out),
            Octets(field) => return fields.only_text(field).map(|()| fields.out),
            Own(read) => read(&mut fields)?,
        }
    }
    // Those that read to the end of the line themselves leave nothing of it.
    if !matches!(rtype, 13 | 20 | 29 | 42 | 50 | 51 | 55 | 64 | 65 | 100) {
        fields.end()?;
    }
    Ok(fields.out)
}

/// `\# LENGTH HEX`, for any type.
fn generic(fields: &mut Fields<'_, '_>) -> Result<(), Bad> {
    let mark = fields.word();
    if mark.text != b"\\#" {
        return Err(fields.bad("Rdata", mark));
    }
    let before = fields.out.len();
    let length = fields.number(2, "Rdata ")?;
    fields.out.truncate(before);
    let token = fields.last();
    fields.hex("Rdata")?;
    match u32::try_from(fields.out.len()) {
        Ok(octets) if octets == length => Ok(()),
        _ => Err(fields.bad("Rdata", token)),
    }
}

/// Two texts; more than two are one, and one with blanks is two.
fn two_texts(fields: &mut Fields<'_, '_>) -> Result<(), Bad> {
    let texts = fields.strings("Fields")?;
    let split = |text: &Vec<u8>| -> Vec<Vec<u8>> {
        let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.map(<[u8]>::to_vec).collect()
    };
    let texts = match texts.as_slice() {
        [only] if split(only).len() > 1 => split(only),
        _ => texts,
    };
    let (first, others) = texts.split_first().map_or((&[][..], &[][..]), |(a, b)| (a, b));
    fields.push_text(first, "Fields")?;
    fields.push_text(&others.join(&b' '), "Fields")
}

fn first_text(fields: &mut Fields<'_, '_>) -> Result<(), Bad> {
    let texts = fields.strings("Uinfo")?;
    fields.push_text(texts.first().map_or(&[], Vec::as_slice), "Uinfo")
}

fn skip(fields: &mut Fields<'_, '_>) -> Result<(), Bad> {
    while let Some(token) = fields.more() {
        if let Kind::Wrong(_) = token.kind {
            return Err(fields.bad("Rdata", token));
        }
    }
    Ok(())
}
