//! Bounds of histograms, which are CoreDNS's: dashboards and alerts name them.

use std::sync::Arc;

use super::histogram::Histogram;
use prometheus_client::metrics::family::{Family, MetricConstructor};

/// Seconds, each bound twice the one before (CoreDNS, plugin/plugin.go, `TimeBuckets`).
pub const TIMES: [f64; 16] = [
    0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024,
    2.048, 4.096, 8.192,
];
/// Seconds, for what is seldom measured (CoreDNS, plugin/plugin.go, `SlimTimeBuckets`).
pub const SLIM_TIMES: [f64; 5] = [0.00025, 0.0025, 0.025, 0.25, 2.5];
/// Seconds, the bounds of who chose none (Prometheus's client for Go, `DefBuckets`).
pub const DEFAULT_TIMES: [f64; 11] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Makes the histograms of a family.
#[derive(Clone, Debug)]
pub struct Bounds(Arc<[f64]>);

impl MetricConstructor<Histogram> for Bounds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// A family of histograms with these bounds.
pub fn histograms<L: Clone + std::hash::Hash + Eq>(
    bounds: impl IntoIterator<Item = f64>,
) -> Family<L, Histogram, Bounds> {
    Family::new_with_constructor(Bounds(bounds.into_iter().collect()))
}
