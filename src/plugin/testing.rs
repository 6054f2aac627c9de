//! What the tests of plugins share: chains from text, questions, and a plugin at the end.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::RecordType;

use super::order::SetupFn;
use super::request::Resolve;
use super::setup::{Chain, Process, Setup};
use super::{Failure, Next, Outcome, Plugin, Reply, Request, Transport, names};
use crate::corefile::{self, Diagnostic, Directive, ParseOptions};

/// Reads a server block with the keys `keys`, and what its lines say.
pub fn parsed(keys: &str, lines: &str) -> Result<corefile::Corefile, Diagnostic> {
    let options = ParseOptions { default_port: 53, env: &|_| None };
    corefile::parse(Path::new("Corefile"), &format!("{keys} {{\n{lines}\n}}\n"), &options)
}

/// Sets up one plugin from the lines of a server block with the keys `keys`.
pub fn setup_in(
    keys: &str,
    lines: &str,
    plugin: &str,
    setup: SetupFn,
) -> Result<(Chain, Process), Diagnostic> {
    let corefile = parsed(keys, lines)?;
    let (mut chain, mut process) = (Chain::default(), Process::default());
    for block in &corefile.blocks {
        let directives: Vec<&Directive> =
            block.directives.iter().filter(|directive| directive.name.text == plugin).collect();
        let blocks = &corefile.blocks;
        setup(&mut Setup { blocks, block, chain: &mut chain, process: &mut process }, &directives)?;
    }
    Ok((chain, process))
}

/// Sets up one plugin from the lines of a server block for `.`.
pub fn setup(lines: &str, plugin: &str, setup: SetupFn) -> Result<(Chain, Process), Diagnostic> {
    setup_in(".", lines, plugin, setup)
}

/// Checks what the lines make: `show` of it, or a part of the diagnostic.
#[track_caller]
pub fn check(
    lines: &str,
    plugin: &str,
    setup_fn: SetupFn,
    expected: Result<&str, &str>,
    show: impl FnOnce(&Chain, &Process) -> String,
) {
    match (setup(lines, plugin, setup_fn), expected) {
        (Ok((chain, process)), Ok(expected)) => {
            assert_eq!(show(&chain, &process), expected, "{lines}")
        }
        (Err(found), Err(expected)) => {
            let found = found.to_string();
            assert!(found.contains(expected), "{lines}: {found}");
            assert!(found.starts_with("Corefile:"), "{lines}: {found}");
        }
        (Ok(_), Err(expected)) => panic!("{lines} is taken, but: {expected}"),
        (Err(found), Ok(_)) => panic!("{lines}: {found}"),
    }
}

/// A question over UDP with ID 7 from 192.0.2.1:40000, with RD.
pub fn request(name: &str, qtype: RecordType) -> Request {
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(names::parse(name).unwrap(), qtype));
    let size = message.to_vec().unwrap().len();
    Request {
        message: Arc::new(message),
        client: "192.0.2.1:40000".parse().unwrap(),
        local: "192.0.2.53:53".parse().unwrap(),
        transport: Transport::Udp,
        size,
        server: "dns://:53".into(),
        zone: ".".into(),
        view: None,
        resolver: Arc::new(Nobody),
        depth: 0,
        is_own: false,
        metadata: None,
        changes: Default::default(),
        deadline: None,
    }
}

struct Nobody;

#[async_trait]
impl Resolve for Nobody {
    async fn resolve(&self, _request: Request) -> Outcome {
        Err(Failure::code(ResponseCode::Refused))
    }
}

/// A plugin at the end of a chain that does what it is told.
pub struct Last(pub fn(&Request) -> Outcome);

#[async_trait]
impl Plugin for Last {
    fn name(&self) -> &'static str {
        "last"
    }

    async fn handle(&self, request: &Request, _next: Next<'_>) -> Outcome {
        self.0(request)
    }
}

/// Asks a chain, behind whose plugins stands [`Last`] with an answer of NOTIMP.
pub async fn ask(chain: &mut Chain, request: &Request) -> Outcome {
    ask_before(chain, request, |_| Err(Failure::code(ResponseCode::NotImp))).await
}

/// Asks a chain, behind whose plugins stands `last`.
pub async fn ask_before(
    chain: &mut Chain,
    request: &Request,
    last: fn(&Request) -> Outcome,
) -> Outcome {
    chain.plugins.push(Arc::new(Last(last)));
    let outcome = Next::all(&chain.plugins).start(request).await;
    chain.plugins.pop();
    outcome
}

/// The code of an outcome, and the answers as text: `NOERROR aa: A 10.0.0.1, …`.
pub fn shown(outcome: &Outcome) -> String {
    match outcome {
        Ok(Reply::Messages(_)) => "a zone".to_owned(),
        Ok(Reply::Silence) => "silence".to_owned(),
        Err(failure) => match &failure.cause {
            Some(cause) => format!("failed {:?}: {cause}", failure.code),
            None => format!("failed {:?}", failure.code),
        },
        Ok(Reply::Message(message)) => {
            let answers: Vec<String> = message
                .answers
                .iter()
                .map(|record| {
                    format!(
                        "{} {} {} {}",
                        record.name,
                        record.ttl,
                        record.record_type(),
                        record.data
                    )
                })
                .collect();
            let aa = if message.metadata.authoritative { " aa" } else { "" };
            let code = message.metadata.response_code;
            format!("{code:?}{aa}: {}", answers.join(", ")).trim_end().to_owned()
        }
    }
}
