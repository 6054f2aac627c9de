//! From a registry to Prometheus's text format 0.0.4, which is what a scraper of CoreDNS gets.
//!
//! prometheus-client writes OpenMetrics. That differs in three things that matter: `HELP` and `TYPE`
//! of a counter name it without `_total`, bounds of buckets have a fraction (`le="100.0"`: another
//! series than CoreDNS's `le="100"`), and the page ends with `# EOF`.

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

/// The page of all families that have a value.
pub fn page(registry: &Registry) -> String {
    let mut open_metrics = String::new();
    // Writing to a String cannot fail, and no metric of ours refuses to be encoded.
    let _ = text::encode_registry(&mut open_metrics, registry);
    convert(&open_metrics)
}

/// Rewrites a page of OpenMetrics.
fn convert(open_metrics: &str) -> String {
    let mut page = String::with_capacity(open_metrics.len() + 256);
    let mut lines = open_metrics.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            // A HELP line is always followed by the TYPE of the same family.
            let kind = lines.next().and_then(|line| line.rsplit_once(' ')).unwrap_or_default().1;
            family(&mut page, help, kind);
        } else if !line.starts_with('#') {
            page.push_str(&bound(line));
            page.push('\n');
        }
    }
    page
}

fn family(page: &mut String, help: &str, kind: &str) {
    let (name, help) = help.split_once(' ').unwrap_or((help, ""));
    let suffix = if kind == "counter" { "_total" } else { "" };
    page.push_str(&format!("# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n"));
}

/// A sample whose bound, if it has one, is a whole number without a fraction.
fn bound(line: &str) -> String {
    // `le` is the first label, for prometheus-client writes it before those of the family.
    let Some((before, rest)) = line.split_once("{le=\"") else { return line.to_owned() };
    let Some((bound, after)) = rest.split_once('"') else { return line.to_owned() };
    let bound = bound.strip_suffix(".0").unwrap_or(bound);
    format!("{before}{{le=\"{bound}\"{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewrites_counters_bounds_and_end() {
        let open_metrics = "# HELP a Things.\n# TYPE a counter\na_total{x=\"le=\\\"1.0\"} 1\n\
            # HELP b Sizes.\n# TYPE b histogram\nb_sum{z=\".\"} 3.0\nb_count{z=\".\"} 1\n\
            b_bucket{le=\"100.0\",z=\".\"} 1\nb_bucket{le=\"0.5\",z=\".\"} 0\n\
            b_bucket{le=\"+Inf\",z=\".\"} 1\n# EOF\n";
        assert_eq!(
            convert(open_metrics),
            "# HELP a_total Things.\n# TYPE a_total counter\na_total{x=\"le=\\\"1.0\"} 1\n\
             # HELP b Sizes.\n# TYPE b histogram\nb_sum{z=\".\"} 3.0\nb_count{z=\".\"} 1\n\
             b_bucket{le=\"100\",z=\".\"} 1\nb_bucket{le=\"0.5\",z=\".\"} 0\n\
             b_bucket{le=\"+Inf\",z=\".\"} 1\n"
        );
    }
}
