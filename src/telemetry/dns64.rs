//! What `dns64` counts (CoreDNS, plugin/dns64/metrics.go).

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The counter.
#[derive(Debug, Default)]
pub struct Dns64Counters {
    translated: Family<Server, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Server {
    server: Arc<str>,
}

impl Dns64Counters {
    /// Puts it on the page. The registry adds the full stop to the text and `_total` to the counter.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "coredns_dns64_requests_translated",
            "Counter of DNS requests translated by dns64",
            self.translated.clone(),
        );
    }

    /// Counts a question to a server whose reply was made of IPv4 addresses.
    pub fn translated(&self, server: &Arc<str>) {
        self.translated.get_or_create(&Server { server: server.clone() }).inc();
    }
}
