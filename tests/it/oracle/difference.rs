//! Where fleetdns answers by the RFC and CoreDNS does not: exactly what README lists under "Differences
//! from CoreDNS", and for each the answer that is due instead.

use std::collections::HashSet;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;

use fleetdns::plugin::names;

use crate::harness::compare::rdata;

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
#[derive(Debug)]
pub struct Facts {
    /// The zones of the `kubernetes` plugin, absolute.
    zones: Vec<String>,
    /// The one that pointers lead to.
    primary: String,
    /// NOERROR for A.
    has_a: HashSet<String>,
    /// A PTR answer that points to a Service or endpoint, not to what the next plugin knows.
    has_ptr: HashSet<String>,
    /// `_._tcp.web` says that some `_NAME._tcp.web` exists, and so `_tcp.web`.
    has_port: HashSet<String>,
}

impl Facts {
    pub fn new(zones: Vec<String>, primary: String) -> Self {
        let (has_a, has_ptr, has_port) = Default::default();
        Self { zones, primary, has_a, has_ptr, has_port }
    }

    /// What CoreDNS must be asked about a name.
    pub fn wanted(&self, name: &str) -> Vec<(String, RecordType)> {
        let mut wanted = vec![(name.to_owned(), RecordType::A), (name.to_owned(), RecordType::PTR)];
        let port = format!("_.{name}");
        if name.contains(".svc.") && names::parse(&port).is_some() {
            wanted.push((port, RecordType::SRV));
        }
        wanted
    }

    /// Takes what CoreDNS said to one of these.
    pub fn learn(&mut self, name: &str, kind: RecordType, reply: &Message) {
        let exists = reply.metadata.response_code == ResponseCode::NoError;
        let lower = name.to_lowercase();
        match kind {
            RecordType::A if exists => {
                self.has_a.insert(lower);
            }
            RecordType::PTR => {
                let root = self.primary.trim_start_matches('.');
                let into = format!(".svc.{root}");
                if rdata(reply).iter().any(|target| target.ends_with(&into)) {
                    self.has_ptr.insert(lower);
                }
            }
            RecordType::SRV if exists => {
                self.has_port.extend(lower.strip_prefix("_.").map(str::to_owned));
            }
            _ => {}
        }
    }
}

/// The answer that is due where CoreDNS's is not; `None` where it is.
pub fn expected_difference(
    facts: &Facts,
    name: &str,
    kind: RecordType,
    coredns: &Message,
) -> Option<Expected> {
    let name = name.to_lowercase();
    let zones = facts.zones.iter().filter(|zone| within(&name, zone));
    let zone = zones.max_by_key(|zone| zone.len())?;
    let left = name.strip_suffix(zone.as_str())?.trim_end_matches('.');
    let labels: Vec<&str> = left.split('.').filter(|label| !label.is_empty()).collect();
    let refused =
        matches!(coredns.metadata.response_code, ResponseCode::Refused | ResponseCode::BADVERS);
    // As `_._tcp.web` says, not `_.pin._zone.web`.
    let has_port = labels.len() == 4 && facts.has_port.contains(&name);
    let no_data = if labels.is_empty() { RecordType::A } else { RecordType::SOA };
    let exists = |row| Some(Expected { row, like: no_data });
    match (labels.as_slice(), kind) {
        // Transfers are refused alike, and so are other versions of EDNS.
        _ if refused => None,
        ([] | ["svc" | "pod"], RecordType::TXT) => exists("TXT at the zone, svc and pod"),
        ([_, "svc"], RecordType::TXT) if facts.has_a.contains(&name) => {
            exists("TXT at a namespace")
        }
        ([_, "pod"], RecordType::TXT) if facts.has_a.contains(&name) => {
            exists("TXT at a namespace of pods")
        }
        ([.., "svc"], RecordType::TXT)
            if facts.has_a.contains(&name)
                && coredns.metadata.response_code == ResponseCode::NXDomain =>
        {
            exists("TXT at a Service without addresses")
        }
        (["dns-version"], kind) if ![RecordType::TXT, RecordType::SOA].contains(&kind) => {
            exists("dns-version for another type")
        }
        (["dns"] | ["ns", "dns"], kind) if kind != RecordType::SOA => {
            exists("dns and ns.dns exist")
        }
        // It may be an endpoint as well.
        ([_, _, _, "svc"], kind)
            if kind != RecordType::SOA && has_port && !facts.has_a.contains(&name) =>
        {
            exists("a name that only has names below it")
        }
        (_, kind) if facts.has_ptr.contains(&name) => match kind {
            RecordType::PTR | RecordType::SOA => None,
            _ => exists("another type at a reverse name"),
        },
        ([], _) | (["svc" | "pod" | "dns" | "dns-version"], _) | (["ns", "dns"], _) => None,
        // What is NOERROR below a reverse zone and no pointer comes from the next plugin.
        (_, RecordType::SOA)
            if name.ends_with("arpa.") || !facts.has_a.contains(&name) && !has_port =>
        {
            Some(Expected { row: "SOA below the apex", like: RecordType::HINFO })
        }
        _ => None,
    }
}

fn within(name: &str, zone: &str) -> bool {
    zone == "."
        || name.strip_suffix(zone).is_some_and(|left| left.is_empty() || left.ends_with('.'))
}
