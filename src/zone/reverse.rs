//! Addresses of reverse names (RFC 1035 §3.5, RFC 3596 §2.5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::name::WireName;

/// The address whose reverse name this is; `None` for any other name.
pub fn address(name: &WireName) -> Option<IpAddr> {
    let labels = name.labels();
    let suffix = |index: usize| name.label(labels - 1 - index);
    if labels < 2 || suffix(0) != b"arpa" {
        return None;
    }
    match (suffix(1), labels) {
        (b"in-addr", 6) => {
            let mut octets = [0; 4];
            for (index, octet) in octets.iter_mut().enumerate() {
                *octet = decimal(name.label(3 - index))?;
            }
            Some(IpAddr::V4(Ipv4Addr::from(octets)))
        }
        // Up to three labels more say nothing, as in CoreDNS (plugin/pkg/dnsutil/reverse.go), which
        // reads four nibbles at a time, and takes a dot in a label for the end of one.
        (b"ip6", 24..=37) => {
            let mut parts = (2..labels)
                .flat_map(|index| suffix(index).rsplit(|octet| *octet == b'.').enumerate());
            let mut octets = [0; 16];
            for octet in &mut octets {
                for _ in 0..2 {
                    let (0, digit) = parts.next()? else { return None };
                    *octet = *octet << 4 | nibble(digit)?;
                }
            }
            if parts.count() > 3 {
                return None;
            }
            Some(IpAddr::V6(Ipv6Addr::from(octets)).to_canonical())
        }
        _ => None,
    }
}

/// The network whose addresses have their reverse names at or below this name; `None` where none has.
pub fn network(name: &WireName) -> Option<IpNet> {
    let digits = name.labels().checked_sub(2).filter(|_| is_reverse(name))?;
    let mut octets = [0; 16];
    if name.label(digits) == b"in-addr" {
        if digits > 4 {
            return None;
        }
        for (index, octet) in octets[..digits].iter_mut().enumerate() {
            *octet = decimal(name.label(digits - 1 - index))?;
        }
        let [a, b, c, d, ..] = octets;
        // At most four octets, and 32 nibbles, are at most all bits.
        return IpNet::new(Ipv4Addr::new(a, b, c, d).into(), digits as u8 * 8).ok();
    }
    if digits > 32 {
        return None;
    }
    for index in 0..digits {
        let shift = if index % 2 == 0 { 4 } else { 0 };
        octets[index / 2] |= nibble(name.label(digits - 1 - index))? << shift;
    }
    IpNet::new(Ipv6Addr::from(octets).into(), digits as u8 * 4).ok()
}

/// How many labels the reverse names of a network have at least that have no others below them.
pub fn labels_within(network: &IpNet) -> usize {
    let bits = if network.addr().is_ipv4() { 8 } else { 4 };
    2 + usize::from(network.prefix_len().div_ceil(bits))
}

/// Whether a zone is `in-addr.arpa`, `ip6.arpa`, or below one of them.
pub fn is_reverse(zone: &WireName) -> bool {
    let labels = zone.labels();
    labels >= 2
        && zone.label(labels - 1) == b"arpa"
        && matches!(zone.label(labels - 2), b"in-addr" | b"ip6")
}

/// The reverse name of an address.
pub fn name(address: IpAddr) -> WireName {
    let text = match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().rev();
            let mut text: String =
                nibbles.map(|octet| format!("{:x}.{:x}.", octet & 15, octet >> 4)).collect();
            text.push_str("ip6.arpa");
            text
        }
    };
    // Six or 34 short labels are a name.
    WireName::parse(&text).unwrap_or_else(WireName::root)
}

/// A decimal octet without leading zeros.
fn decimal(label: &[u8]) -> Option<u8> {
    let digits = label.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(label).ok()?;
    (digits && (text.len() == 1 || !text.starts_with('0'))).then(|| text.parse().ok())?
}

fn nibble(label: &[u8]) -> Option<u8> {
    match label {
        [digit] => char::from(*digit).to_digit(16).map(|digit| digit as u8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for text in ["10.96.0.1", "0.0.0.0", "255.255.255.255", "::", "fd00:96::a1", "::1"] {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(address(&name(ip)), Some(ip), "{text}");
            let more = |labels: &str| WireName::parse(&format!("{labels}{}", name(ip))).unwrap();
            let found = |labels| address(&more(labels)) == Some(ip);
            assert_eq!(found("x.y.1."), ip.is_ipv6(), "{text}");
            assert!(!found("x.x.y.1."), "{text}");
            let dotted = WireName::from_labels(
                [&b"a.b"[..]].into_iter().chain(name(ip).labels_spelled().skip(1)),
            );
            let last = |ip: u128| IpAddr::V6(Ipv6Addr::from(ip & !0xf | 0xb));
            let due = match ip {
                IpAddr::V4(_) => None,
                IpAddr::V6(ip) => Some(last(ip.into())),
            };
            assert_eq!(address(&dotted.unwrap()), due, "{text}");
        }
        assert_eq!(name("10.96.0.1".parse().unwrap()).to_string(), "1.0.96.10.in-addr.arpa.");
    }

    #[test]
    fn networks_of_names() {
        for (name, expected) in [
            ("10.in-addr.arpa", Some("10.0.0.0/8")),
            ("0.96.10.IN-ADDR.arpa", Some("10.96.0.0/24")),
            ("4.3.2.1.in-addr.arpa", Some("1.2.3.4/32")),
            ("in-addr.arpa", Some("0.0.0.0/0")),
            ("5.4.3.2.1.in-addr.arpa", None),
            ("256.in-addr.arpa", None),
            ("01.in-addr.arpa", None),
            ("d.f.ip6.arpa", Some("fd00::/8")),
            ("1.d.f.ip6.arpa", Some("fd10::/12")),
            ("x.d.f.ip6.arpa", None),
            ("1.2.3", None),
        ] {
            let found = network(&WireName::parse(name).unwrap());
            assert_eq!(found, expected.map(|text| text.parse().unwrap()), "{name}");
        }
        for (net, labels) in [("240.0.0.0/8", 3), ("240.0.0.0/9", 4), ("fd00::/64", 18)] {
            assert_eq!(labels_within(&net.parse().unwrap()), labels, "{net}");
        }
    }

    #[test]
    fn names_of_no_address() {
        let no = ["in-addr.arpa", "1.2.3.in-addr.arpa", "5.1.2.3.4.in-addr.arpa", "a.b", "arpa"];
        let odd =
            ["01.2.3.4.in-addr.arpa", "256.2.3.4.in-addr.arpa", "1.2.ip6.arpa", "+1.2.3.4.x.y"];
        for text in no.into_iter().chain(odd) {
            assert_eq!(address(&WireName::parse(text).unwrap()), None, "{text}");
        }
    }
}
