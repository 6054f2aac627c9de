//! What `template` counts (CoreDNS, plugin/template/metrics.go).

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// A question that a template takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Match {
    pub class: String,
    pub server: Arc<str>,
    pub r#type: String,
    pub view: Option<Arc<str>>,
    /// The zone of the template.
    pub zone: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    class: String,
    section: &'static str,
    server: Arc<str>,
    template: String,
    r#type: String,
    view: Option<Arc<str>>,
    zone: Arc<str>,
}

/// The counters.
#[derive(Debug, Default)]
pub struct TemplateCounters {
    matches: Family<Match, Counter>,
    template_failures: Family<Failure, Counter>,
    record_failures: Family<Failure, Counter>,
}

impl TemplateCounters {
    /// Puts them on the page. The registry adds the full stop to each text and `_total` to each counter.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "coredns_template_matches",
            "Counter of template regex matches",
            self.matches.clone(),
        );
        registry.register(
            "coredns_template_template_failures",
            "Counter of go template failures",
            self.template_failures.clone(),
        );
        registry.register(
            "coredns_template_rr_failures",
            "Counter of mis-templated RRs",
            self.record_failures.clone(),
        );
    }

    /// Counts a question.
    pub fn matched(&self, found: &Match) {
        self.matches.get_or_create(found).inc();
    }

    /// Counts a template, as Go spells it, of a section that did not become text.
    pub fn template_failed(&self, found: &Match, section: &'static str, template: String) {
        self.template_failures.get_or_create(&failure(found, section, template)).inc();
    }

    /// Counts a template whose text is no record.
    pub fn record_failed(&self, found: &Match, section: &'static str, template: String) {
        self.record_failures.get_or_create(&failure(found, section, template)).inc();
    }
}

fn failure(found: &Match, section: &'static str, template: String) -> Failure {
    let Match { class, server, r#type, view, zone } = found.clone();
    Failure { class, section, server, template, r#type, view, zone }
}
