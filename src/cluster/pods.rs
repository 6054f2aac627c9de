//! Which pods have records.
//!
//! In: what a watch says of pods. Out: the same of those that count. A pod that terminates is no
//! news: one that was known before is so until it is deleted, and one that was not never is
//! (CoreDNS, plugin/kubernetes/object/informer.go, `DefaultProcessor`). A finished list does not say
//! what was known before, so that is remembered here.

use std::collections::HashMap;

use super::event::Update;
use super::kinds::{ObjectKey, Pod, PodObject};

/// The pods that were told.
#[derive(Default)]
pub struct Pods {
    known: HashMap<ObjectKey, Pod>,
}

impl Pods {
    /// What a change means for the records; `None` for nothing, as most changes of pods do.
    pub fn take(&mut self, update: Update<PodObject>) -> Option<Update<Pod>> {
        match update {
            Update::Upsert(object) if object.is_over() => {
                let pod = Pod::from(object);
                self.known.remove(&pod.key).map(|_| Update::Delete(pod.key))
            }
            Update::Upsert(object) if object.is_terminating() => None,
            Update::Upsert(object) => {
                let pod = Pod::from(object);
                let before = self.known.insert(pod.key.clone(), pod.clone());
                (before.as_ref() != Some(&pod)).then_some(Update::Upsert(pod))
            }
            Update::Delete(key) => self.known.remove(&key).map(|_| Update::Delete(key)),
            Update::Reset(all) => {
                let pods: Vec<Pod> = all.into_iter().filter_map(|pod| self.listed(pod)).collect();
                let known = pods.iter().map(|pod| (pod.key.clone(), pod.clone()));
                self.known = known.collect();
                Some(Update::Reset(pods))
            }
        }
    }

    fn listed(&self, object: PodObject) -> Option<Pod> {
        let (is_over, is_terminating) = (object.is_over(), object.is_terminating());
        let pod = Pod::from(object);
        if is_over {
            return None;
        }
        if !is_terminating {
            return Some(pod);
        }
        self.known.get(&pod.key).cloned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, ip: &str, phase: &str, is_terminating: bool) -> PodObject {
        let mut object = json!({"metadata": {"namespace": "n", "name": name},
            "status": {"phase": phase, "podIP": "10.9.9.9", "podIPs": [{"ip": ip}]}});
        if is_terminating {
            object["metadata"]["deletionTimestamp"] = json!("2026-11-21T10:00:00Z");
        }
        serde_json::from_value(object).unwrap()
    }

    fn shown(update: Option<Update<Pod>>) -> String {
        let pod = |pod: &Pod| format!("{} {:?}", pod.key.name, pod.addresses);
        match update {
            None => "nothing".into(),
            Some(Update::Upsert(object)) => format!("upsert {}", pod(&object)),
            Some(Update::Delete(key)) => format!("delete {}", key.name),
            Some(Update::Reset(all)) => {
                format!("reset {}", all.iter().map(pod).collect::<Vec<_>>().join(", "))
            }
        }
    }

    #[test]
    fn a_terminating_pod_is_known_until_it_is_deleted() {
        let mut pods = Pods::default();
        let mut upsert = |object| shown(pods.take(Update::Upsert(object)));
        assert_eq!(upsert(pod("a", "10.0.0.1", "Running", true)), "nothing");
        assert_eq!(upsert(pod("a", "10.0.0.1", "Running", false)), "upsert a [10.0.0.1]");
        // Another status, the same records.
        assert_eq!(upsert(pod("a", "10.0.0.1", "Pending", false)), "nothing");
        assert_eq!(upsert(pod("a", "10.0.0.2", "Running", false)), "upsert a [10.0.0.2]");
        assert_eq!(upsert(pod("a", "10.0.0.3", "Running", true)), "nothing");
        assert_eq!(shown(pods.take(Update::Delete(ObjectKey::new("n", "a")))), "delete a");
        assert_eq!(shown(pods.take(Update::Delete(ObjectKey::new("n", "a")))), "nothing");
    }

    #[test]
    fn a_list_keeps_the_terminating_pods_that_were_known() {
        let list = || {
            Update::Reset(vec![
                pod("a", "10.0.0.9", "Running", true),
                pod("b", "10.0.0.2", "Running", false),
                pod("c", "10.0.0.3", "Succeeded", false),
            ])
        };
        let mut fresh = Pods::default();
        assert_eq!(shown(fresh.take(list())), "reset b [10.0.0.2]");
        let mut pods = Pods::default();
        pods.take(Update::Upsert(pod("a", "10.0.0.1", "Running", false)));
        pods.take(Update::Upsert(pod("c", "10.0.0.3", "Running", false)));
        assert_eq!(shown(pods.take(list())), "reset a [10.0.0.1], b [10.0.0.2]");
        // And again: it is still the one that was known.
        assert_eq!(shown(pods.take(list())), "reset a [10.0.0.1], b [10.0.0.2]");
    }

    #[test]
    fn a_pod_that_is_over_is_gone() {
        for phase in ["Succeeded", "Failed", "Unknown"] {
            let mut pods = Pods::default();
            let mut upsert = |object| shown(pods.take(Update::Upsert(object)));
            assert_eq!(upsert(pod("a", "10.0.0.1", phase, false)), "nothing");
            upsert(pod("a", "10.0.0.1", "Running", false));
            assert_eq!(upsert(pod("a", "10.0.0.1", phase, true)), "delete a");
        }
    }

    #[test]
    fn addresses_are_those_of_pod_ips() {
        let addresses = |status| {
            let object = json!({"metadata": {}, "status": status});
            let object: PodObject = serde_json::from_value(object).unwrap();
            Pod::from(object).addresses.len()
        };
        assert_eq!(addresses(json!({"podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]})), 2);
        assert_eq!(addresses(json!({"podIP": "10.0.0.1"})), 0);
        assert_eq!(addresses(json!({"podIPs": null})), 0);
        assert_eq!(addresses(json!({"podIPs": [{}, {"ip": ""}]})), 0);
    }
}
