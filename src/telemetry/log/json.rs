//! Lines that are JSON, in the form of CoreDNS's (`log/slog` of Go): time, level, message, plugin, and what
//! else there is to say.

use std::fmt;

use k8s_openapi::jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

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
        let mut parts = Parts::default();
        event.record(&mut parts);
        let plugin = super::plugin(metadata.target());
        let level = level(*metadata.level());
        writeln!(out, "{}", object(level, &parts.message, plugin, &parts.members))
    }
}

/// An object. `members` follow those that every line has.
pub fn object(level: &str, message: &str, plugin: Option<&str>, members: &str) -> String {
    let mut line = format!(
        "{{\"time\":\"{}\",\"level\":\"{level}\",\"msg\":{}",
        Timestamp::now(),
        quoted(message)
    );
    if let Some(plugin) = plugin {
        line.push_str(&format!(",\"plugin\":{}", quoted(plugin)));
    }
    if !members.is_empty() {
        line.push(',');
        line.push_str(members);
    }
    line.push('}');
    line
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARN",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

/// The message of an event, and its other fields as members of an object.
#[derive(Default)]
struct Parts {
    message: String,
    members: String,
}

impl Parts {
    fn add(&mut self, field: &Field, value: &str) {
        if !self.members.is_empty() {
            self.members.push(',');
        }
        match field.name() {
            // Those of a question come as members.
            "members" => self.members.push_str(value),
            name => self.members.push_str(&format!("{}:{value}", quoted(name))),
        }
    }
}

impl Visit for Parts {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(value),
            "members" => self.add(field, value),
            _ => self.add(field, &quoted(value)),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, &value.to_string());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, &value.to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, &value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message.push_str(&format!("{value:?}")),
            _ => self.add(field, &quoted(&format!("{value:?}"))),
        }
    }
}
