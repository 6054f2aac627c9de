//! The slim Service.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service as ApiService;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use tracing::warn;

use super::load_balancer::StatusObject;
use super::{ObjectKey, Point, Port, PortObject, key_of, needed};

const MERGE: &str = "fleetdns.io/merge";
const EXPOSE: &str = "fleetdns.io/expose";

/// What DNS needs of a Service. A clone of it costs little. What most answers are made of comes first, as
/// [`crate::registry::ServiceName`] says.
#[derive(Clone, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Service {
    pub kind: ServiceKind,
    pub ports: Arc<[Port]>,
    pub annotations: FleetAnnotations,
    /// `metadata.creationTimestamp` in seconds since 1970; 0 where a manifest has none.
    pub created: i64,
    pub key: Arc<ObjectKey>,
    /// Where it is reached from outside of its cluster: `spec.externalIPs`, and then the ways into its load
    /// balancer (CoreDNS, plugin/kubernetes/object/service.go).
    pub external: Arc<[Point]>,
}

impl Service {
    /// Whether it is the same as another but for where it is reached from outside.
    pub fn is_same_inside(&self, other: &Service) -> bool {
        let Service { key, kind, ports, created, annotations, external: _ } = self;
        *key == other.key
            && *kind == other.kind
            && *ports == other.ports
            && *created == other.created
            && *annotations == other.annotations
    }
}

/// What annotations of a Service say of the fleet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FleetAnnotations {
    /// `fleetdns.io/merge`, which counts in the local cluster.
    pub merge: Option<Merge>,
    /// `fleetdns.io/expose: "false"`, which counts in members: other clusters do not know it.
    pub is_hidden: bool,
}

/// How a Service of the local cluster goes with those of members that have its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Merge {
    /// It alone is answered.
    #[default]
    LocalFirst,
    /// If headless, its endpoints and theirs.
    Union,
    /// Theirs while it has no ready endpoint.
    Failover,
}

impl Merge {
    /// As the Corefile and annotations spell them.
    pub const ALL: [(&'static str, Merge); 3] = [
        ("local-first", Merge::LocalFirst),
        ("union", Merge::Union),
        ("failover", Merge::Failover),
    ];

    pub fn parse(text: &str) -> Option<Self> {
        Merge::ALL.into_iter().find(|(name, _)| *name == text).map(|(_, merge)| merge)
    }
}

/// The three shapes of Services that DNS tells apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServiceKind {
    /// `spec.clusterIPs`, in their order; at most one of each family.
    ClusterIp(ClusterIps),
    /// `clusterIP: None`: the name answers with the ready endpoints.
    Headless,
    /// The target as written, with or without a trailing dot.
    ExternalName(Box<str>),
}

/// At most one of each family. One has room where the Service is.
pub type ClusterIps = SmallVec<[IpAddr; 1]>;

/// A Service as the API writes it, less what DNS does not need.
#[derive(kube::Resource, Deserialize, Serialize, Clone, Debug)]
#[resource(inherit = ApiService)]
#[serde(rename_all = "camelCase")]
pub struct ServiceObject {
    #[serde(deserialize_with = "needed")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    spec: SpecObject,
    #[serde(default)]
    status: Option<StatusObject>,
}

#[derive(Deserialize, Serialize, Clone, Debug, Default)]
#[serde(rename_all = "camelCase")]
struct SpecObject {
    #[serde(default, rename = "type")]
    kind: Option<Box<str>>,
    #[serde(default, rename = "clusterIP")]
    cluster_ip: Option<Box<str>>,
    #[serde(default, rename = "clusterIPs")]
    cluster_ips: Option<Vec<Box<str>>>,
    #[serde(default)]
    external_name: Option<Box<str>>,
    #[serde(default)]
    ports: Option<Vec<PortObject>>,
    #[serde(default, rename = "externalIPs")]
    external_ips: Option<Vec<Box<str>>>,
}

impl From<ServiceObject> for Service {
    fn from(object: ServiceObject) -> Self {
        let (key, spec) = (key_of(&object.metadata), object.spec);
        let annotations = annotations(&key, object.metadata.annotations.as_ref());
        let listed = spec.external_ips.iter().flatten();
        let listed = listed.filter_map(|text| text.parse().ok()).map(Point::Address);
        let ways_in = object.status.into_iter().flat_map(StatusObject::points);
        let external = listed.chain(ways_in).collect();
        let kind = if spec.kind.as_deref() == Some("ExternalName") {
            ServiceKind::ExternalName(spec.external_name.unwrap_or_default())
        } else if spec.cluster_ip.as_deref() == Some("None") {
            ServiceKind::Headless
        } else {
            let listed = spec.cluster_ips.unwrap_or_default();
            let texts =
                if listed.is_empty() { spec.cluster_ip.into_iter().collect() } else { listed };
            ServiceKind::ClusterIp(texts.iter().filter_map(|text| text.parse().ok()).collect())
        };
        Service {
            key: Arc::new(key),
            kind,
            ports: spec.ports.unwrap_or_default().into_iter().map(Port::from).collect(),
            created: object.metadata.creation_timestamp.map_or(0, |time| time.0.as_second()),
            annotations,
            external,
        }
    }
}

fn annotations(key: &ObjectKey, all: Option<&BTreeMap<String, String>>) -> FleetAnnotations {
    let get = |name: &str| all.and_then(|all| all.get(name));
    let merge = get(MERGE).and_then(|text| {
        let merge = Merge::parse(text);
        if merge.is_none() {
            warn!(service = %key, "the annotation {MERGE}: {text:?} is none of local-first, union, failover");
        }
        merge
    });
    FleetAnnotations { merge, is_hidden: get(EXPOSE).is_some_and(|text| text == "false") }
}
