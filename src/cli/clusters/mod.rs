//! `fleetdns clusters`: how the clusters of a fleet are.
//!
//! In: the words of the command. Out: a table, or JSON. The running server is asked where the `admin` of its
//! Corefile is; where there is none, or nobody answers, this process connects to the clusters itself and
//! says so.

mod table;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Parser, ValueEnum};
use serde::Serialize;
use thiserror::Error;

use super::running::{NoAnswer, ask};
use super::{long, offline};
use crate::corefile::{Corefile, Diagnostic};
use crate::plugin::fleet::admin;
use crate::plugin::kubernetes::status::{self, FleetStatus};

/// What `clusters` is to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clusters {
    output: Output,
    conf: PathBuf,
    server: Option<SocketAddr>,
    is_offline: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// How the clusters of a fleet are: as the running server sees them, or offline as this process does.
#[derive(Debug, Parser)]
#[command(name = "fleetdns clusters", no_binary_name = true, disable_version_flag = true)]
struct Words {
    /// How to print them
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// The Corefile of the running server, whose `admin` says where to ask
    #[arg(long, value_name = "FILE", default_value = super::DEFAULT_CONF)]
    conf: PathBuf,
    /// Where to ask instead
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with_all = ["conf", "offline"])]
    server: Option<SocketAddr>,
    /// Do not ask: connect to the clusters of the Corefile from here, for some seconds
    #[arg(long)]
    offline: bool,
}

/// Why clusters cannot be shown.
#[derive(Debug, Error)]
pub enum ClustersError {
    #[error(transparent)]
    Corefile(#[from] Diagnostic),
    #[error("{0}; is it running, with `admin` in a fleet of its Corefile?")]
    NoAnswer(NoAnswer),
    #[error("this process cannot start its own watches: {0}")]
    Runtime(std::io::Error),
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Page {
    /// Who was asked.
    server: Option<SocketAddr>,
    /// Why nobody was asked.
    offline: Option<String>,
    fleets: Vec<FleetStatus>,
}

/// Reads the words behind `clusters`.
///
/// # Errors
/// One of them is wrong; a request for help is an error too, with the help as its text.
pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Clusters, clap::Error> {
    let Words { output, conf, server, offline } =
        Words::try_parse_from(words.into_iter().map(long))?;
    Ok(Clusters { output, conf, server, is_offline: offline })
}

impl Clusters {
    /// What is to be printed.
    ///
    /// # Errors
    /// The Corefile is wrong, or the named server cannot be asked. `load` reads a Corefile.
    pub fn text(
        &self,
        load: impl FnOnce(&Path) -> Result<Corefile, Diagnostic>,
    ) -> Result<String, ClustersError> {
        let page = self.page(load)?;
        Ok(match self.output {
            Output::Text => table::text(&page, SystemTime::now()),
            // Text and numbers are always JSON.
            Output::Json => serde_json::to_string_pretty(&page).unwrap_or_default(),
        })
    }

    fn page(
        &self,
        load: impl FnOnce(&Path) -> Result<Corefile, Diagnostic>,
    ) -> Result<Page, ClustersError> {
        if let Some(server) = self.server {
            let fleets = ask(server, admin::CLUSTERS).map_err(ClustersError::NoAnswer)?;
            return Ok(Page { server: Some(server), offline: None, fleets });
        }
        let corefile = load(&self.conf)?;
        let reason = match admin::address(&corefile)? {
            _ if self.is_offline => "as was asked for".to_owned(),
            None => "the Corefile has no `admin`, where a running server could be asked".to_owned(),
            Some(at) => match ask(at, admin::CLUSTERS) {
                Ok(fleets) => return Ok(Page { server: Some(at), offline: None, fleets }),
                Err(error) => error.to_string(),
            },
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(ClustersError::Runtime)?;
        let fleets = runtime.block_on(async {
            let instance = offline::connect(&corefile).await?;
            Ok::<_, Diagnostic>(status::fleets(&instance.process().kubernetes))
        })?;
        // A credential program that hangs is not waited for.
        runtime.shutdown_background();
        Ok(Page { server: None, offline: Some(reason), fleets })
    }
}

#[cfg(test)]
mod tests;
