//! What a cluster tells the registry.

use std::time::SystemTime;

use super::id::ClusterId;
use super::kinds::{
    EndpointSlice, LoadBalancer, Namespace, ObjectKey, Pod, Ranges, Service, ServiceEntry,
    ServiceExport, ServiceImport,
};

/// One change of what a cluster holds.
#[derive(Debug)]
pub enum Change {
    Service(Update<Service>),
    EndpointSlice(Update<EndpointSlice>),
    Namespace(Update<Namespace>),
    Pod(Update<Pod>),
    ServiceImport(Update<ServiceImport>),
    ServiceExport(Update<ServiceExport>),
    ServiceEntry(Update<ServiceEntry>),
    /// The ranges of ServiceCIDRs.
    ServiceCidr(Update<Ranges>),
    /// The pods' ranges of Nodes.
    Node(Update<Ranges>),
    /// The Service that is the gateway of its cluster.
    Gateway(Update<LoadBalancer>),
    /// Since when endpoints are so that were just told: nothing changes by it.
    Triggered(Vec<Trigger>),
    /// What one object says of several: nobody may see a part of it.
    Together(Vec<Change>),
    /// Whether its API is out of reach: what it said last may be old.
    Lost(bool),
    /// The cluster is no longer a member: everything it held is gone.
    Left,
}

impl Change {
    /// The object that it is of; `None` of a list, and of what is of no object.
    pub fn key(&self) -> Option<&ObjectKey> {
        fn of<T>(update: &Update<T>, key: impl Fn(&T) -> &ObjectKey) -> Option<&ObjectKey> {
            match update {
                Update::Upsert(object) => Some(key(object)),
                Update::Delete(key) => Some(key),
                Update::Reset(_) => None,
            }
        }
        match self {
            Change::Service(update) => of(update, |object| &object.key),
            Change::EndpointSlice(update) => of(update, |object| &object.key),
            Change::Namespace(update) => of(update, |object| &object.key),
            Change::Pod(update) => of(update, |object| &object.key),
            Change::ServiceImport(update) => of(update, |object| &object.key),
            Change::ServiceExport(update) => of(update, |object| &object.key),
            Change::ServiceEntry(update) => of(update, |object| &object.key),
            Change::ServiceCidr(update) | Change::Node(update) => of(update, |object| &object.key),
            Change::Gateway(update) => of(update, |object| &object.key),
            Change::Triggered(_) | Change::Together(_) | Change::Lost(_) | Change::Left => None,
        }
    }
}

/// When the endpoints of a Service became what an EndpointSlice says.
#[derive(Clone, Debug)]
pub struct Trigger {
    pub service: ObjectKey,
    pub at: SystemTime,
}

/// A change of one kind of object.
#[derive(Debug)]
pub enum Update<T> {
    Upsert(T),
    Delete(ObjectKey),
    /// A finished list: these objects and no others exist.
    Reset(Vec<T>),
}

impl<T> Update<T> {
    /// The same change of other objects.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> Update<U> {
        match self {
            Update::Upsert(object) => Update::Upsert(f(object)),
            Update::Delete(key) => Update::Delete(key),
            Update::Reset(objects) => Update::Reset(objects.into_iter().map(f).collect()),
        }
    }
}

/// Takes the changes of all clusters. The changes of one cluster and kind arrive in order.
pub trait Sink: Send + Sync + 'static {
    fn apply(&self, cluster: &ClusterId, change: Change);
}
