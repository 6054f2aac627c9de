//! The messages of a transfer on their way to the client, for plugins that change them or write down what
//! became of them.
//!
//! In: the messages of the plugins behind. Out: the messages changed, or the same ones and at the end what
//! they were.

use std::fmt;

use hickory_proto::op::{Message, Metadata};

use super::Messages;
use crate::telemetry::uncompressed_len;

/// Messages that are changed.
pub struct Changing<F: FnMut(&mut Message)> {
    pub messages: Box<dyn Messages>,
    pub change: F,
}

impl<F: FnMut(&mut Message)> Iterator for Changing<F> {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        let mut message = self.messages.next()?;
        (self.change)(&mut message);
        Some(message)
    }
}

impl<F: FnMut(&mut Message)> fmt::Debug for Changing<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changing").field("messages", &self.messages).finish_non_exhaustive()
    }
}

/// What has passed.
#[derive(Clone, Debug, Default)]
pub struct Passed {
    /// Octets of all messages, by [`uncompressed_len`].
    pub octets: usize,
    /// The header of the last one.
    pub last: Option<Metadata>,
}

/// Messages that are looked at.
pub struct Passing<F: FnOnce(Passed)> {
    messages: Box<dyn Messages>,
    passed: Passed,
    /// Told once, at the end or when the client has gone.
    end: Option<F>,
}

impl<F: FnOnce(Passed)> Passing<F> {
    pub fn new(messages: Box<dyn Messages>, end: F) -> Self {
        Passing { messages, passed: Passed::default(), end: Some(end) }
    }

    fn end(&mut self) {
        if let Some(end) = self.end.take() {
            end(std::mem::take(&mut self.passed));
        }
    }
}

impl<F: FnOnce(Passed)> Iterator for Passing<F> {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        let message = self.messages.next();
        match &message {
            Some(message) => {
                self.passed.octets += uncompressed_len(message);
                self.passed.last = Some(message.metadata);
            }
            None => self.end(),
        }
        message
    }
}

impl<F: FnOnce(Passed)> Drop for Passing<F> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<F: FnOnce(Passed)> fmt::Debug for Passing<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passing").field("passed", &self.passed).finish_non_exhaustive()
    }
}
