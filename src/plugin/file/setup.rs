//! The words of `file`.

use std::sync::Arc;
use std::time::Duration;

use hickory_proto::rr::Name;
use tracing::warn;

use super::reload::Watch;
use super::zone::{Refused, Zone};
use super::{File, NAME, Served};
use crate::corefile::{Diagnostic, Directive, Line, Token, parse_duration, parse_zones};
use crate::plugin::names;
use crate::plugin::setup::Setup;

const DEFAULT_RELOAD: Duration = Duration::from_secs(60);
const OPTIONS: [&str; 3] = ["fallthrough", "reload", "reload_by_mtime"];

/// Reads every `file DBFILE [ZONES...] { reload DURATION; reload_by_mtime; fallthrough [ZONES...] }`.
///
/// # Errors
/// A wrong word, or a file that is there and not taken. One that is not there is warned about and
/// waited for, unless `reload` is 0.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let mut options = Options { reload: DEFAULT_RELOAD, by_time: false, fallthrough: Vec::new() };
    let mut zones: Vec<Served> = Vec::new();
    for directive in directives {
        let [file, words @ ..] = directive.args.as_slice() else {
            let name = &directive.name;
            return Err(name.error("file names no zone file", "write `file DBFILE [ZONES...]`"));
        };
        let path = setup.path(file);
        let texts = if words.is_empty() { setup.zones() } else { parse_zones(words)? };
        for line in directive.lines() {
            options.read(line)?;
        }
        for text in texts {
            let name = names::parse(&text).ok_or_else(|| {
                file.error(
                    format!("{text} is no zone that a question can be for"),
                    "write a domain name, e.g. example.org",
                )
            })?;
            let zone = Zone::new(name, text, path.clone());
            let watch = options.watch(&zone);
            open(&zone, file, options.reload)?;
            // The last of equal zones is served.
            zones.retain(|served| served.zone.name != zone.name);
            zones.push(Served { zone: Arc::new(zone), watch });
        }
    }
    let notifier = setup.chain.notifier.clone();
    setup.push(File { zones, fallthrough: options.fallthrough, notifier });
    Ok(())
}

/// Reads a file for the first time.
fn open(zone: &Zone, file: &Token, reload: Duration) -> Result<(), Diagnostic> {
    match zone.read(None) {
        Ok(data) => zone.replace(data),
        Err(error @ Refused::Open { .. }) if !reload.is_zero() => {
            warn!("Failed to open {:?}: trying again in {}", error.to_string(), shown(reload));
        }
        Err(error @ Refused::Open { .. }) => {
            let remedy = "give the path of a readable file, or let `reload` wait for it";
            return Err(file.error(error.to_string(), remedy));
        }
        Err(error) => return Err(file.error(error.to_string(), remedy(&error))),
    }
    Ok(())
}

fn remedy(error: &Refused) -> &'static str {
    match error {
        Refused::OtherSoa { .. } | Refused::NoSoa { .. } => {
            "give the zone that the file is for: `file DBFILE ZONE`"
        }
        Refused::Nsec3 { .. } => "sign the zone with NSEC",
        _ => "correct the file",
    }
}

/// The options hold for all zones of the block from where they stand, as in CoreDNS.
struct Options {
    reload: Duration,
    by_time: bool,
    fallthrough: Vec<Name>,
}

impl Options {
    fn read(&mut self, line: &Line) -> Result<(), Diagnostic> {
        match line.name().text.as_str() {
            "fallthrough" => self.fallthrough = names::zones_or_all(line.args_within(.., "")?)?,
            "reload" => self.reload = parse_duration(line.one_arg("reload DURATION")?)?,
            "reload_by_mtime" => {
                line.no_args()?;
                self.by_time = true;
            }
            "upstream" => {
                let at = line.at();
                warn!("{at}: upstream does nothing any more; the server is asked itself");
            }
            _ => return Err(line.unknown(NAME, &OPTIONS)),
        }
        Ok(())
    }

    fn watch(&self, zone: &Zone) -> Watch {
        // Before it is read: what is written meanwhile is read again.
        let read = zone.changed().ok().filter(|_| self.by_time);
        Watch { interval: self.reload, by_time: self.by_time, read }
    }
}

/// A duration as Go prints it: `1m0s`, `1.5s`, `500ms`.
fn shown(duration: Duration) -> String {
    const SECOND: u128 = 1_000_000_000;
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < SECOND {
        return match nanos {
            0..1_000 => format!("{nanos}ns"),
            1_000..1_000_000 => decimal(nanos, 3) + "\u{b5}s",
            _ => decimal(nanos, 6) + "ms",
        };
    }
    let (minutes, seconds) = (nanos / SECOND / 60, decimal(nanos % (60 * SECOND), 9));
    match minutes {
        0 => format!("{seconds}s"),
        1..60 => format!("{minutes}m{seconds}s"),
        _ => format!("{}h{}m{seconds}s", minutes / 60, minutes % 60),
    }
}

/// A number whose last digits stand behind a point, without zeros at the end.
fn decimal(number: u128, digits: usize) -> String {
    let padded = format!("{number:0width$}", width = digits + 1);
    let (whole, part) = padded.split_at(padded.len() - digits);
    format!("{whole}.{part}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
#[path = "setup_tests.rs"]
mod tests;
