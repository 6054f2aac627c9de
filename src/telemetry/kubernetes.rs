//! What is counted of API servers and of what they say (CoreDNS, plugin/kubernetes/metrics.go and
//! plugin/kubernetes/object/metrics.go).

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::histogram::Histogram;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::buckets::{Bounds, DEFAULT_TIMES, histograms};

/// The numbers of the process: clients of API servers outlive what is configured, as in CoreDNS.
pub static KUBERNETES: LazyLock<KubernetesMetrics> = LazyLock::new(KubernetesMetrics::default);

/// The numbers.
#[derive(Debug)]
pub struct KubernetesMetrics {
    latency: Family<Asked, Histogram, Bounds>,
    throttled: Family<Asked, Histogram, Bounds>,
    results: Family<Answered, Counter>,
    programming: Family<Programmed, Histogram, Bounds>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    host: Arc<str>,
    verb: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    code: Arc<str>,
    host: Arc<str>,
    method: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Programmed {
    service_kind: &'static str,
}

impl Default for KubernetesMetrics {
    fn default() -> Self {
        KubernetesMetrics {
            latency: histograms(DEFAULT_TIMES),
            throttled: histograms(DEFAULT_TIMES),
            results: Family::default(),
            // From a millisecond to some 17 minutes.
            programming: histograms((0..20).map(|n| 0.001 * 2f64.powi(n))),
        }
    }
}

impl KubernetesMetrics {
    /// Puts them on the page. The registry adds the full stop to each text and `_total` to each counter.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "coredns_kubernetes_rest_client_request_duration_seconds",
            "Request latency in seconds. Broken down by verb and host",
            self.latency.clone(),
        );
        registry.register(
            "coredns_kubernetes_rest_client_rate_limiter_duration_seconds",
            "Client side rate limiter latency in seconds. Broken down by verb and host",
            self.throttled.clone(),
        );
        registry.register(
            "coredns_kubernetes_rest_client_requests",
            "Number of HTTP requests, partitioned by status code, method, and host",
            self.results.clone(),
        );
        registry.register(
            "coredns_kubernetes_dns_programming_duration_seconds",
            "Histogram of the time (in seconds) it took to program a dns instance",
            self.programming.clone(),
        );
    }

    /// Counts a request to an API server and the code that it answered with, `<error>` for none.
    pub fn answered(&self, host: &Arc<str>, method: &str, code: &str) {
        let (host, method, code) = (host.clone(), method.into(), code.into());
        self.results.get_or_create(&Answered { code, host, method }).inc();
    }

    /// Measures a request other than a watch, whose answer has no end.
    pub fn took(&self, host: &Arc<str>, method: &str, time: Duration) {
        let labels = Asked { host: host.clone(), verb: method.into() };
        self.latency.get_or_create(&labels).observe(time.as_secs_f64());
    }

    /// Measures how long a request waited for the limits of its client.
    pub fn waited(&self, host: &Arc<str>, method: &str, time: Duration) {
        let labels = Asked { host: host.clone(), verb: method.into() };
        self.throttled.get_or_create(&labels).observe(time.as_secs_f64());
    }

    /// Measures the time from a change of endpoints to its being answered.
    pub fn programmed(&self, headless: bool, time: Duration) {
        let service_kind = if headless { "headless_with_selector" } else { "cluster_ip" };
        self.programming.get_or_create(&Programmed { service_kind }).observe(time.as_secs_f64());
    }
}
