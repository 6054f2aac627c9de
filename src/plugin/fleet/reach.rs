//! The `reach` lines of `fleet`: with what a member's Services are answered.

use std::net::IpAddr;

use crate::cluster::kinds::ObjectKey;
use crate::corefile::{Diagnostic, Line, Token, parse_ip};
use crate::zone::choice::Reach;
use crate::zone::gateway::Gateway;
use crate::zone::name::WireName;

const USAGE: &str = "reach CLUSTER|* direct | endpoints | gateway ADDRESS|HOST... | \
                     gateway service NAMESPACE/NAME | sentinel ADDRESS...";
const WAYS: [&str; 4] = ["direct", "endpoints", "gateway", "sentinel"];
const SERVICE: &str = "service";

/// Reads a line: the member's word, and how it is reached.
///
/// # Errors
/// It is wrong.
pub fn read(line: &Line) -> Result<(&Token, Reach), Diagnostic> {
    let args = line.args_within(2.., USAGE)?;
    let (member, way, rest) = (&args[0], &args[1], &args[2..]);
    let reach = match (way.text.as_str(), rest) {
        ("direct", []) => Reach::Direct,
        ("endpoints", []) => Reach::Endpoints,
        ("direct" | "endpoints", [word, ..]) => {
            return Err(word.error(
                format!("reach {way} takes no address"),
                format!("write `reach CLUSTER {way}`"),
            ));
        }
        ("gateway" | "sentinel", []) => {
            return Err(way.error(
                format!("reach {way} has no address to answer with"),
                format!("write `reach CLUSTER {way} ADDRESS...`"),
            ));
        }
        ("gateway", [word, rest @ ..]) if word.text == SERVICE => {
            Reach::Instead(Gateway { service: Some(service(word, rest)?), ..Gateway::default() })
        }
        ("gateway", words) => Reach::Instead(places(words)?),
        ("sentinel", words) => {
            let mut gateway = Gateway::default();
            for word in words {
                add(&mut gateway, parse_ip(word)?);
            }
            Reach::Instead(gateway)
        }
        _ => return Err(way.unknown("way to reach a member", &WAYS)),
    };
    Ok((member, reach))
}

/// The words behind `gateway`: addresses and host names.
fn places(words: &[Token]) -> Result<Gateway, Diagnostic> {
    let mut gateway = Gateway::default();
    for word in words {
        match parse_ip(word) {
            Ok(address) => add(&mut gateway, address),
            Err(_) => {
                let host = host(word)?;
                if !gateway.hosts.contains(&host) {
                    gateway.hosts.push(host);
                }
            }
        }
    }
    Ok(gateway)
}

/// Adds an address, once.
fn add(gateway: &mut Gateway, address: IpAddr) {
    let address = address.to_canonical();
    if !gateway.addresses.contains(&address) {
        gateway.addresses.push(address);
    }
}

/// A host name in lower case, without its final dot (RFC 1123 §2.1: its last label is not all of digits).
fn host(word: &Token) -> Result<Box<str>, Diagnostic> {
    let text = word.text.trim_end_matches('.').to_ascii_lowercase();
    let is_host = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
    let is_number = |label: &str| label.bytes().all(|octet| octet.is_ascii_digit());
    let last = text.rsplit('.').next().unwrap_or_default();
    let fits = WireName::parse(&text).is_some_and(|name| !name.is_root());
    if !fits || !text.bytes().all(is_host) || is_number(last) {
        return Err(word.error(
            format!("'{word}' is neither an IP address nor a host name"),
            "write e.g. 192.0.2.1, 2001:db8::1 or gateway.example.com",
        ));
    }
    Ok(text.into())
}

/// The words behind `gateway service`.
fn service(word: &Token, rest: &[Token]) -> Result<ObjectKey, Diagnostic> {
    let remedy = "write `reach CLUSTER gateway service NAMESPACE/NAME`";
    let [name] = rest else {
        return Err(word.error("reach gateway service names one Service", remedy));
    };
    let is_label = |text: &str| {
        (1..=63).contains(&text.len())
            && text
                .bytes()
                .all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-')
    };
    match name.text.split_once('/') {
        Some((namespace, name)) if is_label(namespace) && is_label(name) => {
            Ok(ObjectKey::new(namespace, name))
        }
        _ => Err(name.error(format!("'{name}' is no namespace and name of a Service"), remedy)),
    }
}
