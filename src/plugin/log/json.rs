//! The members of a line that is JSON (CoreDNS, plugin/log/json.go).

use serde::Serialize;

use super::NAME;
use super::format::{Seen, dnssec_ok};
use crate::telemetry::mnemonic;

/// In CoreDNS's order.
#[derive(Serialize)]
struct Members {
    plugin: &'static str,
    client_ip: String,
    client_port: u16,
    qname: String,
    qtype: String,
    qclass: String,
    protocol: &'static str,
    id: u16,
    opcode: u8,
    request_size: usize,
    dnssec_ok: bool,
    bufsize: u16,
    /// `null` where no reply was written.
    rcode: Option<String>,
    response_size: usize,
    duration_seconds: f64,
}

/// The members of an object, without its braces.
pub fn members(seen: Seen<'_>) -> String {
    let Seen { request, reply, took } = seen;
    let members = Members {
        plugin: NAME,
        client_ip: request.client.ip().to_canonical().to_string(),
        client_port: request.client.port(),
        qname: mnemonic::name(request.qname()),
        qtype: mnemonic::record_type(request.qtype()).into_owned(),
        qclass: mnemonic::class(request.query().query_class()).into_owned(),
        protocol: request.transport.label(),
        id: request.message.metadata.id,
        opcode: request.message.metadata.op_code.into(),
        request_size: request.size,
        dnssec_ok: dnssec_ok(request),
        bufsize: request.buffer_size(),
        rcode: reply.rcode().map(|code| code.into_owned()),
        response_size: reply.size,
        duration_seconds: took.as_secs_f64(),
    };
    // Text and numbers always are JSON.
    let object = serde_json::to_string(&members).unwrap_or_default();
    object.trim_start_matches('{').trim_end_matches('}').to_owned()
}
