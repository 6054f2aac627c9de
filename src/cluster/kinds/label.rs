//! The first labels of endpoints' names.

use std::fmt::Write;
use std::net::IpAddr;
use std::ops::Deref;
use std::{fmt, str};

/// Octets of the longest address in dashes: `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255` has 45.
const LONGEST: usize = 46;

/// A label, or several with dots between them. None that are usual are allocated.
#[derive(Clone, Debug)]
pub enum Label<'a> {
    Text(&'a str),
    /// An address with dashes.
    Address(Dashed),
    /// A domain name with dashes.
    Name(String),
}

impl<'a> Label<'a> {
    /// That of an endpoint: its hostname, else its address with dashes.
    pub fn of_endpoint(hostname: Option<&'a str>, address: IpAddr) -> Self {
        hostname.map_or_else(|| Label::Address(Dashed::new(address)), Label::Text)
    }
}

/// An address with dashes.
#[derive(Clone, Copy, Debug)]
pub struct Dashed {
    octets: [u8; LONGEST],
    length: usize,
}

impl Dashed {
    /// With dashes for dots and colons. An IPv6 address that ends in one gets a `0` (CoreDNS,
    /// plugin/kubernetes/kubernetes.go, `endpointHostname`).
    pub fn new(address: IpAddr) -> Self {
        let mut dashed = Dashed { octets: [0; LONGEST], length: 0 };
        // There is room for every address, and the digit.
        let _ = write!(dashed, "{address}");
        if dashed.octets[..dashed.length].ends_with(b"-") {
            let _ = dashed.write_str("0");
        }
        dashed
    }
}

impl Write for Dashed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let room = self.octets.get_mut(self.length..end).ok_or(fmt::Error)?;
        for (place, octet) in room.iter_mut().zip(text.bytes()) {
            *place = if matches!(octet, b'.' | b':') { b'-' } else { octet };
        }
        self.length = end;
        Ok(())
    }
}

impl Deref for Label<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Label::Text(text) => text,
            // Whole characters were written.
            Label::Address(of) => str::from_utf8(&of.octets[..of.length]).unwrap_or_default(),
            Label::Name(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_dashes() {
        let longest = format!("{}:255.255.255.255", ["ffff"; 6].join(":"));
        for (address, expected) in [
            ("10.44.0.1", "10-44-0-1"),
            ("2001:db8::1", "2001-db8--1"),
            ("2001:db8::", "2001-db8--0"),
            ("::", "--0"),
            ("::ffff:192.0.2.255", "--ffff-192-0-2-255"),
            (&longest, &["ffff"; 8].join("-")),
        ] {
            let label = Label::Address(Dashed::new(address.parse().unwrap()));
            assert_eq!(&*label, expected);
        }
    }
}
