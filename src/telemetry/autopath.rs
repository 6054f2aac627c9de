//! What `autopath` counts (CoreDNS, plugin/autopath/metrics.go).

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The counter.
#[derive(Debug, Default)]
pub struct AutopathCounters {
    success: Family<Server, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Server {
    server: Arc<str>,
}

impl AutopathCounters {
    /// Puts it on the page. The registry adds the full stop to the text and `_total` to the counter.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "coredns_autopath_success",
            "Counter of requests that did autopath",
            self.success.clone(),
        );
    }

    /// Counts a question to a server whose name was found on the search path.
    pub fn succeeded(&self, server: &Arc<str>) {
        self.success.get_or_create(&Server { server: server.clone() }).inc();
    }
}
