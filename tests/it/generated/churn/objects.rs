//! Objects that come, change and go.

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::generated::population::{Object, POD, Population, SERVICE, SLICE};
use crate::generated::writer::Writer;

const NAMESPACES: [&str; 2] = ["gen-a", "gen-b"];

/// What becomes of one object: its states, and between them its end where `None` stands.
pub struct Life {
    object: Object,
    states: Vec<Option<State>>,
}

/// What an object says at a time, besides its name.
#[derive(Clone)]
struct State {
    body: Value,
    status: Option<Value>,
}

impl Life {
    /// Writes all states, one after the other. Gives how many writes it took, and the addresses that the
    /// API server gave.
    pub async fn live(self, writer: &Writer) -> (usize, Vec<String>) {
        let (mut exists, mut writes, mut addresses) = (false, 0, Vec::new());
        for state in &self.states {
            writes += 1;
            match state {
                None => {
                    writer.remove(&self.object).await.expect("an object goes");
                    exists = false;
                }
                Some(state) => {
                    let mut object = self.object.clone();
                    for (key, value) in state.body.as_object().expect("a body") {
                        object.body[key] = value.clone();
                    }
                    object.status = state.status.clone();
                    let made = match exists {
                        true => writer.change(&object).await,
                        false => writer.put(&object).await,
                    };
                    let made = made.expect("the API server takes an object");
                    let ips = made.pointer("/spec/clusterIPs").and_then(Value::as_array);
                    let ips = ips.into_iter().flatten().filter_map(Value::as_str);
                    addresses.extend(ips.filter(|ip| *ip != "None").map(str::to_owned));
                    exists = true;
                }
            }
        }
        (writes, addresses)
    }
}

/// So many objects, and all names and addresses that they ever have.
pub fn generate(count: usize, rng: &mut StdRng) -> (Population, Vec<Life>) {
    let (mut population, mut lives) = (Population::default(), Vec::new());
    let mut index = 0;
    while lives.len() < count {
        let namespace = NAMESPACES[index % NAMESPACES.len()];
        let name = format!("churn-{index}");
        lives.push(service(namespace, &name, rng));
        for number in 0..rng.random_range(1..4) {
            lives.push(slice(namespace, &name, number, index, rng, &mut population));
        }
        if rng.random_bool(0.6) {
            lives.push(pod(namespace, index, rng, &mut population));
        }
        population.services.push((namespace.to_owned(), name));
        index += 1;
    }
    lives.truncate(count);
    (population, lives)
}

/// Up to four states, some of them the object's end.
fn states(rng: &mut StdRng, mut state: impl FnMut(&mut StdRng) -> State) -> Vec<Option<State>> {
    let mut states = vec![Some(state(rng))];
    for _ in 0..rng.random_range(0..3) {
        let gone = states.last().is_some_and(|last| last.is_some()) && rng.random_bool(0.4);
        states.push(if gone { None } else { Some(state(rng)) });
    }
    states
}

fn service(namespace: &str, name: &str, rng: &mut StdRng) -> Life {
    let object = Object::new(&SERVICE, namespace, name, json!({"tier": "keep"}), json!({}));
    let port = |rng: &mut StdRng| json!([{"name": "http", "port": rng.random_range(1..9000)}]);
    // What a Service is cannot be changed: each kind lives as long as it may.
    let mut lives: Vec<Option<State>> = Vec::new();
    for _ in 0..rng.random_range(1..3) {
        if !lives.is_empty() {
            lives.push(None);
        }
        let kind = rng.random_range(0..10);
        let one = |rng: &mut StdRng| {
            let spec = match kind {
                0..3 => json!({"ports": port(rng)}),
                3..8 => json!({"clusterIP": "None", "ports": port(rng)}),
                _ => {
                    let other = rng.random_range(0..4000);
                    let target = format!("churn-{other}.gen-a.svc.cluster.local");
                    json!({"type": "ExternalName", "externalName": target})
                }
            };
            State { body: json!({"spec": spec}), status: None }
        };
        lives.extend((0..rng.random_range(1..3)).map(|_| Some(one(rng))));
    }
    if rng.random_bool(0.3) {
        lives.push(None);
    }
    Life { object, states: lives }
}

fn slice(
    namespace: &str,
    service: &str,
    number: usize,
    index: usize,
    rng: &mut StdRng,
    population: &mut Population,
) -> Life {
    let labels = json!({"kubernetes.io/service-name": service, "tier": "keep"});
    let name = format!("{service}-{number}");
    let object = Object::new(&SLICE, namespace, &name, labels, json!({"addressType": "IPv4"}));
    let states = states(rng, |rng| {
        let mut endpoints = Vec::new();
        for host in 0..rng.random_range(0..4) {
            let address = format!(
                "10.{}.{}.{}",
                60 + number,
                index % 200,
                10 * host + rng.random_range(1..9)
            );
            let mut endpoint = json!({"addresses": [address]});
            let mut label = address.replace('.', "-");
            if rng.random_bool(0.3) {
                label = format!("h{}", rng.random_range(0..3));
                endpoint["hostname"] = json!(label);
            }
            if rng.random_bool(0.2) {
                endpoint["conditions"] = json!({"ready": false});
            }
            population.endpoints.push([label, service.to_owned(), namespace.to_owned()]);
            population.addresses.push(address);
            endpoints.push(endpoint);
        }
        let ports = json!([{"name": "http", "port": rng.random_range(1..9000), "protocol": "TCP"}]);
        State { body: json!({"endpoints": endpoints, "ports": ports}), status: None }
    });
    Life { object, states }
}

fn pod(namespace: &str, index: usize, rng: &mut StdRng, population: &mut Population) -> Life {
    let spec = json!({"spec": {"containers": [{"name": "c", "image": "i"}]}});
    let name = format!("churn-{index}");
    let object = Object::new(&POD, namespace, &name, json!({"tier": "keep"}), spec);
    let states = states(rng, |rng| {
        let address = format!("10.70.{}.{}", index % 100, rng.random_range(1..40));
        population.addresses.push(address.clone());
        let phase = if rng.random_bool(0.2) { "Succeeded" } else { "Running" };
        let status = json!({"phase": phase, "podIPs": [{"ip": address}]});
        State { body: json!({}), status: Some(status) }
    });
    Life { object, states }
}
