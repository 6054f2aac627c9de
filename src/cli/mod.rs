//! The command line.
//!
//! In: the words behind the program's name. Out: a [`Command`], or what is wrong with them. The flags
//! are CoreDNS's, in Go's spelling: `-flag value`, `-flag=value`, one dash or two. clap reads them once
//! `go_style` has made one form of all of these.

mod check;
mod clusters;
mod explain;
mod go_style;
pub mod offline;
pub mod open_files;
pub mod pid_file;
mod running;
mod vip;
mod whom;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Parser, ValueEnum};

pub use check::{Check, Problems};
pub use clusters::Clusters;
pub use explain::Explain;
pub use vip::{Vip, VipError};
pub use whom::AskError;

use crate::telemetry::log::LogFormat;

/// What the process shall do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Answer questions.
    Serve(ServeOptions),
    /// Print [`crate::telemetry::build::version_text`].
    Version,
    /// Print the plugins that are built in, one a line.
    Plugins,
    /// Print this text.
    Help(String),
    /// Print which address a name has in a pool, or which addresses several names have.
    Vip(Vip),
    /// Print what is wrong with a Corefile.
    Check(Check),
    /// Print how the clusters are.
    Clusters(Clusters),
    /// Print how a name is answered.
    Explain(Explain),
}

/// How a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

/// How to answer questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeOptions {
    /// The Corefile.
    pub conf: PathBuf,
    /// Whether the Corefile was named, and so must be there.
    pub explicit: bool,
    /// The port of server blocks that name none.
    pub port: u16,
    /// Whether the lines at the start are left out.
    pub quiet: bool,
    /// Where the process writes its ID, for as long as it runs.
    pub pid_file: Option<PathBuf>,
    pub log_format: LogFormat,
}

/// What is wrong with the command line; displayed with the usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError {
    problem: String,
    usage: String,
    /// The exit code of the process: 2 where Go's `flag` ends CoreDNS, 1 where CoreDNS itself does.
    pub exit_code: u8,
}

impl UsageError {
    /// Of a flag that does not exist, that has no value or one that is no truth value.
    fn flag(problem: impl Into<String>) -> Self {
        UsageError { problem: problem.into(), usage: usage(), exit_code: 2 }
    }

    /// Of a word that is no flag, or the value of a flag that CoreDNS reads later.
    fn late(problem: impl Into<String>) -> Self {
        UsageError { exit_code: 1, ..UsageError::flag(problem) }
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.problem, self.usage)
    }
}

impl std::error::Error for UsageError {}

/// The Corefile where `-conf` names none, in the working directory.
const DEFAULT_CONF: &str = "Corefile";

/// Flags whose values CoreDNS reads after all flags, as clap shows them.
const LATE: [&str; 2] = ["--dns.port", "--log-format"];
/// Flags that have a value, and no meaning without.
const WITH_VALUE: [&str; 5] = ["conf", "dns.port", "log-format", "p", "pidfile"];

/// Answers DNS questions as the Corefile says.
#[derive(Debug, Parser)]
#[command(
    name = "fleetdns",
    no_binary_name = true,
    disable_help_flag = true,
    disable_version_flag = true,
    args_override_self = true
)]
struct Flags {
    /// Corefile to load, `stdin` for standard input [default: Corefile]
    #[arg(long, value_name = "FILE")]
    conf: Option<OsString>,
    /// Port of server blocks that name none
    #[arg(long = "dns.port", alias = "p", value_name = "PORT", default_value_t = 53)]
    port: u16,
    /// Print the version and end
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true",
          value_parser = go_bool)]
    version: bool,
    /// Print the plugins that are built in and end
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true",
          value_parser = go_bool)]
    plugins: bool,
    /// Write the process ID to a file
    #[arg(long, value_name = "FILE")]
    pidfile: Option<OsString>,
    /// Form of the log's lines
    #[arg(long = "log-format", value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// Print nothing at the start
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true",
          value_parser = go_bool)]
    quiet: bool,
    /// Print this help and end
    #[arg(long, alias = "h", action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true",
          value_parser = go_bool)]
    help: bool,
}

/// Reads the words behind the program's name.
///
/// # Errors
/// A flag or value is wrong.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, UsageError> {
    let mut args = args.into_iter().peekable();
    if args.next_if(|word| word == "vip").is_some() {
        return command(vip::parse(args).map(Command::Vip));
    }
    if args.next_if(|word| word == "check").is_some() {
        return command(check::parse(args).map(Command::Check));
    }
    if args.next_if(|word| word == "clusters").is_some() {
        return command(clusters::parse(args).map(Command::Clusters));
    }
    if args.next_if(|word| word == "explain").is_some() {
        return command(explain::parse(args).map(Command::Explain));
    }
    let words = go_style::normalise(args, &WITH_VALUE)?;
    let flags = Flags::try_parse_from(words).map_err(|error| wrong(&error))?;
    // An empty path is none, as in CoreDNS.
    let path = |word: Option<OsString>| word.filter(|path| !path.is_empty()).map(PathBuf::from);
    let conf = path(flags.conf);
    Ok(if flags.help {
        Command::Help(usage())
    } else if flags.version {
        Command::Version
    } else if flags.plugins {
        Command::Plugins
    } else {
        Command::Serve(ServeOptions {
            explicit: conf.is_some(),
            conf: conf.unwrap_or_else(|| DEFAULT_CONF.into()),
            port: flags.port,
            quiet: flags.quiet,
            pid_file: path(flags.pidfile),
            log_format: flags.log_format,
        })
    })
}

/// What clap made of the words of a command.
fn command(parsed: Result<Command, clap::Error>) -> Result<Command, UsageError> {
    match parsed {
        Ok(command) => Ok(command),
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            Ok(Command::Help(error.to_string()))
        }
        Err(error) => {
            let text = error.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            let (problem, usage) = text.split_once("\n\n").unwrap_or((text, ""));
            Err(UsageError { problem: problem.into(), usage: usage.into(), exit_code: 2 })
        }
    }
}

/// Flags of commands have one dash or two, as everywhere; those of one letter have one.
fn long(word: OsString) -> OsString {
    match word.to_str() {
        Some(text) if text.len() > 2 && text.starts_with('-') && !text.starts_with("--") => {
            format!("-{text}").into()
        }
        _ => word,
    }
}

/// A truth value in the spellings that Go knows.
fn go_bool(text: &str) -> Result<bool, &'static str> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("write true or false"),
    }
}

/// The first line of clap's message, in the form in which flags are written here.
fn wrong(error: &clap::Error) -> UsageError {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let problem = first.strip_prefix("error: ").unwrap_or(first).replace("--", "-");
    // A port and the form of the log are words to Go.
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) if LATE.iter().any(|late| flag.starts_with(late)) => {
            UsageError::late(problem)
        }
        _ => UsageError::flag(problem),
    }
}

/// What can be written.
fn usage() -> String {
    "Usage: fleetdns [FLAGS]\n       \
       fleetdns check [FILE]                 what is wrong with a Corefile (see check --help)\n       \
       fleetdns vip NAME --pool NETWORK...   address of a name (see vip --help)\n       \
       fleetdns clusters [-o text|json]      how the clusters are (see clusters --help)\n       \
       fleetdns explain NAME [TYPE]          how a name is answered (see explain --help)\n\
     \n\
     Flags, with one dash or two, as `-flag value` or `-flag=value`:\n  \
       -conf FILE       Corefile to load, `stdin` for standard input (default \"Corefile\")\n  \
       -dns.port PORT   port of server blocks that name none (default 53)\n  \
       -p PORT          the same\n  \
       -log-format FORM lines of the log as `text` or `json` (default text)\n  \
       -pidfile FILE    write the process ID to a file, which is gone when the process ends\n  \
       -plugins         print the plugins that are built in and end\n  \
       -quiet           print nothing at the start\n  \
       -version         print the version and end\n  \
       -help            print this help and end\n"
        .to_owned()
}

#[cfg(test)]
mod tests;
