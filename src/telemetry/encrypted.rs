//! What encrypted listeners count (CoreDNS, plugin/metrics/vars/vars.go).

use http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The counters.
#[derive(Debug, Default)]
pub struct EncryptedCounters {
    https: Family<Answered, Counter>,
    quic: Family<Answered, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    server: String,
    status: String,
}

impl EncryptedCounters {
    /// Puts them on the page. The registry adds the full stop to each text and `_total` to each counter.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "coredns_dns_https_responses",
            "Counter of DoH responses per server and http status code",
            self.https.clone(),
        );
        registry.register(
            "coredns_dns_quic_responses",
            "Counter of DoQ responses per server and QUIC application code",
            self.quic.clone(),
        );
    }

    /// An answer over HTTPS.
    pub fn https(&self, server: &str, status: StatusCode) {
        let status = status.as_u16().to_string();
        self.https.get_or_create(&Answered { server: server.into(), status }).inc();
    }

    /// A question over QUIC that ended with an error code.
    pub fn quic(&self, server: &str, code: u32) {
        let status = format!("{code:#x}");
        self.quic.get_or_create(&Answered { server: server.into(), status }).inc();
    }
}
