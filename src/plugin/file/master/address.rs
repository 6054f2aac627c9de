//! Rdata of addresses: of hosts, networks, interfaces and gateways.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use ipnet::IpNet;

use super::fields::Fields;
use super::lexer::{Kind, Token};
use super::values::number;
use super::{Bad, text};

pub fn v4(fields: &mut Fields<'_, '_>) -> Result<(), Bad> {
    address::<Ipv4Addr>(fields, "A").map(|address| fields.out.extend(address.octets()))
}

pub fn v6(fields: &mut Fields<'_, '_>) -> Result<(), Bad> {
    address::<Ipv6Addr>(fields, "AAAA").map(|address| fields.out.extend(address.octets()))
}

/// An IPv4 locator (RFC 6742 §2.2).
pub fn locator(fields: &mut Fields<'_, '_>) -> Result<(), Bad> {
    address::<Ipv4Addr>(fields, "Locator").map(|address| fields.out.extend(address.octets()))
}

fn address<T: std::str::FromStr>(fields: &mut Fields<'_, '_>, field: &str) -> Result<T, Bad> {
    let token = fields.word();
    parse(&token.text).ok_or_else(|| fields.bad(field, token))
}

fn parse<T: std::str::FromStr>(word: &[u8]) -> Option<T> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// Six octets, `00-00-5e-00-53-2a` (RFC 7043).
pub fn eui48(fields: &mut Fields<'_, '_>) -> Result<(), Bad> {
    groups(fields, b'-', 2, 6, "Address")
}

/// Eight octets, likewise.
pub fn eui64(fields: &mut Fields<'_, '_>) -> Result<(), Bad> {
    groups(fields, b'-', 2, 8, "Address")
}

/// Eight octets, `0014:4fff:ff20:ee64` (RFC 6742).
pub fn node(fields: &mut Fields<'_, '_>) -> Result<(), Bad> {
    groups(fields, b':', 4, 4, "NodeID/Locator64")
}

/// So many groups of so many hexadecimal digits.
fn groups(
    fields: &mut Fields<'_, '_>,
    between: u8,
    digits: usize,
    count: usize,
    field: &str,
) -> Result<(), Bad> {
    let token = fields.word();
    let groups: Vec<&[u8]> = token.text.split(|byte| *byte == between).collect();
    let well = groups.len() == count && groups.iter().all(|group| group.len() == digits);
    let octets = HEXLOWER_PERMISSIVE.decode(&groups.concat()).ok().filter(|_| well);
    fields.out.extend(octets.ok_or_else(|| fields.bad(field, token))?);
    Ok(())
}

/// `[!]FAMILY:ADDRESS/LENGTH...` (RFC 3123).
pub fn prefixes(fields: &mut Fields<'_, '_>) -> Result<(), Bad> {
    while let Some(token) = fields.more() {
        match prefix(&token) {
            Ok(octets) => fields.out.extend(octets),
            Err(what) => return Err(Bad::new(what, token)),
        }
    }
    Ok(())
}

fn prefix(token: &Token) -> Result<Vec<u8>, &'static str> {
    if token.kind != Kind::Word {
        return Err("unexpected APL field");
    }
    let colon = token.text.iter().position(|byte| *byte == b':');
    let (family, network) = token.text.split_at(colon.ok_or("missing colon in APL field")?);
    let (negated, family) = match family {
        [b'!', family @ ..] => (0x80, family),
        family => (0, family),
    };
    let family = number(family, 2).ok_or("failed to parse APL family")?;
    let network: IpNet = parse(&network[1..]).ok_or("failed to parse APL address")?;
    if network.addr() != network.network() {
        return Err("extra bits in APL address");
    }
    let mut octets = match (family, network.addr()) {
        (1, IpAddr::V4(address)) => address.octets().to_vec(),
        (2, IpAddr::V6(address)) => address.octets().to_vec(),
        (1 | 2, _) => return Err("address mismatch with the APL family"),
        _ => return Err("unrecognized APL family"),
    };
    while octets.last() == Some(&0) {
        octets.pop();
    }
    // An address has at most 16 octets.
    let head = [0, family as u8, network.prefix_len(), negated | octets.len() as u8];
    Ok([&head[..], &octets].concat())
}

/// Precedence, kind of gateway, algorithm, gateway (RFC 4025 §2).
pub fn ipsec_gateway(fields: &mut Fields<'_, '_>) -> Result<(), Bad> {
    fields.number(1, "value")?;
    let kind = fields.number(1, "value")?;
    fields.number(1, "value")?;
    gateway(fields, kind)
}

/// Precedence, whether discovery is optional, kind of relay, relay (RFC 8777 §4).
pub fn relay(fields: &mut Fields<'_, '_>) -> Result<(), Bad> {
    fields.number(1, "value")?;
    let token = fields.word();
    let optional = match token.text.as_slice() {
        b"0" => 0,
        b"1" => 0x80,
        _ => return Err(Bad::new("bad discovery value", token)),
    };
    let kind = fields.number(1, "value")?;
    if let Some(octet) = fields.out.last_mut() {
        *octet |= optional;
    }
    gateway(fields, kind)
}

/// Nothing, an address of a family, or a name.
fn gateway(fields: &mut Fields<'_, '_>, kind: u32) -> Result<(), Bad> {
    let token = fields.word();
    let wrong = |what: &str| Bad::new(format!("{} {what}", fields.of), token.clone());
    match (kind, parse::<IpAddr>(&token.text)) {
        (0, _) if token.text != b"." => return Err(wrong("gateway type none with gateway set")),
        (1 | 2, None) => return Err(wrong("gateway IP invalid")),
        (1, Some(IpAddr::V4(address))) => fields.out.extend(address.octets()),
        (2, Some(IpAddr::V6(address))) => fields.out.extend(address.octets()),
        (1 | 2, Some(_)) => return Err(wrong("gateway IP family mismatch")),
        (3, _) => match text::name(&token.text, fields.origin) {
            Some(name) => fields.push_name(&name),
            None => return Err(wrong("invalid gateway host")),
        },
        _ => {}
    }
    Ok(())
}

/// Algorithm, tag, key and rendezvous servers (RFC 8005 §5).
pub fn host_identity(fields: &mut Fields<'_, '_>) -> Result<(), Bad> {
    let algorithm = fields.word();
    let Some(number) = number(&algorithm.text, 1) else {
        return Err(fields.bad("PublicKeyAlgorithm", algorithm));
    };
    let tag = fields.word();
    let Some(octets) = HEXLOWER_PERMISSIVE
        .decode(&tag.text)
        .ok()
        .filter(|tag| (1..=usize::from(u8::MAX)).contains(&tag.len()))
    else {
        return Err(fields.bad("Hit", tag));
    };
    let token = fields.word();
    let key = BASE64.decode(&token.text).ok();
    let Some((key, length)) = key
        .and_then(|key| Some((u16::try_from(key.len()).ok()?, key)))
        .filter(|(length, _)| *length > 0)
        .map(|(length, key)| (key, length))
    else {
        return Err(fields.bad("PublicKey", token));
    };
    // Both were just seen to fit.
    fields.out.extend([octets.len() as u8, number as u8]);
    fields.out.extend(length.to_be_bytes());
    fields.out.extend(octets);
    fields.out.extend(key);
    while let Some(token) = fields.more() {
        let name = text::name(&token.text, fields.origin).filter(|_| token.kind == Kind::Word);
        let Some(name) = name else { return Err(fields.bad("RendezvousServers", token)) };
        fields.push_name(&name);
    }
    Ok(())
}
