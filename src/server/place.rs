//! Where server blocks are asked.

use crate::corefile::Scheme;
use crate::plugin::bind::Bound;
use std::fmt;

/// A transport, an address and a port. Blocks of one place share a listener.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    pub scheme: Scheme,
    /// All addresses where it is `None`.
    pub address: Option<Bound>,
    pub port: u16,
}

/// The label of a listener in metrics: with an address only where `bind` names one.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { scheme, address, port } = self;
        match address {
            None => write!(f, "{scheme}://:{port}"),
            Some(bound) if bound.ip.is_ipv6() => write!(f, "{scheme}://[{bound}]:{port}"),
            Some(bound) => write!(f, "{scheme}://{bound}:{port}"),
        }
    }
}
