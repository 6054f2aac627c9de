//! Namespaces of members that are not answered for, as they are named like top-level domains.
//!
//! In: which namespaces there are, at each change. Out: a line in the log for each that is hidden, and how
//! many there are of each cluster.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::{info, warn};

use super::view::gathered;
use super::{Served, View, Zones};
use crate::cluster::ClusterId;
use crate::plugin::background::Background;
use crate::telemetry::Metrics;

/// Looks at the namespaces of one server block's clusters.
/// Of several blocks each has a `number`.
pub fn start(number: usize, served: Served, metrics: Arc<Metrics>, background: &Background) {
    background.spawn(async move {
        let Served { zones, view, .. } = served;
        let mut namespaces = view.registry().spaces();
        let mut clusters = view.changes();
        let mut said = BTreeSet::new();
        loop {
            // What is only in members is known when the local cluster is.
            if view.known().local {
                let hidden = hidden(&zones, &view);
                hidden.difference(&said).for_each(|(cluster, name)| {
                    warn!(%cluster, namespace = name,
                        "is not answered for, as it is named like a top-level domain and not in the local \
                         cluster; `expose {cluster} top-level {name}` in fleet lets it be");
                });
                said.difference(&hidden).for_each(|(cluster, name)| {
                    info!(%cluster, namespace = name, "is not hidden any more");
                });
                count(number, &view, &hidden, &metrics);
                said = hidden;
            }
            if gathered(&mut namespaces, &mut clusters).await.is_err() {
                return;
            }
        }
    });
}

type Hidden = BTreeSet<(ClusterId, String)>;

fn hidden(zones: &Zones, view: &View) -> Hidden {
    let registry = view.registry().pin();
    let all = registry.all_namespaces();
    let hides = |label: &[u8], homes: &[ClusterId], cluster: &ClusterId| {
        zones.exposes(label) && zones.fleet.hides(cluster, zones.fleet.namespace(label, homes))
    };
    all.iter()
        .flat_map(|(label, homes)| homes.iter().map(move |cluster| (label, homes, cluster)))
        .filter(|(label, homes, cluster)| hides(label, homes, cluster))
        .map(|(label, _, cluster)| (cluster.clone(), String::from_utf8_lossy(label).into_owned()))
        .collect()
}

/// Counts them for each cluster of now; the metrics forget those that left.
fn count(block: usize, view: &View, hidden: &Hidden, metrics: &Metrics) {
    for cluster in view.clusters() {
        let of = hidden.iter().filter(|(of, _)| *of == cluster);
        metrics.fleet.hidden(block, &cluster, of.count());
    }
}
