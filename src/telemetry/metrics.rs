//! The metrics of the process under CoreDNS's names, labels and buckets.
//!
//! In: one [`Observation`] a question, and what the process knows of itself. Out: the text of
//! `/metrics`. One [`Metrics`] is shared by all server blocks and all addresses of `prometheus`. What the fast
//! path answers is counted by a [`tally`] of each worker.

pub mod tally;

use std::sync::Arc;
use std::time::Duration;

use super::histogram::Histogram;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::acl::AclCounters;
use super::autopath::AutopathCounters;
use super::buckets::{Bounds, TIMES, histograms};
use super::cache::CacheCounters;
use super::dns64::Dns64Counters;
use super::encrypted::EncryptedCounters;
use super::fleet::FleetMetrics;
use super::forward::ForwardCounters;
use super::health::HealthMetrics;
use super::hosts::HostsGauges;
use super::kubernetes::KUBERNETES;
use super::local::LocalCounters;
use super::process::ProcessNumbers;
use super::reload::ReloadMetrics;
use super::sentinel::SentinelMetrics;
use super::template::TemplateCounters;
use super::{build, exposition, mnemonic};

/// The zone of questions that are refused before a chain sees them.
pub const DROPPED: &str = "dropped";

/// Bounds of sizes in bytes.
const SIZES: [f64; 14] = [
    0.0, 100.0, 200.0, 300.0, 400.0, 511.0, 1023.0, 2047.0, 4095.0, 8291.0, 16e3, 32e3, 48e3, 64e3,
];

/// Types that are counted under their own name; those that are asked for most come first.
const COUNTED_TYPES: [(u16, &str); 19] = [
    (1, "A"),
    (28, "AAAA"),
    (33, "SRV"),
    (12, "PTR"),
    (65, "HTTPS"),
    (6, "SOA"),
    (2, "NS"),
    (16, "TXT"),
    (15, "MX"),
    (5, "CNAME"),
    (64, "SVCB"),
    (43, "DS"),
    (46, "RRSIG"),
    (47, "NSEC"),
    (48, "DNSKEY"),
    (50, "NSEC3"),
    (251, "IXFR"),
    (252, "AXFR"),
    (255, "ANY"),
];
/// All others.
const OTHER_TYPE: &str = "other";

/// A question that has been answered.
#[derive(Clone, Debug)]
pub struct Observation<'a> {
    /// `dns://:53`.
    pub server: &'a Arc<str>,
    /// The zone that was chosen, or [`DROPPED`].
    pub zone: &'a Arc<str>,
    /// The name of the block's view.
    pub view: Option<&'a Arc<str>>,
    /// `udp` or `tcp`.
    pub proto: &'static str,
    /// Whether the client's address is of IPv6.
    pub ipv6: bool,
    pub qtype: RecordType,
    /// Whether the client asked for DNSSEC records.
    pub dnssec_ok: bool,
    pub request_size: usize,
    /// [`super::uncompressed_len`] of the reply.
    pub response_size: usize,
    pub rcode: ResponseCode,
    /// The plugin that wrote the reply; empty where the server did.
    pub plugin: &'static str,
    pub duration: Duration,
}

/// All metrics. Labels stand in the order of the alphabet, as on CoreDNS's page.
#[derive(Debug)]
pub struct Metrics {
    /// Of the plugin `acl`.
    pub acl: AclCounters,
    /// Of the plugin `autopath`.
    pub autopath: AutopathCounters,
    /// Of the plugin `dns64`.
    pub dns64: Dns64Counters,
    /// Of the plugin `cache`.
    pub cache: CacheCounters,
    /// Of listeners of HTTPS and QUIC.
    pub encrypted: EncryptedCounters,
    /// Of the plugin `forward`.
    pub forward: ForwardCounters,
    /// Of the plugin `health`.
    pub health: HealthMetrics,
    registry: Registry,
    tallies: tally::Tallies,
    panics: Counter,
    plugin_enabled: Family<Enabled, Gauge>,
    requests: Family<Asked, Counter>,
    request_duration: Family<Served, Histogram, Bounds>,
    request_size: Family<Carried, Histogram, Bounds>,
    response_size: Family<Carried, Histogram, Bounds>,
    do_requests: Family<Served, Counter>,
    responses: Family<Answered, Counter>,
    /// Of the members of `fleet`.
    pub fleet: FleetMetrics,
    /// Of the plugin `reload`.
    pub reload: ReloadMetrics,
    /// Of the pools of `sentinel`.
    pub sentinel: SentinelMetrics,
    /// Of the plugin `hosts`.
    pub hosts: HostsGauges,
    /// Of the plugin `local`.
    pub local: LocalCounters,
    /// Of the plugin `template`.
    pub template: TemplateCounters,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Built {
    goversion: &'static str,
    revision: &'static str,
    version: &'static str,
}

/// That a plugin is in the chain of `zone`, the first key of a block, on `server`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Enabled {
    pub name: &'static str,
    pub server: Arc<str>,
    pub view: Option<Arc<str>>,
    pub zone: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    family: &'static str,
    proto: &'static str,
    server: Arc<str>,
    r#type: &'static str,
    view: Option<Arc<str>>,
    zone: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Served {
    server: Arc<str>,
    view: Option<Arc<str>>,
    zone: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Carried {
    proto: &'static str,
    server: Arc<str>,
    view: Option<Arc<str>>,
    zone: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    plugin: &'static str,
    rcode: Arc<str>,
    server: Arc<str>,
    view: Option<Arc<str>>,
    zone: Arc<str>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Metrics {
            acl: AclCounters::default(),
            autopath: AutopathCounters::default(),
            dns64: Dns64Counters::default(),
            cache: CacheCounters::default(),
            encrypted: EncryptedCounters::default(),
            forward: ForwardCounters::default(),
            health: HealthMetrics::default(),
            registry: Registry::default(),
            tallies: tally::Tallies::default(),
            panics: Counter::default(),
            plugin_enabled: Family::default(),
            requests: Family::default(),
            request_duration: histograms(TIMES),
            request_size: histograms(SIZES),
            response_size: histograms(SIZES),
            do_requests: Family::default(),
            responses: Family::default(),
            fleet: FleetMetrics::default(),
            reload: ReloadMetrics::default(),
            sentinel: SentinelMetrics::default(),
            hosts: HostsGauges::default(),
            local: LocalCounters::default(),
            template: TemplateCounters::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    /// The registry adds the full stop to each text and `_total` to each counter.
    fn register(&mut self) {
        let built = Family::<Built, Gauge>::default();
        built
            .get_or_create(&Built {
                goversion: build::TOOLCHAIN,
                revision: build::REVISION,
                version: build::VERSION,
            })
            .set(1);
        let registry = &mut self.registry;
        registry.register(
            "coredns_build_info",
            "A metric with a constant '1' value labeled by version, revision, and goversion (here of \
             Rust) from which fleetdns was built",
            built,
        );
        registry.register(
            "coredns_panics",
            "A metrics that counts the number of panics",
            self.panics.clone(),
        );
        registry.register(
            "coredns_plugin_enabled",
            "A metric that indicates whether a plugin is enabled on per server and zone basis",
            self.plugin_enabled.clone(),
        );
        registry.register(
            "coredns_dns_requests",
            "Counter of DNS requests made per zone, protocol and family",
            self.requests.clone(),
        );
        registry.register(
            "coredns_dns_request_duration_seconds",
            "Histogram of the time (in seconds) each request took per zone",
            self.request_duration.clone(),
        );
        registry.register(
            "coredns_dns_request_size_bytes",
            "Size of the EDNS0 UDP buffer in bytes (64K for TCP) per zone and protocol",
            self.request_size.clone(),
        );
        registry.register(
            "coredns_dns_response_size_bytes",
            "Size of the returned response in bytes",
            self.response_size.clone(),
        );
        registry.register(
            "coredns_dns_do_requests",
            "Counter of DNS requests with DO bit set per zone",
            self.do_requests.clone(),
        );
        registry.register(
            "coredns_dns_responses",
            "Counter of response status codes",
            self.responses.clone(),
        );
        self.fleet.register(registry);
        self.reload.register(registry);
        self.sentinel.register(registry);
        self.acl.register(registry);
        self.autopath.register(registry);
        self.dns64.register(registry);
        self.cache.register(registry);
        self.encrypted.register(registry);
        self.forward.register(registry);
        self.health.register(registry);
        KUBERNETES.register(registry);
        registry.register_collector(Box::new(ProcessNumbers));
        self.hosts.register(registry);
        self.local.register(registry);
        self.template.register(registry);
    }

    /// Counts a question and its answer.
    pub fn observe(&self, seen: &Observation<'_>) {
        let (server, view, zone) = (seen.server.clone(), seen.view.cloned(), seen.zone.clone());
        let served = Served { server: server.clone(), view: view.clone(), zone: zone.clone() };
        let proto = seen.proto;
        let carried =
            Carried { proto, server: server.clone(), view: view.clone(), zone: zone.clone() };
        let asked = Asked {
            family: if seen.ipv6 { "2" } else { "1" },
            proto,
            server: server.clone(),
            r#type: counted_type(seen.qtype),
            view: view.clone(),
            zone: zone.clone(),
        };
        let answered = Answered {
            plugin: seen.plugin,
            rcode: match mnemonic::rcode(seen.rcode) {
                Some(name) => name.into(),
                None => format!("RCODE{}", u16::from(seen.rcode)).into(),
            },
            server,
            view,
            zone,
        };
        if seen.dnssec_ok {
            self.do_requests.get_or_create(&served).inc();
        }
        self.requests.get_or_create(&asked).inc();
        self.request_duration.get_or_create(&served).observe(seen.duration.as_secs_f64());
        self.response_size.get_or_create(&carried).observe(seen.response_size as f64);
        self.request_size.get_or_create(&carried).observe(seen.request_size as f64);
        self.responses.get_or_create(&answered).inc();
    }

    /// Counts a panic that was caught.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// Says which plugins are in the chains of the Corefile, and that no others are.
    pub fn enabled(&self, all: &[Enabled]) {
        self.plugin_enabled.clear();
        for plugin in all {
            self.plugin_enabled.get_or_create(plugin).set(1);
        }
    }

    /// The page `/metrics` in Prometheus's text format 0.0.4.
    pub fn page(&self) -> String {
        self.gather();
        exposition::page(&self.registry)
    }
}

fn counted_type(qtype: RecordType) -> &'static str {
    COUNTED_TYPES.get(counted(qtype.into())).map_or(OTHER_TYPE, |(_, name)| name)
}

/// Where a type stands in [`COUNTED_TYPES`]; behind them where it does not.
fn counted(qtype: u16) -> usize {
    COUNTED_TYPES.iter().position(|(code, _)| *code == qtype).unwrap_or(COUNTED_TYPES.len())
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
