//! Clusters and answers as text.
//!
//! An object is a line: its cluster, kind and name, then what it holds. `-` stands for nothing.
//!
//! ```text
//! east namespace NS
//! east service   NS/NAME IP,IP PORTS [CREATED] [MERGE] [hidden]     PORTS: NAME:NUMBER/PROTOCOL,...
//! east headless  NS/NAME PORTS [CREATED]
//! east external  NS/NAME TARGET
//! east export    NS/NAME CREATED
//! east unexport  NS/NAME
//! east slice     NS/NAME SERVICE PORTS [HOSTNAME=]IP,IP ...
//! east lost      true
//! ```
//!
//! `~` is short for `.svc.cluster.local.`, in questions and answers.

use std::net::IpAddr;

use hickory_proto::op::{Message, MessageType, OpCode};
use hickory_proto::rr::{Record, RecordType};

use crate::cluster::kinds::{
    Endpoint, EndpointSlice, FleetAnnotations, Merge, Namespace, ObjectKey, Port, Protocol,
    Service, ServiceExport, ServiceKind,
};
use crate::cluster::{Change, ClusterId, Sink, Update};
use crate::registry::Registry;
use crate::zone::answer::Answer;
use crate::zone::kubernetes::{Elsewhere, Known, Kubernetes, Verdict};
use crate::zone::name::WireName;

/// A registry of the clusters that the lines describe.
pub fn registry(lines: &str) -> Registry {
    let registry = Registry::default();
    tell(&registry, lines);
    registry
}

/// Tells a registry what the lines describe.
pub fn tell(registry: &Registry, lines: &str) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        registry.apply(&ClusterId::new(words[0]), change(&words[1..]));
    }
}

fn change(words: &[&str]) -> Change {
    match *words {
        ["namespace", name] => {
            Change::Namespace(Update::Upsert(Namespace { key: ObjectKey::new("", name) }))
        }
        ["service", name, ips, ports, ref created @ ..] => {
            let kind = ServiceKind::ClusterIp(list(ips).map(ip).collect());
            service(name, kind, ports, created)
        }
        ["headless", name, ports, ref created @ ..] => {
            service(name, ServiceKind::Headless, ports, created)
        }
        ["external", name, target] => {
            service(name, ServiceKind::ExternalName(long(target).into()), "-", &[])
        }
        ["export", name, created] => {
            let export = ServiceExport { key: key(name), created: created.parse().unwrap() };
            Change::ServiceExport(Update::Upsert(export))
        }
        ["unexport", name] => Change::ServiceExport(Update::Delete(key(name))),
        ["lost", lost] => Change::Lost(lost == "true"),
        ["slice", name, service, ports, ref ready @ ..] => {
            Change::EndpointSlice(Update::Upsert(EndpointSlice {
                key: key(name),
                import: None,
                aliases: Box::default(),
                service: (service != "-").then(|| service.into()),
                endpoints: ready.iter().flat_map(|text| endpoints(text)).collect(),
                ports: self::ports(ports).into(),
            }))
        }
        _ => panic!("no object: {words:?}"),
    }
}

fn service(name: &str, kind: ServiceKind, ports: &str, created: &[&str]) -> Change {
    let (key, ports) = (key(name), self::ports(ports));
    let annotations = FleetAnnotations {
        merge: created.iter().find_map(|word| Merge::parse(word)),
        is_hidden: created.contains(&"hidden"),
    };
    let created = created.iter().find_map(|word| word.parse().ok()).unwrap_or_default();
    let external = Default::default();
    Change::Service(Update::Upsert(Service {
        key: key.into(),
        kind,
        ports: ports.into(),
        created,
        annotations,
        external,
    }))
}

fn key(name: &str) -> ObjectKey {
    let (namespace, name) = name.split_once('/').unwrap();
    ObjectKey::new(namespace, name)
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|word| *word != "-")
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn endpoints(text: &str) -> Vec<Endpoint> {
    let (hostname, addresses) = match text.split_once('=') {
        Some((hostname, addresses)) => (Some(hostname.into()), addresses),
        None => (None, text),
    };
    list(addresses).map(|text| Endpoint::new(ip(text), hostname.clone(), None)).collect()
}

fn ports(text: &str) -> Vec<Port> {
    list(text)
        .map(|port| {
            let (name, rest) = port.split_once(':').unwrap();
            let (number, protocol) = rest.split_once('/').unwrap();
            let protocol = match protocol {
                "tcp" => Protocol::Tcp,
                "udp" => Protocol::Udp,
                _ => Protocol::Sctp,
            };
            Port { name: name.into(), protocol, number: number.parse().ok() }
        })
        .collect()
}

/// What the zone says to `NAME TYPE`: `NODATA`, `NXDOMAIN`, `REFUSED`, or the answers, then after a `+`
/// the additional records with their owners, and after `->` the target that is elsewhere.
pub fn ask(zone: &Kubernetes, registry: &Registry, known: Known, question: &str) -> String {
    let (verdict, message) = look(zone, registry, known, question);
    match verdict {
        Verdict::NameError => return "NXDOMAIN".into(),
        Verdict::Refused => return "REFUSED".into(),
        Verdict::Answered if message.answers.is_empty() => return "NODATA".into(),
        Verdict::Answered | Verdict::Chase(_) => {}
    }
    let shown = |record: &Record| format!("{} {}", record.record_type(), short(&record.data));
    let mut text = joined(message.answers.iter().map(shown));
    if !message.additionals.is_empty() {
        let owned = |record: &Record| format!("{} {}", short(&record.name), shown(record));
        text += &format!(" + {}", joined(message.additionals.iter().map(owned)));
    }
    if let Verdict::Chase(targets) = verdict {
        text += &format!(" -> {}", joined(targets.iter().map(ToString::to_string)));
    }
    text
}

/// The verdict and the message of `NAME TYPE`.
pub fn look(
    zone: &Kubernetes,
    registry: &Registry,
    known: Known,
    question: &str,
) -> (Verdict, Message) {
    let (name, kind) = question.split_once(' ').unwrap();
    let name = WireName::parse(&long(name)).unwrap();
    let kind: RecordType = kind.trim().parse().unwrap();
    let left = zone.find(&name).unwrap_or_else(|| panic!("{name} is in no zone"));
    let mut out = Answer::default();
    let question = (&name, kind.into());
    let verdict = zone.answer(registry, known, question, left, &mut out);
    if let Verdict::Chase(targets) = &verdict {
        let mut elsewhere = Elsewhere::default();
        let nothing = Some(Answer::default());
        targets.iter().for_each(|target| elsewhere.tell(target.clone(), nothing.clone()));
        out.clear();
        zone.complete(registry, known, question, left, &elsewhere, &mut out);
    }
    (verdict, out.message(Message::new(0, MessageType::Response, OpCode::Query)))
}

fn long(name: &str) -> String {
    name.replace('~', ".svc.cluster.local.")
}

fn short(text: &impl ToString) -> String {
    text.to_string().replace(".svc.cluster.local.", "~")
}

fn joined(texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(", ")
}
