//! The Kubernetes zones: what CoreDNS's `kubernetes` plugin says of them
//! (plugin/kubernetes/{handler,kubernetes,reverse}.go and plugin/backend_lookup.go), over all clusters
//! of the registry.
//!
//! Where CoreDNS and the RFCs differ on whether a name exists, the RFCs hold (RFC 2308 §2, RFC 8020):
//! a name that has any record, or has names below it, is NODATA for the types that it lacks.

mod alias;
mod entries;
mod explain;
mod look;
mod name_servers;
mod notes;
mod once;
mod outside;
mod pods;
mod pointer;
pub(super) mod records;
mod service;
mod transfer;

#[cfg(test)]
mod fleet_tests;
#[cfg(test)]
mod option_tests;
#[cfg(test)]
mod read_back_tests;
#[cfg(test)]
mod set_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod transfer_tests;

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::answer::{Answer, Section};
use super::choice::Fleet;
use super::name::WireName;
use super::schema::{self, Asked, Grammar};
use super::{rcode, reverse, rtype};
use crate::registry::{Pinned, Registry};

pub use alias::Elsewhere;
use alias::Wanted;
use entries::Place;
use look::Look;
use notes::Notes;
pub use outside::{Outside, Way};

/// Version of the schema, answered as TXT of `dns-version`.
const SCHEMA_VERSION: &str = "1.1.0";
/// TTL of `dns-version` in seconds.
const SCHEMA_TTL: u32 = 28_800;
/// TTLs of negative answers are at most this many seconds (CoreDNS, plugin/backend_lookup.go).
const NEGATIVE_TTL: u32 = 300;
/// ... and those of missing names while a member is not known yet, which may have them, and of what a
/// member said that is out of reach.
const UNKNOWN_TTL: u32 = 5;

/// What `kubernetes` and `fleet` of one server block say about the zones.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kubernetes {
    /// Never empty.
    pub zones: Vec<WireName>,
    /// The zone of PTR targets: the first that is not below `in-addr.arpa` or `ip6.arpa`.
    pub primary: WireName,
    pub ttl: u32,
    pub pods: Pods,
    /// `namespaces`: those that are answered for; all where `None`.
    pub namespaces: Option<BTreeSet<Box<[u8]>>>,
    /// `multicluster`: the zones whose Services are ServiceImports of the local cluster (KEP-1645).
    pub multicluster: Vec<WireName>,
    /// `clusterset`: the zones whose Services are those that any cluster exports (KEP-1645).
    pub clusterset: Vec<WireName>,
    /// `per_cluster`: the zones below which each cluster has one of its own, `CLUSTER.ZONE`.
    pub per_cluster: Vec<WireName>,
    /// `zonal`: headless Services have names for the endpoints of one topology zone.
    pub zonal: bool,
    /// `ignore empty_service`: a Service with a ClusterIP that has no ready endpoint does not exist.
    pub ignore_empty: bool,
    pub fleet: Fleet,
    /// Addresses of this server, for its name servers; none where it is bound to given addresses.
    pub own_addresses: Vec<IpAddr>,
}

/// What names `ADDRESS.NAMESPACE.pod` say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pods {
    /// They do not exist.
    #[default]
    Disabled,
    /// Their address, whether there is such a pod or not, if the namespace exists.
    Insecure,
    /// Their address, if the namespace has a running Pod that has it.
    Verified,
}

/// What the Services of a zone are made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Made {
    /// Services of the local cluster, or of others.
    Services,
    /// ServiceImports of the local cluster.
    Imports,
    /// Services with a ServiceExport, of all clusters.
    Exports,
}

/// What is known of the clusters at the moment of a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Known {
    /// The local cluster's first lists are done.
    pub local: bool,
    /// So are those of all members.
    pub members: bool,
}

impl Known {
    /// All of it.
    pub const ALL: Known = Known { local: true, members: true };
}

/// What became of a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The answer is written; it may be NODATA.
    Answered,
    /// No such name: nothing is written. It may fall through, or become [`Kubernetes::negative`].
    NameError,
    /// Aliases lead to these names, which are not in the zone of the question: ask for them elsewhere,
    /// and then [`Kubernetes::complete`]. What is written means nothing.
    Chase(Vec<WireName>),
    /// A transfer, which this zone does not give.
    Refused,
}

impl Kubernetes {
    /// The longest of the zones that a name is in: how many labels are left of it.
    pub fn find(&self, name: &WireName) -> Option<usize> {
        // Plain loops, as this is done for each question: chained iterators take more instructions.
        let mut least = None;
        for zones in [&self.zones, &self.clusterset, &self.per_cluster] {
            for zone in zones {
                if let Some(left) = name.left_of(zone)
                    && least.is_none_or(|least| left < least)
                {
                    least = Some(left);
                }
            }
        }
        least
    }

    /// Whether the zone of a name, with `left` labels left of it, is one of `per_cluster`.
    fn is_per_cluster(&self, name: &WireName, left: usize) -> bool {
        self.per_cluster.iter().any(|zone| name.left_of(zone) == Some(left))
    }

    /// Answers a question for a name with `left` labels left of its zone. `out` is clear.
    pub fn answer(
        &self,
        registry: &Registry,
        known: Known,
        question: (&WireName, u16),
        left: usize,
        out: &mut Answer,
    ) -> Verdict {
        self.complete(registry, known, question, left, &Elsewhere::default(), out)
    }

    /// The addresses that the local cluster alone has at a name with `left` labels left of its zone.
    pub fn local_addresses(
        &self,
        registry: &Registry,
        name: &WireName,
        left: usize,
    ) -> Vec<IpAddr> {
        let (elsewhere, registry) = (Elsewhere::default(), &registry.pin());
        let look = self.look(registry, Known::ALL, &elsewhere, (name, left));
        let look = Look { only: Some(&self.fleet.local), ..look };
        let mut all = Vec::new();
        look.entries(|entry| match entry.place {
            Place::Address(address) if !all.contains(&address) => all.push(address),
            _ => {}
        });
        all
    }

    /// Answers a question, with what is said elsewhere of the names that [`Verdict::Chase`] asked for.
    pub fn complete(
        &self,
        registry: &Registry,
        known: Known,
        question: (&WireName, u16),
        left: usize,
        elsewhere: &Elsewhere,
        out: &mut Answer,
    ) -> Verdict {
        let (name, qtype) = question;
        out.authoritative = true;
        if matches!(qtype, rtype::AXFR | rtype::IXFR) {
            return Verdict::Refused;
        }
        let mut notes = Notes::default();
        let registry = &registry.pin();
        let mut look = self.look(registry, known, elsewhere, (name, left));
        look.notes = Some(&notes);
        let cluster;
        if left > 0 && self.is_per_cluster(name, left) && !look.is_of_server() {
            let Some(found) = registry.cluster(name.label(left - 1)) else {
                return Verdict::NameError;
            };
            cluster = found;
            look = look.inside(left - 1, &cluster);
        }
        let mut wanted = Wanted::new();
        let verdict = if left == 0 && qtype == rtype::SOA {
            self.soa(registry, false, (name, left), Section::Answer, out);
            Verdict::Answered
        } else if left == 0 && qtype == rtype::NS {
            look.name_servers((Section::Additional, self.ttl), out);
            Verdict::Answered
        } else if reverse::is_reverse(name) {
            look.reverse(qtype, out)
        } else {
            look.forward(qtype, &mut wanted, out)
        };
        if !wanted.is_empty() {
            return Verdict::Chase(wanted);
        }
        if verdict == Verdict::Answered && out.is_empty(Section::Answer) {
            // What a gateway's name leads to may be known soon.
            let passing = notes.missing.get().is_some();
            self.deny(registry, (name, left), rcode::NOERROR, passing, out);
        }
        notes.tell(out);
        verdict
    }

    /// A question for a name with `left` labels left of its zone, of all clusters and without notes.
    fn look<'a>(
        &'a self,
        registry: &'a Pinned<'a>,
        known: Known,
        elsewhere: &'a Elsewhere,
        (name, left): (&'a WireName, usize),
    ) -> Look<'a> {
        let (made, asked) = self.read(name, left);
        let (only, from, notes) = (None, None, None);
        Look { zone: self, registry, known, elsewhere, name, left, made, asked, only, from, notes }
    }

    /// Writes a negative answer: the code, and the SOA in the authority section (RFC 2308 §3).
    pub fn negative(
        &self,
        registry: &Registry,
        known: Known,
        name: (&WireName, usize),
        code: u16,
        out: &mut Answer,
    ) {
        // A name that exists goes on to exist, whoever joins the fleet.
        let passing = !known.members && code == rcode::NXDOMAIN;
        self.deny(registry, name, code, passing, out);
    }

    /// The same, which is to be kept for a short time if it is `passing`.
    fn deny(
        &self,
        registry: &Registry,
        name: (&WireName, usize),
        code: u16,
        passing: bool,
        out: &mut Answer,
    ) {
        out.clear();
        out.authoritative = true;
        out.code = code;
        self.soa(registry, passing, name, Section::Authority, out);
    }

    /// The SOA, in the spelling of the question.
    fn soa(
        &self,
        registry: &Registry,
        passing: bool,
        (name, left): (&WireName, usize),
        section: Section,
        out: &mut Answer,
    ) {
        let minimum = if passing { self.ttl.min(UNKNOWN_TTL) } else { self.ttl };
        let ttl = minimum.min(NEGATIVE_TTL);
        let serial = self.serial(registry, name, left);
        records::soa(out, section, name.suffix(left), ttl, serial, minimum);
    }

    /// The serial of the zone of a name.
    pub fn serial(&self, registry: &Registry, name: &WireName, left: usize) -> u32 {
        match self.made_of(name, left) {
            Made::Services => registry.serial(),
            Made::Imports => registry.import_serial(),
            Made::Exports => registry.export_serial(),
        }
    }

    /// What the Services of the zone of a name are made of, and what the name asks for.
    fn read<'n>(&self, name: &'n WireName, left: usize) -> (Made, Asked<'n>) {
        let made = self.made_of(name, left);
        (made, schema::read(name, left, self.grammar_of(made)))
    }

    /// Which names the zone of a name has, with `left` labels left of it.
    pub fn grammar(&self, name: &WireName, left: usize) -> Grammar {
        self.grammar_of(self.made_of(name, left))
    }

    /// The same of a zone whose Services are made of this.
    fn grammar_of(&self, made: Made) -> Grammar {
        Grammar { multicluster: made != Made::Services, zonal: self.zonal }
    }

    /// Whether all clusters together decide what a name says, so that none may be missing.
    pub fn is_of_set(&self, name: &WireName, left: usize) -> bool {
        self.made_of(name, left) == Made::Exports
    }

    /// What the Services are made of in the zone of a name, with `left` labels left of it.
    fn made_of(&self, name: &WireName, left: usize) -> Made {
        // It is one of these zones or lies in one.
        let is_of = |zones: &[WireName]| {
            zones.iter().any(|zone| name.left_of(zone).is_some_and(|whole| whole >= left))
        };
        if is_of(&self.multicluster) {
            Made::Imports
        } else if is_of(&self.clusterset) {
            Made::Exports
        } else {
            Made::Services
        }
    }

    /// Whether a namespace is answered for at all.
    pub fn exposes(&self, namespace: &[u8]) -> bool {
        self.namespaces.as_ref().is_none_or(|exposed| exposed.contains(namespace))
    }
}
