//! Extended DNS Errors (RFC 8914): an option that says in words why an answer is what it is.

use hickory_proto::op::{Edns, Message};
use hickory_proto::rr::rdata::opt::EdnsOption;

use super::Request;
use crate::zone::why::Why;

/// The option.
const EXPLANATION: u16 = 15;
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
