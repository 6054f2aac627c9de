//! `fleetdns explain`: how a name is answered, rule by rule.
//!
//! In: the words of the command. Out: text, or JSON: the server block, what each plugin makes of the name, and
//! the answer. Asked are the running server, or this process, as [`super::whom`] says.

mod text;

use std::ffi::OsString;
use std::path::Path;

use clap::CommandFactory;
use clap::Parser;
use clap::error::ErrorKind;
use hickory_proto::rr::{Name, RecordType};

use super::whom::{AskError, Whom};
use super::{Output, long};
use crate::corefile::{Corefile, Diagnostic};
use crate::server::explain::{path, question};

/// What `explain` is to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explain {
    name: Name,
    qtype: RecordType,
    output: Output,
    whom: Whom,
}

/// How a name is answered: every rule that is tried, which cluster answers and why, and the answer.
#[derive(Debug, Parser)]
#[command(name = "fleetdns explain", no_binary_name = true, disable_version_flag = true)]
struct Words {
    /// The whole name, e.g. web.shop.svc.cluster.local, or an address for its reverse name
    name: String,
    /// The type [default: A, or PTR of an address]
    #[arg(value_name = "TYPE")]
    qtype: Option<String>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    whom: Whom,
}

/// Reads the words behind `explain`.
///
/// # Errors
/// One of them is wrong; a request for help is an error too, with the help as its text.
pub(super) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Explain, clap::Error> {
    let Words { name, qtype, output, whom } = Words::try_parse_from(words.into_iter().map(long))?;
    let (name, qtype) = question(&name, qtype.as_deref())
        .map_err(|problem| Words::command().error(ErrorKind::ValueValidation, problem))?;
    Ok(Explain { name, qtype, output, whom })
}

impl Explain {
    /// What is to be printed.
    ///
    /// # Errors
    /// The Corefile is wrong, or the named server cannot be asked. `load` reads a Corefile.
    pub fn text(
        &self,
        load: impl FnOnce(&Path) -> Result<Corefile, Diagnostic>,
    ) -> Result<String, AskError> {
        let (name, qtype) = (&self.name, self.qtype);
        let said = self
            .whom
            .ask(load, &path(name, qtype), async |instance| instance.explain(name, qtype).await)?;
        Ok(match self.output {
            Output::Text => text::text(&said),
            // Text and numbers are always JSON.
            Output::Json => serde_json::to_string_pretty(&said).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests;
