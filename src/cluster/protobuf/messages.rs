//! What is read of each kind, by its numbers in protobuf and its names in JSON.
//!
//! Sources: `generated.proto` of k8s.io/api's `core/v1` and `discovery/v1` and of apimachinery's `runtime` and
//! `meta/v1`. Go writes a field that is no pointer even where it is empty, and leaves it out of JSON.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use prost::Message;
use serde::{Serialize, Serializer};

#[derive(Message)]
pub struct WatchEvent {
    #[prost(string, tag = "1")]
    pub kind: String,
    #[prost(message, optional, tag = "2")]
    pub object: Option<RawExtension>,
}

#[derive(Message)]
pub struct RawExtension {
    #[prost(bytes, tag = "1")]
    pub raw: Vec<u8>,
}

#[derive(Message)]
pub struct Unknown {
    #[prost(message, optional, tag = "1")]
    pub type_meta: Option<TypeMeta>,
    #[prost(bytes, tag = "2")]
    pub raw: Vec<u8>,
}

#[derive(Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypeMeta {
    #[prost(string, tag = "1")]
    pub api_version: String,
    #[prost(string, tag = "2")]
    pub kind: String,
}

/// What a failure is told as.
#[derive(Message, Serialize)]
pub struct Status {
    #[prost(string, tag = "2")]
    pub status: String,
    #[prost(string, tag = "3")]
    pub message: String,
    #[prost(string, tag = "4")]
    pub reason: String,
    #[prost(int32, tag = "6")]
    pub code: i32,
}

#[derive(Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectMeta {
    #[prost(string, tag = "1")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[prost(string, tag = "3")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    #[prost(string, tag = "6")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
    #[prost(message, optional, tag = "8")]
    pub creation_timestamp: Option<Time>,
    #[prost(message, optional, tag = "9")]
    pub deletion_timestamp: Option<Time>,
    #[prost(btree_map = "string, string", tag = "11")]
    pub labels: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "12")]
    pub annotations: BTreeMap<String, String>,
}

/// A moment; none where it is empty.
#[derive(Message)]
pub struct Time {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Timestamp::from_second(self.seconds) {
            Ok(time) if self.seconds != 0 => serializer.collect_str(&time),
            _ => serializer.serialize_none(),
        }
    }
}

#[derive(Message, Serialize)]
pub struct Namespace {
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<ObjectMeta>,
}

#[derive(Message, Serialize)]
pub struct Service {
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<ObjectMeta>,
    #[prost(message, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<ServiceSpec>,
    #[prost(message, optional, tag = "3")]
    pub status: Option<ServiceStatus>,
}

#[derive(Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSpec {
    #[prost(message, repeated, tag = "1")]
    pub ports: Vec<Port>,
    #[prost(string, tag = "3")]
    #[serde(rename = "clusterIP", skip_serializing_if = "String::is_empty")]
    pub cluster_ip: String,
    #[prost(string, tag = "4")]
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    #[prost(string, repeated, tag = "5")]
    #[serde(rename = "externalIPs")]
    pub external_ips: Vec<String>,
    #[prost(string, tag = "10")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub external_name: String,
    #[prost(string, repeated, tag = "18")]
    #[serde(rename = "clusterIPs")]
    pub cluster_ips: Vec<String>,
}

/// Of a Service or an EndpointSlice.
#[derive(Message, Serialize)]
pub struct Port {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub protocol: Option<String>,
    #[prost(int32, optional, tag = "3")]
    pub port: Option<i32>,
}

#[derive(Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    #[prost(message, optional, tag = "1")]
    pub load_balancer: Option<LoadBalancerStatus>,
}

#[derive(Message, Serialize)]
pub struct LoadBalancerStatus {
    #[prost(message, repeated, tag = "1")]
    pub ingress: Vec<LoadBalancerIngress>,
}

#[derive(Message, Serialize)]
pub struct LoadBalancerIngress {
    #[prost(string, tag = "1")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ip: String,
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
}

#[derive(Message, Serialize)]
pub struct EndpointSlice {
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<ObjectMeta>,
    #[prost(message, repeated, tag = "2")]
    pub endpoints: Vec<Endpoint>,
    #[prost(message, repeated, tag = "3")]
    pub ports: Vec<Port>,
}

#[derive(Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    #[prost(string, repeated, tag = "1")]
    pub addresses: Vec<String>,
    #[prost(message, optional, tag = "2")]
    pub conditions: Option<EndpointConditions>,
    #[prost(string, optional, tag = "3")]
    pub hostname: Option<String>,
    #[prost(message, optional, tag = "4")]
    pub target_ref: Option<ObjectReference>,
    #[prost(string, optional, tag = "7")]
    pub zone: Option<String>,
}

#[derive(Message, Serialize)]
pub struct EndpointConditions {
    #[prost(bool, optional, tag = "1")]
    pub ready: Option<bool>,
}

#[derive(Message, Serialize)]
pub struct ObjectReference {
    #[prost(string, tag = "3")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

#[derive(Message, Serialize)]
pub struct Endpoints {
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<ObjectMeta>,
    #[prost(message, repeated, tag = "2")]
    pub subsets: Vec<EndpointSubset>,
}

#[derive(Message, Serialize)]
pub struct EndpointSubset {
    #[prost(message, repeated, tag = "1")]
    pub addresses: Vec<EndpointAddress>,
    #[prost(message, repeated, tag = "3")]
    pub ports: Vec<EndpointPort>,
}

#[derive(Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointAddress {
    #[prost(string, tag = "1")]
    pub ip: String,
    #[prost(message, optional, tag = "2")]
    pub target_ref: Option<ObjectReference>,
    #[prost(string, tag = "3")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
}

/// Of Endpoints: the same as a [`Port`] by other numbers.
#[derive(Message, Serialize)]
pub struct EndpointPort {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(int32, tag = "2")]
    pub port: i32,
    #[prost(string, tag = "3")]
    pub protocol: String,
}

#[derive(Message, Serialize)]
pub struct Pod {
    #[prost(message, optional, tag = "1")]
    pub metadata: Option<ObjectMeta>,
    #[prost(message, optional, tag = "3")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<PodStatus>,
}

#[derive(Message, Serialize)]
pub struct PodStatus {
    #[prost(string, tag = "1")]
    pub phase: String,
    #[prost(message, repeated, tag = "12")]
    #[serde(rename = "podIPs")]
    pub pod_ips: Vec<PodIp>,
}

#[derive(Message, Serialize)]
pub struct PodIp {
    #[prost(string, tag = "1")]
    pub ip: String,
}
