//! A page in Prometheus's text format, read for what dashboards see of it.

use std::collections::{BTreeMap, BTreeSet};

/// A page.
#[derive(Debug, Default)]
pub struct Page {
    families: BTreeMap<String, Family>,
    /// Labels and the last value of each name of a sample.
    series: BTreeMap<String, (BTreeSet<String>, f64)>,
}

/// What a family of metrics is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// The names of the labels, without `le`.
    pub labels: BTreeSet<String>,
    /// The bounds of a histogram's buckets, as they are written.
    pub bounds: BTreeSet<String>,
}

impl Page {
    pub fn read(text: &str) -> Self {
        let mut page = Page::default();
        for line in text.lines() {
            if let Some(declared) = line.strip_prefix("# TYPE ") {
                let (name, kind) = declared.split_once(' ').expect("a name and a type");
                page.families.entry(name.into()).or_default().kind = kind.into();
            } else if !line.starts_with('#') && !line.is_empty() {
                page.sample(line);
            }
        }
        // Families that are declared and have no sample are not there for anybody.
        page.families.retain(|name, family| {
            let suffix = if family.kind == "histogram" { "_count" } else { "" };
            page.series.contains_key(&format!("{name}{suffix}"))
        });
        page
    }

    fn sample(&mut self, line: &str) {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = pairs(labels.trim_end_matches('}'));
        let names: BTreeSet<String> = labels.iter().map(|(name, _)| name.clone()).collect();
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| {
            let family = name.strip_suffix(suffix)?;
            self.families.contains_key(family).then_some(family)
        });
        let family = self.families.entry(of_histogram.unwrap_or(name).into()).or_default();
        for (name, value) in labels {
            match name.as_str() {
                "le" => drop(family.bounds.insert(value)),
                _ => drop(family.labels.insert(name)),
            }
        }
        self.series.insert(name.into(), (names, value.parse().unwrap_or(f64::NAN)));
    }

    pub fn families(&self) -> impl Iterator<Item = (&str, &Family)> {
        self.families.iter().map(|(name, family)| (name.as_str(), family))
    }

    pub fn family(&self, name: &str) -> Option<&Family> {
        self.families.get(name)
    }

    /// The labels of the samples with this name.
    pub fn series(&self, name: &str) -> Option<&BTreeSet<String>> {
        self.series.get(name).map(|(labels, _)| labels)
    }

    /// The last value with this name; 0 where there is none.
    pub fn value(&self, name: &str) -> f64 {
        self.series.get(name).map_or(0.0, |(_, value)| *value)
    }
}

/// `name="value",...`, where values may hold escaped quotes.
fn pairs(mut text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    while let Some((name, rest)) = text.split_once("=\"") {
        let mut escaped = false;
        let end = rest.find(|letter| {
            let is_end = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            is_end
        });
        let (value, after) = rest.split_at(end.expect("a closing quote"));
        pairs.push((name.trim_start_matches(',').to_owned(), value.to_owned()));
        text = &after[1..];
    }
    pairs
}
