//! What the log says of the clusters that are waited for, and of those that come later.
//!
//! In: the changes of a [`View`]'s clusters, and the ends of the two waits. Out: a line for each cluster
//! that is waited for, that is synced, or that is not there when the wait ends.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use tokio::sync::watch;
use tokio::time::sleep_until;
use tracing::{info, warn};

use super::View;
use crate::cluster::{ClusterId, FleetState, MemberState, MemberStatus};
use crate::registry::is_label;

/// Follows a view as long as it lives, on the current runtime.
pub fn follow(view: &Arc<View>) {
    let changes = view.changes();
    tokio::spawn(run(Arc::downgrade(view), changes));
}

async fn run(view: Weak<View>, mut changes: watch::Receiver<FleetState>) {
    let Some((local_end, members_end)) =
        view.upgrade().map(|view| (view.local_deadline(), view.members_deadline()))
    else {
        return;
    };
    let mut said = Said::default();
    let (mut local_waits, mut members_wait) = (true, true);
    loop {
        tokio::select! {
            changed = changes.changed() => if changed.is_err() {
                return;
            },
            () = sleep_until(local_end), if local_waits => local_waits = false,
            () = sleep_until(members_end), if members_wait => members_wait = false,
        }
        let Some(view) = view.upgrade() else { return };
        let awaited: Vec<String> =
            view.fleet().silent_sources().iter().map(|source| source.describe()).collect();
        for line in said.now(&view.fleet().members(), awaited, local_waits, members_wait) {
            match line {
                Line::Info(text) => info!("{text}"),
                Line::Warning(text) => warn!("{text}"),
            }
        }
    }
}

/// What was said, to say it once.
#[derive(Default)]
struct Said {
    waiting: BTreeSet<String>,
    known: BTreeSet<ClusterId>,
    synced: BTreeSet<ClusterId>,
    no_local: bool,
    no_members: bool,
}

#[derive(PartialEq, Eq, Debug)]
enum Line {
    Info(String),
    Warning(String),
}

impl Said {
    /// What is to be said now. `unread` are sources of members that have not spoken.
    fn now(
        &mut self,
        members: &[MemberStatus],
        unread: Vec<String>,
        local_waits: bool,
        members_wait: bool,
    ) -> Vec<Line> {
        let mut lines = Vec::new();
        let is_there = |id: &ClusterId| members.iter().any(|member| member.id == *id);
        self.known.retain(is_there);
        self.synced.retain(is_there);
        for member in members {
            if self.known.insert(member.id.clone()) && !is_label(&member.id) {
                lines.push(Line::Warning(format!(
                    "the ID {:?} is no label of a name: the cluster is served, but per_cluster has no names \
                     for it",
                    member.id.as_str()
                )));
            }
        }
        let waits = |member: &&MemberStatus| member.state == MemberState::Connecting;
        let local = members.iter().find(|member| member.is_local).filter(waits);
        let late = members.iter().filter(|member| !member.is_local).filter(waits);
        let late: Vec<String> = late.map(|member| member.id.to_string()).chain(unread).collect();
        let awaited: Vec<String> =
            local.map(|local| local.id.to_string()).into_iter().chain(late.clone()).collect();
        let new: Vec<&str> = awaited
            .iter()
            .filter(|name| !self.waiting.contains(*name))
            .map(String::as_str)
            .collect();
        if members_wait && !new.is_empty() {
            lines.push(Line::Info(format!("waiting for {}", new.join(", "))));
        }
        for member in members {
            match member.state {
                MemberState::Connecting => drop(self.synced.remove(&member.id)),
                MemberState::Synced if self.synced.insert(member.id.clone()) => {
                    lines.push(Line::Info(format!("{} is synced", member.id)));
                }
                MemberState::Synced => {}
            }
        }
        if let Some(local) = local.filter(|_| !local_waits && !self.no_local) {
            self.no_local = true;
            lines.push(Line::Warning(format!(
                "the local cluster {} is not synced yet: SERVFAIL until it is",
                local.id
            )));
        }
        if !members_wait && !std::mem::replace(&mut self.no_members, true) && !late.is_empty() {
            let names = late.join(", ");
            lines.push(Line::Warning(format!("no longer waiting for {names}: answering without")));
        }
        self.waiting = awaited.into_iter().collect();
        lines
    }
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
