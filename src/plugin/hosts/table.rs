//! The lines of a hosts file as names and addresses.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::rr::Name;
use tracing::error;

use crate::plugin::names;

/// Addresses by name and names by address. Names are compared in any case and kept in lower case.
#[derive(Debug, Default)]
pub(super) struct Table {
    exact: Addresses,
    /// By what follows the `*`.
    wild: Addresses,
    names: HashMap<IpAddr, Vec<Name>>,
    entries: usize,
}

/// Octets of the longest word of a file that is looked at.
const LONGEST: usize = 1024;

#[derive(Debug, Default)]
struct Addresses {
    v4: HashMap<Name, Vec<Ipv4Addr>>,
    v6: HashMap<Name, Vec<Ipv6Addr>>,
}

/// What of a file is taken.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Names elsewhere are left out.
    pub zones: Vec<Name>,
    /// Whether names are found by their address.
    pub reverse: bool,
}

/// The address of a line and its names; `None` for a line that begins with none. The zone of an IPv6
/// address (`%eth0`) is dropped.
pub(super) fn entry(line: &str) -> Option<(IpAddr, impl Iterator<Item = &str>)> {
    let mut words = words(line);
    let address: IpAddr = words.next()?.split('%').next()?.parse().ok()?;
    Some((address.to_canonical(), words))
}

/// The words before a comment.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let text = line.split('#').next().unwrap_or_default();
    text.split([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']).filter(|word| !word.is_empty())
}

impl Table {
    /// Reads all of `text`. Lines that are no entries are left out, as everywhere in /etc/hosts. `source` is
    /// what log lines call it.
    pub fn read(text: &str, rules: &Rules, source: &str) -> Self {
        let mut table = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let long = |word: &&str| word.len() > LONGEST;
            if words(line).next().as_ref().is_some_and(long) {
                error!(
                    "{source}, line {number}: address longer than {LONGEST} bytes, dropping the line"
                );
                continue;
            }
            let Some((address, words)) = entry(line) else { continue };
            for word in words {
                if long(&word) {
                    error!(
                        "{source}, line {number}: name longer than {LONGEST} bytes, dropping the name"
                    );
                } else if let Some(name) = names::parse(word) {
                    table.add(address, &name, rules);
                }
            }
        }
        table
    }

    /// How many names addresses have and, but for wildcards, addresses names.
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Adds a name of an address, if the rules take it.
    pub fn add(&mut self, address: IpAddr, name: &Name, rules: &Rules) {
        if !names::within(&rules.zones, name) {
            return;
        }
        let name = name.to_lowercase();
        self.entries += 1;
        if name.is_wildcard() {
            // A `*` alone stands for no name in CoreDNS.
            if !name.base_name().is_root() {
                self.wild.add(address, name.base_name());
            }
            return;
        }
        if rules.reverse {
            self.entries += 1;
            self.names.entry(address).or_default().push(name.clone());
        }
        self.exact.add(address, name);
    }

    pub fn v4(&self, name: &Name) -> &[Ipv4Addr] {
        find(&self.exact.v4, &self.wild.v4, name)
    }

    pub fn v6(&self, name: &Name) -> &[Ipv6Addr] {
        find(&self.exact.v6, &self.wild.v6, name)
    }

    pub fn names(&self, address: IpAddr) -> &[Name] {
        self.names.get(&address).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Addresses {
    fn add(&mut self, address: IpAddr, name: Name) {
        match address {
            IpAddr::V4(address) => self.v4.entry(name).or_default().push(address),
            IpAddr::V6(address) => self.v6.entry(name).or_default().push(address),
        }
    }
}

/// The name's own addresses, else those of a wildcard that stands for its first label.
fn find<'t, A>(
    exact: &'t HashMap<Name, Vec<A>>,
    wild: &'t HashMap<Name, Vec<A>>,
    name: &Name,
) -> &'t [A] {
    exact.get(name).or_else(|| wild.get(&name.base_name())).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str, zone: &str, reverse: bool) -> Table {
        Table::read(text, &Rules { zones: vec![names::parse(zone).unwrap()], reverse }, "it")
    }

    fn name(text: &str) -> Name {
        names::parse(text).unwrap()
    }

    #[test]
    fn reads_lines_as_coredns_does() {
        let text = "127.0.0.1 localhost A.example # comment b\n\
            \t::1\tlocalhost\r\n\
            # 1.1.1.1 no\n\
            nonsense a.example\n\
            10.0.0.1\n\
            fe80::1%lo0 link.example\n\
            ::ffff:10.0.0.2 mapped.example\n\
            10.0.0.3 a.example bad..name\n\
            10.0.0.4 *.wild.example *\n\
            10.0.0.5 own.wild.example";
        let table = table(text, ".", true);
        for (asked, v4, v6) in [
            ("LOCALHOST", vec!["127.0.0.1"], vec!["::1"]),
            ("a.example", vec!["127.0.0.1", "10.0.0.3"], vec![]),
            ("b", vec![], vec![]),
            ("no", vec![], vec![]),
            ("link.example", vec![], vec!["fe80::1"]),
            ("mapped.example", vec!["10.0.0.2"], vec![]),
            ("x.wild.example", vec!["10.0.0.4"], vec![]),
            ("y.x.wild.example", vec![], vec![]),
            ("wild.example", vec![], vec![]),
            ("own.wild.example", vec!["10.0.0.5"], vec![]),
        ] {
            let found: Vec<String> = table.v4(&name(asked)).iter().map(|a| a.to_string()).collect();
            assert_eq!(found, v4, "{asked}");
            let found: Vec<String> = table.v6(&name(asked)).iter().map(|a| a.to_string()).collect();
            assert_eq!(found, v6, "{asked}");
        }
        let names = table.names("127.0.0.1".parse().unwrap());
        assert_eq!(names, [name("localhost"), name("a.example")]);
        assert!(names.iter().all(|name| name.to_ascii() == name.to_lowercase().to_ascii()));
        assert!(table.names("10.0.0.4".parse().unwrap()).is_empty(), "a wildcard has no PTR");
        assert_eq!(table.entries(), 7 * 2 + 2, "wildcards count once");
    }

    #[test]
    fn drops_words_that_are_too_long() {
        let long = "a".repeat(LONGEST + 1);
        let text = format!("{long} a\n10.0.0.1 {long} b\u{b}c\n");
        let table = table(&text, ".", true);
        let names = table.names("10.0.0.1".parse().unwrap());
        assert_eq!(names, [name("b"), name("c")]);
    }

    #[test]
    fn takes_what_the_rules_take() {
        let text = "10.0.0.1 a.example b.other";
        let table = table(text, "example", false);
        assert_eq!(table.v4(&name("a.example")).len(), 1);
        assert!(table.v4(&name("b.other")).is_empty());
        assert!(table.names("10.0.0.1".parse().unwrap()).is_empty());
    }
}
