//! Objects of which one may be wrong without harm to the others of its list.
//!
//! In: an object as the API writes it. Out: the object, or what can be said of it. kube's own guard for this
//! copies each object twice, text and all, before it is read, which costs more than all else that a change does
//! here.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::kinds::needed;

/// An object that decodes, or one that does not.
#[derive(Clone, Debug)]
pub struct Guarded<O>(pub Result<O, Invalid>);

/// An object that does not decode.
#[derive(Clone, Debug)]
pub struct Invalid {
    /// Why, in serde's words: they may quote what the object says.
    pub error: String,
    pub metadata: ObjectMeta,
}

/// What stands in a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Read<O> {
    Object(O),
    /// It is kept for its error, which serde drops when it goes on to try this.
    Other(Value),
}

impl<'de, O: DeserializeOwned> Deserialize<'de> for Guarded<O> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = match Read::<O>::deserialize(deserializer)? {
            Read::Object(object) => return Ok(Guarded(Ok(object))),
            Read::Other(value) => value,
        };
        Ok(Guarded(match O::deserialize(&value) {
            Ok(object) => Ok(object),
            Err(error) => {
                let Named { metadata } = Named::deserialize(&value).map_err(D::Error::custom)?;
                Err(Invalid { error: error.to_string(), metadata })
            }
        }))
    }
}

#[derive(Deserialize)]
struct Named {
    #[serde(deserialize_with = "needed")]
    metadata: ObjectMeta,
}

impl<O: Resource> Resource for Guarded<O> {
    type DynamicType = O::DynamicType;
    type Scope = O::Scope;

    fn kind(of: &Self::DynamicType) -> Cow<'_, str> {
        O::kind(of)
    }

    fn group(of: &Self::DynamicType) -> Cow<'_, str> {
        O::group(of)
    }

    fn version(of: &Self::DynamicType) -> Cow<'_, str> {
        O::version(of)
    }

    fn plural(of: &Self::DynamicType) -> Cow<'_, str> {
        O::plural(of)
    }

    fn meta(&self) -> &ObjectMeta {
        self.0.as_ref().map_or_else(|invalid| &invalid.metadata, O::meta)
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.as_mut().map_or_else(|invalid| &mut invalid.metadata, O::meta_mut)
    }
}

#[cfg(test)]
mod tests {
    use kube::api::WatchEvent;

    use super::*;
    use crate::cluster::kinds::ServiceObject;

    fn read(text: &str) -> Result<Guarded<ServiceObject>, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn an_object_that_does_not_decode_says_why_and_which_it_is() {
        let text = r#"{"metadata": {"name": "web", "namespace": "shop", "managedFields": "none"},
            "spec": {"clusterIP": "10.96.0.1", "ports": [{"port": PORT}]}}"#;
        let good = read(&text.replace("PORT", "80")).unwrap();
        assert_eq!(good.meta().name.as_deref(), Some("web"));
        let port = &good.0.unwrap();
        assert!(format!("{port:?}").contains("80"), "{port:?}");
        let bad = read(&text.replace("PORT", "\"http\"")).unwrap();
        assert_eq!(bad.meta().namespace.as_deref(), Some("shop"));
        let Invalid { error, .. } = bad.0.unwrap_err();
        assert_eq!(error, "invalid type: string \"http\", expected u16");
        assert!(read(r#"{"spec": {}}"#).is_err(), "nobody knows which object it is");
    }

    #[test]
    fn an_event_is_read_in_any_order_of_its_two_fields() {
        let object =
            r#""object": {"metadata": {"name": "web", "resourceVersion": "7"}, "spec": {}}"#;
        for text in [
            format!(r#"{{"type": "ADDED", {object}}}"#),
            format!(r#"{{{object}, "type": "ADDED"}}"#),
        ] {
            match serde_json::from_str::<WatchEvent<Guarded<ServiceObject>>>(&text).unwrap() {
                WatchEvent::Added(object) => {
                    assert_eq!(object.meta().resource_version.as_deref(), Some("7"));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
