//! The metrics of the clusters of a fleet.
//!
//! In: a way to learn how the clusters are, which is asked at each scrape, and counted overlaps. Out:
//! series with the label `cluster`, of the clusters that there are at that moment. One that left has none.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

/// How a cluster is.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ClusterSample {
    pub is_up: bool,
    pub is_synced: bool,
    pub is_stale: bool,
    pub last_contact: Option<SystemTime>,
    /// Objects that are held, by the plural of their kind.
    pub objects: BTreeMap<&'static str, usize>,
    /// Claims of its ID that others made and that are not used.
    pub conflicts: usize,
    /// Claims of its ID that cannot be read or are refused.
    pub refused: usize,
    pub reconnects: u64,
}

/// The clusters by their IDs. One that is held several times, by `kubernetes` blocks that differ, is in it
/// as often.
type Ask = dyn Fn() -> Vec<(String, ClusterSample)> + Send + Sync;

/// What is known of each cluster.
#[derive(Clone, Default)]
pub struct FleetMetrics(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    ask: Option<Arc<Ask>>,
    /// Answers that an address of a cluster was left out of.
    overlaps: BTreeMap<String, u64>,
    /// Namespaces of a cluster that are not answered for.
    /// By server block and cluster.
    hidden: BTreeMap<(usize, String), u64>,
    /// Services that a cluster exports in another way than the set has them.
    export_conflicts: BTreeMap<String, u64>,
}

impl fmt::Debug for FleetMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetMetrics").finish_non_exhaustive()
    }
}

impl FleetMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.clone()));
    }

    /// How many namespaces of a cluster are hidden in a server block.
    pub fn hidden(&self, block: usize, cluster: &impl Display, number: usize) {
        self.known().hidden.insert((block, cluster.to_string()), number as u64);
    }

    /// Has `ask` asked at each scrape from now on.
    pub fn watch(&self, ask: impl Fn() -> Vec<(String, ClusterSample)> + Send + Sync + 'static) {
        self.known().ask = Some(Arc::new(ask));
    }

    /// How many exports of a cluster are in conflict.
    pub fn conflicts(&self, cluster: &impl Display, number: usize) {
        self.known().export_conflicts.insert(cluster.to_string(), number as u64);
    }

    /// Counts an answer that an address of a cluster was left out of.
    pub fn overlapped(&self, cluster: &impl Display) {
        *self.known().overlaps.entry(cluster.to_string()).or_default() += 1;
    }

    /// How each cluster is at present.
    fn clusters(&self) -> BTreeMap<String, ClusterSample> {
        let ask = self.known().ask.clone();
        let mut all: BTreeMap<String, ClusterSample> = BTreeMap::new();
        for (cluster, sample) in ask.iter().flat_map(|ask| ask()) {
            match all.get_mut(&cluster) {
                Some(known) => known.worsen(sample),
                None => drop(all.insert(cluster, sample)),
            }
        }
        all
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing that is half done could be seen behind the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClusterSample {
    /// Takes the worse of both, and adds up what is counted.
    fn worsen(&mut self, other: ClusterSample) {
        self.is_up &= other.is_up;
        self.is_synced &= other.is_synced;
        self.is_stale |= other.is_stale;
        self.last_contact = self.last_contact.min(other.last_contact);
        for (kind, count) in other.objects {
            *self.objects.entry(kind).or_default() += count;
        }
        // Both see the same claims, as a rule.
        self.conflicts = self.conflicts.max(other.conflicts);
        self.refused = self.refused.max(other.refused);
        self.reconnects += other.reconnects;
    }
}

impl Collector for FleetMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let clusters = self.clusters();
        let (overlaps, hidden, exports) = {
            let mut known = self.known();
            if known.ask.is_some() {
                known.overlaps.retain(|cluster, _| clusters.contains_key(cluster));
                known.hidden.retain(|(_, cluster), _| clusters.contains_key(cluster));
                known.export_conflicts.retain(|cluster, _| clusters.contains_key(cluster));
            }
            (known.overlaps.clone(), most(&known.hidden), known.export_conflicts.clone())
        };
        for (name, help, value) in GAUGES {
            let samples = clusters.iter();
            let samples = samples.filter_map(|(cluster, known)| Some((of(cluster), value(known)?)));
            family(&mut encoder, name, help, samples)?;
        }
        let objects = clusters.iter().flat_map(|(cluster, of)| {
            let labels = move |kind| vec![("cluster", cluster.as_str()), ("kind", kind)];
            of.objects.iter().map(move |(kind, count)| (labels(*kind), Value::Gauge(*count as u64)))
        });
        family(
            &mut encoder,
            "coredns_fleet_objects",
            "Objects of a cluster that are held, by their kind.",
            objects,
        )?;
        let reconnects = clusters.iter().map(|(cluster, of)| (cluster, of.reconnects));
        family(
            &mut encoder,
            "coredns_fleet_reconnects",
            "Counter of watches of a cluster that worked again after they failed, and of new credentials \
             that took over.",
            reconnects.map(|(cluster, count)| (of(cluster), Value::Counter(count))),
        )?;
        family(
            &mut encoder,
            "coredns_fleet_overlaps",
            "Counter of answers that an address of a member was left out of, as it is another's here.",
            overlaps.iter().map(|(cluster, count)| (of(cluster), Value::Counter(*count))),
        )?;
        family(
            &mut encoder,
            "coredns_fleet_hidden_namespaces",
            "Namespaces of a member that are not answered for, as they are named like top-level domains.",
            hidden.iter().map(|(cluster, count)| (of(cluster), Value::Gauge(*count))),
        )?;
        family(
            &mut encoder,
            "coredns_fleet_export_conflicts",
            "Services that a cluster exports in another way than the set of all clusters has them.",
            exports.iter().map(|(cluster, count)| (of(cluster), Value::Gauge(*count))),
        )
    }
}

/// The labels of a series of a cluster.
type Labels<'a> = Vec<(&'static str, &'a str)>;

fn of(cluster: &str) -> Labels<'_> {
    vec![("cluster", cluster)]
}

/// What a series says.
enum Value {
    Gauge(u64),
    Time(f64),
    Counter(u64),
}

type Measure = (&'static str, &'static str, fn(&ClusterSample) -> Option<Value>);

/// The gauges of one series for each cluster.
const GAUGES: [Measure; 6] = [
    ("coredns_fleet_up", "Whether the API server or folder of a cluster works at present.", |of| {
        Some(Value::Gauge(of.is_up.into()))
    }),
    (
        "coredns_fleet_synced",
        "Whether the first lists of a cluster are finished, so that its names are answered.",
        |of| Some(Value::Gauge(of.is_synced.into())),
    ),
    (
        "coredns_fleet_stale",
        "Whether what a cluster said last is answered although it is out of reach.",
        |of| Some(Value::Gauge(of.is_stale.into())),
    ),
    (
        "coredns_fleet_last_contact_timestamp_seconds",
        "Unix time at which the API server of a cluster was last heard, or its folder read.",
        |of| Some(Value::Time(of.last_contact?.duration_since(UNIX_EPOCH).ok()?.as_secs_f64())),
    ),
    (
        "coredns_fleet_conflicts",
        "Claims of the ID of a cluster by other sources, which are not used.",
        |of| Some(Value::Gauge(of.conflicts as u64)),
    ),
    (
        "coredns_fleet_refused",
        "Claims of the ID of a cluster whose kubeconfig is refused or cannot be read.",
        |of| Some(Value::Gauge(of.refused as u64)),
    ),
];

/// Writes a family, unless it has no series.
fn family<'a>(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    samples: impl Iterator<Item = (Labels<'a>, Value)>,
) -> fmt::Result {
    let mut samples = samples.peekable();
    let kind = match samples.peek() {
        None => return Ok(()),
        Some((_, Value::Counter(_))) => MetricType::Counter,
        Some(_) => MetricType::Gauge,
    };
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for (labels, value) in samples {
        let mut series = family.encode_family(&labels)?;
        match value {
            Value::Gauge(number) => series.encode_gauge(&number)?,
            Value::Time(seconds) => series.encode_gauge(&seconds)?,
            Value::Counter(number) => series.encode_counter::<NoLabelSet, _, u64>(&number, None)?,
        }
    }
    Ok(())
}

/// Of the server blocks that say something of a cluster the one that says most.
fn most(all: &BTreeMap<(usize, String), u64>) -> BTreeMap<String, u64> {
    let mut most: BTreeMap<String, u64> = BTreeMap::new();
    for ((_, cluster), number) in all {
        let known = most.entry(cluster.clone()).or_default();
        *known = (*known).max(*number);
    }
    most
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
