//! The messages of a transfer, in each of which what rules changed is undone.
//!
//! Aliases stay: what a rule would lead them to is no part of the zone.

use std::fmt;

use futures::FutureExt;
use hickory_proto::op::{Message, ResponseCode};

use super::undo::Undo;
use super::{mirror, undo};
use crate::plugin::{Messages, Request};

/// Lines of CoreDNS that name no plugin.
const TARGET: &str = "fleetdns::rewrite";

/// Messages as the client sees them.
pub struct Undone {
    messages: Box<dyn Messages>,
    undos: Vec<Undo>,
    request: Request,
    /// The request as those behind saw it.
    changed: Request,
    has_failed: bool,
}

impl Undone {
    pub fn new(
        messages: Box<dyn Messages>,
        mut undos: Vec<Undo>,
        request: &Request,
        changed: &Request,
    ) -> Self {
        undos.retain(|undo| !matches!(undo, Undo::Cname(_)));
        // The server asks for it before the first message is made.
        mirror(&undos, changed);
        let (request, changed) = (request.clone(), changed.clone());
        Undone { messages, undos, request, changed, has_failed: false }
    }
}

impl Iterator for Undone {
    type Item = Message;

    /// A message that cannot be written is a SERVFAIL, which ends the transfer (RFC 5936 §2.2).
    fn next(&mut self) -> Option<Message> {
        let message = self.messages.next().filter(|_| !self.has_failed)?;
        // Only aliases wait for something.
        let undone = undo(message, &self.undos, &self.request, &self.changed).now_or_never()?;
        Some(undone.unwrap_or_else(|failure| {
            self.has_failed = true;
            tracing::error!(target: TARGET, "{}", failure.cause.unwrap_or_default());
            let mut reply = self.request.reply();
            reply.metadata.response_code = ResponseCode::ServFail;
            reply
        }))
    }
}

impl fmt::Debug for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undone").field("undos", &self.undos).finish_non_exhaustive()
    }
}
