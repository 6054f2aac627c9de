//! Panics of plugins: they cost the question an answer of SERVFAIL, and nobody else one.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use futures::FutureExt;

thread_local! {
    /// Of the last panic on this thread, where anybody wants it.
    static CALLS: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught.
#[derive(Debug)]
pub struct Panic {
    message: String,
    /// The calls that led to it, one a line.
    calls: Option<String>,
}

/// What the future comes to, or how it panicked.
pub async fn caught<T>(future: impl Future<Output = T>, stacktrace: bool) -> Result<T, Panic> {
    if stacktrace {
        note_calls();
    }
    AssertUnwindSafe(future).catch_unwind().await.map_err(|payload| Panic {
        message: message(payload.as_ref()),
        // A future panics on the thread that polls it, which is this one until it yields.
        calls: CALLS.take().filter(|_| stacktrace),
    })
}

impl Panic {
    /// Writes the line of CoreDNS (core/dnsserver/server.go), and one for each call. `server` is the label
    /// of the listener.
    pub fn log(&self, server: &str) {
        let message = &self.message;
        tracing::error!("Recovered from panic in server: {server:?} {message}");
        for call in self.calls.iter().flat_map(|calls| calls.lines()) {
            tracing::error!("{call}");
        }
    }
}

/// From now on the calls of every panic are kept, which takes some milliseconds.
fn note_calls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            before(info);
            CALLS.replace(Some(Backtrace::force_capture().to_string()));
        }));
    });
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_the_message_and_the_calls() {
        assert_eq!(caught(async { 1 }, false).await.ok(), Some(1));
        let panic = caught(async { panic!("no {}", "way") }, false).await;
        let panic = panic.map(|()| 0).unwrap_err();
        assert_eq!((panic.message.as_str(), panic.calls.is_none()), ("no way", true));
        let panic = caught(async { panic!("short") }, true).await.map(|()| 0).unwrap_err();
        assert_eq!(panic.message, "short");
        assert!(panic.calls.unwrap().contains("keeps_the_message_and_the_calls"));
    }
}
