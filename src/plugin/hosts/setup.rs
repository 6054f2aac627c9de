//! The words of `hosts`.

use std::fs;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::rr::Name;
use tracing::warn;

use super::file::HostsFile;
use super::table::{Rules, Table, entry};
use super::{Hosts, NAME};
use crate::corefile::{Diagnostic, Directive, Line, Position, Token, parse_duration, parse_number};
use crate::plugin::names;
use crate::plugin::setup::Setup;

const DEFAULT_FILE: &str = "/etc/hosts";
const DEFAULT_TTL: u32 = 3600;
const DEFAULT_RELOAD: Duration = Duration::from_secs(5);

const OPTIONS: [&str; 5] =
    ["fallthrough", "fallthrough_unsupported", "no_reverse", "reload", "ttl"];

/// Reads `hosts [FILE [ZONES...]] { ADDRESS NAMES...; ttl SECONDS; no_reverse; reload DURATION;
/// fallthrough [ZONES...]; fallthrough_unsupported }`.
///
/// # Errors
/// A wrong word, or a file that is there but cannot be read. One that is not there is warned about.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    let (path, zones) = match directive.args.as_slice() {
        [] => (PathBuf::from(DEFAULT_FILE), &[][..]),
        [file, zones @ ..] => {
            let path = setup.path(file);
            check_file(file, &path)?;
            (path, zones)
        }
    };
    let zones = match names::zones(zones)? {
        none if none.is_empty() => block_zones(setup),
        zones => zones,
    };
    let mut options = Options::default();
    for line in directive.lines() {
        options.read(line)?;
    }
    if let Some(word) = options.passes_other_types.filter(|_| options.fallthrough.is_empty()) {
        return Err(word.error(
            "fallthrough_unsupported stands without fallthrough",
            "add a line `fallthrough`, which says in which zones",
        ));
    }
    let rules = Rules { zones, reverse: options.reverse };
    let inline = inline(&options.inline, &rules);
    let metrics = setup.process.metrics.clone();
    setup.push(Hosts {
        zones: rules.zones.iter().map(names::wire).collect(),
        fallthrough: options.fallthrough.iter().map(names::wire).collect(),
        ttl: options.ttl,
        passes_other_types: options.passes_other_types.is_some(),
        file: HostsFile::new(path, rules, inline.entries(), Arc::clone(&metrics)),
        inline,
        reload: options.reload,
    });
    Ok(())
}

fn block_zones(setup: &Setup<'_>) -> Vec<Name> {
    setup.zones().iter().filter_map(|zone| names::parse(zone)).collect()
}

struct Options<'c> {
    fallthrough: Vec<Name>,
    /// The word that says so.
    passes_other_types: Option<&'c Token>,
    ttl: u32,
    reload: Duration,
    reverse: bool,
    inline: Vec<(Position, IpAddr, Name)>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options {
            fallthrough: Vec::new(),
            passes_other_types: None,
            ttl: DEFAULT_TTL,
            reload: DEFAULT_RELOAD,
            reverse: true,
            inline: Vec::new(),
        }
    }
}

impl<'c> Options<'c> {
    fn read(&mut self, line: &'c Line) -> Result<(), Diagnostic> {
        match line.name().text.as_str() {
            "fallthrough" => self.fallthrough = names::zones_or_all(line.args_within(.., "")?)?,
            "fallthrough_unsupported" => {
                line.no_args()?;
                self.passes_other_types = Some(line.name());
            }
            "ttl" => {
                let word = line.one_arg("ttl SECONDS")?;
                self.ttl = parse_number(word, "TTL in seconds", 1..=65535)?;
            }
            "reload" => self.reload = parse_duration(line.one_arg("reload DURATION")?)?,
            "no_reverse" => {
                line.no_args()?;
                self.reverse = false;
            }
            word if entry(word).is_some() => self.entry(line)?,
            _ => return Err(line.unknown(NAME, &OPTIONS)),
        }
        Ok(())
    }

    /// A line of the file in the Corefile.
    fn entry(&mut self, line: &Line) -> Result<(), Diagnostic> {
        line.no_block()?;
        let first = line.name();
        if !self.fallthrough.is_empty() {
            return Err(first.error(
                "an address stands after fallthrough",
                "write the lines with addresses first",
            ));
        }
        // A word may be several, where it comes from a variable.
        let text = line.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
        let (address, words) = entry(&text).ok_or_else(|| unnamed(first))?;
        let before = self.inline.len();
        for word in words {
            let name = names::parse(word).ok_or_else(|| {
                first.error(format!("'{word}' is no host name"), "write e.g. www.example.org")
            })?;
            self.inline.push((first.at.clone(), address, name));
        }
        if self.inline.len() == before { Err(unnamed(first)) } else { Ok(()) }
    }
}

fn unnamed(address: &Token) -> Diagnostic {
    address.error(format!("the address {} has no name", address.text), "write `ADDRESS NAMES...`")
}

fn inline(entries: &[(Position, IpAddr, Name)], rules: &Rules) -> Table {
    let mut table = Table::default();
    for (at, address, name) in entries {
        if !names::within(&rules.zones, name) {
            warn!("{at}: {name} is not in the zones of hosts, so it is never answered");
        }
        table.add(*address, name, rules);
    }
    table
}

/// A file that is not there may come later; one that cannot be read is a mistake.
fn check_file(word: &Token, path: &Path) -> Result<(), Diagnostic> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => warn!("Hosts file {path:?} is a directory"),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            warn!("File does not exist: {}", path.display());
        }
        Err(error) => {
            return Err(word.error(
                format!("cannot access the hosts file '{}': {error}", path.display()),
                "give the path of a readable file",
            ));
        }
    }
    Ok(())
}
