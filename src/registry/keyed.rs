//! Objects by their keys, which only the objects hold: there are as many as in all clusters.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::cluster::kinds::{EndpointSlice, ObjectKey, Pod, Service, ServiceEntry};

/// The objects of one kind.
pub(super) struct Keyed<T>(HashSet<ByKey<T>>);

/// What has a key.
pub(super) trait HasKey {
    fn key(&self) -> &ObjectKey;
}

/// An object that is told from others by its key.
struct ByKey<T>(Arc<T>);

impl<T: HasKey> Keyed<T> {
    pub fn get(&self, key: &ObjectKey) -> Option<&Arc<T>> {
        self.0.get(key).map(|ByKey(object)| object)
    }

    /// Puts an object; gives the one of its key that was there.
    pub fn insert(&mut self, object: Arc<T>) -> Option<Arc<T>> {
        self.0.replace(ByKey(object)).map(|ByKey(old)| old)
    }

    pub fn remove(&mut self, key: &ObjectKey) -> Option<Arc<T>> {
        self.0.take(key).map(|ByKey(old)| old)
    }

    /// In no order.
    pub fn keys(&self) -> impl Iterator<Item = &ObjectKey> {
        self.values().map(|object| object.key())
    }

    /// In no order.
    pub fn values(&self) -> impl Iterator<Item = &Arc<T>> {
        self.0.iter().map(|ByKey(object)| object)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T> Default for Keyed<T> {
    fn default() -> Self {
        Keyed(HashSet::default())
    }
}

macro_rules! has_key {
    ($($object:ty),*) => {
        $(impl HasKey for $object {
            fn key(&self) -> &ObjectKey {
                &self.key
            }
        })*
    };
}
has_key!(Service, EndpointSlice, Pod, ServiceEntry);

impl<T: HasKey> Borrow<ObjectKey> for ByKey<T> {
    fn borrow(&self) -> &ObjectKey {
        self.0.key()
    }
}

impl<T: HasKey> Hash for ByKey<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key().hash(state);
    }
}

impl<T: HasKey> PartialEq for ByKey<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.key() == other.0.key()
    }
}

impl<T: HasKey> Eq for ByKey<T> {}
