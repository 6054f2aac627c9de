//! Where gateways are, as the Services of members say.

use std::collections::BTreeSet;
use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::watch;

use crate::cluster::ClusterId;
use crate::cluster::kinds::Point;

/// All of them.
#[derive(Default)]
pub struct Gateways {
    /// What each member's gateway Service says.
    points: DashMap<ClusterId, Arc<[Point]>>,
    changed: watch::Sender<u64>,
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
