//! Where gateways are: what the Services of members say, and the addresses of host names.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::watch;

use crate::cluster::ClusterId;
use crate::cluster::kinds::Point;

/// The addresses of a host name.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Resolved {
    /// Of both families.
    pub addresses: Vec<IpAddr>,
    /// Seconds that they may be kept.
    pub ttl: u32,
}

/// All of them.
#[derive(Default)]
pub struct Gateways {
    /// What each member's gateway Service says.
    points: DashMap<ClusterId, Arc<[Point]>>,
    /// By the name in lower case, without a final dot.
    hosts: DashMap<Box<str>, Arc<Resolved>>,
    changed: watch::Sender<u64>,
    resolutions: watch::Sender<u64>,
}

impl Gateways {
    /// What a member's gateway Service says; `None` while that is not known.
    pub fn points(&self, cluster: &ClusterId) -> Option<Arc<[Point]>> {
        self.points.get(cluster).map(|entry| entry.value().clone())
    }

    /// The host names that gateway Services say.
    pub fn hosts(&self) -> BTreeSet<Box<str>> {
        let mut hosts = BTreeSet::new();
        for entry in &self.points {
            hosts.extend(entry.value().iter().filter_map(|point| match point {
                Point::Host(name) => Some(name.clone()),
                Point::Address(_) => None,
            }));
        }
        hosts
    }

    /// The addresses of a host name; `None` while they are not known.
    pub fn resolved(&self, host: &str) -> Option<Arc<Resolved>> {
        self.hosts.get(host).map(|entry| entry.value().clone())
    }

    /// Puts the addresses of a host name.
    pub fn resolve(&self, host: &str, resolved: Resolved) {
        self.hosts.insert(host.into(), Arc::new(resolved));
        self.resolutions.send_modify(|turn| *turn += 1);
    }

    /// Forgets a host name.
    pub fn forget(&self, host: &str) {
        self.hosts.remove(host);
    }

    /// Tells when addresses of a host name are put.
    pub fn resolutions(&self) -> watch::Receiver<u64> {
        self.resolutions.subscribe()
    }

    /// Tells when a gateway Service says something else.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(super) fn put(&self, cluster: &ClusterId, points: Option<Vec<Point>>) {
        match points {
            Some(points) => drop(self.points.insert(cluster.clone(), points.into())),
            None => drop(self.points.remove(cluster)),
        }
        self.changed.send_modify(|turn| *turn += 1);
    }
}
