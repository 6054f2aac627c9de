//! Where clusters do not agree on what they export.
//!
//! In: exported Services, at each change. Out: a line in the log for each conflict, and how many there are
//! of each cluster.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::{info, warn};

use super::view::gathered;
use super::{View, Zones};
use crate::plugin::background::Background;
use crate::telemetry::Metrics;
use crate::zone::clusterset::Conflict;

/// Conflicts that are logged at once.
const LINES: usize = 100;

/// Looks at what the clusters of these zones export.
pub fn start(zones: Arc<Zones>, view: Arc<View>, metrics: Arc<Metrics>, background: &Background) {
    background.spawn(async move {
        // Which export is the oldest is not known before all are.
        view.local().await;
        view.members().await;
        let mut exports = view.registry().exports();
        let mut clusters = view.changes();
        let mut said = BTreeSet::new();
        loop {
            let found: BTreeSet<Conflict> = zones.conflicts(view.registry()).into_iter().collect();
            say(&said, &found);
            count(&view, &found, &metrics);
            said = found;
            if gathered(&mut exports, &mut clusters).await.is_err() {
                return;
            }
        }
    });
}

fn say(before: &BTreeSet<Conflict>, now: &BTreeSet<Conflict>) {
    let mut new = now.difference(before);
    for conflict in new.by_ref().take(LINES) {
        warn!("{conflict}: the oldest export decides the type, and ports are joined");
    }
    if let more @ 1.. = new.count() {
        warn!("and {more} more Services are exported in different ways");
    }
    if now.is_empty() && !before.is_empty() {
        info!("all clusters agree on what they export");
    }
}

/// Counts them for each cluster of now; the metrics forget those that left.
fn count(view: &View, conflicts: &BTreeSet<Conflict>, metrics: &Metrics) {
    for cluster in view.clusters() {
        let of = conflicts.iter().filter(|conflict| conflict.cluster == cluster);
        metrics.fleet.conflicts(&cluster, of.count());
    }
}
