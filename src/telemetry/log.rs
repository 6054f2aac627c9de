//! Log lines as CoreDNS prints them.
//!
//! In: events of `tracing`. Out: lines on standard output, `[LEVEL] message key=value …`, without
//! time stamps. An event from the module of a plugin (`fleetdns::plugin::NAME`)
//! begins with `plugin/NAME: `, as in CoreDNS, whoever writes it. With `-log-format json` each line is an
//! object (`json`).
//!
//! The level is `info` (`warn` for the libraries below), or what `RUST_LOG` says. Control characters
//! are escaped: what a client sends cannot forge a line.

mod json;

use std::fmt::{self, Write as _};
use std::sync::OnceLock;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Target of the lines of the plugin `log`, which carry no prefix.
pub const QUERY_TARGET: &str = "fleetdns::query";

/// What is logged where `RUST_LOG` is not set.
const DEFAULT_FILTER: &str = "info,kube=warn,kube_client=warn,kube_runtime=warn,hyper=warn,hyper_util=warn,tower=warn,\
     rustls=warn,hickory_proto=warn";

/// Modules of `plugin` that are no plugins.
const NO_PLUGINS: [&str; 12] = [
    "background",
    "changes",
    "crowds",
    "explain",
    "fast",
    "names",
    "order",
    "passing",
    "request",
    "response",
    "setup",
    "testing",
];

/// The form of the lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// What [`start`] was told.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Whether lines are JSON.
pub fn is_json() -> bool {
    FORMAT.get() == Some(&LogFormat::Json)
}

/// Writes the line of a question, and in JSON `members`, which are members of an object already.
pub fn question(line: &str, members: impl FnOnce() -> String) {
    if is_json() {
        tracing::info!(target: QUERY_TARGET, members = members(), "{line}");
    } else {
        tracing::info!(target: QUERY_TARGET, "{line}");
    }
}

/// Prints what CoreDNS prints at its start: as it is, or as the message of a line of JSON.
pub fn banner(text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let text = text.trim_end();
    if is_json() {
        tracing::info!(target: QUERY_TARGET, "{text}");
        return Ok(());
    }
    match writeln!(std::io::stdout(), "{text}") {
        // A reader that closes early, such as `head`, is no error.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Says on standard error why the process ends: as it is, or as a line of JSON.
pub fn ends(text: &str) {
    match is_json() {
        false => eprintln!("{text}"),
        true => eprintln!("{}", json::object("FATAL", text, None, "")),
    }
}

/// Starts logging to standard output for the whole process.
///
/// # Errors
/// `RUST_LOG` cannot be understood, or logging was started before.
pub fn start(format: LogFormat) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let text = match std::env::var(EnvFilter::DEFAULT_ENV) {
        Ok(text) if !text.is_empty() => text,
        _ => DEFAULT_FILTER.to_owned(),
    };
    let filter = EnvFilter::try_new(&text)
        .map_err(|error| format!("RUST_LOG is {text:?}, which is wrong: {error}"))?;
    let logger = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stdout);
    match format {
        LogFormat::Text => {
            let logger = logger.event_format(Line).with_filter_reloading();
            let handle = logger.reload_handle();
            logger.try_init()?;
            debug_by(text, move |filter| drop(handle.reload(filter)));
        }
        LogFormat::Json => {
            let logger = logger.event_format(json::Line).with_filter_reloading();
            let handle = logger.reload_handle();
            logger.try_init()?;
            debug_by(text, move |filter| drop(handle.reload(filter)));
        }
    }
    // Nobody else sets it: logging is started once.
    let _ = FORMAT.set(format);
    Ok(())
}

/// Says why the process cannot go on, and ends it with exit code 1, as CoreDNS's `log.Fatalf`.
pub fn fatal(plugin: &str, why: &str) -> ! {
    match is_json() {
        false => println!("[FATAL] plugin/{plugin}: {}", one_line(why)),
        true => println!("{}", json::object("FATAL", why, Some(plugin), "")),
    }
    std::process::exit(1);
}

/// Keeps how the filter, which is `text`, is set.
fn debug_by(text: String, set: impl Fn(EnvFilter) + Send + Sync + 'static) {
    let set = move |on: bool| {
        let text = if on { format!("{text},{DEBUG_FILTER}") } else { text.clone() };
        // Both parts were filters before.
        if let Ok(filter) = EnvFilter::try_new(text) {
            set(filter);
        }
    };
    // Nobody else sets it: logging is started once.
    let _ = DEBUG.set(Box::new(set));
}

/// Logs the lines of the level DEBUG, or no more (`debug`).
pub fn set_debug(on: bool) {
    if let Some(set) = DEBUG.get() {
        set(on);
    }
}

/// What is logged besides with `debug`.
const DEBUG_FILTER: &str = "fleetdns=debug";

static DEBUG: OnceLock<Box<dyn Fn(bool) + Send + Sync>> = OnceLock::new();

/// The format of a line.
#[derive(Debug)]
pub struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        write!(out, "[{}] ", level(*metadata.level()))?;
        if let Some(plugin) = plugin(metadata.target()) {
            write!(out, "plugin/{plugin}: ")?;
        }
        let mut parts = Parts::of(event);
        event.record(&mut parts);
        writeln!(out, "{}{}", parts.message, parts.fields)
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

/// The plugin whose module the event comes from.
fn plugin(target: &str) -> Option<&str> {
    let path = target.strip_prefix("fleetdns::plugin::")?;
    let name = path.split("::").next()?;
    // A keyword of Rust, such as `loop`.
    let name = name.strip_prefix("r#").unwrap_or(name);
    (!NO_PLUGINS.contains(&name)).then_some(name)
}

/// The message and the other fields of an event.
#[derive(Default)]
struct Parts {
    message: String,
    fields: String,
    /// Whether the message is as it is to be: that of `log` has what the operator wrote, tabs and all,
    /// and of what a client sent nothing that is not escaped.
    raw: bool,
}

impl Parts {
    fn of(event: &Event<'_>) -> Self {
        Parts { raw: event.metadata().target() == QUERY_TARGET, ..Parts::default() }
    }

    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = match field.name() {
            "message" if self.raw => self.message.write_fmt(value),
            "message" => OneLine(&mut self.message).write_fmt(value),
            name => {
                let _ = write!(self.fields, " {name}=");
                OneLine(&mut self.fields).write_fmt(value)
            }
        };
    }
}

impl Visit for Parts {
    fn record_str(&mut self, field: &Field, value: &str) {
        let bare = !value.is_empty() && !value.contains([' ', '"', '=']);
        match field.name() {
            "message" => self.add(field, format_args!("{value}")),
            _ if bare => self.add(field, format_args!("{value}")),
            _ => self.add(field, format_args!("{value:?}")),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }
}

/// The text with its control characters escaped.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    // Writing to a String cannot fail.
    let _ = OneLine(&mut line).write_str(text);
    line
}

/// Escapes control characters.
struct OneLine<'a>(&'a mut String);

impl fmt::Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c.is_control() {
                true => self.0.extend(c.escape_default()),
                false => self.0.push(c),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
