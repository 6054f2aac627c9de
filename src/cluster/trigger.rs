//! Since when endpoints are what an EndpointSlice says: its controller writes that down, so that it can be
//! measured how long a change takes to be answered.

use k8s_openapi::jiff::Timestamp;

use super::event::{Change, Trigger, Update};
use super::kinds::{EndpointSliceObject, ObjectKey, SERVICE_NAME};

/// The annotation, which Endpoints and EndpointSlices share (k8s.io/api/core/v1).
const ANNOTATION: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// What is to be measured when these slices are known; nothing where none of them says when.
pub fn of(update: &Update<EndpointSliceObject>) -> Option<Change> {
    let slices = match update {
        Update::Upsert(slice) => std::slice::from_ref(slice),
        Update::Reset(all) => all,
        Update::Delete(_) => &[],
    };
    let triggers: Vec<Trigger> = slices.iter().filter_map(trigger).collect();
    (!triggers.is_empty()).then_some(Change::Triggered(triggers))
}

fn trigger(slice: &EndpointSliceObject) -> Option<Trigger> {
    let text = slice.metadata.annotations.as_ref()?.get(ANNOTATION)?;
    let namespace = slice.metadata.namespace.as_deref().unwrap_or_default();
    let Ok(at) = text.parse::<Timestamp>() else {
        let name = slice.metadata.name.as_deref().unwrap_or_default();
        tracing::warn!(
            "DnsProgrammingLatency cannot be calculated for Endpoints '{namespace}/{name}'; \
             invalid {ANNOTATION:?} annotation RFC3339 value of {text:?}"
        );
        return None;
    };
    let service = slice.metadata.labels.as_ref()?.get(SERVICE_NAME)?;
    Some(Trigger { service: ObjectKey::new(namespace, service.as_str()), at: at.into() })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn reads_when_endpoints_changed() {
        let slice = |annotations: &str, labels: &str| -> EndpointSliceObject {
            let text = format!(
                "metadata: {{ namespace: shop, name: web-1, annotations: {{ {annotations} }}, \
                 labels: {{ {labels} }} }}"
            );
            serde_saphyr::from_str(&text).unwrap()
        };
        let (label, at) = ("kubernetes.io/service-name: web", "2026-01-01T00:00:00.5Z");
        let said = format!("{ANNOTATION}: \"{at}\"");
        let update = Update::Reset(vec![
            slice(&said, label),
            slice("", label),
            slice(&said, ""),
            slice(&format!("{ANNOTATION}: \"yesterday\""), label),
        ]);
        let Some(Change::Triggered(triggers)) = of(&update) else { panic!("nothing") };
        assert_eq!(triggers.len(), 1);
        assert_eq!(triggers[0].service, ObjectKey::new("shop", "web"));
        let at: Timestamp = at.parse().unwrap();
        assert_eq!(triggers[0].at, SystemTime::from(at));
        assert!(of(&Update::Upsert(slice("", label))).is_none());
        assert!(of(&Update::Delete(ObjectKey::new("shop", "web-1"))).is_none());
    }
}
