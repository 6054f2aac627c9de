//! What became of a question on its way, for those that look at it afterwards.
//!
//! CoreDNS's plugins hold one message together: what `rewrite` makes of the question is what the log shows,
//! what is counted, and whose OPT record the reply mirrors. Here each plugin hands its own on, and notes it.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hickory_proto::op::{Edns, Message};

use super::Request;
use crate::telemetry::uncompressed_len;

/// The notes of one question, shared by all copies of its [`Request`].
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    message: Option<Arc<Message>>,
    mirrored: Option<Edns>,
    cause: Option<String>,
}

impl Changes {
    /// Notes the message that is handed on.
    pub fn hands_on(&self, message: Arc<Message>) {
        self.noted().message = Some(message);
    }

    /// Notes the OPT record that the reply mirrors, where it is not that of the message.
    pub fn mirrors(&self, edns: Edns) {
        self.noted().mirrored = Some(edns);
    }

    /// Notes why there would have been no reply, had not a plugin written one.
    pub fn failed(&self, cause: String) {
        self.noted().cause = Some(cause);
    }

    /// Why there would have been no reply, where a plugin wrote one.
    pub fn cause(&self) -> Option<String> {
        self.noted().cause.clone()
    }

    /// The message as it was handed on last, and the OPT record that the reply mirrors; `None` for a message
    /// that is as the client sent it.
    pub fn last(&self) -> Option<(Arc<Message>, Option<Edns>)> {
        let noted = self.noted();
        let message = noted.message.clone()?;
        let mirrored = noted.mirrored.clone().or_else(|| message.edns.clone());
        Some((message, mirrored))
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        // Each note is put in whole, so they hold even if their writer panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Request {
    /// The request as the plugins behind left it.
    pub fn left(&self) -> Cow<'_, Request> {
        match self.changes.last() {
            None => Cow::Borrowed(self),
            Some((message, _)) => {
                let size = uncompressed_len(&message);
                Cow::Owned(Request { message, size, ..self.clone() })
            }
        }
    }

    /// The same request with another message, which those before do not see.
    pub fn apart(&self, message: Message) -> Request {
        Request { message: Arc::new(message), changes: Changes::default(), ..self.clone() }
    }

    /// The same request with another message, which those before see afterwards.
    pub fn changed(&self, message: Message) -> Request {
        let message = Arc::new(message);
        self.changes.hands_on(message.clone());
        Request { message, ..self.clone() }
    }
}
