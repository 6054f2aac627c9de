//! The search path of a pod, for `autopath` (CoreDNS, plugin/kubernetes/autopath.go).

use std::fs;

use hickory_proto::rr::Name;

use crate::plugin::autopath;

/// The file that the kubelet writes for this pod, too.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// The search path of this machine, the root last; the root alone where nothing is known.
pub(super) fn of_machine() -> Vec<Option<Name>> {
    autopath::search_path(&fs::read_to_string(RESOLV_CONF).unwrap_or_default())
}

/// The path of a pod of a namespace: the domains of its cluster, and then the path of this machine.
pub(super) fn path(
    namespace: &str,
    zone: &Name,
    machine: &[Option<Name>],
) -> Option<Vec<Option<Name>>> {
    let services = Name::from_labels(["svc".as_bytes()].into_iter().chain(zone.iter())).ok()?;
    let own = Name::from_labels([namespace.as_bytes()].into_iter().chain(services.iter())).ok()?;
    // Below the root zone CoreDNS makes a name with two dots at its end, which is none.
    let zone = (!zone.is_root()).then(|| zone.clone());
    Some([Some(own), Some(services), zone].into_iter().chain(machine.iter().cloned()).collect())
}
