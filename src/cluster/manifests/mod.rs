//! A cluster that is a directory of ordinary Kubernetes YAML: for VMs, tests and demos.
//!
//! In: `*.yaml`, `*.yml` and `*.json` files of a directory and of the directories in it. Out: the
//! Services, EndpointSlices and Namespaces of them that are selected, as one `Reset` for each kind that changed.

mod parse;
mod tree;

use std::path::PathBuf;
use std::sync::Arc;

use tracing::{info, warn};

use self::tree::Tree;
use super::condition::Condition;
use super::directory::Directory;
use super::event::{Change, Update};
use super::gate::Gate;
use super::kinds::{
    EndpointSlice, LoadBalancer, Namespace, PodObject, Ranges, Service, ServiceEntry,
    ServiceExport, ServiceImport,
};
use super::pods::Pods;
use super::selection::Selection;

/// The slim objects of a directory.
#[derive(Clone, PartialEq, Default, Debug)]
struct Objects {
    services: Vec<Service>,
    slices: Vec<EndpointSlice>,
    namespaces: Vec<Namespace>,
    pods: Vec<PodObject>,
    imports: Vec<ServiceImport>,
    exports: Vec<ServiceExport>,
    entries: Vec<ServiceEntry>,
    cidrs: Vec<Ranges>,
    nodes: Vec<Ranges>,
    /// The Service that is the gateway, if it is there.
    gateways: Vec<LoadBalancer>,
}

/// Reads the directory now and after every change, until dropped.
pub(super) async fn serve(
    path: PathBuf,
    selection: Selection,
    condition: Arc<Condition>,
    gate: Arc<Gate>,
) {
    let cluster = &condition.id;
    // Watched before it is read: what changes in between is read again.
    let mut directory = Directory::watch(&path, true);
    let mut tree = Tree::new(path.clone(), selection.clone());
    let mut known: Option<Objects> = None;
    let mut pods = selection.pods.then(Pods::default);
    let mut failing = false;
    loop {
        let scanned = tokio::task::spawn_blocking(move || {
            let outcome = tree.scan();
            (tree, outcome)
        });
        let outcome;
        // The blocking pool ends with the runtime, and then so does this.
        let Ok(done) = scanned.await else { return };
        (tree, outcome) = done;
        match outcome {
            Ok(scan) => {
                condition.contact(0).stamp();
                for problem in &scan.problems {
                    warn!(%cluster, problem, "the objects known before stay");
                }
                if std::mem::take(&mut failing) {
                    info!(%cluster, directory = %path.display(), "readable again");
                    condition.works(0);
                }
                hand_over(known.as_ref(), &scan.objects, &mut pods, &gate);
                known = Some(scan.objects);
                condition.set_synced(0);
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    warn!(%cluster, directory = %path.display(), %error,
                        "cannot be read; what is known stays");
                }
                condition.fails(0, format!("{} cannot be read: {error}", path.display()));
            }
        }
        directory.changed().await;
    }
}

/// Hands over the kinds that differ from what was handed over before.
fn hand_over(known: Option<&Objects>, found: &Objects, pods: &mut Option<Pods>, gate: &Gate) {
    // Namespaces first: a Service is found only in a namespace that exists.
    if known.is_none_or(|known| known.namespaces != found.namespaces) {
        gate.apply(Change::Namespace(Update::Reset(found.namespaces.clone())));
    }
    if known.is_none_or(|known| known.slices != found.slices) {
        gate.apply(Change::EndpointSlice(Update::Reset(found.slices.clone())));
    }
    if known.is_none_or(|known| known.services != found.services) {
        gate.apply(Change::Service(Update::Reset(found.services.clone())));
    }
    if known.map_or(&[][..], |known| &known.imports) != found.imports {
        gate.apply(Change::ServiceImport(Update::Reset(found.imports.clone())));
    }
    if known.map_or(&[][..], |known| &known.exports) != found.exports {
        gate.apply(Change::ServiceExport(Update::Reset(found.exports.clone())));
    }
    if known.map_or(&[][..], |known| &known.entries) != found.entries {
        gate.apply(Change::ServiceEntry(Update::Reset(found.entries.clone())));
    }
    if known.map_or(&[][..], |known| &known.cidrs) != found.cidrs {
        gate.apply(Change::ServiceCidr(Update::Reset(found.cidrs.clone())));
    }
    if known.map_or(&[][..], |known| &known.nodes) != found.nodes {
        gate.apply(Change::Node(Update::Reset(found.nodes.clone())));
    }
    if known.map_or(&[][..], |known| &known.gateways) != found.gateways {
        gate.apply(Change::Gateway(Update::Reset(found.gateways.clone())));
    }
    if let Some(pods) = pods
        && known.is_none_or(|known| known.pods != found.pods)
        && let Some(update) = pods.take(Update::Reset(found.pods.clone()))
    {
        gate.apply(Change::Pod(update));
    }
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
