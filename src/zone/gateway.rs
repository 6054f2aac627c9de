//! Addresses that stand for a member: those of its gateway, or of a sentinel.

use std::net::IpAddr;
use std::sync::Arc;

use dashmap::DashMap;
use smallvec::SmallVec;
use tokio::sync::watch;

use super::choice::Fleet;
use super::overlap::Overlap;
use crate::cluster::ClusterId;
use crate::cluster::kinds::{ObjectKey, Point};
use crate::registry::Registry;

/// What is answered in place of a member's own addresses.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Gateway {
    pub addresses: Vec<IpAddr>,
    /// Names whose addresses are answered, too; in lower case, without a final dot.
    pub hosts: Vec<Box<str>>,
    /// The Service of the member whose `status.loadBalancer` is answered.
    pub service: Option<ObjectKey>,
}

/// The addresses of a gateway at the moment.
#[derive(Debug, Default)]
pub struct Found {
    /// Mostly one or two: they are gathered for each question.
    pub addresses: SmallVec<[IpAddr; 4]>,
    /// Seconds that they may be kept, where a host name limits that.
    pub ttl: Option<u32>,
    /// The first part that is not known.
    pub missing: Option<Missing>,
}

/// What is not known of a gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Missing {
    /// The addresses of a host name.
    Host(Box<str>),
    /// The way into a Service, which has no load balancer, is not there, or has not been told yet.
    Service(ObjectKey),
}

/// The addresses of gateways' host names, as one server block sees them.
#[derive(Clone, Default, Debug)]
pub struct Resolutions(Arc<Resolving>);

#[derive(Default, Debug)]
struct Resolving {
    /// By the name in lower case, without a final dot.
    hosts: DashMap<Box<str>, Arc<Resolved>>,
    changed: watch::Sender<u64>,
}

/// The addresses of a host name.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Resolved {
    /// Of both families.
    pub addresses: Vec<IpAddr>,
    /// Seconds that they may be kept.
    pub ttl: u32,
}

// What is known at the moment is no part of what a fleet is.
impl PartialEq for Resolutions {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Resolutions {}

impl Resolutions {
    /// The addresses of a host name; `None` while they are not known.
    pub fn get(&self, host: &str) -> Option<Arc<Resolved>> {
        self.0.hosts.get(host).map(|entry| entry.value().clone())
    }

    pub fn put(&self, host: &str, resolved: Resolved) {
        self.0.hosts.insert(host.into(), Arc::new(resolved));
        self.0.changed.send_modify(|turn| *turn += 1);
    }

    pub fn forget(&self, host: &str) {
        self.0.hosts.remove(host);
    }

    /// Tells when addresses are put.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }
}

impl Gateway {
    /// These addresses.
    pub fn of(addresses: Vec<IpAddr>) -> Self {
        Gateway { addresses, ..Gateway::default() }
    }
}

impl Fleet {
    /// The addresses of a member's gateway now. Those that the member itself says may not be this machine's
    /// or the local cluster's.
    pub fn lead(&self, registry: &Registry, member: &ClusterId, gateway: &Gateway) -> Found {
        let mut found = Found { addresses: gateway.addresses[..].into(), ..Found::default() };
        for host in &gateway.hosts {
            found.host(self.resolved.get(host), host, |_| true);
        }
        if let Some(service) = &gateway.service {
            let points = registry.gateways.points(member);
            let points = points.as_deref().unwrap_or_default();
            let is_free = |address: IpAddr| !self.is_ours(registry, address);
            for point in points {
                match point {
                    Point::Address(address) if is_free(*address) => found.add(*address),
                    Point::Address(_) => {}
                    Point::Host(host) => found.host(self.resolved.get(host), host, is_free),
                }
            }
            if found.addresses.is_empty() {
                found.missing.get_or_insert(Missing::Service(service.clone()));
            }
        }
        found
    }

    /// Whether an address leads to this machine, to many, or into the local cluster.
    fn is_ours(&self, registry: &Registry, address: IpAddr) -> bool {
        let registry = registry.pin();
        let holders = registry.address(address);
        let is_held = holders.is_some_and(|all| all.iter().any(|one| one.cluster == self.local));
        is_held
            || address.is_loopback()
            || address.is_unspecified()
            || address.is_multicast()
            || self.overlap != Overlap::Allow && self.local_range(&registry, address).is_some()
    }
}

impl Found {
    fn host(
        &mut self,
        resolved: Option<Arc<Resolved>>,
        host: &str,
        is_free: impl Fn(IpAddr) -> bool,
    ) {
        let Some(resolved) = resolved.filter(|resolved| !resolved.addresses.is_empty()) else {
            self.missing.get_or_insert(Missing::Host(host.into()));
            return;
        };
        let free = resolved.addresses.iter().copied().filter(|address| is_free(*address));
        free.for_each(|address| self.add(address));
        self.ttl = Some(self.ttl.map_or(resolved.ttl, |ttl| ttl.min(resolved.ttl)));
    }

    fn add(&mut self, address: IpAddr) {
        if !self.addresses.contains(&address) {
            self.addresses.push(address);
        }
    }
}
