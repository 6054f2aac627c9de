//! `bind`: on which addresses a server block listens (CoreDNS, plugin/bind).
//!
//! In: addresses, and names of interfaces. Out: the addresses of both, when the server starts.

use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use if_addrs::Interface;
use nix::net::if_::{if_indextoname, if_nametoindex};

use super::setup::Setup;
use crate::corefile::{Diagnostic, Directive, Token};

const USAGE: &str = "bind ADDRESS|INTERFACE...";
const EXCEPT: &str = "except ADDRESS|INTERFACE...";

/// An address to listen on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Bound {
    pub ip: IpAddr,
    /// The index of the interface of an IPv6 address that is of one link alone; else 0.
    scope: u32,
}

impl Bound {
    /// The socket's address.
    pub fn at(self, port: u16) -> SocketAddr {
        match self.ip {
            IpAddr::V4(_) => SocketAddr::new(self.ip, port),
            IpAddr::V6(ip) => SocketAddr::V6(SocketAddrV6::new(ip, port, 0, self.scope)),
        }
    }
}

impl From<IpAddr> for Bound {
    fn from(ip: IpAddr) -> Self {
        Bound { ip, scope: 0 }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.ip)?;
        if self.scope == 0 {
            return Ok(());
        }
        match if_indextoname(self.scope) {
            Ok(name) => write!(f, "%{}", name.to_string_lossy()),
            Err(_) => write!(f, "%{}", self.scope),
        }
    }
}

/// Reads every `bind ADDRESS|INTERFACE... { except ADDRESS|INTERFACE... }`; several add up, and an address
/// that is written twice counts once. `except` is for the addresses of its own directive.
///
/// # Errors
/// A word that is no IP address and no interface of this machine, or nothing is left.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    for directive in directives {
        let bound = addresses(directive.args_within(1.., USAGE)?)?;
        let mut except = Vec::new();
        for line in directive.lines() {
            if line.name().text != "except" {
                return Err(line.unknown("bind", &["except"]));
            }
            // As in CoreDNS the last one counts.
            except = addresses(line.args_within(1.., EXCEPT)?)?;
        }
        for address in bound.into_iter().filter(|address| !except.contains(address)) {
            if !setup.chain.bind.contains(&address) {
                setup.chain.bind.push(address);
            }
        }
    }
    match directives.last() {
        Some(last) if setup.chain.bind.is_empty() => Err(last.name.error(
            "bind leaves no address to listen on",
            "name one that is not excepted, or take bind out for all addresses",
        )),
        _ => Ok(()),
    }
}

fn addresses(words: &[Token]) -> Result<Vec<Bound>, Diagnostic> {
    let mut all = Vec::new();
    for word in words {
        let name = word.text.as_str();
        if if_nametoindex(name).is_ok() {
            all.extend(of_interface(word)?);
        } else {
            let ip: Result<IpAddr, _> = word.text.parse();
            let unknown = |_| {
                word.error(
                    format!("'{name}' is no IP address and no interface of this machine"),
                    format!("write e.g. 192.0.2.1, ::1 or the name of one of: {}", interfaces()),
                )
            };
            all.push(ip.map_err(unknown)?.into());
        }
    }
    Ok(all)
}

fn of_interface(word: &Token) -> Result<Vec<Bound>, Diagnostic> {
    let all = if_addrs::get_if_addrs().map_err(|error| {
        word.error(
            format!("the addresses of the interface '{word}' cannot be found: {error}"),
            "write its addresses",
        )
    })?;
    let its = all.iter().filter(|interface| interface.name == word.text);
    Ok(its.map(|interface| Bound { ip: interface.ip(), scope: scope(interface) }).collect())
}

/// What must be said of an address that other links can have, too.
fn scope(interface: &Interface) -> u32 {
    match interface.ip() {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => interface.index.unwrap_or_default(),
        _ => 0,
    }
}

/// The names of the interfaces that have an address.
fn interfaces() -> String {
    let mut names: Vec<String> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .map(|interface| interface.name)
        .collect();
    names.sort();
    names.dedup();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing;

    #[test]
    fn adds_up_addresses() {
        for (text, expected) in [
            ("bind 127.0.0.1", Ok("127.0.0.1")),
            ("bind 127.0.0.1 ::1\nbind 127.0.0.1 127.0.0.2", Ok("127.0.0.1 ::1 127.0.0.2")),
            ("bind 127.0.0.1 127.0.0.2 {\nexcept 127.0.0.1\n}", Ok("127.0.0.2")),
            (
                "bind 127.0.0.1 127.0.0.2 {\nexcept 127.0.0.1\n}\nbind 127.0.0.1",
                Ok("127.0.0.2 127.0.0.1"),
            ),
            ("bind 127.0.0.1 ::1 {\nexcept 127.0.0.1\nexcept ::1\n}", Ok("127.0.0.1")),
            ("bind", Err("'bind' has no argument")),
            ("bind nowhere0", Err("'nowhere0' is no IP address and no interface of this machine")),
            ("bind 1.2.3", Err("'1.2.3' is no IP address")),
            ("bind 127.0.0.1 {\nexcept\n}", Err("'except' has no argument")),
            ("bind 127.0.0.1 {\nexcept nowhere0\n}", Err("'nowhere0' is no IP address")),
            ("bind ::1 {\nexcept ::1\n}", Err("bind leaves no address to listen on")),
            ("bind 127.0.0.1 {\nexpect 127.0.0.1\n}", Err("expect")),
        ] {
            testing::check(text, "bind", setup, expected, |chain, _| {
                chain.bind.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            });
        }
    }

    #[test]
    fn takes_the_addresses_of_an_interface() {
        let all = if_addrs::get_if_addrs().unwrap();
        let loopback = all.iter().find(|interface| interface.is_loopback()).unwrap();
        let (chain, _) = testing::setup(&format!("bind {}", loopback.name), "bind", setup).unwrap();
        let expected: Vec<IpAddr> =
            all.iter().filter(|one| one.name == loopback.name).map(Interface::ip).collect();
        assert_eq!(chain.bind.iter().map(|bound| bound.ip).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn names_the_link_of_an_address() {
        let index = if_nametoindex("lo").unwrap();
        let bound = Bound { ip: "fe80::1".parse().unwrap(), scope: index };
        assert_eq!(bound.to_string(), "fe80::1%lo");
        assert_eq!(bound.at(53).to_string(), format!("[fe80::1%{index}]:53"));
    }
}
