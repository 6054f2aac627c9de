//! What the log says of a request that failed.
//!
//! In: errors of kube and of the layers below it. Out: one line. What a server sent is never quoted: it may
//! be an object of it, or the credential that it was sent.

use std::error::Error as StdError;
use std::io;

use http::StatusCode;
use kube::core::Status;
use kube::runtime::watcher;

/// The longest line, in characters.
const LONGEST: usize = 300;

/// What kind of failure it is: each is said once, as the first may hide the one that lasts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// The server refused, with this HTTP status.
    Status(u16),
    /// No TLS was agreed upon: a certificate is not accepted, as a rule.
    Tls,
    /// Anything else: it is not reached, falls silent, or says what does not decode.
    Other,
}

/// What kind a failure is of.
pub fn cause(error: &watcher::Error) -> Cause {
    use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
    match error {
        InitialListFailed(kube::Error::Api(status))
        | WatchStartFailed(kube::Error::Api(status))
        | WatchFailed(kube::Error::Api(status))
        | WatchError(status) => Cause::Status(status.code),
        other if is_tls(other) => Cause::Tls,
        _ => Cause::Other,
    }
}

fn is_tls(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        next = error.source();
    }
    false
}

/// An error with its causes.
pub fn describe(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let (part, is_last) = part(error);
        // Some errors print their cause themselves.
        if !part.is_empty() && !text.contains(&part) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&part);
        }
        next = if is_last { None } else { error.source() };
    }
    plain(&text)
}

/// What an error says itself, and whether its causes are to be left out.
fn part(error: &(dyn StdError + 'static)) -> (String, bool) {
    if let Some(error) = error.downcast_ref::<watcher::Error>() {
        return match error {
            watcher::Error::InitialListFailed(_) => ("the list failed".into(), false),
            watcher::Error::WatchStartFailed(_) => ("the watch did not begin".into(), false),
            watcher::Error::WatchFailed(_) => ("the watch broke".into(), false),
            watcher::Error::WatchError(status) => {
                (format!("the watch was ended: {}", refusal(status)), true)
            }
            watcher::Error::NoResourceVersion => ("the list has no version".into(), true),
        };
    }
    if let Some(error) = error.downcast_ref::<kube::Error>() {
        return match error {
            kube::Error::Api(status) => (refusal(status), true),
            kube::Error::SerdeError(error) => (undecoded(error), true),
            kube::Error::FromUtf8(_) => ("the response is no text".into(), true),
            // The others say their cause, which comes next.
            other if other.source().is_some() => (String::new(), false),
            other => (other.to_string(), true),
        };
    }
    match error.downcast_ref::<serde_json::Error>() {
        Some(error) => (undecoded(error), true),
        None => (error.to_string(), false),
    }
}

/// A refusal of the server by its code; its message could be anything.
fn refusal(status: &Status) -> String {
    let known = StatusCode::from_u16(status.code).ok().and_then(|code| code.canonical_reason());
    let advice = match status.code {
        401 => " (its credential is not accepted)",
        403 => " (list and watch must be allowed)",
        _ => "",
    };
    format!("HTTP {} {}{advice}", status.code, known.unwrap_or("of no known meaning"))
}

fn undecoded(error: &serde_json::Error) -> String {
    format!("the response does not decode at column {}", error.column())
}

/// Why an object does not decode, without the values that the decoder quotes.
pub fn unquoted(text: &str) -> String {
    // It names a field of ours.
    if text.starts_with("missing field") {
        return plain(text);
    }
    let mut kept = String::new();
    let mut end = None;
    let mut is_escaped = false;
    for char in text.chars() {
        match end {
            Some(quote) => {
                if char == quote && !is_escaped {
                    kept.push('…');
                    kept.push(quote);
                    end = None;
                }
                is_escaped = char == '\\' && !is_escaped;
            }
            None => {
                kept.push(char);
                end = matches!(char, '"' | '`').then_some(char);
            }
        }
    }
    plain(&kept)
}

/// One line of bounded length: what a server says must not shape the log.
pub fn plain(text: &str) -> String {
    text.chars().take(LONGEST).map(|char| if char.is_control() { ' ' } else { char }).collect()
}

#[cfg(test)]
#[path = "failure_tests.rs"]
mod tests;
