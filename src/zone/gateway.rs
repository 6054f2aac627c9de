//! Addresses that stand for a member: those of its gateway, or of a sentinel.

use std::net::IpAddr;

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
    pub addresses: Vec<IpAddr>,
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

impl Gateway {
    /// These addresses.
    pub fn of(addresses: Vec<IpAddr>) -> Self {
        Gateway { addresses, ..Gateway::default() }
    }

    /// Its addresses now.
    pub fn find(&self, registry: &Registry, member: &ClusterId) -> Found {
        let mut found = Found { addresses: self.addresses.clone(), ..Found::default() };
        self.hosts.iter().for_each(|host| found.host(registry, host));
        if let Some(service) = &self.service {
            let points = registry.gateways.points(member);
            let points = points.as_deref().unwrap_or_default();
            for point in points {
                match point {
                    Point::Address(address) => found.add(*address),
                    Point::Host(host) => found.host(registry, host),
                }
            }
            if points.is_empty() {
                found.missing.get_or_insert(Missing::Service(service.clone()));
            }
        }
        found
    }
}

impl Found {
    fn host(&mut self, registry: &Registry, host: &str) {
        match registry.gateways.resolved(host) {
            Some(resolved) if !resolved.addresses.is_empty() => {
                resolved.addresses.iter().for_each(|address| self.add(*address));
                self.ttl = Some(self.ttl.map_or(resolved.ttl, |ttl| ttl.min(resolved.ttl)));
            }
            _ => drop(self.missing.get_or_insert(Missing::Host(host.into()))),
        }
    }

    fn add(&mut self, address: IpAddr) {
        if !self.addresses.contains(&address) {
            self.addresses.push(address);
        }
    }
}
