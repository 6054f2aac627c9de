//! Why a Service that clusters export is answered as it is.

use k8s_openapi::jiff::Timestamp;

use super::super::Look;
use crate::cluster::ClusterId;
use crate::cluster::kinds::ServiceKind;
use crate::registry::{Owner, ServiceName};
use crate::zone::choice::Reach;
use crate::zone::clusterset::Exported;
use crate::zone::explain::{Steps, list};
use crate::zone::schema::Below;

impl Look<'_> {
    pub(super) fn explain_exported(
        &self,
        namespace: &[u8],
        name: &ServiceName,
        below: Below<'_>,
        steps: &mut Steps,
    ) {
        for owner in name.owners() {
            steps.of("clusterset", &owner.cluster, self.exports(owner));
        }
        if !self.known.local {
            let says = "is not known yet: nobody is asked before it";
            return steps.of("local", &self.zone.fleet.local, says);
        }
        let Some(set) = self.zone.fleet.exported(self.registry, namespace, name) else {
            return steps.add("clusterset", "no cluster exports it: the name does not exist");
        };
        let kind = if set.is_headless() { "headless" } else { "with a ClusterSetIP" };
        steps.of("type", set.oldest(), format!("{kind}, as its export is the oldest"));
        for conflict in set.conflicts() {
            steps.of("conflict", &conflict.cluster, conflict.to_string());
        }
        if self.zone.ignore_empty && set.is_empty() {
            let says = "no endpoint is ready: the name does not exist";
            return steps.add("ignore empty_service", says);
        }
        let answering = set.answering(self.registry, below);
        self.explain_answering(&set, &answering, below, steps);
        match self.entries(|_| {}) {
            true => self.explain_ttl(&answering, steps),
            false => steps.add("name", "the Service has no ready endpoint or port of this name"),
        }
    }

    fn explain_answering(
        &self,
        set: &Exported<'_>,
        answering: &[&Owner],
        below: Below<'_>,
        steps: &mut Steps,
    ) {
        match (answering, below) {
            ([], _) => steps.add("choice", "no exporter has this label: the name does not exist"),
            (_, Below::Endpoint { .. }) => {}
            ([owner], _) if !set.is_headless() => {
                let why = if owner.cluster == self.zone.fleet.local {
                    "the local cluster's address comes first"
                } else {
                    "of the others that can be reached its export is the oldest"
                };
                steps.of("choice", &owner.cluster, format!("answers: {why}"));
            }
            (all, _) => {
                let all: Vec<&ClusterId> = all.iter().map(|owner| &owner.cluster).collect();
                steps.add("choice", format!("the endpoints of {} are joined", list(all)));
            }
        }
        for owner in answering {
            self.explain_reach(owner, below, steps);
            let is_headless = set.is_headless() || matches!(below, Below::Endpoint { .. });
            let kind = owner.service.as_ref().map(|service| &service.kind);
            let kind = kind.filter(|_| !is_headless).unwrap_or(&ServiceKind::Headless);
            self.explain_overlap(owner, kind, steps);
        }
    }

    /// What a cluster exports of a Service.
    fn exports(&self, owner: &Owner) -> String {
        let Some(created) = owner.exported else { return "does not export it".to_owned() };
        let Some(service) = &owner.service else {
            return "exports it, and does not have the Service".to_owned();
        };
        let is_local = owner.cluster == self.zone.fleet.local;
        if matches!(service.kind, ServiceKind::ExternalName(_)) {
            return "exports an ExternalName, which cannot be".to_owned();
        }
        if service.annotations.is_hidden && !is_local {
            return "exports it, and the annotation fleetdns.io/expose hides it".to_owned();
        }
        let is_replaced = matches!(self.zone.fleet.reach(&owner.cluster), Reach::Instead(_));
        let knows_endpoints = self.zone.fleet.knows_endpoints && !is_replaced;
        let mut says = format!("exports it: {}", super::described(service, owner, knows_endpoints));
        if let Ok(time) = Timestamp::from_second(created) {
            says.push_str(&format!(", exported {time}"));
        }
        if self.registry.is_lost(&owner.cluster) {
            says.push_str("; out of reach, so its address is the last choice");
        }
        says
    }
}
