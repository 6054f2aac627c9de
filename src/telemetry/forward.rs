//! What `forward` counts (CoreDNS, plugin/forward/metrics.go and plugin/pkg/proxy/metrics.go).

use std::sync::Arc;
use std::time::Duration;

use super::histogram::Histogram;
use hickory_proto::op::ResponseCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::buckets::{Bounds, TIMES, histograms};
use super::mnemonic;

/// The value of `proxy_name`.
const NAME: &str = "forward";

/// The counters.
#[derive(Clone, Debug)]
pub struct ForwardCounters {
    /// Questions for which every upstream was down.
    pub broken: Counter,
    /// Questions beyond `max_concurrent`.
    pub rejected: Counter,
    durations: Family<Replied, Histogram, Bounds>,
    unwell: Family<To, Counter>,
    hits: Family<Opened, Counter>,
    misses: Family<Opened, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Replied {
    proxy_name: &'static str,
    rcode: Arc<str>,
    to: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct To {
    proxy_name: &'static str,
    to: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Opened {
    proto: &'static str,
    proxy_name: &'static str,
    to: Arc<str>,
}

impl Default for ForwardCounters {
    fn default() -> Self {
        ForwardCounters {
            broken: Counter::default(),
            rejected: Counter::default(),
            durations: histograms(TIMES),
            unwell: Family::default(),
            hits: Family::default(),
            misses: Family::default(),
        }
    }
}

impl ForwardCounters {
    /// Puts them on the page. The registry adds the full stop to each text and `_total` to each counter.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "coredns_forward_healthcheck_broken",
            "Counter of the number of complete failures of the healthchecks",
            self.broken.clone(),
        );
        registry.register(
            "coredns_forward_max_concurrent_rejects",
            "Counter of the number of queries rejected because the concurrent queries were at maximum",
            self.rejected.clone(),
        );
        registry.register(
            "coredns_proxy_request_duration_seconds",
            "Histogram of the time each request took",
            self.durations.clone(),
        );
        registry.register(
            "coredns_proxy_healthcheck_failures",
            "Counter of the number of failed healthchecks",
            self.unwell.clone(),
        );
        registry.register(
            "coredns_proxy_conn_cache_hits",
            "Counter of connection cache hits per upstream and protocol",
            self.hits.clone(),
        );
        registry.register(
            "coredns_proxy_conn_cache_misses",
            "Counter of connection cache misses per upstream and protocol",
            self.misses.clone(),
        );
    }
}

/// What is counted of one upstream.
#[derive(Clone, Debug)]
pub struct Upstream {
    counters: ForwardCounters,
    to: Arc<str>,
}

impl Upstream {
    /// Of the upstream `to`: `10.0.0.1:53`.
    pub fn new(counters: &ForwardCounters, to: Arc<str>) -> Self {
        Upstream { counters: counters.clone(), to }
    }

    /// Counts a reply.
    pub fn replied(&self, rcode: ResponseCode, took: Duration) {
        let rcode = match mnemonic::rcode(rcode) {
            Some(name) => name.into(),
            None => u16::from(rcode).to_string().into(),
        };
        let labels = Replied { proxy_name: NAME, rcode, to: self.to.clone() };
        self.counters.durations.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Counts a health check that failed.
    pub fn unwell(&self) {
        let labels = To { proxy_name: NAME, to: self.to.clone() };
        self.counters.unwell.get_or_create(&labels).inc();
    }

    /// Counts a question for which there was a connection. `proto` is `udp`, `tcp`, `tcp-tls` or `quic`.
    pub fn hit(&self, proto: &'static str) {
        self.counters.hits.get_or_create(&self.opened(proto)).inc();
    }

    /// Counts a question for which a connection is opened.
    pub fn miss(&self, proto: &'static str) {
        self.counters.misses.get_or_create(&self.opened(proto)).inc();
    }

    fn opened(&self, proto: &'static str) -> Opened {
        Opened { proto, proxy_name: NAME, to: self.to.clone() }
    }
}
