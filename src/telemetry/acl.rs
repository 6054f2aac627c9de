//! What `acl` counts (CoreDNS, plugin/acl/metrics.go).

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What became of a question, and in which zone of the rule that says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict<'a> {
    Blocked(&'a Arc<str>),
    Filtered(&'a Arc<str>),
    Dropped(&'a Arc<str>),
    /// By a rule, or because there is none.
    Allowed,
}

/// The counters.
#[derive(Debug, Default)]
pub struct AclCounters {
    blocked: Family<Stopped, Counter>,
    filtered: Family<Stopped, Counter>,
    dropped: Family<Stopped, Counter>,
    allowed: Family<Allowed, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stopped {
    server: Arc<str>,
    view: Option<Arc<str>>,
    zone: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Allowed {
    server: Arc<str>,
    view: Option<Arc<str>>,
}

impl AclCounters {
    /// Puts them on the page. The registry adds the full stop to each text and `_total` to each counter.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "coredns_acl_blocked_requests",
            "Counter of DNS requests being blocked",
            self.blocked.clone(),
        );
        registry.register(
            "coredns_acl_filtered_requests",
            "Counter of DNS requests being filtered",
            self.filtered.clone(),
        );
        registry.register(
            "coredns_acl_allowed_requests",
            "Counter of DNS requests being allowed",
            self.allowed.clone(),
        );
        registry.register(
            "coredns_acl_dropped_requests",
            "Counter of DNS requests being dropped",
            self.dropped.clone(),
        );
    }

    /// Counts a question to a server.
    pub fn count(&self, verdict: Verdict<'_>, server: &Arc<str>, view: Option<&Arc<str>>) {
        let (server, view) = (server.clone(), view.cloned());
        let (stopped, zone) = match verdict {
            Verdict::Blocked(zone) => (&self.blocked, zone),
            Verdict::Filtered(zone) => (&self.filtered, zone),
            Verdict::Dropped(zone) => (&self.dropped, zone),
            Verdict::Allowed => {
                self.allowed.get_or_create(&Allowed { server, view }).inc();
                return;
            }
        };
        stopped.get_or_create(&Stopped { server, view, zone: zone.clone() }).inc();
    }
}
