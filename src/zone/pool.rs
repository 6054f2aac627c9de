//! Pools: one address for each name, the same on every replica and for ever.
//!
//! In: a network and a name. Out: the name's address, which depends on these two alone. Nothing is
//! allocated or remembered, so no name moves when others come or go, and what this file computes must
//! never change: the vectors of its tests pin it.
//!
//! # The function
//!
//! 1. Take the SHA-256 of the name in canonical wire form (RFC 4034 §6.2: lower case, uncompressed, with
//!    the root): for `db1.mesh` that of the octets `03 64 62 31 04 6d 65 73 68 00`.
//! 2. Read its first 16 octets as a number, big endian, and take the remainder by how many addresses the
//!    network has for names. That is the address's number, from 0.
//! 3. Count through the addresses of the network, lowest first, without those that no name has:
//!    - of IPv4 those ending in .0 or .255, and the first and the last of the network: they are a network's
//!      or its broadcast's somewhere;
//!    - of IPv6 the first of each /64, or of a smaller network (the subnet routers' anycast address, RFC 4291
//!      §2.6.1), and its reserved subnet anycast addresses: the last 128, and in a /64 also the 128
//!      from fdff:ffff:ffff:ff80 (RFC 2526).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use ring::digest;
use thiserror::Error;

use super::name::WireName;

/// Networks that no pool may touch, and what they are.
const RESERVED: [(&str, &str); 7] = [
    ("0.0.0.0/8", "this host (RFC 1122)"),
    ("127.0.0.0/8", "loopback, which sidecars do not capture"),
    ("169.254.0.0/16", "link-local"),
    ("224.0.0.0/4", "multicast, to which nothing connects"),
    ("::/8", "loopback and IPv4 in IPv6"),
    ("fe80::/10", "link-local"),
    ("ff00::/8", "multicast, to which nothing connects"),
];
/// The shortest prefix of IPv4 that a pool can have in practice: 240.0.0.0/4, which is nobody's.
const SHORTEST_V4: u8 = 4;
/// How likely a collision may be.
pub const LIKELY: f64 = 0.01;
/// Subnet anycast addresses of RFC 2526.
const ANYCAST: u128 = 128;
/// The first of them among the interface identifiers of 64 bits.
const ANYCAST_64: u128 = 0xfdff_ffff_ffff_ff80;

/// A network whose addresses names have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pool(IpNet);

/// Why a network is no pool.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum PoolError {
    #[error("{pool} has addresses of {network}: {what}")]
    Reserved { pool: IpNet, network: &'static str, what: &'static str },
    #[error("{0} has no address that a name could have")]
    Empty(IpNet),
    #[error("the pools {0} and {1} are of one family, and a name has one address of each")]
    OneFamily(Pool, Pool),
}

impl PoolError {
    /// What would be right.
    pub fn remedy(&self) -> &'static str {
        match self {
            PoolError::Reserved { .. } => {
                "choose a network that is routed nowhere, e.g. 241.0.0.0/8 or fd00:f1ee::/64"
            }
            PoolError::Empty(_) => {
                "choose a larger one, e.g. 241.0.0.0/8 or fd00:f1ee::/64; for one address write `answer`"
            }
            PoolError::OneFamily(..) => "write one larger network instead of both",
        }
    }
}

impl Pool {
    /// # Errors
    /// The network is too small, or has addresses that mean something to every host.
    pub fn new(network: IpNet) -> Result<Self, PoolError> {
        let pool = network.trunc();
        for (reserved, what) in RESERVED {
            // Each of the list is a network.
            let Ok(other) = reserved.parse::<IpNet>() else { continue };
            if overlap(&pool, &other) {
                return Err(PoolError::Reserved { pool, network: reserved, what });
            }
        }
        if Pool(pool).names() == 0 {
            return Err(PoolError::Empty(pool));
        }
        Ok(Pool(pool))
    }

    /// # Errors
    /// One of the others is of the same family, and a name has one address of each.
    pub fn beside<'a>(self, others: impl IntoIterator<Item = &'a Pool>) -> Result<Self, PoolError> {
        let is_v4 = |pool: &Pool| pool.0.addr().is_ipv4();
        match others.into_iter().find(|other| is_v4(other) == is_v4(&self)) {
            Some(other) => Err(PoolError::OneFamily(*other, self)),
            None => Ok(self),
        }
    }

    pub fn network(&self) -> IpNet {
        self.0
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// How many addresses names can have.
    pub fn names(&self) -> u128 {
        let (rows, row) = self.rows();
        rows * self.used(row)
    }

    /// The address of a name, whatever its letter case.
    pub fn address(&self, name: &WireName) -> IpAddr {
        let hash = digest::digest(&digest::SHA256, name.folded());
        let head = hash.as_ref().iter().take(16);
        self.nth(head.fold(0, |number, octet| number << 8 | u128::from(*octet)) % self.names())
    }

    /// How likely some two of so many names have one address.
    pub fn likelihood(&self, names: usize) -> f64 {
        1.0 - (-pairs(names) / self.names() as f64).exp()
    }

    /// The longest prefix with which so many names are unlikely to collide; `None` if no network of this
    /// family will do.
    pub fn prefix_for(&self, names: usize) -> Option<u8> {
        let shortest = if self.0.addr().is_ipv4() { SHORTEST_V4 } else { 8 };
        (shortest..=self.0.prefix_len()).rev().find(|prefix| {
            let larger =
                IpNet::new(self.0.addr(), *prefix).ok().and_then(|net| Pool::new(net).ok());
            larger.is_some_and(|pool| pool.likelihood(names) <= LIKELY)
        })
    }

    /// The address of this number.
    fn nth(&self, number: u128) -> IpAddr {
        let (_, row) = self.rows();
        let used = self.used(row);
        let mut at = number % used + 1;
        if row == 1 << 64 && at >= ANYCAST_64 {
            at += ANYCAST;
        }
        let host = number / used * row + at;
        match self.0 {
            // The host's number has no more bits than the prefix leaves.
            IpNet::V4(net) => Ipv4Addr::from(u32::from(net.network()) | host as u32).into(),
            IpNet::V6(net) => Ipv6Addr::from(u128::from(net.network()) | host).into(),
        }
    }

    /// Of how many equal parts it consists, and how many addresses each has: the parts whose first and
    /// last addresses are kept.
    fn rows(&self) -> (u128, u128) {
        let host = u32::from(self.0.max_prefix_len() - self.0.prefix_len());
        let row = host.min(if self.0.addr().is_ipv4() { 8 } else { 64 });
        (1 << (host - row), 1 << row)
    }

    /// How many addresses of a row names have.
    fn used(&self, row: u128) -> u128 {
        let kept = match self.0 {
            IpNet::V4(_) => 2,
            IpNet::V6(_) if row == 1 << 64 => 1 + 2 * ANYCAST,
            IpNet::V6(_) => 1 + ANYCAST,
        };
        row.saturating_sub(kept)
    }
}

/// How many pairs there are of so many names.
fn pairs(names: usize) -> f64 {
    let names = names as f64;
    names * (names - 1.0).max(0.0) / 2.0
}

/// Whether two networks have an address in common.
pub fn overlap(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
