//! The Corefile: the one configuration, in CoreDNS's grammar.
//!
//! In goes the text of a Corefile and the files that it imports; out comes a [`Corefile`]: a list of
//! server blocks, each with its keys (scheme, zone, port) and its directives (plugin name, arguments,
//! block of lines). What a directive means is not known here: plugins read their own
//! [`Directive`] with the helpers in `directive` and `value`.
//!
//! ```text
//! text -> lexer (words) -> import (snippets, files, {$ENV}) -> parser (blocks) -> key (zones, ports)
//! ```
//!
//! Everything carries its [`Position`], and everything that is wrong is a [`Diagnostic`] that says
//! where, what, and what would be right. What CoreDNS accepts by accident is refused here: a stray or
//! missing brace, an open quote, a block without a zone, a scheme or port that it would read as a name.

mod braces;
mod claim;
mod diagnostics;
mod directive;
mod duration;
mod environment;
mod files;
mod heading;
mod import;
mod key;
mod lexer;
mod parser;
mod regexp;
mod value;

#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use claim::Claims;
pub use diagnostics::{Diagnostic, nearest};
pub use duration::GoDuration;
pub use key::{parse_zone, parse_zones};
pub use regexp::{Regexp, parse_regexp};
pub use value::{
    parse_bool, parse_duration, parse_ip, parse_listen_address, parse_network, parse_number,
};

/// A whole configuration, as read from one Corefile and its imports.
#[derive(Clone, Debug)]
pub struct Corefile {
    /// The server blocks in the order of the file. Empty for an empty file, or one of comments only
    /// (for which CoreDNS starts a `whoami` server: the caller decides).
    pub blocks: Vec<ServerBlock>,
    /// What is suspicious, but no reason not to start.
    pub warnings: Vec<Diagnostic>,
    /// Every file that was read, the Corefile first, each once.
    pub files: Vec<PathBuf>,
}

/// The plugins that serve one or more zones: `KEY... { DIRECTIVE... }`.
#[derive(Clone, Debug)]
pub struct ServerBlock {
    /// What the block serves, at least one; networks are expanded to their reverse zones.
    pub keys: Vec<Key>,
    /// The plugins in the order of the file, which is not their order of execution. A plugin that is
    /// written twice stands here twice.
    pub directives: Vec<Directive>,
    /// Where the first key stands.
    pub at: Position,
}

/// One zone on one port, e.g. `dns://cluster.local.:53`.
#[derive(Clone, Debug)]
pub struct Key {
    /// The transport to listen with.
    pub scheme: Scheme,
    /// Absolute and lower case, e.g. `cluster.local.` or `.`.
    pub zone: String,
    /// The port to listen on; 0 lets the kernel choose.
    pub port: u16,
    /// Where the key stands.
    pub at: Position,
}

/// The transport of a key, written before its zone as `SCHEME://`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// UDP and TCP, the default.
    Dns,
    /// DNS over TLS.
    Tls,
    /// DNS over HTTPS.
    Https,
    /// DNS over HTTP/3.
    Https3,
    /// DNS over gRPC.
    Grpc,
    /// DNS over QUIC.
    Quic,
}

/// A plugin and what it is told: `NAME ARG... { LINE... }`.
#[derive(Clone, Debug)]
pub struct Directive {
    /// The plugin's name.
    pub name: Token,
    /// The words after the name.
    pub args: Vec<Token>,
    /// The lines between its braces; `None` without braces, empty for `{ }`.
    pub block: Option<Vec<Line>>,
}

/// One line of a plugin's block: `WORD... { LINE... }`.
#[derive(Clone, Debug)]
pub struct Line {
    /// The words, at least one.
    pub words: Vec<Token>,
    /// The lines between its own braces, if it has some.
    pub block: Option<Vec<Line>>,
}

/// One word, without its quotes and with its environment variables replaced.
#[derive(Clone, Debug)]
pub struct Token {
    /// What it says; may be empty (`""`, or a variable that is not set).
    pub text: String,
    /// Where it begins.
    pub at: Position,
}

/// Where a token stands: `FILE:LINE` in every message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The Corefile as it was named to us, or the absolute path of an imported file.
    pub file: Arc<Path>,
    /// Counted from 1; 0 means the file as a whole.
    pub line: u32,
}

/// What the Corefile does not say itself.
#[derive(Clone, Copy)]
pub struct ParseOptions<'a> {
    /// The port of `dns` keys that name none (`-dns.port`).
    pub default_port: u16,
    /// The value of an environment variable.
    pub env: &'a dyn Fn(&str) -> Option<String>,
}

impl Default for ParseOptions<'static> {
    /// Port 53 and the environment of this process.
    fn default() -> Self {
        Self { default_port: 53, env: &environment::of_process }
    }
}

/// Reads and parses the Corefile at `path`.
///
/// # Errors
/// The first thing that is wrong, in it or in a file that it imports.
pub fn load(path: &Path, options: &ParseOptions<'_>) -> Result<Corefile, Diagnostic> {
    let mut warnings = Vec::new();
    let text = files::read(path, &mut warnings).map_err(|error| {
        let whole_file = Position::new(path.into(), 0);
        Diagnostic::new(
            whole_file,
            format!("cannot read the Corefile: {error}"),
            "give the path of a readable file with -conf",
        )
    })?;
    let mut corefile = parse(path, &text, options)?;
    corefile.warnings.splice(0..0, warnings);
    Ok(corefile)
}

/// Parses `text`, the content of the Corefile at `path`. Files that it imports are read, relative to
/// the file that names them.
///
/// # Errors
/// The first thing that is wrong.
pub fn parse(path: &Path, text: &str, options: &ParseOptions<'_>) -> Result<Corefile, Diagnostic> {
    parser::Parser::new(path, text, options)?.corefile()
}

impl Position {
    /// Line `line` of `file`.
    pub fn new(file: Arc<Path>, line: u32) -> Self {
        Self { file, line }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        match self.line {
            0 => Ok(()),
            line => write!(f, ":{line}"),
        }
    }
}

impl Scheme {
    /// Every scheme, in the order in which messages name them.
    pub const ALL: [Scheme; 6] =
        [Self::Dns, Self::Tls, Self::Https, Self::Https3, Self::Grpc, Self::Quic];

    /// As written before `://`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Https => "https",
            Self::Https3 => "https3",
            Self::Grpc => "grpc",
            Self::Quic => "quic",
        }
    }

    /// The port of a key that names none, where `dns_port` is that of plain DNS.
    pub fn default_port(self, dns_port: u16) -> u16 {
        match self {
            Self::Dns => dns_port,
            Self::Tls | Self::Quic => 853,
            Self::Https | Self::Https3 | Self::Grpc => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.zone, self.port)
    }
}
