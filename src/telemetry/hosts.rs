//! What `hosts` tells of its files (CoreDNS, plugin/hosts/metrics.go).

use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The gauges.
#[derive(Debug, Default)]
pub struct HostsGauges {
    entries: Family<Of, Gauge>,
    read: Gauge<f64, AtomicU64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    hostsfile: String,
}

impl HostsGauges {
    /// Puts them on the page. The registry adds the full stop to each text.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "coredns_hosts_entries",
            "The combined number of entries in hosts and Corefile",
            self.entries.clone(),
        );
        registry.register(
            "coredns_hosts_reload_timestamp_seconds",
            "The timestamp of the last reload of hosts file",
            self.read.clone(),
        );
    }

    /// Says that a file was read: how many entries there are with those of the Corefile, and when it was
    /// written.
    pub fn read(&self, file: &str, entries: usize, written: SystemTime) {
        let of = Of { hostsfile: file.to_owned() };
        self.entries.get_or_create(&of).set(i64::try_from(entries).unwrap_or(i64::MAX));
        let written = written.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.read.set(written.as_secs_f64());
    }
}
