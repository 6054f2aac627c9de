//! Who is asked what only a server knows: the running one, or this process, which connects to the clusters of
//! the Corefile itself.
//!
//! In: words that several commands share. Out: a page, and who it is from.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::offline;
use super::running::{NoAnswer, ask};
use crate::corefile::{Corefile, Diagnostic};
use crate::plugin::fleet::admin;
use crate::server::instance::Instance;

/// Whom to ask.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Whom {
    /// The Corefile of the running server, whose `admin` says where to ask
    #[arg(long, value_name = "FILE", default_value = super::DEFAULT_CONF)]
    pub conf: PathBuf,
    /// Where to ask instead
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with_all = ["conf", "offline"])]
    pub server: Option<SocketAddr>,
    /// Do not ask: connect to the clusters of the Corefile from here, for some seconds
    #[arg(long)]
    pub offline: bool,
}

/// A page.
#[derive(Debug, Serialize)]
pub struct Said<T> {
    /// Who was asked.
    pub server: Option<SocketAddr>,
    /// Why nobody was asked.
    pub offline: Option<String>,
    #[serde(flatten)]
    pub page: T,
}

/// Why there is no page.
#[derive(Debug, Error)]
pub enum AskError {
    #[error(transparent)]
    Corefile(#[from] Diagnostic),
    #[error("{0}; is it running, with `admin` in a fleet of its Corefile?")]
    NoAnswer(NoAnswer),
    #[error("this process cannot start its own watches: {0}")]
    Runtime(std::io::Error),
}

impl Whom {
    /// The page at `path`, or the one that `own` makes of what this process knows. `load` reads a Corefile.
    ///
    /// # Errors
    /// The Corefile is wrong, or the named server cannot be asked.
    pub fn ask<T: DeserializeOwned>(
        &self,
        load: impl FnOnce(&Path) -> Result<Corefile, Diagnostic>,
        path: &str,
        own: impl AsyncFnOnce(&Instance) -> T,
    ) -> Result<Said<T>, AskError> {
        if let Some(server) = self.server {
            let page = ask(server, path).map_err(AskError::NoAnswer)?;
            return Ok(Said { server: Some(server), offline: None, page });
        }
        let corefile = load(&self.conf)?;
        let reason = match admin::address(&corefile)? {
            _ if self.offline => "as was asked for".to_owned(),
            None => "the Corefile has no `admin`, where a running server could be asked".to_owned(),
            Some(at) => match ask(at, path) {
                Ok(page) => return Ok(Said { server: Some(at), offline: None, page }),
                Err(error) => error.to_string(),
            },
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(AskError::Runtime)?;
        let page = runtime.block_on(async {
            let instance = offline::connect(&corefile).await?;
            Ok::<_, Diagnostic>(own(&instance).await)
        })?;
        // A credential program that hangs is not waited for.
        runtime.shutdown_background();
        Ok(Said { server: None, offline: Some(reason), page })
    }
}
