//! Watches in protobuf, as Kubernetes' own programs have them.
//!
//! In: what an API server says to a watch. Out: the same as lines of JSON, with no more than is read of them, for
//! kube, which knows nothing else. An event has little more than half the octets of JSON, and costs an API
//! server less, which writes most of its watches so. Kinds without protobuf (all of CRDs) and servers that do not
//! speak it stay with JSON.
//!
//! Sources: [Kubernetes API concepts, protobuf encoding](https://kubernetes.io/docs/reference/using-api/api-concepts/),
//! apimachinery's `runtime/generated.proto` and `meta/v1/generated.proto`.

mod messages;

use hyper::body::Bytes;
use prost::Message;
use serde::Serialize;

use messages::{
    EndpointSlice, Endpoints, Namespace, Pod, Service, Status, TypeMeta, Unknown, WatchEvent,
};

/// What is asked for, most wanted first.
pub const ACCEPT: &str = "application/vnd.kubernetes.protobuf,application/json";

const CONTENT_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// The kinds that are asked for so, by their plurals.
const PLURALS: [&str; 5] = ["services", "endpointslices", "endpoints", "namespaces", "pods"];

/// What each object begins with.
const MAGIC: &[u8] = b"k8s\0";

/// An event is not longer than this many octets: etcd takes no object of more than a few million.
const LONGEST: usize = 64 << 20;

/// Whether objects at this path of the API are asked for in protobuf.
pub fn is_spoken(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|plural| PLURALS.contains(&plural))
}

/// How a response is read.
#[derive(Debug, Default)]
pub enum Reading {
    /// As it is.
    #[default]
    AsIs,
    /// Events, each behind its length.
    Events(Vec<u8>),
    /// One object, which is why it failed.
    Object(Vec<u8>),
    /// It said what nobody understands, and nothing of what follows is read.
    Lost,
}

impl Reading {
    /// By the type of the content, and whether it is that of a watch that goes well.
    pub fn of(content_type: &[u8], is_watching: bool) -> Self {
        match (content_type.starts_with(CONTENT_TYPE.as_bytes()), is_watching) {
            (false, _) => Reading::AsIs,
            (true, true) => Reading::Events(Vec::new()),
            (true, false) => Reading::Object(Vec::new()),
        }
    }

    /// Takes the next piece of a body, and gives what is whole by now, if anything is. What nobody understands
    /// becomes a line that is no JSON, after which kube's watcher has to list anew.
    pub fn take(&mut self, piece: Bytes) -> Option<Bytes> {
        match self {
            Reading::AsIs => Some(piece),
            Reading::Events(kept) => {
                kept.extend_from_slice(&piece);
                let mut lines = Vec::new();
                if let Err(error) = events(kept, &mut lines) {
                    // What was written of an event until then is no JSON either.
                    lines.extend(format!("{error}\n").bytes());
                    *self = Reading::Lost;
                }
                (!lines.is_empty()).then(|| lines.into())
            }
            Reading::Object(kept) => {
                kept.extend_from_slice(&piece);
                None
            }
            Reading::Lost => None,
        }
    }

    /// What there is at the end of a body.
    pub fn end(&mut self) -> Option<Bytes> {
        let Reading::Object(kept) = self else { return None };
        let mut json = Vec::new();
        if let Err(error) = object(kept, &mut json) {
            json = error.to_string().into();
        }
        *self = Reading::Lost;
        Some(json.into())
    }
}

/// Why something is not understood.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("protobuf that does not decode: {0}")]
    Protobuf(#[from] prost::DecodeError),
    #[error("an event of {0} octets")]
    Long(usize),
    #[error("no object of the API")]
    Prefix,
    #[error("an object of the kind {0:?}, which was not asked for")]
    Kind(String),
    #[error("it cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Takes the events that are whole, and writes a line for each.
fn events(kept: &mut Vec<u8>, lines: &mut Vec<u8>) -> Result<(), Error> {
    let mut rest = kept.as_slice();
    while let Some((length, behind)) = rest.split_first_chunk() {
        let length = u32::from_be_bytes(*length) as usize;
        if length > LONGEST {
            return Err(Error::Long(length));
        }
        let Some((event, behind)) = behind.split_at_checked(length) else { break };
        let WatchEvent { kind, object: Some(object) } = WatchEvent::decode(event)? else {
            return Err(Error::Prefix);
        };
        lines.extend(br#"{"type":"#);
        serde_json::to_writer(&mut *lines, &kind)?;
        lines.extend(br#","object":"#);
        self::object(&object.raw, lines)?;
        lines.extend(b"}\n");
        rest = behind;
    }
    let taken = kept.len() - rest.len();
    kept.drain(..taken);
    Ok(())
}

/// Writes an object as JSON.
fn object(wire: &[u8], json: &mut Vec<u8>) -> Result<(), Error> {
    let wire = wire.strip_prefix(MAGIC).ok_or(Error::Prefix)?;
    let Unknown { type_meta, raw } = Unknown::decode(wire)?;
    let type_meta = type_meta.unwrap_or_default();
    match type_meta.kind.as_str() {
        "Service" => write::<Service>(type_meta, &raw, json),
        "EndpointSlice" => write::<EndpointSlice>(type_meta, &raw, json),
        "Endpoints" => write::<Endpoints>(type_meta, &raw, json),
        "Namespace" => write::<Namespace>(type_meta, &raw, json),
        "Pod" => write::<Pod>(type_meta, &raw, json),
        "Status" => write::<Status>(type_meta, &raw, json),
        _ => Err(Error::Kind(type_meta.kind)),
    }
}

fn write<O: Message + Default + Serialize>(
    type_meta: TypeMeta,
    wire: &[u8],
    json: &mut Vec<u8>,
) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Written<O> {
        #[serde(flatten)]
        type_meta: TypeMeta,
        #[serde(flatten)]
        object: O,
    }
    Ok(serde_json::to_writer(json, &Written { type_meta, object: O::decode(wire)? })?)
}

#[cfg(test)]
mod tests;
