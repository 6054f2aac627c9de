//! Namespaces of members that are not answered for, as they are named like top-level domains.
//!
//! In: which namespaces there are, at each change. Out: a line in the log for each that is hidden, and how
//! many there are of each cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::{Served, View, Zones};
use crate::cluster::ClusterId;
use crate::telemetry::Metrics;

/// How long changes are gathered: lists come in pieces.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks at the namespaces of one server block's clusters, on the current runtime and as long as that runs.
/// Of several blocks each has a `number`.
pub fn start(number: usize, served: Served, metrics: Arc<Metrics>) {
    tokio::spawn(async move {
        let Served { zones, view, .. } = served;
        let mut namespaces = view.registry().spaces();
        let mut clusters = view.changes();
        let mut said = BTreeSet::new();
        let mut counted = BTreeSet::new();
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
                counted = count(number, &view, &hidden, &counted, &metrics);
                said = hidden;
            }
            let changed = async {
                tokio::select! {
                    changed = namespaces.changed() => changed,
                    changed = clusters.changed() => changed,
                }
            };
            // Both senders live as long as the view.
            if changed.await.is_err() {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
}

type Hidden = BTreeSet<(ClusterId, String)>;

fn hidden(zones: &Zones, view: &View) -> Hidden {
    let all = view.registry().all_namespaces();
    let hides = |label: &[u8], homes: &[ClusterId], cluster: &ClusterId| {
        zones.exposes(label) && zones.fleet.hides(cluster, label, homes)
    };
    all.iter()
        .flat_map(|(label, homes)| homes.iter().map(move |cluster| (label, homes, cluster)))
        .filter(|(label, homes, cluster)| hides(label, homes, cluster))
        .map(|(label, _, cluster)| (cluster.clone(), String::from_utf8_lossy(label).into_owned()))
        .collect()
}

/// Counts them for each cluster of now, and forgets the clusters that left.
fn count(
    block: usize,
    view: &View,
    hidden: &Hidden,
    before: &BTreeSet<ClusterId>,
    metrics: &Metrics,
) -> BTreeSet<ClusterId> {
    let clusters: BTreeSet<ClusterId> = view.clusters().into_iter().collect();
    let mut numbers: BTreeMap<&ClusterId, usize> = clusters.iter().map(|id| (id, 0)).collect();
    for (cluster, _) in hidden {
        numbers.entry(cluster).and_modify(|number| *number += 1);
    }
    numbers.iter().for_each(|(cluster, number)| metrics.fleet.hidden(block, cluster, *number));
    before.difference(&clusters).for_each(|gone| metrics.fleet.forget_hidden(block, gone));
    clusters
}
