//! Reads the directive of `k8s_external`.

use hickory_proto::rr::Name;

use super::{External, NAME};
use crate::corefile::{Diagnostic, Directive, parse_number};
use crate::plugin::setup::Setup;
use crate::plugin::{kubernetes, names};

const OPTIONS: [&str; 4] = ["apex", "fallthrough", "headless", "ttl"];
/// Seconds that records are kept.
const TTL: u32 = 5;
const MOST_TTL: u32 = 3600;
/// The label of the zone's own names.
const APEX: &str = "dns";

/// Reads `k8s_external [ZONE...] { apex APEX; ttl SECONDS; headless; fallthrough [ZONE...] }`.
///
/// # Errors
/// It stands twice, there is no `kubernetes` beside it, or a word is no zone, option, name or TTL.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    let mut zones = names::zones(&directive.args)?;
    if zones.is_empty() {
        zones = setup.zones().iter().filter_map(|zone| names::parse(zone)).collect();
    }
    let (mut apex, mut ttl) = (names::parse(APEX).unwrap_or_default(), TTL);
    let (mut headless, mut fallthrough) = (false, Vec::new());
    for line in directive.lines() {
        match line.name().text.as_str() {
            "apex" => {
                let word = line.one_arg("apex APEX")?;
                apex = names::parse(word).filter(|name| !name.is_root()).ok_or_else(|| {
                    word.error(
                        format!("'{word}' is no name"),
                        "write the first label of the zone's own names, e.g. dns",
                    )
                })?;
            }
            "ttl" => {
                let word = line.one_arg("ttl SECONDS")?;
                ttl = parse_number(word, "TTL in seconds", 0..=MOST_TTL)?;
            }
            "headless" => {
                line.no_args()?;
                headless = true;
            }
            "fallthrough" => {
                fallthrough = names::zones_or_all(line.args_within(.., "fallthrough [ZONE...]")?)?;
            }
            _ => return Err(line.unknown(NAME, &OPTIONS)),
        }
    }
    let block = setup.block;
    let Some(clusters) = kubernetes::clusters(setup, block)? else {
        return Err(directive.name.error(
            "there is no kubernetes in this server block, of whose Services k8s_external tells",
            "add kubernetes, or take k8s_external out",
        ));
    };
    let (kubernetes, view) = (clusters.zones, clusters.view);
    let first = zones.first().cloned().unwrap_or_else(Name::root);
    zones.sort_by_key(|zone| std::cmp::Reverse(zone.num_labels()));
    setup.push(External {
        wire_zones: zones.iter().map(names::wire).collect(),
        zones,
        first: first.to_lowercase(),
        apex,
        ttl,
        headless,
        fallthrough,
        kubernetes,
        view,
    });
    Ok(())
}
