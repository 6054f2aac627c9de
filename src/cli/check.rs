//! `fleetdns check`: what is wrong with a Corefile, all of it at once.
//!
//! In: a Corefile. Out: each problem with its place and remedy; and each `template` that a `sentinel` would
//! replace, with the block to write. All is done that a start does, but for sockets and clusters: for pipelines
//! and init containers.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

use super::{DEFAULT_CONF, long};
use crate::corefile::{Corefile, Diagnostic, ParseOptions};
use crate::plugin::sentinel::replaceable;
use crate::server::problems;

/// Which Corefile is to be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The Corefile.
    pub conf: PathBuf,
    /// The port of server blocks that name none.
    pub port: u16,
}

/// Says all that is wrong with a Corefile, without opening a socket or asking a cluster. The exit code is 1 if
/// anything is.
#[derive(Debug, Parser)]
#[command(name = "fleetdns check", no_binary_name = true, disable_version_flag = true)]
struct Words {
    /// The Corefile, `stdin` for standard input [default: Corefile]
    file: Option<PathBuf>,
    /// The same, as a server is started with it
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    conf: Option<PathBuf>,
    /// Port of server blocks that name none
    #[arg(short, long = "dns.port", value_name = "PORT", default_value_t = 53)]
    port: u16,
}

/// Reads the words behind `check`.
///
/// # Errors
/// One of them is wrong; a request for help is an error too, with the help as its text.
pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Check, clap::Error> {
    let Words { file, conf, port } = Words::try_parse_from(words.into_iter().map(long))?;
    Ok(Check { conf: file.or(conf).unwrap_or_else(|| DEFAULT_CONF.into()), port })
}

impl Check {
    /// What is to be printed of a Corefile that is right.
    ///
    /// # Errors
    /// All that is wrong, a line each.
    pub fn text(
        &self,
        load: impl FnOnce(&ParseOptions<'_>) -> Result<Corefile, Diagnostic>,
    ) -> Result<String, Problems> {
        let options = ParseOptions { default_port: self.port, ..ParseOptions::default() };
        let corefile = load(&options).map_err(|problem| Problems(vec![problem]))?;
        let problems = problems::all(&corefile);
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let mut text = String::new();
        for warning in &corefile.warnings {
            text += &format!("warning: {warning}\n");
        }
        for block in &corefile.blocks {
            for hint in replaceable(block) {
                text += &format!("{hint}\n");
            }
        }
        Ok(text + &format!("{}: nothing is wrong", self.conf.display()))
    }
}

/// All that is wrong with a Corefile; there is something.
#[derive(Debug)]
pub struct Problems(Vec<Diagnostic>);

impl std::fmt::Display for Problems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
