//! What a reply mirrors of a question that plugins changed (CoreDNS, request/request.go, `SizeAndDo`).
//!
//! In: what the chain said, and the question as it was left. Out: the OPT record that the reply mirrors, which
//! a client may get that sent none, and the options of it that `rewrite` names, where a reply has no OPT
//! record of its own.

use std::sync::Arc;

use hickory_proto::op::Message;
use hickory_proto::rr::rdata::OPT;

use super::edns::Edns;
use crate::plugin::changes::Changes;
use crate::plugin::request::reply_to;
use crate::plugin::{Outcome, Reply};

/// `asked` is the client's message, where replies mirror any of its options; `edns` is what they mirror else.
pub fn mirror(
    outcome: Outcome,
    changes: &Changes,
    asked: Option<Arc<Message>>,
    mirrored: &[u16],
    edns: &mut Option<Edns>,
) -> Outcome {
    let last = changes.last();
    if let Some((_, left)) = &last {
        *edns = left.as_ref().map(Edns::of_request);
    }
    let is_changed = last.is_some();
    let of_client = asked.map(|asked| (asked.clone(), asked.edns.clone()));
    let Some((question, left)) = last.or(of_client) else { return outcome };
    let options = left.iter().flat_map(|edns| edns.options().as_ref());
    let options: Vec<_> =
        options.filter(|(code, _)| mirrored.contains(&u16::from(*code))).cloned().collect();
    if !is_changed && options.is_empty() {
        return outcome;
    }
    let mut reply = match outcome {
        Ok(Reply::Message(reply)) => *reply,
        Err(failure) => {
            let mut reply = reply_to(&question);
            reply.metadata.response_code = failure.code;
            reply
        }
        other => return other,
    };
    if let (None, Some(mut left), false) = (&reply.edns, left, options.is_empty()) {
        *left.options_mut() = OPT::new(options);
        reply.edns = Some(left);
    }
    Reply::message(reply)
}

#[cfg(test)]
#[path = "mirror_tests.rs"]
mod tests;
