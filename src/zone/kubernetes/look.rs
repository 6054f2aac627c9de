//! One question on its way through a zone: what its name asks for, and who answers that.

use super::alias::{Elsewhere, Wanted};
use super::notes::Notes;
use super::{Known, Kubernetes, Made, Pods, SCHEMA_TTL, SCHEMA_VERSION, Verdict, records};
use crate::cluster::ClusterId;
use crate::registry::Pinned;
use crate::zone::answer::Answer;
use crate::zone::name::WireName;
use crate::zone::schema::Asked;
use crate::zone::{reverse, rtype};

/// One question on its way.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) zone: &'a Kubernetes,
    pub(super) registry: &'a Pinned<'a>,
    pub(super) known: Known,
    pub(super) elsewhere: &'a Elsewhere,
    pub(super) name: &'a WireName,
    /// How many labels of it are left of the zone.
    pub(super) left: usize,
    /// What the Services of the name's zone are made of.
    pub(super) made: Made,
    /// What the name asks for.
    pub(super) asked: Asked<'a>,
    /// The only cluster that is asked, in a zone of its own.
    pub(super) only: Option<&'a ClusterId>,
    /// The look that an alias led here from.
    pub(super) from: Option<&'a Look<'a>>,
    /// For who wants to know why.
    pub(super) notes: Option<&'a Notes>,
}

impl<'a> Look<'a> {
    /// The same for another name of the zone.
    pub(super) fn of(&self, name: &'a WireName, left: usize) -> Look<'a> {
        let (made, asked) = self.zone.read(name, left);
        Look { name, left, made, asked, ..*self }
    }

    /// The same of one cluster alone, in a zone of its own.
    pub(super) fn inside(&self, left: usize, cluster: &'a ClusterId) -> Look<'a> {
        Look { only: Some(cluster), ..self.of(self.name, left) }
    }

    /// The zone in the spelling of the question.
    pub(super) fn spelled_zone(&self) -> WireName {
        // The end of a name is a name.
        WireName::read(self.name.suffix(self.left)).map_or_else(WireName::root, |(zone, _)| zone)
    }

    /// Whether the name is of the zone's own: its name servers, and its version.
    pub(super) fn is_of_server(&self) -> bool {
        matches!(self.asked, Asked::DnsVersion | Asked::NameServer | Asked::NameServerParent)
    }

    pub(super) fn forward(&self, qtype: u16, wanted: &mut Wanted, out: &mut Answer) -> Verdict {
        match self.asked {
            Asked::Container | Asked::NameServerParent => Verdict::Answered,
            Asked::DnsVersion => self.dns_version(qtype, out),
            Asked::NameServer => self.name_server(qtype, out),
            Asked::Namespace { namespace } => self.exists(match self.made {
                Made::Services => self.namespace_exists(namespace),
                Made::Imports => self.namespace_exists_here(namespace),
                Made::Exports => self.namespace_exists_anywhere(namespace),
            }),
            Asked::PodNamespace { namespace } => self
                .exists(self.zone.pods != Pods::Disabled && self.namespace_exists_here(namespace)),
            Asked::Pod { pod, namespace } => self.pod(pod, namespace, qtype, out),
            Asked::Service { .. } => self.service(qtype, wanted, out),
            Asked::Nothing => Verdict::NameError,
        }
    }

    pub(super) fn exists(&self, exists: bool) -> Verdict {
        if exists { Verdict::Answered } else { Verdict::NameError }
    }

    /// Whether any cluster that may be asked has a namespace.
    pub(super) fn namespace_exists(&self, namespace: &[u8]) -> bool {
        self.zone.exposes(namespace)
            && self.registry.namespace(namespace).is_some_and(|clusters| match self.only {
                Some(only) => clusters.contains(only),
                None => {
                    let fleet = &self.zone.fleet;
                    let namespace = fleet.namespace(namespace, clusters);
                    let has = |cluster: &ClusterId| {
                        *cluster == fleet.local
                            || self.known.local && !fleet.hides(cluster, namespace)
                    };
                    clusters.iter().any(has)
                }
            })
    }

    /// Whether the local cluster has a namespace: pod names are local.
    pub(super) fn namespace_exists_here(&self, namespace: &[u8]) -> bool {
        self.zone.exposes(namespace)
            && self.only.is_none_or(|only| *only == self.zone.fleet.local)
            && self
                .registry
                .namespace(namespace)
                .is_some_and(|clusters| clusters.contains(&self.zone.fleet.local))
    }

    /// Whether any cluster at all has a namespace, as far as all of them may be asked.
    pub(super) fn namespace_exists_anywhere(&self, namespace: &[u8]) -> bool {
        self.known.local
            && self.zone.exposes(namespace)
            && self.registry.namespace(namespace).is_some()
    }

    pub(super) fn dns_version(&self, qtype: u16, out: &mut Answer) -> Verdict {
        if qtype == rtype::TXT {
            records::txt(out, self.name.wire(), SCHEMA_TTL, SCHEMA_VERSION);
        }
        Verdict::Answered
    }

    /// Names under `in-addr.arpa` and `ip6.arpa`.
    pub(super) fn reverse(&self, qtype: u16, out: &mut Answer) -> Verdict {
        match self.asked {
            Asked::Container | Asked::NameServerParent => return Verdict::Answered,
            Asked::DnsVersion => return self.dns_version(qtype, out),
            Asked::NameServer => return self.name_server(qtype, out),
            _ => {}
        }
        match reverse::address(self.name) {
            Some(address) => self.pointers(address, qtype, out),
            None => Verdict::NameError,
        }
    }
}
