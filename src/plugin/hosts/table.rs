//! The lines of a hosts file as names and addresses.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::RandomState;
use hickory_proto::rr::Name;
use tracing::error;

use crate::plugin::names;
use crate::zone::name::WireName;

/// Addresses by name and names by address. Names are in wire form and lower case.
#[derive(Debug, Default)]
pub(super) struct Table {
    exact: Names,
    /// By what follows the `*`.
    wild: Names,
    names: HashMap<IpAddr, Vec<Box<[u8]>>, RandomState>,
    entries: usize,
}

type Names = HashMap<Box<[u8]>, Addresses, RandomState>;

/// Octets of the longest word of a file that is looked at.
const LONGEST: usize = 1024;

#[derive(Debug, Default)]
struct Addresses {
    v4: Vec<Ipv4Addr>,
    v6: Vec<Ipv6Addr>,
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
        self.entries += 1;
        let wire = names::wire(name);
        if name.is_wildcard() {
            // A `*` alone stands for no name in CoreDNS.
            if wire.labels() > 1 {
                self.wild.entry(wire.folded_suffix(1).into()).or_default().add(address);
            }
            return;
        }
        if rules.reverse {
            self.entries += 1;
            self.names.entry(address).or_default().push(wire.folded().into());
        }
        self.exact.entry(wire.folded().into()).or_default().add(address);
    }

    pub fn v4(&self, name: &WireName) -> &[Ipv4Addr] {
        self.find(name, |addresses| &addresses.v4)
    }

    pub fn v6(&self, name: &WireName) -> &[Ipv6Addr] {
        self.find(name, |addresses| &addresses.v6)
    }

    /// The name's own addresses of a family, else those of a wildcard that stands for its first label.
    fn find<A>(&self, name: &WireName, family: fn(&Addresses) -> &[A]) -> &[A] {
        let own = self.exact.get(name.folded()).map(family).unwrap_or_default();
        if !own.is_empty() || self.wild.is_empty() || name.is_root() {
            return own;
        }
        self.wild.get(name.folded_suffix(1)).map(family).unwrap_or_default()
    }

    /// In wire form.
    pub fn names(&self, address: IpAddr) -> &[Box<[u8]>] {
        self.names.get(&address).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Addresses {
    fn add(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.v4.push(address),
            IpAddr::V6(address) => self.v6.push(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str, zone: &str, reverse: bool) -> Table {
        Table::read(text, &Rules { zones: vec![names::parse(zone).unwrap()], reverse }, "it")
    }

    fn name(text: &str) -> WireName {
        WireName::parse(text).unwrap()
    }

    /// The names of an address, as text.
    fn named(table: &Table, address: &str) -> Vec<String> {
        let names = table.names(address.parse().unwrap()).iter();
        names.map(|wire| WireName::read(wire).unwrap().0.to_string()).collect()
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
        assert_eq!(named(&table, "127.0.0.1"), ["localhost.", "a.example."]);
        assert!(named(&table, "10.0.0.4").is_empty(), "a wildcard has no PTR");
        assert_eq!(table.entries(), 7 * 2 + 2, "wildcards count once");
    }

    #[test]
    fn drops_words_that_are_too_long() {
        let long = "a".repeat(LONGEST + 1);
        let text = format!("{long} a\n10.0.0.1 {long} b\u{b}c\n");
        let table = table(&text, ".", true);
        assert_eq!(named(&table, "10.0.0.1"), ["b.", "c."]);
    }

    #[test]
    fn takes_what_the_rules_take() {
        let text = "10.0.0.1 a.example b.other";
        let table = table(text, "example", false);
        assert_eq!(table.v4(&name("a.example")).len(), 1);
        assert!(table.v4(&name("b.other")).is_empty());
        assert!(named(&table, "10.0.0.1").is_empty());
    }
}
