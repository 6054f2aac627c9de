//! `hosts`: answers from a file like /etc/hosts, and from lines of the Corefile.
//!
//! In: a question in the plugin's zones, or a PTR question for any address. Out: addresses and names
//! with AA, NODATA without SOA for other types of a name that is there, and for a name that is not the
//! next plugin (`fallthrough`) or SERVFAIL, as in CoreDNS: there is no SOA to say NXDOMAIN with.

mod file;
mod setup;
mod table;

use std::net::IpAddr;
use std::sync::Once;
use std::time::Duration;

use async_trait::async_trait;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::PTR;
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::{Failure, Next, Outcome, Plugin, Reply, Request, names};
use file::HostsFile;
use table::Table;

pub use setup::setup;

const NAME: &str = "hosts";

/// The plugin.
#[derive(Debug)]
pub struct Hosts {
    zones: Vec<Name>,
    /// Where names that are not there are handed on.
    fallthrough: Vec<Name>,
    ttl: u32,
    inline: Table,
    file: HostsFile,
    /// How often the file is looked at; never if zero.
    reload: Duration,
    /// Looking begins with the first question, for at set-up nothing runs yet.
    watch: Once,
}

#[async_trait]
impl Plugin for Hosts {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        if !self.reload.is_zero() {
            self.watch.call_once(|| self.file.watch(self.reload));
        }
        let (name, qtype) = (request.qname(), request.qtype());
        if qtype != RecordType::PTR && !names::within(&self.zones, name) {
            return next.run(NAME, request).await;
        }
        let data = self.data(name, qtype);
        if data.is_empty() {
            // CoreDNS hands PTR questions on, whether or not it may fall through.
            if qtype == RecordType::PTR {
                return next.run(NAME, request).await;
            }
            if !self.knows(name) {
                return match names::within(&self.fallthrough, name) {
                    true => next.run(NAME, request).await,
                    false => Err(Failure::code(ResponseCode::ServFail)),
                };
            }
        }
        let owner = name.to_lowercase();
        let mut reply = request.reply();
        reply.metadata.authoritative = true;
        reply.answers = data
            .into_iter()
            .map(|data| Record::from_rdata(owner.clone(), self.ttl, data))
            .collect();
        Reply::message(reply)
    }
}

impl Hosts {
    /// What there is for a question: the file's first, then that of the Corefile.
    fn data(&self, name: &Name, qtype: RecordType) -> Vec<RData> {
        let file = self.file.table();
        let tables = [&*file, &self.inline];
        match qtype {
            RecordType::A => tables
                .into_iter()
                .flat_map(|table| table.v4(name))
                .map(|address| RData::A((*address).into()))
                .collect(),
            RecordType::AAAA => tables
                .into_iter()
                .flat_map(|table| table.v6(name))
                .map(|address| RData::AAAA((*address).into()))
                .collect(),
            RecordType::PTR => {
                let Some(address) = reverse(name) else { return Vec::new() };
                tables
                    .into_iter()
                    .flat_map(|table| table.names(address))
                    .map(|name| RData::PTR(PTR(name.clone())))
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether the name has an address of either family.
    fn knows(&self, name: &Name) -> bool {
        let file = self.file.table();
        [&*file, &self.inline]
            .into_iter()
            .any(|table| !table.v4(name).is_empty() || !table.v6(name).is_empty())
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
