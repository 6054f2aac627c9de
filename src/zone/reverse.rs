//! Addresses of reverse names (RFC 1035 §3.5, RFC 3596 §2.5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
        // reads four nibbles at a time.
        (b"ip6", 34..=37) => {
            let nibble = |from_right: usize| nibble(suffix(2 + from_right));
            let mut octets = [0; 16];
            for (index, octet) in octets.iter_mut().enumerate() {
                *octet = nibble(2 * index)? << 4 | nibble(2 * index + 1)?;
            }
            Some(IpAddr::V6(Ipv6Addr::from(octets)).to_canonical())
        }
        _ => None,
    }
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
        }
        assert_eq!(name("10.96.0.1".parse().unwrap()).to_string(), "1.0.96.10.in-addr.arpa.");
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
