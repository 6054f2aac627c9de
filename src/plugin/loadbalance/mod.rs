//! `loadbalance`: in which order clients see addresses (CoreDNS, plugin/loadbalance).
//!
//! In: what the plugins behind answer. Out: the same records in another order, aliases first: addresses
//! and mail servers shuffled, or with `weighted` the first address drawn by weights from a file; with
//! `prefer` addresses of some networks before the others. Answers other than NOERROR, and transfers, stay.

mod setup;
mod weights;

use std::time::Duration;

use async_trait::async_trait;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, Record, RecordType};
use ipnet::IpNet;
use rand::seq::SliceRandom;

use super::background::Background;
use super::fast::Stance;
use super::{Next, Outcome, Plugin, Reply, Request};
use weights::WeightFile;

pub use setup::setup;

const NAME: &str = "loadbalance";

/// The plugin.
#[derive(Debug)]
pub struct LoadBalance {
    policy: Policy,
    /// Networks whose addresses stand before others, the most preferred first.
    prefer: Vec<IpNet>,
}

#[derive(Debug)]
enum Policy {
    /// All orders are alike.
    Shuffle,
    Weighted {
        file: WeightFile,
        /// How often the file is read again; never if zero.
        reload: Duration,
    },
}

#[async_trait]
impl Plugin for LoadBalance {
    fn name(&self) -> &'static str {
        NAME
    }

    fn stance(&self) -> Stance {
        match self.policy {
            Policy::Shuffle if self.prefer.is_empty() => Stance::Shuffles,
            Policy::Shuffle | Policy::Weighted { .. } => Stance::InTheWay,
        }
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let mut outcome = next.run(NAME, request).await;
        if let Ok(Reply::Message(message)) = &mut outcome {
            self.order(message);
        }
        outcome
    }

    fn start(&self, background: &Background) {
        if let Policy::Weighted { file, reload } = &self.policy
            && !reload.is_zero()
        {
            background.spawn(weights::poll(file.clone(), *reload));
        }
    }
}

impl LoadBalance {
    fn order(&self, message: &mut Message) {
        let Some(query) = message.queries.first() else { return };
        let qtype = query.query_type();
        if message.metadata.response_code != ResponseCode::NoError
            || matches!(qtype, RecordType::AXFR | RecordType::IXFR)
        {
            return;
        }
        let Message { answers, authorities, additionals, .. } = message;
        match &self.policy {
            Policy::Shuffle => [answers, authorities, additionals].into_iter().for_each(shuffle),
            Policy::Weighted { file, .. } => {
                if matches!(qtype, RecordType::A | RecordType::AAAA | RecordType::SRV) {
                    [answers, additionals].into_iter().for_each(|records| file.draw(records));
                }
            }
        }
        if !self.prefer.is_empty() {
            self.preferred(&mut message.answers);
            self.preferred(&mut message.additionals);
        }
    }

    /// Puts addresses of preferred networks first; what is no address, alias or mail server goes to the end.
    fn preferred(&self, records: &mut Vec<Record>) {
        let rank = |record: &Record| {
            let address = record.data.ip_addr();
            let networks = self.prefer.iter();
            let of = |address| networks.clone().position(|network| network.contains(&address));
            address.and_then(of).unwrap_or(self.prefer.len())
        };
        let mut sorted = Sorted::of(std::mem::take(records));
        sorted.addresses.sort_by_key(rank);
        let Sorted { aliases, addresses, mail, others } = sorted;
        records.extend(aliases.into_iter().chain(addresses).chain(mail).chain(others));
    }
}

/// Shuffles addresses and mail servers, behind aliases and all else.
fn shuffle(records: &mut Vec<Record>) {
    let mut sorted = Sorted::of(std::mem::take(records));
    let mut random = rand::rng();
    sorted.addresses.shuffle(&mut random);
    sorted.mail.shuffle(&mut random);
    *records = sorted.joined();
}

/// The records of a section by what becomes of them, each in its order.
struct Sorted {
    aliases: Vec<Record>,
    addresses: Vec<Record>,
    mail: Vec<Record>,
    others: Vec<Record>,
}

impl Sorted {
    fn of(records: Vec<Record>) -> Self {
        let (mut aliases, mut addresses) = (Vec::new(), Vec::new());
        let (mut mail, mut others) = (Vec::new(), Vec::new());
        for record in records {
            match &record.data {
                RData::CNAME(_) => aliases.push(record),
                RData::A(_) | RData::AAAA(_) => addresses.push(record),
                RData::MX(_) => mail.push(record),
                _ => others.push(record),
            }
        }
        Sorted { aliases, addresses, mail, others }
    }

    fn joined(self) -> Vec<Record> {
        let Sorted { aliases, addresses, mail, others } = self;
        aliases.into_iter().chain(others).chain(addresses).chain(mail).collect()
    }
}

#[cfg(test)]
mod tests;
