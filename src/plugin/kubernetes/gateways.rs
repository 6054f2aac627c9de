//! The addresses of gateways that have host names: load balancers of clouds have no fixed ones.
//!
//! In: the names that `reach` says, and those in the load balancers of gateways' Services. Out: their
//! addresses, put into the registry for the zone. The server itself is asked, as a client of it would be,
//! so that names go the way that the Corefile says for them; again whenever an answer has run out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{info, warn};

use super::Served;
use crate::plugin::request::Asker;
use crate::registry::Resolved;
use crate::zone::choice::Reach;

/// Addresses are asked for anew no sooner and no later than after this, whatever their TTL is.
const SOONEST: Duration = Duration::from_secs(5);
const LATEST: Duration = Duration::from_secs(300);
/// ... and after this where nobody could say them.
const RETRY: Duration = Duration::from_secs(5);

/// Asks for the names of one server block's gateways, on the current runtime and as long as that runs.
pub fn start(served: Served, asker: Asker) {
    let fixed = fixed(&served);
    let has_services = served
        .zones
        .fleet
        .reach
        .iter()
        .any(|reach| matches!(reach, Reach::Instead(gateway) if gateway.service.is_some()));
    if !fixed.is_empty() || has_services {
        tokio::spawn(Gateways { served, asker, fixed, hosts: BTreeMap::new() }.run());
    }
}

/// Waits until all names were asked for, or have had their time.
pub async fn settled(served: &Served) {
    let gateways = &served.view.registry().gateways;
    let mut resolved = gateways.resolutions();
    let wanted: Vec<_> = fixed(served).into_iter().chain(gateways.hosts()).collect();
    let all = resolved.wait_for(|_| wanted.iter().all(|host| gateways.resolved(host).is_some()));
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

struct Gateways {
    served: Served,
    asker: Asker,
    fixed: BTreeSet<Box<str>>,
    hosts: BTreeMap<Box<str>, Host>,
}

/// One name.
struct Host {
    due: Instant,
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

impl Gateways {
    async fn run(mut self) {
        let view = self.served.view.clone();
        let mut changed = view.registry().gateways.changed();
        loop {
            let mut wanted = view.registry().gateways.hosts();
            wanted.extend(self.fixed.iter().cloned());
            self.hosts.retain(|host, _| {
                let stays = wanted.contains(host);
                if !stays {
                    view.registry().gateways.forget(host);
                }
                stays
            });
            for host in wanted {
                let new =
                    || Host { due: Instant::now(), addresses: [vec![], vec![]], failing: false };
                self.hosts.entry(host).or_insert_with(new);
            }
            self.ask().await;
            let due = self.hosts.values().map(|host| host.due).min();
            tokio::select! {
                changed = changed.changed() => if changed.is_err() { return },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            }
        }
    }

    /// Asks for all names that are due, at once.
    async fn ask(&mut self) {
        let now = Instant::now();
        let due = self.hosts.iter_mut().filter(|(_, host)| host.due <= now);
        let (served, asker) = (&self.served, &self.asker);
        futures::future::join_all(due.map(|(name, host)| host.ask(name, served, asker))).await;
    }
}

impl Host {
    async fn ask(&mut self, name: &str, served: &Served, asker: &Asker) {
        let said = futures::future::join(
            one(asker, name, RecordType::A),
            one(asker, name, RecordType::AAAA),
        );
        let (v4, v6) = said.await;
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
        if failure.is_none() && addresses.is_empty() {
            failure = Some("it has no address".to_owned());
        }
        match (&failure, std::mem::replace(&mut self.failing, failure.is_some())) {
            (Some(reason), false) => warn!(host = name, reason, known = ?addresses,
                "the addresses of the gateway cannot be told; asked again"),
            (None, true) => info!(host = name, ?addresses, "the gateway has addresses again"),
            _ => {}
        }
        let ttl = Duration::from_secs(least.unwrap_or_default().into());
        let wait = if failure.is_some() { RETRY } else { ttl.clamp(SOONEST, LATEST) };
        self.due = Instant::now() + wait;
        let ttl = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX);
        served.view.registry().gateways.resolve(name, Resolved { addresses, ttl });
    }
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
