//! Names of pods: `ADDRESS.NAMESPACE.pod`, with dashes in the address. They are the local cluster's.

use std::net::IpAddr;

use super::{Look, Pods, Verdict, records};
use crate::zone::answer::{Answer, Section};
use crate::zone::name::WireName;
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
        let Some(address) = address(pod) else { return Verdict::NameError };
        let ttl = self.zone.ttl;
        if records::is_of(address, qtype) {
            out.address(Section::Answer, self.name.wire(), ttl, address);
        } else if qtype == rtype::SRV {
            let labels = [pod, namespace, b"pod"];
            let target = WireName::from_labels(labels).and_then(|mut target| {
                target.extend(&self.spelled_zone())?;
                Some(target)
            });
            // It is the end of the name that was asked for, and so a name.
            if let Some(target) = target {
                records::srv(out, self.name.wire(), ttl, 100, 0, target.wire());
                out.address(Section::Additional, target.wire(), ttl, address);
            }
        }
        Verdict::Answered
    }
}

/// The address that a pod's label spells: IPv4 where it has exactly three dashes, none doubled, else
/// IPv6 (CoreDNS, plugin/kubernetes/kubernetes.go, `findPods`). One that maps IPv4 is IPv4.
fn address(pod: &[u8]) -> Option<IpAddr> {
    // A dot can only be part of the label itself, where it spells no address.
    let text = std::str::from_utf8(pod).ok().filter(|text| !text.contains('.'))?;
    let dashes = text.bytes().filter(|octet| *octet == b'-').count();
    let separator = if dashes == 3 && !text.contains("--") { "." } else { ":" };
    let address: IpAddr = text.replace('-', separator).parse().ok()?;
    Some(address.to_canonical())
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
            ("--ffff-a00-1", Some("10.0.0.1")),
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
            assert_eq!(address(label.as_bytes()), expected, "{label}");
        }
    }
}
