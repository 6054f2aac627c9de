//! `hosts`: answers from a file like /etc/hosts, and from lines of the Corefile.
//!
//! In: a question in the plugin's zones, or a PTR question for any address. Out: addresses and names
//! with AA, NODATA without SOA for other types of a name that is there, and for a name that is not the
//! next plugin (`fallthrough`) or SERVFAIL, as in CoreDNS: there is no SOA to say NXDOMAIN with.

mod file;
mod setup;
mod table;

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use hickory_proto::op::ResponseCode;

use super::background::Background;
use super::explain::Told;
use super::fast::{Now, Question, Stance};
use super::{Failure, Next, Outcome, Plugin, Reply, Request, names};
use file::HostsFile;
use table::Table;

use crate::zone::answer::{Answer, Section};
use crate::zone::explain::Steps;
use crate::zone::name::WireName;
use crate::zone::{reverse, rtype};

pub use setup::setup;

const NAME: &str = "hosts";

/// The plugin.
#[derive(Debug)]
pub struct Hosts {
    zones: Vec<WireName>,
    /// Where names that are not there are handed on.
    fallthrough: Vec<WireName>,
    /// Whether questions for other types than it has are handed on there, too.
    passes_other_types: bool,
    ttl: u32,
    inline: Table,
    file: HostsFile,
    /// How often the file is looked at; never if zero.
    reload: Duration,
}

#[async_trait]
impl Plugin for Hosts {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let name = names::wire(request.qname());
        let mut answer = Answer::default();
        match self.answer_now(&Question::of(request, &name), &mut answer) {
            Now::Answered => Reply::message(answer.message(request.reply())),
            Now::Passes => next.run(NAME, request).await,
            Now::Kept(_) | Now::Unknown => Err(Failure::code(ResponseCode::ServFail)),
        }
    }

    fn stance(&self) -> Stance {
        Stance::Chooses
    }

    fn answer_now(&self, question: &Question<'_>, answer: &mut Answer) -> Now {
        let Question { name, qtype, .. } = *question;
        if qtype != rtype::PTR && !names::wire_within(&self.zones, name) || self.passes(name, qtype)
        {
            return Now::Passes;
        }
        if self.look_up(name, qtype, answer) {
            answer.authoritative = true;
            return Now::Answered;
        }
        // CoreDNS hands PTR questions on, whether or not it may fall through.
        match qtype == rtype::PTR || names::wire_within(&self.fallthrough, name) {
            true => Now::Passes,
            false => Now::Unknown,
        }
    }

    fn start(&self, background: &Background) {
        self.file.start(background, self.reload);
    }

    fn explain(&self, request: &Request, steps: &mut Steps) -> Told {
        let (name, qtype) = (names::wire(request.qname()), u16::from(request.qtype()));
        if qtype != rtype::PTR && !names::wire_within(&self.zones, &name) {
            steps.add("zone", "the name is in none of its zones");
            return Told::Passes;
        }
        if self.passes(&name, qtype) {
            steps.add("fallthrough_unsupported", "it has no records of the type");
            return Told::Passes;
        }
        if self.look_up(&name, qtype, &mut Answer::default()) {
            steps.add("hosts", "it has the name");
            return Told::Answers;
        }
        steps.add("hosts", "it does not have the name");
        match qtype == rtype::PTR || names::wire_within(&self.fallthrough, &name) {
            true => Told::Passes,
            false => {
                steps.add("fallthrough", "names that it does not have stay without an answer");
                Told::Answers
            }
        }
    }
}

impl Hosts {
    /// Whether a question is handed on for its type, whether or not the name is there.
    fn passes(&self, name: &WireName, qtype: u16) -> bool {
        let has = matches!(qtype, rtype::A | rtype::AAAA | rtype::PTR);
        !has && self.passes_other_types && names::wire_within(&self.fallthrough, name)
    }

    /// Writes what there is for a question, the file's first, then that of the Corefile: nothing for a name that
    /// has only other types. Says whether there is the name, or one of the address. All of it is from one
    /// reading of the file.
    fn look_up(&self, name: &WireName, qtype: u16, answer: &mut Answer) -> bool {
        let file = self.file.table();
        let tables = [&*file, &self.inline];
        let (owner, ttl) = (name.folded(), self.ttl);
        if qtype == rtype::PTR {
            let Some(address) = reverse::address(name) else { return false };
            for target in tables.into_iter().flat_map(|table| table.names(address)) {
                answer.name(Section::Answer, owner, rtype::PTR, ttl, target);
            }
            return answer.mark() > 0;
        }
        let mut is_there = false;
        for table in tables {
            let (v4, v6) = (table.v4(name), table.v6(name));
            is_there |= !v4.is_empty() || !v6.is_empty();
            let v4 = v4.iter().map(|v4| IpAddr::V4(*v4)).filter(|_| qtype == rtype::A);
            let v6 = v6.iter().map(|v6| IpAddr::V6(*v6)).filter(|_| qtype == rtype::AAAA);
            v4.chain(v6).for_each(|address| answer.address(Section::Answer, owner, ttl, address));
        }
        is_there
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
