//! Reads the directive of `autopath`, and the file that it may name.

use std::fs;

use hickory_proto::rr::Name;

use super::{Autopath, NAME, Path};
use crate::corefile::{Diagnostic, Directive};
use crate::plugin::names;
use crate::plugin::setup::Setup;

const USAGE: &str = "autopath [ZONE...] RESOLV-CONF|@kubernetes";
/// The plugins that know their clients' search paths.
const PATHERS: [&str; 1] = ["kubernetes"];
/// What a plugin needs to know them.
const PODS: &str = "pods verified";

/// Reads `autopath [ZONE...] RESOLV-CONF|@kubernetes`.
///
/// # Errors
/// It stands twice, has no argument or a block, a word is no zone, the file cannot be read, or the plugin is
/// none of this block that has search paths.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    directive.no_block()?;
    let [zones @ .., source] = directive.args_within(1.., USAGE)? else {
        // One argument is at least one.
        return Ok(());
    };
    let mut zones = names::zones(zones)?;
    if zones.is_empty() {
        zones = setup.zones().iter().filter_map(|zone| names::parse(zone)).collect();
    }
    let path = match source.strip_prefix('@') {
        Some(plugin) => {
            let known = PATHERS.into_iter().find(|known| *known == plugin).ok_or_else(|| {
                source.error(
                    format!("the plugin '{plugin}' has no search paths"),
                    format!("write `{USAGE}`"),
                )
            })?;
            let directives = setup.directives(known);
            let Some(other) = directives.first() else {
                return Err(source.error(
                    format!("there is no {known} in this server block"),
                    format!("add it with `{PODS}`, or write `autopath RESOLV-CONF`"),
                ));
            };
            let says = |line: &crate::corefile::Line| {
                line.words.iter().map(|word| word.text.as_str()).eq(PODS.split(' '))
            };
            if !other.lines().iter().any(says) {
                // As in CoreDNS it starts, and hands all questions on.
                tracing::warn!("{NAME} does nothing: {known} has no line `{PODS}`");
            }
            Path::Of(known)
        }
        None => {
            let text = fs::read(&source.text).map_err(|error| {
                source.error(
                    format!("cannot read '{source}': {error}"),
                    "name a file like /etc/resolv.conf, or @kubernetes",
                )
            })?;
            Path::Known(search_path(&String::from_utf8_lossy(&text)))
        }
    };
    let metrics = setup.process.metrics.clone();
    let zones = zones.iter().map(names::wire).collect();
    setup.push(Autopath { zones, path, metrics });
    Ok(())
}

/// The search path of a file like /etc/resolv.conf: of its last `search` or `domain`, and the root. A word
/// that is no name keeps its place.
pub fn search_path(text: &str) -> Vec<Option<Name>> {
    let mut domains = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let most = match words.next() {
            Some("search") => usize::MAX,
            Some("domain") => 1,
            _ => continue,
        };
        let name = |word: &str| names::parse(&word.to_lowercase());
        domains = words.take(most).map(name).collect();
    }
    domains.push(Some(Name::root()));
    domains
}
