//! What `local` counts (CoreDNS, plugin/local/metrics.go).

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// The counter. It has no labels, as in CoreDNS.
#[derive(Debug, Default)]
pub struct LocalCounters {
    intercepted: Counter,
}

impl LocalCounters {
    /// Puts it on the page. The registry adds the full stop to the text and `_total` to the counter.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "coredns_local_localhost_requests",
            "Counter of special localhost subdomain requests",
            self.intercepted.clone(),
        );
    }

    /// Counts a question for a name below `localhost`, or one that begins with it.
    pub fn intercepted(&self) {
        self.intercepted.inc();
    }
}
