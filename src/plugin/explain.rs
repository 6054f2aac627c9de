//! Why an answer is what it is: in words with the answer, by Extended DNS Errors (RFC 8914), and for those who
//! ask for all rules that were tried.

use hickory_proto::op::{Edns, Message};
use hickory_proto::rr::rdata::opt::EdnsOption;

use serde::{Deserialize, Serialize};

use super::Request;
use crate::zone::why::Why;

/// What a plugin makes of a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// It answers.
    Answers,
    /// It hands on to the next plugin.
    Passes,
    /// It does not say.
    MayAnswer,
}

/// The option.
pub const EXPLANATION: u16 = 15;
/// Octets of text at most, so that it does not cost records their place.
const TEXT: usize = 200;

/// The option with an INFO-CODE and a text, which may be empty.
pub fn option(code: u16, text: &str) -> EdnsOption {
    let end = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= TEXT).last();
    let text = if text.len() <= TEXT { text } else { &text[..end.unwrap_or(0)] };
    let data = [&code.to_be_bytes()[..], text.as_bytes()].concat();
    EdnsOption::Unknown(EXPLANATION, data)
}

/// Adds a reason to a reply, if the client has EDNS.
pub fn explain(request: &Request, why: &Why, reply: &mut Message) {
    let Some(asked) = &request.message.edns else { return };
    let mut edns = Edns::new();
    edns.set_max_payload(asked.max_payload());
    // What the server mirrors of the client's flags without a reason, it does with one.
    *edns.flags_mut() = *asked.flags();
    edns.options_mut().insert(option(why.code(), &why.to_string()));
    reply.edns = Some(edns);
}
