//! The real `dig`, asking from outside, and its output in pieces.

use std::net::SocketAddr;
use std::process::Command;

use super::netns::Namespace;
use super::parts;

/// What dig printed of one reply. Records are lines `name ttl class type rdata` in dig's order.
#[derive(Clone, Debug, Default)]
pub struct DigReply {
    /// Everything, as printed.
    pub text: String,
    /// `QUERY`, `NOTIFY`, ...
    pub opcode: String,
    /// `NOERROR`, `NXDOMAIN`, ...; empty if there was no reply.
    pub status: String,
    /// `qr`, `aa`, `tc`, `rd`, `ra`, `ad`, `cd`.
    pub flags: Vec<String>,
    /// The EDNS line (`version: 0, flags:; udp: 1232`), then the options.
    pub edns: Vec<String>,
    /// The question as `name class type`.
    pub question: Vec<String>,
    /// The answer section; also what is printed of a zone transfer.
    pub answer: Vec<String>,
    /// The authority section.
    pub authority: Vec<String>,
    /// The additional section.
    pub additional: Vec<String>,
}

/// Runs `dig @server -p port ARGS`, for example `dig(at, "web.shop.svc.cluster.local SRV +tcp")`.
pub async fn dig(at: SocketAddr, args: &str) -> DigReply {
    run(at, args, None).await
}

/// The same from inside of a network namespace.
pub async fn dig_inside(namespace: &Namespace, at: SocketAddr, args: &str) -> DigReply {
    run(at, args, Some(namespace)).await
}

async fn run(at: SocketAddr, args: &str, namespace: Option<&Namespace>) -> DigReply {
    let mut command = Command::new(parts::system("dig"));
    command.arg("-r").arg(format!("@{}", at.ip())).arg("-p").arg(at.port().to_string());
    command.args(args.split_whitespace());
    let mut command = match namespace {
        Some(namespace) => namespace.wrap(&command),
        None => command,
    };
    // Off the test's thread, which may be serving an upstream of the server that is asked.
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    let output = output.expect("a thread").expect("dig runs");
    DigReply::parse(&String::from_utf8_lossy(&output.stdout))
}

impl DigReply {
    /// Takes apart what dig printed for one question.
    pub fn parse(text: &str) -> Self {
        let mut reply = Self { text: text.into(), ..Self::default() };
        let mut section = "ANSWER";
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            if let Some(name) = section_of(line) {
                section = name;
            } else if let Some(header) = line.strip_prefix(";; ->>HEADER<<- ") {
                reply.opcode = after(header, "opcode: ");
                reply.status = after(header, "status: ");
            } else if let Some(flags) = line.strip_prefix(";; flags:") {
                let flags = flags.split(';').next().unwrap_or_default();
                reply.flags = flags.split_whitespace().map(str::to_owned).collect();
            } else if let Some(comment) = line.strip_prefix("; ").filter(|_| section == "OPT") {
                reply.edns.push(comment.strip_prefix("EDNS: ").unwrap_or(comment).into());
            } else if let Some(question) = line.strip_prefix(';').filter(|_| section == "QUESTION")
            {
                if !question.starts_with(';') {
                    reply.question.push(one_space(question));
                }
            } else if !line.starts_with(';') {
                match section {
                    "AUTHORITY" => reply.authority.push(one_space(line)),
                    "ADDITIONAL" => reply.additional.push(one_space(line)),
                    _ => reply.answer.push(one_space(line)),
                }
            }
        }
        reply
    }

    /// Whether the reply has this flag.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|f| f == flag)
    }
}

fn section_of(line: &str) -> Option<&str> {
    let name = line.strip_prefix(";; ")?;
    name.strip_suffix(" SECTION:").or_else(|| name.strip_suffix(" PSEUDOSECTION:"))
}

fn after(header: &str, key: &str) -> String {
    let value = header.split_once(key).map_or("", |(_, rest)| rest);
    value.split(',').next().unwrap_or_default().to_owned()
}

fn one_space(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
