//! Why a reverse name is answered as it is.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::Look;
use crate::registry::AddressOwner;
use crate::zone::explain::Steps;
use crate::zone::reverse;
use crate::zone::schema::Asked;

impl Look<'_> {
    /// Whose an address is.
    pub(super) fn explain_pointer(&self, steps: &mut Steps) {
        if matches!(self.asked, Asked::Container) {
            return steps.add("name", "it is there because of the names below it");
        }
        let Some(address) = reverse::address(self.name) else {
            return steps.add("name", "it is not the name of a whole address");
        };
        steps.add("name", format!("it asks whose {address} is"));
        let Some(owners) = self.registry.address(address) else {
            return steps.add("clusters", "no known Service or endpoint has it");
        };
        let locals = owners.iter().any(|owner| owner.cluster == self.zone.fleet.local);
        let mut said = BTreeSet::new();
        for owner in owners.iter().filter(|owner| said.insert((*owner).clone())) {
            let what = match owner.holder.label(address) {
                None => format!("the ClusterIP of {}", owner.key),
                Some(label) => format!("the endpoint {} of {}", &*label, owner.key),
            };
            steps.of(
                "clusters",
                &owner.cluster,
                format!("{what}; {}", self.pointed(owner, locals, address)),
            );
        }
    }

    fn pointed(&self, owner: &AddressOwner, locals: bool, address: IpAddr) -> &'static str {
        if !self.points_into(owner.key.namespace.as_bytes()) {
            "its namespace is not answered for"
        } else if owner.cluster == self.zone.fleet.local {
            "the local cluster's come first"
        } else if locals {
            "left out, as the local cluster has the address, too"
        } else if self.hands_out(owner, address) {
            "handed out for its name, and so answered"
        } else {
            "not handed out for its name, and so not answered"
        }
    }
}
