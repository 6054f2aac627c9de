//! Objects whose states say which one they are: no answer may mix two, or go back to an older one.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, Record, RecordType};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::generated::asked::Asked;
use crate::generated::judge::Asker;
use crate::generated::population::{Kind, Object, SERVICE, SLICE};
use crate::generated::servers::Pair;
use crate::generated::writer::Writer;

/// How many Services of each kind there are.
const SERVICES: usize = 6;
/// Endpoints of a headless one.
const ENDPOINTS: usize = 8;
/// States run from 0 to this and begin again: an answer never goes back by less than half of it.
const STATES: usize = 100;

/// Headless Services of one slice, all of whose endpoints change at once, Services with a ClusterIP all of
/// whose ports do, and one of each that never changes.
pub struct Moving {
    writes: AtomicUsize,
}

impl Moving {
    pub async fn create(writer: &Writer) -> Self {
        for index in 0..=SERVICES {
            for object in [service(index), ports(index, 0), slice(index, 0)] {
                writer.put(&object).await.expect("an object");
            }
        }
        Moving { writes: AtomicUsize::new(0) }
    }

    /// Changes all of them, again and again; the last is left as it is.
    pub async fn change(&self, writer: &Writer, stopped: watch::Receiver<bool>) -> usize {
        let one = async |index: usize| {
            let mut state = 0;
            while !*stopped.borrow() {
                state = (state + 1) % STATES;
                for object in [slice(index, state), ports(index, state)] {
                    writer.change(&object).await.expect("an object changes");
                    self.writes.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        join_all((0..SERVICES).map(one)).await;
        self.writes.load(Ordering::Relaxed)
    }

    /// Asks about all of them until the end; gives the number of answers.
    pub async fn ask(&self, pair: &Pair, stopped: watch::Receiver<bool>) -> usize {
        let one = async |index: usize| {
            let mut asker = Asker::new(pair, 0).await;
            let (mut answers, mut before) = (0, [0; 3]);
            let mut serial = 0;
            while !*stopped.borrow() {
                let name = format!("moves-{index}.gen-c.svc.cluster.local.");
                let ports = format!("ports-{index}.gen-c.svc.cluster.local.");
                for (place, (name, kind)) in
                    [(&name, RecordType::A), (&name, RecordType::SRV), (&ports, RecordType::SRV)]
                        .into_iter()
                        .enumerate()
                {
                    let asked = Asked::wide(name, kind);
                    let reply = asker.fleetdns(&asked).await;
                    let state = state(&reply, kind, place == 2)
                        .unwrap_or_else(|why| panic!("{asked}: {why}\n{reply}"));
                    let step = (state + STATES - before[place]) % STATES;
                    assert!(step < STATES / 2, "{asked}: {state} after {}", before[place]);
                    before[place] = state;
                    answers += 1;
                }
                if index == SERVICES {
                    assert_eq!(before, [0; 3], "what never changes");
                }
                let reply = asker.fleetdns(&Asked::plain("cluster.local.", RecordType::SOA)).await;
                let RData::SOA(soa) = &reply.answers[0].data else { panic!("{reply}") };
                assert!(soa.serial >= serial, "the serial went from {serial} to {}", soa.serial);
                serial = soa.serial;
            }
            answers
        };
        join_all((0..=SERVICES).map(one)).await.into_iter().sum()
    }
}

/// The one state that an answer says, of all that it must hold.
fn state(reply: &Message, kind: RecordType, is_ports: bool) -> Result<usize, String> {
    if reply.metadata.response_code != ResponseCode::NoError || reply.metadata.truncation {
        return Err(reply.metadata.response_code.to_string());
    }
    let due = if is_ports { 3 } else { ENDPOINTS };
    if reply.answers.len() != due {
        return Err(format!("{} records instead of {due}", reply.answers.len()));
    }
    let glue = if kind == RecordType::SRV && !is_ports { &reply.additionals[..] } else { &[] };
    let mut states: Vec<usize> = reply.answers.iter().chain(glue).filter_map(said).collect();
    let told = states.len();
    states.dedup();
    match states.as_slice() {
        [state] if told >= due => Ok(*state),
        _ => Err(format!("the states {states:?}")),
    }
}

/// The state that a record says.
fn said(record: &Record) -> Option<usize> {
    match &record.data {
        RData::A(address) => Some(usize::from(address.octets()[1]) - 100),
        RData::SRV(srv) => Some(usize::from(srv.port) % 1000),
        _ => None,
    }
}

fn service(index: usize) -> Object {
    let spec = json!({"clusterIP": "None"});
    moving(&SERVICE, &format!("moves-{index}"), json!({"spec": spec}))
}

/// The same number under three protocols is one SRV record: the numbers are 1,000 apart.
fn ports(index: usize, state: usize) -> Object {
    let port = |(place, protocol): (usize, &&str)| {
        let number = 1000 * (place + 1) + state;
        json!({"name": protocol.to_lowercase(), "port": number, "protocol": protocol})
    };
    let ports: Vec<Value> = ["TCP", "UDP", "SCTP"].iter().enumerate().map(port).collect();
    moving(&SERVICE, &format!("ports-{index}"), json!({"spec": {"ports": ports}}))
}

fn slice(index: usize, state: usize) -> Object {
    let endpoint = |host: usize| {
        json!({
            "addresses": [format!("10.{}.{index}.{}", 100 + state, host + 1)],
            "hostname": format!("h{host}-{state}"),
        })
    };
    let rest = json!({
        "addressType": "IPv4",
        "endpoints": (0..ENDPOINTS).map(endpoint).collect::<Vec<_>>(),
        "ports": [{"name": "p", "port": 1000 + state, "protocol": "TCP"}],
    });
    let mut object = moving(&SLICE, &format!("moves-{index}"), rest);
    object.body["metadata"]["labels"]["kubernetes.io/service-name"] =
        json!(format!("moves-{index}"));
    object
}

fn moving(kind: &Kind, name: &str, rest: Value) -> Object {
    Object::new(kind, "gen-c", name, json!({"tier": "keep"}), rest)
}
