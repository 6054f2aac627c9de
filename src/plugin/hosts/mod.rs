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
use hickory_proto::rr::rdata::PTR;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::background::Background;
use super::explain::Told;
use super::{Failure, Next, Outcome, Plugin, Reply, Request, names};
use file::HostsFile;
use table::Table;

use crate::zone::explain::Steps;

pub use setup::setup;

const NAME: &str = "hosts";

/// The plugin.
#[derive(Debug)]
pub struct Hosts {
    zones: Vec<Name>,
    /// Where names that are not there are handed on.
    fallthrough: Vec<Name>,
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
        let (name, qtype) = (request.qname(), request.qtype());
        if qtype != RecordType::PTR && !names::within(&self.zones, name) {
            return next.run(NAME, request).await;
        }
        if self.passes(name, qtype) {
            return next.run(NAME, request).await;
        }
        let data = match self.look_up(name, qtype) {
            Some(data) => data,
            // CoreDNS hands PTR questions on, whether or not it may fall through.
            None if qtype == RecordType::PTR || names::within(&self.fallthrough, name) => {
                return next.run(NAME, request).await;
            }
            None => return Err(Failure::code(ResponseCode::ServFail)),
        };
        let owner = name.to_lowercase();
        let mut reply = request.reply();
        reply.metadata.authoritative = true;
        reply.answers = data
            .into_iter()
            .map(|data| Record::from_rdata(owner.clone(), self.ttl, data))
            .collect();
        Reply::message(reply)
    }

    fn start(&self, background: &Background) {
        self.file.start(background, self.reload);
    }

    fn explain(&self, request: &Request, steps: &mut Steps) -> Told {
        let (name, qtype) = (request.qname(), request.qtype());
        if qtype != RecordType::PTR && !names::within(&self.zones, name) {
            steps.add("zone", "the name is in none of its zones");
            return Told::Passes;
        }
        if self.passes(name, qtype) {
            steps.add("fallthrough_unsupported", "it has no records of the type");
            return Told::Passes;
        }
        if self.look_up(name, qtype).is_some() {
            steps.add("hosts", "it has the name");
            return Told::Answers;
        }
        steps.add("hosts", "it does not have the name");
        match qtype == RecordType::PTR || names::within(&self.fallthrough, name) {
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
    fn passes(&self, name: &Name, qtype: RecordType) -> bool {
        let has = matches!(qtype, RecordType::A | RecordType::AAAA | RecordType::PTR);
        !has && self.passes_other_types && names::within(&self.fallthrough, name)
    }

    /// What there is for a question, the file's first, then that of the Corefile; nothing for a name
    /// that has only other types, `None` for one that has no addresses. All of it is from one reading of
    /// the file.
    fn look_up(&self, name: &Name, qtype: RecordType) -> Option<Vec<RData>> {
        let file = self.file.table();
        let tables = [&*file, &self.inline];
        if qtype == RecordType::PTR {
            let address = reverse(name)?;
            let names = tables.into_iter().flat_map(|table| table.names(address));
            let data: Vec<RData> = names.map(|name| RData::PTR(PTR(name.clone()))).collect();
            return (!data.is_empty()).then_some(data);
        }
        let v4 = || tables.into_iter().flat_map(|table| table.v4(name));
        let v6 = || tables.into_iter().flat_map(|table| table.v6(name));
        if v4().next().is_none() && v6().next().is_none() {
            return None;
        }
        Some(match qtype {
            RecordType::A => v4().map(|address| RData::A((*address).into())).collect(),
            RecordType::AAAA => v6().map(|address| RData::AAAA((*address).into())).collect(),
            _ => Vec::new(),
        })
    }
}

/// The address that a reverse name is for; one of IPv4 written as IPv6 counts as IPv4.
fn reverse(name: &Name) -> Option<IpAddr> {
    let network = name.parse_arpa_name().ok()?;
    let address = network.addr();
    // Parts of addresses, and numbers with leading zeros, are names of no address.
    (Name::from(address) == *name).then(|| address.to_canonical())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
