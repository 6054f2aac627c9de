//! Where server blocks are asked.

use std::fmt;
use std::net::IpAddr;

use crate::corefile::Scheme;

/// A transport, an address and a port. Blocks of one place share a listener.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    pub scheme: Scheme,
    /// All addresses where it is `None`.
    pub address: Option<IpAddr>,
    pub port: u16,
}

/// The label of a listener in metrics: with an address only where `bind` names one.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { scheme, address, port } = self;
        match address {
            None => write!(f, "{scheme}://:{port}"),
            Some(IpAddr::V6(address)) => write!(f, "{scheme}://[{address}]:{port}"),
            Some(IpAddr::V4(address)) => write!(f, "{scheme}://{address}:{port}"),
        }
    }
}
