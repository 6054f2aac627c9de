//! The plugins of a server block, in CoreDNS's order.
//!
//! In: a [`Request`], parsed and found to be for this block. Out: an [`Outcome`]. Each plugin answers
//! or hands on to the [`Next`]; none of them knows about sockets, truncation or EDNS, which are the
//! server's ([`crate::server`]).
//!
//! One file or folder each, under CoreDNS's name: `setup` reads the plugin's lines of the Corefile,
//! `handle` answers. [`order`] holds the order of execution and the names that are not built in.

pub mod acl;
pub mod any;
pub mod autopath;
pub mod background;
pub mod bind;
pub mod bufsize;
pub mod cache;
pub mod cancel;
pub mod changes;
pub mod crowds;
pub mod debug;
pub mod dns64;
#[cfg(test)]
mod endpoint_tests;
pub mod errors;
pub mod explain;
pub mod fast;
pub mod file;
pub mod fleet;
pub mod forward;
pub mod header;
pub mod health;
pub mod hosts;
pub mod k8s_external;
pub mod kubernetes;
pub mod loadbalance;
pub mod local;
pub mod log;
pub mod r#loop;
pub mod metadata;
pub mod minimal;
pub mod multisocket;
pub mod names;
pub mod nsid;
pub mod order;
pub mod passing;
pub mod prometheus;
pub mod ready;
pub mod reload;
pub mod request;
pub mod response;
pub mod rewrite;
pub mod root;
pub mod sentinel;
pub mod setup;
pub mod template;
#[cfg(test)]
pub mod testing;
pub mod timeouts;
pub mod tls;
pub mod transfer;
pub mod view;
pub mod whoami;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::Name;

use background::Background;
use explain::Told;
use fast::{Now, Question, Stance};
use passing::Changing;
pub use request::{Request, Transport};
use transfer::Transferred;

use crate::zone::answer::Answer;
use crate::zone::explain::Steps;

/// One link of the chain of a server block.
#[async_trait]
pub trait Plugin: Send + Sync {
    /// The word of the Corefile.
    fn name(&self) -> &'static str;

    /// Answers the request, or hands it to `next`.
    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome;

    /// Begins what goes on beside the questions. Called once, when the sockets of the block are open.
    fn start(&self, _background: &Background) {}

    /// The Corefile that was to replace this one is wrong, and this one goes on.
    fn goes_on(&self, _background: &Background) {}

    /// What it knows about a request that it may be asked, for `metadata` before it. Must not wait.
    fn metadata(&self, _request: &Request, _values: &mut metadata::Values) {}

    /// Whether it is `metadata`, and has it collected for this question.
    fn collects(&self, _request: &Request) -> bool {
        false
    }

    /// Whether it only tells others of questions: those of the server itself are not for it.
    fn looks_on(&self) -> bool {
        false
    }

    /// The client's search path, for `autopath` before it: its domains in order and the root last, `None` for
    /// one that is no name. Must not wait.
    fn search_path(&self, _request: &Request) -> Option<Vec<Option<Name>>> {
        None
    }

    /// What it makes of a request, for who wants to know why. Must not wait.
    fn explain(&self, _request: &Request, _steps: &mut Steps) -> Told {
        Told::MayAnswer
    }

    /// Whether it answers a request from what it knows at this moment, so that no `cache` before it may
    /// give an older answer, nor keep this one. Must not wait.
    fn holds(&self, _request: &Request) -> bool {
        false
    }

    /// How it stands to the fast path ([`fast`]).
    fn stance(&self) -> Stance {
        Stance::InTheWay
    }

    /// Answers a question at once, as [`Plugin::handle`] would; `answer` is clear. For plugins whose stance
    /// is [`Stance::Answers`] or [`Stance::Chooses`]. Must not wait, lock or allocate.
    fn answer_now(&self, _question: &Question<'_>, _answer: &mut Answer) -> Now {
        Now::Unknown
    }

    /// The question that those behind are asked in place of this one, for who explains. Must not wait.
    fn hands_on(&self, _request: &Request) -> Option<Request> {
        None
    }

    /// What it has of the zone that a request asks for, for `transfer` before it.
    async fn transfer(&self, _request: &Request) -> Transferred {
        Transferred::Elsewhere
    }
}

/// What a plugin made of a request.
pub type Outcome = Result<Reply, Failure>;

/// A reply that needs nothing more from the chain.
#[derive(Debug)]
pub enum Reply {
    /// Header flags, response code and sections; the server copies ID and question from the request
    /// and writes EDNS.
    Message(Box<Message>),
    /// A zone, over TCP.
    Messages(Box<dyn Messages>),
    /// No answer at all is sent.
    Silence,
}

impl Reply {
    pub fn message(message: Message) -> Outcome {
        Ok(Reply::Message(Box::new(message)))
    }

    /// The same with each of its messages changed, as it passes.
    pub fn each(self, mut change: impl FnMut(&mut Message) + Send + 'static) -> Reply {
        match self {
            Reply::Message(mut message) => {
                change(&mut message);
                Reply::Message(message)
            }
            Reply::Messages(messages) => Reply::Messages(Box::new(Changing { messages, change })),
            Reply::Silence => Reply::Silence,
        }
    }
}

/// Messages that are sent one after the other.
pub trait Messages: Iterator<Item = Message> + Send + fmt::Debug {}

impl<T: Iterator<Item = Message> + Send + fmt::Debug> Messages for T {}

/// No reply was written: the server answers with `code` alone (CoreDNS's `return rcode, err`).
#[derive(Debug)]
pub struct Failure {
    pub code: ResponseCode,
    /// What the `errors` plugin logs, complete with the name of the plugin.
    pub cause: Option<String>,
}

impl Failure {
    /// A failure that `errors` logs: `plugin/NAME: CAUSE`.
    pub fn new(plugin: &str, code: ResponseCode, cause: impl fmt::Display) -> Self {
        Failure { code, cause: Some(format!("plugin/{plugin}: {cause}")) }
    }

    /// A response code that is no error to log, such as REFUSED for a transfer.
    pub fn code(code: ResponseCode) -> Self {
        Failure { code, cause: None }
    }
}

/// The plugins behind the one that is asked.
#[derive(Clone, Copy)]
pub struct Next<'a> {
    rest: &'a [Arc<dyn Plugin>],
}

impl<'a> Next<'a> {
    /// The whole chain.
    pub fn all(chain: &'a [Arc<dyn Plugin>]) -> Self {
        Next { rest: chain }
    }

    /// All of them, in their order.
    pub fn plugins(&self) -> impl Iterator<Item = &'a dyn Plugin> {
        self.rest.iter().map(Arc::as_ref)
    }

    /// The plugin that is asked next, if there is one.
    pub fn name(&self) -> Option<&'static str> {
        self.rest.first().map(|plugin| plugin.name())
    }

    /// Asks the next plugin; with none left the answer is SERVFAIL, as `NextOrFailure` of CoreDNS's
    /// plugin/plugin.go. `from` is the plugin that hands on.
    pub async fn run(self, from: &str, request: &Request) -> Outcome {
        match self.asked(request).split_first() {
            Some((first, rest)) => first.handle(request, Next { rest }).await,
            None => Err(Failure::new(from, ResponseCode::ServFail, "no next plugin found")),
        }
    }

    /// The first question of a chain; an empty one refuses.
    pub async fn start(self, request: &Request) -> Outcome {
        match self.asked(request).split_first() {
            Some((first, rest)) => first.handle(request, Next { rest }).await,
            None => Err(Failure::code(ResponseCode::Refused)),
        }
    }

    /// The same plugins, for work that goes on after the question.
    pub fn keep(self) -> Kept {
        Kept(self.rest.into())
    }

    /// Those that are asked, the first of them first.
    fn asked(self, request: &Request) -> &'a [Arc<dyn Plugin>] {
        let mut plugins = self.rest.iter();
        let first = plugins.position(|plugin| !(request.is_own && plugin.looks_on()));
        &self.rest[first.unwrap_or(self.rest.len())..]
    }
}

/// The plugins behind one that asks them on its own account.
#[derive(Clone)]
pub struct Kept(Arc<[Arc<dyn Plugin>]>);

impl Kept {
    pub fn next(&self) -> Next<'_> {
        Next::all(&self.0)
    }
}
