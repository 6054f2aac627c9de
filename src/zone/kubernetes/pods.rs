//! Names of pods: `ADDRESS.NAMESPACE.pod`, with dashes in the address. They are the local cluster's.

use std::net::IpAddr;
use std::str;

use super::{Look, Pods, Verdict, records};
use crate::registry::PodOwner;
use crate::zone::answer::{Answer, Section};
use crate::zone::name::MAX_LABEL;
use crate::zone::rtype;

impl Look<'_> {
    pub(super) fn pod(
        &self,
        pod: &[u8],
        namespace: &[u8],
        qtype: u16,
        out: &mut Answer,
    ) -> Verdict {
        if self.zone.pods == Pods::Disabled || !self.namespace_exists_here(namespace) {
            return Verdict::NameError;
        }
        let Some((text, address)) = address(pod) else { return Verdict::NameError };
        let count = match self.zone.pods {
            Pods::Verified => self.running(text.text(), address, namespace),
            Pods::Insecure | Pods::Disabled => 1,
        };
        if count == 0 {
            return Verdict::NameError;
        }
        let address = address.to_canonical();
        let ttl = self.zone.ttl;
        if records::is_of(address, qtype) {
            out.address(Section::Answer, self.name.wire(), ttl, address);
        } else if qtype == rtype::SRV {
            // It is the end of the name that was asked for, and so a name.
            if let Some(target) = self.below_zone([pod, namespace, b"pod"]) {
                let weight = u16::try_from(100 / count).unwrap_or(100).max(1);
                records::srv(out, self.name.wire(), ttl, weight, 0, target.wire());
                out.address(Section::Additional, target.wire(), ttl, address);
            }
        }
        Verdict::Answered
    }

    /// How many running pods of a namespace have an address. It must be spelled as the API spells it.
    fn running(&self, text: &str, address: IpAddr, namespace: &[u8]) -> usize {
        if address.to_string() != text {
            return 0;
        }
        let Some(owners) = self.registry.pods(address) else { return 0 };
        let here = |owner: &&PodOwner| {
            owner.cluster == self.zone.fleet.local
                && owner.pod.key.namespace.as_bytes().eq_ignore_ascii_case(namespace)
        };
        owners.iter().filter(here).count()
    }
}

/// The address that a pod's label spells: IPv4 where it has exactly three dashes, none doubled, else
/// IPv6 (CoreDNS, plugin/kubernetes/kubernetes.go, `findPods`); and how it spells it.
fn address(pod: &[u8]) -> Option<(Spelled, IpAddr)> {
    // A dot can only be part of the label itself, where it spells no address.
    if pod.contains(&b'.') {
        return None;
    }
    let dashes = pod.iter().filter(|octet| **octet == b'-').count();
    let is_v4 = dashes == 3 && !pod.windows(2).any(|two| two == b"--");
    let mut octets = [0; MAX_LABEL];
    let spelled = octets.get_mut(..pod.len())?;
    for (place, octet) in spelled.iter_mut().zip(pod) {
        *place = match octet {
            b'-' if is_v4 => b'.',
            b'-' => b':',
            octet => *octet,
        };
    }
    let spelled = Spelled { octets, length: pod.len() };
    let address = spelled.text().parse().ok()?;
    Some((spelled, address))
}

/// An address as a label spells it.
struct Spelled {
    octets: [u8; MAX_LABEL],
    length: usize,
}

impl Spelled {
    /// Empty where it is no text.
    fn text(&self) -> &str {
        str::from_utf8(&self.octets[..self.length]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_their_addresses() {
        let table = [
            ("1-2-3-4", Some("1.2.3.4")),
            ("--1", Some("::1")),
            ("--", Some("::")),
            ("--ffff-a00-1", Some("::ffff:10.0.0.1")),
            ("fd02-0-0-0-0-0-0-1", Some("fd02::1")),
            ("fe80-1-2-3", None),
            ("01-2-3-4", None),
            ("1-2-3-4-", None),
            ("256-1-1-1", None),
            ("web", None),
            ("1.2.3.4", None),
        ];
        for (label, expected) in table {
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!(address(label.as_bytes()).map(|(_, found)| found), expected, "{label}");
        }
    }
}
