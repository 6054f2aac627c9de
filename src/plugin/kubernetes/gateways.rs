//! The addresses of gateways that have host names: load balancers of clouds have no fixed ones.
//!
//! In: the names that `reach` says, and those in the load balancers of gateways' Services. Out: their
//! addresses, for the zones of the server block. The server itself is asked, as a client on its machine
//! would ask it, so that names go the way that the Corefile says for them; again whenever an answer has run
//! out. Each name is asked for by itself: one that nobody answers for holds up no other.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::Served;
use crate::plugin::background::Background;
use crate::plugin::names;
use crate::plugin::request::Asker;
use crate::zone::choice::Reach;
use crate::zone::gateway::Resolved;

/// Addresses are asked for anew no sooner and no later than after this, whatever their TTL is.
const SOONEST: Duration = Duration::from_secs(5);
const LATEST: Duration = Duration::from_secs(300);
/// ... and after this where nobody could say them.
const RETRY: Duration = Duration::from_secs(5);

/// Asks for the names of one server block's gateways.
pub fn start(served: Served, asker: Asker, background: &Background) {
    let has_services = served
        .zones
        .fleet
        .reach
        .iter()
        .any(|reach| matches!(reach, Reach::Instead(gateway) if gateway.service.is_some()));
    if has_services || !fixed(&served).is_empty() {
        background.spawn(run(served, asker));
    }
}

/// Waits until all names were asked for, or have had their time.
pub async fn settled(served: &Served) {
    let resolved = &served.zones.fleet.resolved;
    let mut changed = resolved.changed();
    let wanted = wanted(served);
    let all = changed.wait_for(|_| wanted.iter().all(|host| resolved.get(host).is_some()));
    // What is not known then is said to be missing.
    let _ = timeout(RETRY, all).await;
}

/// The names in the Corefile.
fn fixed(served: &Served) -> BTreeSet<Box<str>> {
    let all = served.zones.fleet.reach.iter();
    let hosts = all.filter_map(|reach| match reach {
        Reach::Instead(gateway) => Some(&gateway.hosts),
        Reach::Direct | Reach::Endpoints => None,
    });
    hosts.flatten().cloned().collect()
}

/// These, and those that gateways' Services say at present.
fn wanted(served: &Served) -> BTreeSet<Box<str>> {
    let mut hosts = fixed(served);
    hosts.extend(served.view.registry().gateways.hosts());
    hosts
}

async fn run(served: Served, asker: Asker) {
    let mut changed = served.view.registry().gateways.changed();
    let mut asking: BTreeSet<Box<str>> = BTreeSet::new();
    let mut tasks = JoinSet::new();
    loop {
        let wanted = wanted(&served);
        for host in wanted.difference(&asking) {
            tasks.spawn(follow(host.clone(), served.clone(), asker.clone()));
        }
        asking.extend(wanted);
        tokio::select! {
            changed = changed.changed() => if changed.is_err() { return },
            Some(Ok(ended)) = tasks.join_next() => {
                asking.remove(&ended);
            }
        }
    }
}

/// Asks for one name as long as it is wanted.
async fn follow(name: Box<str>, served: Served, asker: Asker) -> Box<str> {
    let mut host = Host::default();
    loop {
        let wait = host.ask(&name, &served, &asker).await;
        sleep(wait).await;
        if !wanted(&served).contains(&name) {
            served.zones.fleet.resolved.forget(&name);
            return name;
        }
    }
}

/// One name.
#[derive(Default)]
struct Host {
    /// What is known, by family.
    addresses: [Vec<IpAddr>; 2],
    /// Whether it was said that nobody could say the addresses.
    failing: bool,
}

/// What the server says of one name and type.
enum Said {
    /// These addresses, for so many seconds; there may be none.
    Addresses(Vec<IpAddr>, u32),
    /// Nothing that means anything: what was known stays.
    Nothing(String),
}

impl Host {
    /// Asks for the addresses. Says when to ask again.
    async fn ask(&mut self, name: &str, served: &Served, asker: &Asker) -> Duration {
        let (v4, v6) = match here(name, served) {
            Some(said) => said,
            None => {
                let ask = |qtype| one(asker, name, qtype);
                futures::future::join(ask(RecordType::A), ask(RecordType::AAAA)).await
            }
        };
        let is_silent = [&v4, &v6].iter().all(|said| matches!(said, Said::Nothing(_)));
        let mut least = None;
        let mut failure = None;
        for (known, said) in self.addresses.iter_mut().zip([v4, v6]) {
            match said {
                Said::Addresses(addresses, ttl) => {
                    if !addresses.is_empty() {
                        least = Some(least.map_or(ttl, |least: u32| least.min(ttl)));
                    }
                    *known = addresses;
                }
                Said::Nothing(reason) => failure = Some(reason),
            }
        }
        let addresses = self.addresses.concat();
        // One family without the other is an answer.
        match addresses.is_empty() {
            true => drop(failure.get_or_insert_with(|| "it has no address".to_owned())),
            false if !is_silent => failure = None,
            false => {}
        }
        match (&failure, std::mem::replace(&mut self.failing, failure.is_some())) {
            (Some(reason), false) => warn!(host = name, reason, known = ?addresses,
                "the addresses of the gateway cannot be told; asked again"),
            (None, true) => info!(host = name, ?addresses, "the gateway has addresses again"),
            _ => {}
        }
        let ttl = Duration::from_secs(least.unwrap_or_default().into());
        let wait = if failure.is_some() { RETRY } else { ttl.clamp(SOONEST, LATEST) };
        let ttl = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
        served.zones.fleet.resolved.put(name, Resolved { addresses, ttl });
        wait
    }
}

/// What the local cluster says of a name in the block's own zones: members must not lead to themselves.
fn here(name: &str, served: &Served) -> Option<(Said, Said)> {
    let name = names::wire(&names::parse(name)?);
    let left = served.zones.find(&name)?;
    let all = served.zones.local_addresses(served.view.registry(), &name, left);
    let (v4, v6) = all.into_iter().partition(IpAddr::is_ipv4);
    let said = |addresses| Said::Addresses(addresses, served.zones.ttl);
    Some((said(v4), said(v6)))
}

async fn one(asker: &Asker, name: &str, qtype: RecordType) -> Said {
    let Ok(mut qname) = Name::from_ascii(name) else {
        return Said::Nothing("it is no name".into());
    };
    qname.set_fqdn(true);
    match asker.ask(qname, qtype).await {
        Some(message) => read(&message),
        None => Said::Nothing("there is no answer".into()),
    }
}

/// The addresses of an answer, which may stand behind aliases.
fn read(message: &Message) -> Said {
    match message.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        code => return Said::Nothing(code.to_string()),
    }
    let mut addresses = Vec::new();
    for record in &message.answers {
        match &record.data {
            RData::A(a) => addresses.push(IpAddr::V4(a.0)),
            RData::AAAA(aaaa) => addresses.push(IpAddr::V6(aaaa.0)),
            _ => {}
        }
    }
    // An order that does not change: whoever compares sees the same.
    addresses.sort();
    addresses.dedup();
    let ttl = message.answers.iter().map(|record| record.ttl).min().unwrap_or_default();
    Said::Addresses(addresses, ttl)
}
