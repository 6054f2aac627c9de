//! A question that rules are changing.

use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::rdata::OPT;
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};

use crate::plugin::{Request, names};
use crate::telemetry::mnemonic;

/// Octets that a client takes over UDP, of an OPT record that it did not send.
const PAYLOAD: u16 = 4096;

/// The name that a rule made is none: its text.
#[derive(Debug, PartialEq, Eq)]
pub struct BadName(pub String);

/// The message that is handed on, which is the client's until a rule changes it.
pub struct Draft<'a> {
    pub request: &'a Request,
    name: String,
    changed: Option<Message>,
}

impl<'a> Draft<'a> {
    pub fn new(request: &'a Request) -> Self {
        Draft { request, name: mnemonic::name(request.qname()), changed: None }
    }

    /// The name that is asked for by now, in lower case with its final dot.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn question(&self) -> &Query {
        match &self.changed {
            Some(message) => &message.queries[0],
            None => self.request.query(),
        }
    }

    /// For a change of the type or class.
    pub fn question_mut(&mut self) -> &mut Query {
        &mut self.message().queries[0]
    }

    /// # Errors
    /// It is no name.
    pub fn rename(&mut self, text: String) -> Result<(), BadName> {
        let Some(name) = names::parse(&text) else { return Err(BadName(text)) };
        self.name = mnemonic::name(&name);
        self.question_mut().set_name(name);
        Ok(())
    }

    /// The OPT record, which is made where the client sent none.
    pub fn edns(&mut self) -> &mut Edns {
        self.message().edns.get_or_insert_with(|| {
            let mut edns = Edns::new();
            edns.set_max_payload(PAYLOAD);
            edns
        })
    }

    /// The message, if any rule changed it.
    pub fn finish(self) -> Option<Message> {
        self.changed
    }

    fn message(&mut self) -> &mut Message {
        self.changed.get_or_insert_with(|| (*self.request.message).clone())
    }
}

/// Changes the options of an OPT record, each a code and its data.
pub fn change_options(edns: &mut Edns, change: impl FnOnce(&mut Vec<(EdnsCode, EdnsOption)>)) {
    let mut options = edns.options().as_ref().to_vec();
    change(&mut options);
    *edns.options_mut() = OPT::new(options);
}
