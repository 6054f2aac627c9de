//! `metadata`: what the plugins behind know about a question, for plugins that write it down or decide by
//! it (CoreDNS, plugin/metadata).
//!
//! In: a question in one of its zones. Out: the same question with the [`Values`] that
//! [`Plugin::metadata`] of every plugin behind gives, to which they may add on the way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hickory_proto::rr::Name;

use super::setup::Setup;
use super::{Next, Outcome, Plugin, Request, names};
use crate::corefile::{Diagnostic, Directive};

const NAME: &str = "metadata";

/// Values by label, such as `kubernetes/service`.
pub type Values = BTreeMap<String, String>;

/// What is known about a question on its way: more and more.
#[derive(Debug, Default)]
pub struct Known(Mutex<Values>);

impl Known {
    pub fn get(&self, label: &str) -> Option<String> {
        self.lock().get(label).cloned()
    }

    /// All of it, as it is now.
    pub fn values(&self) -> Values {
        self.lock().clone()
    }

    /// Adds a value, or replaces it.
    pub fn say(&self, label: &str, value: &str) {
        self.lock().insert(label.to_owned(), value.to_owned());
    }

    fn lock(&self) -> MutexGuard<'_, Values> {
        // Whoever panics with the lock leaves whole values behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Values> for Known {
    fn from(values: Values) -> Self {
        Known(Mutex::new(values))
    }
}

/// The plugin.
pub struct Metadata {
    zones: Vec<Name>,
}

/// Reads `metadata [ZONE...]`; without a zone it takes those of the server block.
///
/// # Errors
/// It stands twice, has a block, or a word is no zone.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    if let Some(line) = directive.lines().first() {
        return Err(line.unknown(NAME, &[]));
    }
    let named = names::zones(&directive.args)?;
    let zones = if named.is_empty() {
        setup.zones().iter().filter_map(|zone| names::parse(zone)).collect()
    } else {
        named
    };
    setup.push(Metadata { zones });
    Ok(())
}

#[async_trait]
impl Plugin for Metadata {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        // Where it stands, plugins may add values of names outside of its zones, too.
        let values = match self.collects(request) {
            true => of_plugins(next.plugins(), request),
            false => Values::new(),
        };
        let request = Request { metadata: Some(Arc::new(values.into())), ..request.clone() };
        next.run(NAME, &request).await
    }

    fn collects(&self, request: &Request) -> bool {
        names::within(&self.zones, request.qname())
    }
}

/// What a chain knows about a question that it may not get: nothing where it has no `metadata` for it.
pub fn collect(chain: &[Arc<dyn Plugin>], request: &Request) -> Values {
    let mut plugins = chain.iter().map(Arc::as_ref);
    match plugins.find(|plugin| plugin.collects(request)) {
        Some(_) => of_plugins(plugins, request),
        None => Values::new(),
    }
}

fn of_plugins<'a>(plugins: impl Iterator<Item = &'a dyn Plugin>, request: &Request) -> Values {
    let mut values = Values::new();
    plugins.for_each(|plugin| plugin.metadata(request, &mut values));
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing;

    #[test]
    fn reads_its_words() {
        for (lines, expected) in [
            ("metadata", Ok(". 1")),
            ("metadata a.test b.test", Ok("a.test. 2")),
            ("metadata a..b", Err("a..b")),
            ("metadata {\nx\n}", Err("metadata takes no properties")),
            ("metadata\nmetadata", Err("used twice")),
        ] {
            testing::check(lines, NAME, setup, expected, |chain, _| {
                assert_eq!(chain.plugins.len(), 1);
                let zones = lines.split_whitespace().skip(1).collect::<Vec<_>>();
                match zones.first() {
                    Some(first) => format!("{first}. {}", zones.len()),
                    None => ". 1".into(),
                }
            });
        }
    }
}
