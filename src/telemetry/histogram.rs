//! How often something was how large, and how large in all.
//!
//! prometheus-client's own histogram has a lock, and takes values one by one. This one has neither a lock nor
//! that limit: what a worker counted by itself is added in one step ([`Histogram::add`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// A histogram. Clones are of the same.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The largest value of each bucket but the last, in their order.
    bounds: Box<[f64]>,
    /// How many values are in each bucket, and in none below it.
    buckets: Box<[AtomicU64]>,
    /// The sum of all values, as its bits.
    sum: AtomicU64,
}

impl Histogram {
    /// With these bounds, in their order, and a bucket for all that is larger.
    pub fn new(bounds: impl IntoIterator<Item = f64>) -> Self {
        let bounds: Box<[f64]> = bounds.into_iter().collect();
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::default()).collect();
        Histogram(Arc::new(Inner { bounds, buckets, sum: AtomicU64::new(0.0_f64.to_bits()) }))
    }

    /// Counts a value.
    pub fn observe(&self, value: f64) {
        self.0.buckets[bucket(&self.0.bounds, value)].fetch_add(1, Ordering::Relaxed);
        self.sum(value);
    }

    /// Counts values whose buckets are known: how many are in each, and their sum.
    pub fn add(&self, buckets: impl IntoIterator<Item = u64>, sum: f64) {
        for (bucket, more) in self.0.buckets.iter().zip(buckets) {
            bucket.fetch_add(more, Ordering::Relaxed);
        }
        self.sum(sum);
    }

    fn sum(&self, more: f64) {
        let sum = |bits| Some((f64::from_bits(bits) + more).to_bits());
        // It is tried until it works.
        let _ = self.0.sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum);
    }
}

/// The bucket that a value is in.
pub fn bucket(bounds: &[f64], value: f64) -> usize {
    bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len())
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let inner = &self.0;
        let bounds = inner.bounds.iter().copied().chain([f64::INFINITY]);
        let counts = inner.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = f64::from_bits(inner.sum.load(Ordering::Relaxed));
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::telemetry::exposition;

    #[test]
    fn values_are_in_the_first_bucket_that_holds_them() {
        let histogram = Histogram::new([1.0, 2.0]);
        [0.5, 1.0, 1.5, 9.0].into_iter().for_each(|value| histogram.observe(value));
        histogram.add([1, 0, 2], 20.5);
        let mut registry = Registry::default();
        registry.register("sizes", "Sizes", histogram);
        assert_eq!(
            exposition::page(&registry),
            "# HELP sizes Sizes.\n# TYPE sizes histogram\nsizes_sum 32.5\nsizes_count 7\n\
             sizes_bucket{le=\"1\"} 3\nsizes_bucket{le=\"2\"} 4\nsizes_bucket{le=\"+Inf\"} 7\n"
        );
    }
}
