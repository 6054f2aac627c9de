//! EndpointSlices made of Endpoints.
//!
//! In: what a watch says of Endpoints. Out: the same of slices. One object makes several, so it is
//! remembered which, to delete those that an object makes no more.

use std::collections::HashMap;

use super::event::Update;
use super::kinds::{EndpointSlice, EndpointsObject, Keep, ObjectKey, key_of};

/// The slices that were told.
pub struct FromEndpoints {
    /// What is kept of an endpoint.
    pub keep: Keep,
    made: HashMap<ObjectKey, Vec<ObjectKey>>,
}

impl FromEndpoints {
    pub fn new(keep: Keep) -> Self {
        FromEndpoints { keep, made: HashMap::new() }
    }

    /// What a change means for the slices. New ones stand before the end of old ones: an address that
    /// moves between them is never missing.
    pub fn take(&mut self, update: Update<EndpointsObject>) -> Vec<Update<EndpointSlice>> {
        match update {
            Update::Upsert(object) => {
                let key = key_of(&object.metadata);
                let slices = object.slices(self.keep);
                let new: Vec<_> = slices.iter().map(|slice| slice.key.clone()).collect();
                let old = self.made.remove(&key).unwrap_or_default();
                let gone: Vec<_> = old.into_iter().filter(|key| !new.contains(key)).collect();
                self.remember(key, new);
                let upserts = slices.into_iter().map(Update::Upsert);
                upserts.chain(gone.into_iter().map(Update::Delete)).collect()
            }
            Update::Delete(key) => {
                let gone = self.made.remove(&key).unwrap_or_default();
                gone.into_iter().map(Update::Delete).collect()
            }
            Update::Reset(all) => {
                self.made.clear();
                let mut slices = Vec::new();
                for object in all {
                    let key = key_of(&object.metadata);
                    let made = object.slices(self.keep);
                    self.remember(key, made.iter().map(|slice| slice.key.clone()).collect());
                    slices.extend(made);
                }
                vec![Update::Reset(slices)]
            }
        }
    }

    fn remember(&mut self, endpoints: ObjectKey, slices: Vec<ObjectKey>) {
        if !slices.is_empty() {
            self.made.insert(endpoints, slices);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(subsets: Value) -> EndpointsObject {
        let metadata = json!({"namespace": "n", "name": "db"});
        serde_json::from_value(json!({"metadata": metadata, "subsets": subsets})).unwrap()
    }

    fn subset(port: u16, ips: &[&str]) -> Value {
        let addresses: Vec<_> = ips.iter().map(|ip| json!({"ip": ip})).collect();
        json!({"addresses": addresses, "ports": [{"name": "sql", "port": port, "protocol": "TCP"}],
            "notReadyAddresses": [{"ip": "10.9.9.9"}]})
    }

    fn shown(updates: Vec<Update<EndpointSlice>>) -> Vec<String> {
        let slice = |slice: &EndpointSlice| {
            assert_eq!(slice.service.as_deref(), Some("db"));
            let ips = slice.endpoints.iter().map(|endpoint| endpoint.address);
            format!("{} {:?}", slice.key.name, ips.collect::<Vec<_>>())
        };
        let update = |update: &Update<_>| match update {
            Update::Upsert(object) => format!("upsert {}", slice(object)),
            Update::Delete(key) => format!("delete {}", key.name),
            Update::Reset(all) => format!("reset {:?}", all.iter().map(slice).collect::<Vec<_>>()),
        };
        updates.iter().map(update).collect()
    }

    #[test]
    fn each_set_of_ports_is_a_slice() {
        let mut slices = FromEndpoints::new(Keep::default());
        let mut upsert = |subsets| shown(slices.take(Update::Upsert(object(subsets))));
        assert_eq!(
            upsert(json!([subset(1, &["10.0.0.1"]), subset(2, &["10.0.0.2", "10.0.0.3"])])),
            ["upsert db:tcp/1/sql [10.0.0.1]", "upsert db:tcp/2/sql [10.0.0.2, 10.0.0.3]"]
        );
        // Fewer than before.
        assert_eq!(
            upsert(json!([subset(3, &["10.0.0.1"]), subset(2, &["10.0.0.2"])])),
            [
                "upsert db:tcp/2/sql [10.0.0.2]",
                "upsert db:tcp/3/sql [10.0.0.1]",
                "delete db:tcp/1/sql"
            ]
        );
        // Nothing is ready; a second subset of the same ports is of the same slice.
        assert_eq!(
            upsert(json!([subset(2, &[]), subset(3, &["10.0.0.1"]), subset(3, &["fd00::1"])])),
            ["upsert db:tcp/3/sql [10.0.0.1, fd00::1]", "delete db:tcp/2/sql"]
        );
        assert_eq!(upsert(json!(null)), ["delete db:tcp/3/sql"]);
        assert_eq!(upsert(json!([{"addresses": [{"ip": "10.0.0.1"}]}])), ["upsert db [10.0.0.1]"]);
    }

    #[test]
    fn lists_and_deletions() {
        let mut slices = FromEndpoints::new(Keep::default());
        let two = json!([subset(1, &["10.0.0.1"]), subset(2, &["10.0.0.2"])]);
        let reset = shown(slices.take(Update::Reset(vec![object(two)])));
        assert_eq!(reset, [r#"reset ["db:tcp/1/sql [10.0.0.1]", "db:tcp/2/sql [10.0.0.2]"]"#]);
        let mut delete = || shown(slices.take(Update::Delete(ObjectKey::new("n", "db"))));
        assert_eq!(delete(), ["delete db:tcp/1/sql", "delete db:tcp/2/sql"]);
        assert_eq!(delete(), [""; 0]);
        slices.take(Update::Upsert(object(json!([subset(1, &["10.0.0.1"])]))));
        assert_eq!(shown(slices.take(Update::Reset(vec![]))), ["reset []"]);
    }

    #[test]
    fn endpoints_have_the_names_that_those_of_slices_have() {
        let long = "x".repeat(64);
        let names = |keep| {
            let address = |ip: &str, hostname: &str, pod: &str| json!({"ip": ip, "hostname": hostname, "targetRef": {"kind": "Pod", "name": pod}});
            let addresses = json!([
                address("10.0.0.1", "a", "pod-a"),
                address("10.0.0.2", "", "pod-b"),
                address("10.0.0.3", "", &long),
                address("host.example", "", ""),
            ]);
            let slices = object(json!([{"addresses": addresses}])).slices(keep);
            let names = slices[0].endpoints.iter().map(|e| e.hostname().unwrap_or_default());
            names.map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(names(Keep::default()), ["a", "", ""]);
        assert_eq!(names(Keep { pod_names: true, zones: true }), ["a", "pod-b", ""]);
    }
}
