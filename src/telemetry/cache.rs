//! What `cache` counts (CoreDNS, plugin/cache/metrics.go).

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// In which of its two stores an answer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    Success,
    Denial,
}

impl Kept {
    /// The value of the label `type`.
    pub fn label(self) -> &'static str {
        match self {
            Kept::Success => "success",
            Kept::Denial => "denial",
        }
    }
}

/// Whose question it was.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    /// `dns://:53`.
    pub server: &'a Arc<str>,
    /// The zones of the plugin, with commas between them.
    pub zones: &'a Arc<str>,
    /// The name of the block's view.
    pub view: Option<&'a Arc<str>>,
}

/// The counters.
#[derive(Debug, Default)]
pub struct CacheCounters {
    entries: Family<Typed, Gauge>,
    requests: Family<Plain, Counter>,
    hits: Family<Typed, Counter>,
    misses: Family<Plain, Counter>,
    prefetches: Family<Plain, Counter>,
    drops: Family<Plain, Counter>,
    served_stale: Family<Plain, Counter>,
    evictions: Family<Typed, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Typed {
    server: Arc<str>,
    r#type: &'static str,
    view: Option<Arc<str>>,
    zones: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Plain {
    server: Arc<str>,
    view: Option<Arc<str>>,
    zones: Arc<str>,
}

impl Labels<'_> {
    fn plain(self) -> Plain {
        Plain { server: self.server.clone(), view: self.view.cloned(), zones: self.zones.clone() }
    }

    fn typed(self, kept: Kept) -> Typed {
        let Plain { server, view, zones } = self.plain();
        Typed { server, r#type: kept.label(), view, zones }
    }
}

impl CacheCounters {
    /// Puts them on the page. The registry adds the full stop to each text and `_total` to each counter.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "coredns_cache_entries",
            "The number of elements in the cache",
            self.entries.clone(),
        );
        registry.register(
            "coredns_cache_requests",
            "The count of cache requests",
            self.requests.clone(),
        );
        registry.register("coredns_cache_hits", "The count of cache hits", self.hits.clone());
        registry.register(
            "coredns_cache_misses",
            "The count of cache misses. Deprecated, derive misses from cache hits/requests counters",
            self.misses.clone(),
        );
        registry.register(
            "coredns_cache_prefetch",
            "The number of times the cache has prefetched a cached item",
            self.prefetches.clone(),
        );
        registry.register(
            "coredns_cache_drops",
            "The number responses that are not cached, because the reply is malformed",
            self.drops.clone(),
        );
        registry.register(
            "coredns_cache_served_stale",
            "The number of requests served from stale cache entries",
            self.served_stale.clone(),
        );
        registry.register(
            "coredns_cache_evictions",
            "The count of cache evictions",
            self.evictions.clone(),
        );
    }

    /// Counts a question, and where something was kept for it.
    pub fn asked(&self, found: Option<Kept>, labels: Labels<'_>) {
        self.asked_often(found, labels, 1);
    }

    /// Counts so many of them.
    pub fn asked_often(&self, found: Option<Kept>, labels: Labels<'_>, count: u64) {
        self.requests.get_or_create(&labels.plain()).inc_by(count);
        match found {
            Some(kept) => self.hits.get_or_create(&labels.typed(kept)).inc_by(count),
            None => self.misses.get_or_create(&labels.plain()).inc_by(count),
        };
    }

    /// Says how many entries a store has.
    pub fn holds(&self, kept: Kept, entries: usize, labels: Labels<'_>) {
        let entries = i64::try_from(entries).unwrap_or(i64::MAX);
        self.entries.get_or_create(&labels.typed(kept)).set(entries);
    }

    /// Counts an entry that gave its place to another one.
    pub fn evicted(&self, kept: Kept, labels: Labels<'_>) {
        self.evictions.get_or_create(&labels.typed(kept)).inc();
    }

    /// Counts a reply to another question.
    pub fn dropped(&self, labels: Labels<'_>) {
        self.drops.get_or_create(&labels.plain()).inc();
    }

    pub fn prefetched(&self, labels: Labels<'_>) {
        self.prefetches.get_or_create(&labels.plain()).inc();
    }

    pub fn served_stale(&self, labels: Labels<'_>) {
        self.served_stale.get_or_create(&labels.plain()).inc();
    }
}
