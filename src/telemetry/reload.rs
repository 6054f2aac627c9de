//! What `reload` counts (CoreDNS, plugin/reload/metrics.go).

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The metrics.
#[derive(Debug, Default)]
pub struct ReloadMetrics {
    failed: Counter,
    version: Family<Version, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Version {
    hash: &'static str,
    value: String,
}

impl ReloadMetrics {
    /// Puts them on the page. The registry adds the full stop to each text and `_total` to each counter.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "coredns_reload_failed",
            "Counter of the number of failed reload attempts",
            self.failed.clone(),
        );
        registry.register(
            "coredns_reload_version_info",
            "A metric with a constant '1' value labeled by hash, and value which type of hash generated",
            self.version.clone(),
        );
    }

    /// A Corefile could not be taken.
    pub fn failed(&self) {
        self.failed.inc();
    }

    /// The Corefile has changed to this checksum.
    pub fn changed(&self, checksum: &str) {
        self.version.clear();
        let value = checksum.to_owned();
        self.version.get_or_create(&Version { hash: "sha512", value }).set(1);
    }
}
