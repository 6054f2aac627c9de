//! `fleetdns clusters`: how the clusters of a fleet are.
//!
//! In: the words of the command. Out: a table, or JSON. Asked are the running server, or this process, as
//! [`super::whom`] says.

mod table;

use std::ffi::OsString;
use std::path::Path;
use std::time::SystemTime;

use clap::Parser;

use super::whom::{AskError, Whom};
use super::{Output, long};
use crate::corefile::{Corefile, Diagnostic};
use crate::plugin::fleet::admin;
use crate::plugin::kubernetes::status;

/// What `clusters` is to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clusters {
    output: Output,
    whom: Whom,
}

/// How the clusters of a fleet are: as the running server sees them, or offline as this process does.
#[derive(Debug, Parser)]
#[command(name = "fleetdns clusters", no_binary_name = true, disable_version_flag = true)]
struct Words {
    /// How to print them
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    whom: Whom,
}

/// Reads the words behind `clusters`.
///
/// # Errors
/// One of them is wrong; a request for help is an error too, with the help as its text.
pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Clusters, clap::Error> {
    let Words { output, whom } = Words::try_parse_from(words.into_iter().map(long))?;
    Ok(Clusters { output, whom })
}

impl Clusters {
    /// What is to be printed.
    ///
    /// # Errors
    /// The Corefile is wrong, or the named server cannot be asked. `load` reads a Corefile.
    pub fn text(
        &self,
        load: impl FnOnce(&Path) -> Result<Corefile, Diagnostic>,
    ) -> Result<String, AskError> {
        let said = self.whom.ask(load, admin::CLUSTERS, async |instance| {
            status::fleets(&instance.process().kubernetes)
        })?;
        Ok(match self.output {
            Output::Text => table::text(&said, SystemTime::now()),
            // Text and numbers are always JSON.
            Output::Json => serde_json::to_string_pretty(&said).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests;
