//! The format of a line: text with placeholders (CoreDNS, plugin/pkg/replacer).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::op::Message;

use crate::plugin::{Outcome, Reply, Request};
use crate::telemetry::{mnemonic, uncompressed_len};

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
const KNOWN: [&str; 15] = [
    "type", "name", "class", "proto", "size", "remote", "port", ">id", ">opcode", ">do",
    ">bufsize", "rcode", "rsize", "duration", ">rflags",
];

/// A question and what became of it.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    pub request: &'a Request,
    pub outcome: &'a Outcome,
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
                Part::Metadata(label) => {
                    let values = seen.request.metadata.as_ref();
                    let value = values.and_then(|values| values.get(label));
                    line.push_str(value.as_deref().unwrap_or(NOTHING));
                }
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
        let edns = request.message.edns.as_ref();
        match name {
            "type" => mnemonic::record_type(request.qtype()),
            "class" => mnemonic::class(request.query().query_class()),
            "name" => mnemonic::name(request.qname()).into(),
            "proto" => request.transport.label().into(),
            "size" => request.size.to_string().into(),
            "remote" => match request.client.ip().to_canonical() {
                IpAddr::V4(address) => address.to_string().into(),
                IpAddr::V6(address) => format!("[{address}]").into(),
            },
            "port" => request.client.port().to_string().into(),
            ">id" => asked.id.to_string().into(),
            ">opcode" => u8::from(asked.op_code).to_string().into(),
            ">do" => edns.is_some_and(|edns| edns.flags().dnssec_ok).to_string().into(),
            ">bufsize" => request.buffer_size().to_string().into(),
            "duration" => format!("{}s", self.took.as_secs_f64()).into(),
            _ => self.of_reply(name),
        }
    }

    fn of_reply(&self, name: &str) -> Cow<'static, str> {
        let refused;
        let message = match self.outcome {
            Ok(Reply::Message(message)) => message.as_ref(),
            // How much it is will be known when it is sent.
            Ok(Reply::Messages(_)) => match name {
                "rcode" => return "NOERROR".into(),
                ">rflags" => return "qr,aa".into(),
                _ => return NOTHING.into(),
            },
            Ok(Reply::Silence) if name == "rsize" => return "0".into(),
            Ok(Reply::Silence) => return NOTHING.into(),
            Err(failure) => {
                let mut message = self.request.reply();
                message.metadata.response_code = failure.code;
                refused = message;
                &refused
            }
        };
        match name {
            "rcode" => {
                let code = message.metadata.response_code;
                mnemonic::rcode(code).map_or_else(|| u16::from(code).to_string().into(), Cow::from)
            }
            "rsize" => uncompressed_len(message).to_string().into(),
            ">rflags" => flags(message).into(),
            _ => NOTHING.into(),
        }
    }
}

/// The header's bits of a reply, which always is one.
fn flags(message: &Message) -> String {
    let bits = &message.metadata;
    let mut flags = "qr".to_owned();
    for (set, name) in [
        (bits.authoritative, "aa"),
        (bits.truncation, "tc"),
        (bits.recursion_desired, "rd"),
        (bits.recursion_available, "ra"),
        (bits.authentic_data, "ad"),
        (bits.checking_disabled, "cd"),
    ] {
        if set {
            // Writing to a String cannot fail.
            let _ = write!(flags, ",{name}");
        }
    }
    flags
}
