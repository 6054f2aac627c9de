//! The words of `loadbalance`.

use std::time::Duration;

use ipnet::IpNet;
use tracing::warn;

use super::weights::{WeightError, WeightFile};
use super::{LoadBalance, NAME, Policy};
use crate::corefile::{Diagnostic, Directive, Token, parse_duration};
use crate::plugin::setup::Setup;

const POLICIES: [&str; 2] = ["round_robin", "weighted"];
const USAGE: &str = "loadbalance [round_robin | weighted WEIGHTFILE]";
const RELOAD: Duration = Duration::from_secs(30);

/// Reads `loadbalance [round_robin] { prefer CIDR... }` or `loadbalance weighted WEIGHTFILE { reload
/// DURATION }`.
///
/// # Errors
/// A wrong word, or a file of weights that is wrong; one that cannot be opened may come later if it is read
/// again.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    let file = match directive.args_within(..=2, USAGE)? {
        [] => None,
        [policy] if policy.text == "round_robin" => None,
        [policy, file] if policy.text == "weighted" => Some(file),
        [policy, ..] if POLICIES.contains(&policy.text.as_str()) => {
            return Err(policy.error(
                format!("wrong arguments of the policy {policy}"),
                format!("write `{USAGE}`"),
            ));
        }
        [policy, ..] => return Err(policy.unknown("policy of loadbalance", &POLICIES)),
    };
    let (mut reload, mut prefer) = (RELOAD, Vec::new());
    for line in directive.lines() {
        match line.name().text.as_str() {
            "prefer" if file.is_none() => {
                for word in line.args_within(1.., "prefer CIDR...")? {
                    prefer.push(network(word)?);
                }
            }
            "reload" if file.is_some() => {
                reload = parse_duration(line.one_arg("reload DURATION")?)?;
            }
            _ => {
                let known = if file.is_some() { "reload" } else { "prefer" };
                return Err(line.unknown(NAME, &[known]));
            }
        }
    }
    let policy = match file {
        None => Policy::Shuffle,
        Some(word) => {
            let file = WeightFile::new(setup.path(word));
            read(word, &file, reload)?;
            Policy::Weighted { file, reload }
        }
    };
    setup.push(LoadBalance { policy, prefer });
    Ok(())
}

/// A network with its length, as Go wants it.
fn network(word: &Token) -> Result<IpNet, Diagnostic> {
    word.text.parse().map(|network: IpNet| network.trunc()).map_err(|_| {
        word.error(format!("'{word}' is no network"), "write e.g. 10.0.0.0/8 or 2001:db8::/32")
    })
}

fn read(word: &Token, file: &WeightFile, reload: Duration) -> Result<(), Diagnostic> {
    match file.read() {
        Ok(()) => Ok(()),
        Err(error @ WeightError::Open) if !reload.is_zero() => {
            let seconds = reload.as_secs_f64();
            warn!("Failed to open weight file:{error}. Will try again in {seconds}s");
            Ok(())
        }
        Err(error) => Err(word.error(
            format!("{error} ({})", file.path().display()),
            "write names, each with its addresses and their weights from 1 to 255, one a line",
        )),
    }
}
