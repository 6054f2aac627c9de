//! One Service name and the clusters that own it.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::cluster::ClusterId;
use crate::cluster::kinds::{Endpoint, EndpointSlice, ObjectKey, Port, Service};

/// What all clusters say of one `service.namespace`: of one cluster all in one place, so that an answer reads
/// little memory. It stands behind its key in the index; fields are in the order in which they are read, so that
/// most answers read 128 octets of the 256 that both have together.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub struct ServiceName {
    /// In the order of the cluster IDs, so that every replica sees the same.
    owners: SmallVec<[Owner; 1]>,
    /// Where the owner with the oldest Service stands, of equals the first.
    oldest: u32,
    /// Where the others stand in the order of their Services' ages, of equals in that of the cluster IDs.
    younger: SmallVec<[u32; 10]>,
}

/// What one cluster says of one `service.namespace`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Owner {
    pub cluster: ClusterId,
    /// `None` where there are slices but no Service: their addresses still have PTR records, as in
    /// CoreDNS (plugin/kubernetes/reverse.go).
    pub service: Option<Service>,
    pub key: Arc<ObjectKey>,
    /// In the order of the slices' names.
    pub slices: Box<[Arc<EndpointSlice>]>,
    /// When its ServiceExport was made, in seconds since 1970; `None` where there is none.
    pub exported: Option<i64>,
}

impl ServiceName {
    pub fn owners(&self) -> &[Owner] {
        &self.owners
    }

    /// What one cluster says.
    pub fn owner(&self, cluster: &ClusterId) -> Option<&Owner> {
        let found = self.owners.binary_search_by(|owner| owner.cluster.cmp(cluster));
        found.ok().map(|at| &self.owners[at])
    }

    /// The owners, the one with the oldest Service first; of those of one age in the order of the IDs.
    pub fn by_age(&self) -> impl Iterator<Item = &Owner> {
        let younger = self.younger.iter().map(|at| &self.owners[*at as usize]);
        self.owners.get(self.oldest as usize).into_iter().chain(younger)
    }

    /// The same with what one cluster says put, replaced or removed.
    pub(super) fn with(&self, cluster: &ClusterId, new: Option<Owner>) -> ServiceName {
        let others = self.owners.iter().filter(|owner| owner.cluster != *cluster).cloned();
        let mut owners: SmallVec<[Owner; 1]> = others.chain(new).collect();
        owners.sort_by(|a, b| a.cluster.cmp(&b.cluster));
        // There are fewer clusters.
        let mut younger: SmallVec<[u32; 10]> = (0..owners.len() as u32).collect();
        younger
            .sort_by_key(|at| owners[*at as usize].service.as_ref().map(|service| service.created));
        let oldest = if younger.is_empty() { 0 } else { younger.remove(0) };
        ServiceName { owners, oldest, younger }
    }
}

impl Owner {
    /// The ready endpoints with the ports of their slice.
    pub fn endpoints(&self) -> impl Iterator<Item = (&Endpoint, &[Port])> {
        self.slices
            .iter()
            .flat_map(|slice| slice.endpoints.iter().map(move |endpoint| (endpoint, &*slice.ports)))
    }
}

/// What a cluster exports of a name, and since when.
pub(super) fn exported(owner: &Option<Owner>) -> Option<(i64, &Service)> {
    let owner = owner.as_ref()?;
    Some((owner.exported?, owner.service.as_ref()?))
}

/// Lower-case wire labels. Those of most Services have room where the key is, so that one look finds both.
pub(super) type WireKey = SmallVec<[u8; 32]>;

/// The wire form of the labels `service.namespace`. `None` where one of them is no label: such an
/// object can only come from a manifest, and has no name in DNS.
pub(super) fn wire_key(key: &ObjectKey) -> Option<WireKey> {
    let mut wire = WireKey::with_capacity(key.name.len() + key.namespace.len() + 2);
    for label in [&key.name, &key.namespace] {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        wire.push(length);
        wire.extend(label.bytes().map(|octet| octet.to_ascii_lowercase()));
    }
    Some(wire)
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use std::mem::{offset_of, size_of};

    use super::*;

    #[test]
    fn most_answers_read_two_lines_of_the_cache() {
        assert_eq!(size_of::<WireKey>() + size_of::<ServiceName>(), 256);
        // Behind how many there are stands the first.
        let owner = size_of::<WireKey>() + offset_of!(ServiceName, owners) + size_of::<usize>();
        let service = owner + offset_of!(Owner, service);
        assert_eq!(owner + offset_of!(Owner, cluster), 48);
        assert_eq!(service + offset_of!(Service, kind), 64);
        assert!(service + offset_of!(Service, annotations) < 128);
    }
}
