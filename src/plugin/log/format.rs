//! The format of a line: text with placeholders (CoreDNS, plugin/pkg/replacer).

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::op::Metadata;

use super::written::Written;
use crate::plugin::Request;
use crate::telemetry::log::one_line;
use crate::telemetry::mnemonic;

/// What `{common}` stands for, and the format of a `log` that says none.
const COMMON: &str = "{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} {>do} \
                      {>bufsize}\" {rcode} {>rflags} {rsize} {duration}";
/// What `{combined}` stands for.
const COMBINED: &str = "{common} \"{>opcode}\"";
/// What is not known.
const NOTHING: &str = "-";

/// A format, read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Format {
    parts: Vec<Part>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Text(String),
    /// The name of a placeholder that CoreDNS knows.
    Known(&'static str),
    /// A label of metadata: `kubernetes/service`.
    Metadata(String),
}

/// The placeholders.
const KNOWN: [&str; 16] = [
    "type", "name", "class", "proto", "size", "remote", "port", "local", ">id", ">opcode", ">do",
    ">bufsize", "rcode", "rsize", "duration", ">rflags",
];

/// A question and what became of it.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    pub request: &'a Request,
    pub reply: &'a Written,
    pub took: Duration,
}

impl Default for Format {
    fn default() -> Self {
        Format::read(COMMON)
    }
}

impl Format {
    /// Reads a format. What is no placeholder is text, braces and all.
    pub fn read(text: &str) -> Self {
        let text = text.replace("{combined}", COMBINED).replace("{common}", COMMON);
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        let mut literal = String::new();
        while let Some(end) = rest.find('}') {
            let (head, tail) = rest.split_at(end + 1);
            let start = head.rfind('{');
            let part = start.and_then(|start| Part::read(&head[start + 1..end]));
            match (part, start) {
                (Some(part), Some(start)) => {
                    literal.push_str(&head[..start]);
                    if !literal.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut literal)));
                    }
                    parts.push(part);
                }
                _ => literal.push_str(head),
            }
            rest = tail;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Format { parts }
    }

    /// The line of one question.
    pub fn line(&self, seen: Seen<'_>) -> String {
        let mut line = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => line.push_str(text),
                Part::Known(name) => line.push_str(&seen.value(name)),
                Part::Metadata(label) => line.push_str(&seen.metadata(label)),
            }
        }
        line
    }
}

impl Part {
    fn read(name: &str) -> Option<Self> {
        if let Some(label) = name.strip_prefix('/') {
            return Some(Part::Metadata(label.to_owned()));
        }
        KNOWN.iter().find(|known| **known == name).map(|known| Part::Known(known))
    }
}

impl Seen<'_> {
    fn value(&self, name: &str) -> Cow<'static, str> {
        let request = self.request;
        let asked = &request.message.metadata;
        match name {
            "type" => mnemonic::record_type(request.qtype()),
            "class" => mnemonic::class(request.query().query_class()),
            "name" => mnemonic::name(request.qname()).into(),
            "proto" => request.transport.label().into(),
            "size" => request.size.to_string().into(),
            "remote" => bracketed(request.client.ip()).into(),
            "port" => request.client.port().to_string().into(),
            "local" => bracketed(request.local.ip()).into(),
            ">id" => asked.id.to_string().into(),
            ">opcode" => u8::from(asked.op_code).to_string().into(),
            ">do" => dnssec_ok(request).to_string().into(),
            ">bufsize" => request.buffer_size().to_string().into(),
            "duration" => format!("{}s", self.took.as_secs_f64()).into(),
            "rsize" => self.reply.size.to_string().into(),
            "rcode" => self.reply.rcode().unwrap_or(Cow::Borrowed(NOTHING)),
            ">rflags" => self.reply.header.as_ref().map_or(NOTHING.into(), |it| flags(it).into()),
            _ => NOTHING.into(),
        }
    }

    /// A value of metadata. Two are the plugin's own, where `metadata` stands in the block at all.
    fn metadata(&self, label: &str) -> Cow<'static, str> {
        let values = self.request.metadata.as_ref();
        match (label, values) {
            ("log/type", Some(_)) => self.reply.kind.name().into(),
            ("log/class", Some(_)) => self.reply.kind.class().name().into(),
            (label, values) => values
                .and_then(|values| values.get(label))
                .map_or(NOTHING.into(), |value| one_line(&value).into()),
        }
    }
}

/// Whether the client wants DNSSEC records.
pub fn dnssec_ok(request: &Request) -> bool {
    request.message.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok)
}

fn bracketed(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// The header's bits of a reply, which always is one.
fn flags(header: &Metadata) -> String {
    let mut flags = "qr".to_owned();
    for (set, name) in [
        (header.authoritative, ",aa"),
        (header.truncation, ",tc"),
        (header.recursion_desired, ",rd"),
        (header.recursion_available, ",ra"),
        (header.authentic_data, ",ad"),
        (header.checking_disabled, ",cd"),
    ] {
        if set {
            flags.push_str(name);
        }
    }
    flags
}
