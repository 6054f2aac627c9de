//! Where fleetdns answers by the RFC and CoreDNS does not: exactly what README lists under "Differences
//! from CoreDNS", and for each the answer that is due instead.

use std::collections::HashSet;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;

use crate::harness::compare::rdata;

use super::pair::Pair;
use super::questions::Asked;

/// Zones of the `kubernetes` plugin in every Corefile of these tests.
pub const ZONES: [&str; 3] = ["cluster.local.", "in-addr.arpa.", "ip6.arpa."];

/// What must be answered instead of CoreDNS's answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expected {
    /// The difference in the words of README.
    pub row: &'static str,
    /// Exactly as CoreDNS answers this type for the same name asked in the same way: SOA below the apex
    /// and A at it, which are NODATA; HINFO for a name that does not exist.
    pub like: RecordType,
}

/// Which names exist, by what CoreDNS says elsewhere.
#[derive(Debug, Default)]
pub struct Facts {
    /// NOERROR for A.
    has_a: HashSet<String>,
    /// A PTR answer that points to a Service or endpoint, not to what the next plugin knows.
    has_ptr: HashSet<String>,
    /// `_._tcp.web` says that some `_NAME._tcp.web` exists, and so `_tcp.web`.
    has_port: HashSet<String>,
}

impl Facts {
    /// Asks CoreDNS about every name.
    pub async fn learn(pair: &Pair, names: &[String]) -> Self {
        let mut facts = Self::default();
        for name in names {
            let ask = async |name: &str, kind| pair.coredns(&Asked::plain(name, kind)).await;
            let exists = async |name: &str, kind| {
                ask(name, kind).await.metadata.response_code == ResponseCode::NoError
            };
            let lower = name.to_lowercase();
            if exists(name, RecordType::A).await {
                facts.has_a.insert(lower.clone());
            }
            let targets = rdata(&ask(name, RecordType::PTR).await);
            if targets.iter().any(|target| target.ends_with(".svc.cluster.local.")) {
                facts.has_ptr.insert(lower.clone());
            }
            let port = format!("_.{name}");
            if name.contains(".svc.") && exists(&port, RecordType::SRV).await {
                facts.has_port.insert(lower);
            }
        }
        facts
    }
}

/// The answer that is due where CoreDNS's is not; `None` where it is.
pub fn expected_difference(facts: &Facts, asked: &Asked, coredns: &Message) -> Option<Expected> {
    let name = asked.name.to_lowercase();
    let zone = ZONES.into_iter().find(|zone| within(&name, zone))?;
    let left = name.strip_suffix(zone)?.trim_end_matches('.');
    let labels: Vec<&str> = left.split('.').filter(|label| !label.is_empty()).collect();
    let refused = coredns.metadata.response_code == ResponseCode::Refused;
    let no_data = if labels.is_empty() { RecordType::A } else { RecordType::SOA };
    let exists = |row| Some(Expected { row, like: no_data });
    match (labels.as_slice(), asked.kind) {
        // Transfers are refused alike.
        (_, RecordType::AXFR) if refused => None,
        ([] | ["svc" | "pod"], RecordType::TXT) => exists("TXT at the zone, svc and pod"),
        ([_, "svc"], RecordType::TXT) if facts.has_a.contains(&name) => {
            exists("TXT at a namespace")
        }
        ([_, "pod"], RecordType::TXT) if facts.has_a.contains(&name) => {
            exists("TXT at a namespace of pods")
        }
        (["dns-version"], kind) if ![RecordType::TXT, RecordType::SOA].contains(&kind) => {
            exists("dns-version for another type")
        }
        (["dns"] | ["ns", "dns"], kind) if kind != RecordType::SOA => {
            exists("dns and ns.dns exist")
        }
        ([_, _, _, "svc"], kind) if kind != RecordType::SOA && facts.has_port.contains(&name) => {
            exists("a name that only has names below it")
        }
        (_, kind) if facts.has_ptr.contains(&name) => match kind {
            RecordType::PTR | RecordType::SOA => None,
            _ => exists("another type at a reverse name"),
        },
        ([], _) | (["svc" | "pod" | "dns" | "dns-version"], _) | (["ns", "dns"], _) => None,
        // What is NOERROR below a reverse zone and no pointer comes from the next plugin.
        (_, RecordType::SOA)
            if zone.ends_with("arpa.")
                || !facts.has_a.contains(&name) && !facts.has_port.contains(&name) =>
        {
            Some(Expected { row: "SOA below the apex", like: RecordType::HINFO })
        }
        _ => None,
    }
}

fn within(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone).is_some_and(|left| left.is_empty() || left.ends_with('.'))
}
