//! A Kubernetes zone, for its transfer.

use std::sync::Arc;

use super::{View, Zones};
use crate::plugin::transfer::{Contents, Transferred};
use crate::zone::answer::Answer;
use crate::zone::name::WireName;

/// What there is to transfer of a name.
pub fn contents(zones: &Arc<Zones>, view: &Arc<View>, name: &WireName) -> Transferred {
    if zones.find(name).is_none() {
        return Transferred::Elsewhere;
    }
    let Some(zone) = zones.zone(name) else { return Transferred::NoZone };
    // A zone without names would empty a secondary.
    if !view.known().local {
        return Transferred::NotYet;
    }
    let registry = view.registry();
    let serial = zones.serial(registry, &zone, 0);
    let mut soa = Answer::default();
    zones.transfer_soa(registry, &zone, &mut soa);
    let mut servers = Answer::default();
    zones.transfer_servers(registry, &zone, &mut servers);
    let names = zones.transfer_names(registry, &zone);
    let (zones, view) = (zones.clone(), view.clone());
    let services = names.into_iter().map(move |name| {
        let mut records = Answer::default();
        zones.transfer_name(view.registry(), &zone, &name, &mut records);
        records
    });
    let records = Box::new(std::iter::once(servers).chain(services));
    Transferred::Zone(Box::new(Contents { serial, newer_is_known: false, soa, records }))
}
