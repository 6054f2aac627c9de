//! What `health` measures of itself (CoreDNS, plugin/health/overloaded.go).

use std::time::Duration;

use super::histogram::Histogram;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::buckets::SLIM_TIMES;

/// How long the process takes to say that it is alive, and how often it does not say it.
#[derive(Debug)]
pub struct HealthMetrics {
    duration: Histogram,
    failures: Counter,
}

impl Default for HealthMetrics {
    fn default() -> Self {
        HealthMetrics { duration: Histogram::new(SLIM_TIMES), failures: Counter::default() }
    }
}

impl HealthMetrics {
    /// Puts them on the page. The registry adds the full stop to each text and `_total` to each counter.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "coredns_health_request_duration_seconds",
            "Histogram of the time (in seconds) each request took",
            self.duration.clone(),
        );
        registry.register(
            "coredns_health_request_failures",
            "The number of times the health check failed",
            self.failures.clone(),
        );
    }

    /// Counts a request to `/health`.
    pub fn asked(&self, took: Duration, failed: bool) {
        self.duration.observe(took.as_secs_f64());
        if failed {
            self.failures.inc();
        }
    }
}
