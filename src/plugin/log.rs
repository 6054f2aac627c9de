//! `log`: one line a question, in CoreDNS's common format.
//!
//! In: a question and its outcome. Out: the same outcome, and the line
//! `{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags}
//! {rsize} {duration}`. The flag `tc` is that of the plugins behind, for the server truncates later.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hickory_proto::op::Message;
use hickory_proto::rr::Name;
use tracing::info;

use super::setup::{Setup, refuse};
use super::{Next, Outcome, Plugin, Reply, Request, Transport, names};
use crate::corefile::{Diagnostic, Directive, Line};
use crate::telemetry::log::QUERY_TARGET;
use crate::telemetry::{mnemonic, uncompressed_len};

const NAME: &str = "log";
/// The classes of answers that can be asked for one day.
const CLASSES: [&str; 4] = ["all", "denial", "error", "success"];

/// The plugin: the names below which questions are logged.
#[derive(Debug)]
pub struct Log {
    scopes: Vec<Name>,
}

/// Reads all lines `log [NAMES...] { class all }`.
///
/// # Errors
/// A format, or a class other than `all`: those are not supported yet.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let mut scopes = Vec::new();
    for directive in directives {
        if let Some(format) = directive.args.iter().find(|word| word.text.contains('{')) {
            return Err(format.error(
                "a format of log is not supported yet",
                "take it out; lines have the format {common}",
            ));
        }
        scopes.extend(names::zones_or_all(&directive.args)?);
        directive.lines().iter().try_for_each(class)?;
    }
    setup.push(Log { scopes });
    Ok(())
}

fn class(line: &Line) -> Result<(), Diagnostic> {
    if line.name().text != "class" {
        return Err(refuse(NAME, line, &["class"], &[]));
    }
    for word in line.args_within(1.., "class all")? {
        match word.text.as_str() {
            "all" => {}
            known if CLASSES.contains(&known) => {
                return Err(word.error(
                    format!("the class {known} of log is not supported yet"),
                    "take it out, or write `class all`",
                ));
            }
            _ => return Err(word.unknown("class of log", &["all"])),
        }
    }
    Ok(())
}

#[async_trait]
impl Plugin for Log {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        if !names::within(&self.scopes, request.qname()) {
            return next.run(NAME, request).await;
        }
        let start = Instant::now();
        let outcome = next.run(NAME, request).await;
        info!(target: QUERY_TARGET, "{}", line(request, &outcome, start.elapsed()));
        outcome
    }
}

/// The line of one question.
fn line(request: &Request, outcome: &Outcome, took: Duration) -> String {
    let client = request.client;
    let address = match client.ip().to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let edns = request.message.edns.as_ref();
    let mut line = format!(
        "{address}:{} - {} \"{} {} {} {} {} {} {}\" ",
        client.port(),
        request.message.metadata.id,
        mnemonic::record_type(request.qtype()),
        mnemonic::class(request.query().query_class()),
        mnemonic::name(request.qname()),
        request.transport.label(),
        request.size,
        edns.is_some_and(|edns| edns.flags().dnssec_ok),
        buffer_size(request),
    );
    // Writing to a String cannot fail.
    let _ = match outcome {
        Ok(Reply::Message(message)) => write_reply(&mut line, message),
        Ok(Reply::Silence) => write!(line, "- - 0"),
        Err(failure) => {
            let mut message = request.reply();
            message.metadata.response_code = failure.code;
            write_reply(&mut line, &message)
        }
    };
    let _ = write!(line, " {}s", took.as_secs_f64());
    line
}

fn write_reply(line: &mut String, message: &Message) -> std::fmt::Result {
    let code = message.metadata.response_code;
    match mnemonic::rcode(code) {
        Some(name) => write!(line, "{name}"),
        None => write!(line, "{}", u16::from(code)),
    }?;
    write!(line, " {} {}", flags(message), uncompressed_len(message))
}

/// The header's bits of a reply, which always is one.
fn flags(message: &Message) -> String {
    let bits = &message.metadata;
    let mut flags = "qr".to_owned();
    for (set, name) in [
        (bits.authoritative, ",aa"),
        (bits.truncation, ",tc"),
        (bits.recursion_desired, ",rd"),
        (bits.recursion_available, ",ra"),
        (bits.authentic_data, ",ad"),
        (bits.checking_disabled, ",cd"),
    ] {
        if set {
            flags.push_str(name);
        }
    }
    flags
}

/// How long a reply the client can take.
fn buffer_size(request: &Request) -> u16 {
    match request.transport {
        Transport::Udp => request.message.max_payload(),
        Transport::Tcp => u16::MAX,
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
