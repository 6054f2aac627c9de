//! Fleets of fake API servers: who is a member, and what becomes of its names.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::cluster::fake::{self, Fake, Fault, NAMESPACES, SERVICES};
use crate::cluster::kinds::ServiceKind;
use crate::cluster::logged::Logged;
use crate::cluster::record::Record;

const SECRETS: &str = "/api/v1/namespaces/istio-system/secrets";

/// A Secret of Istio's convention. The bytes are base64 in JSON, which `ByteString` writes.
fn secret(name: &str, data: &[(&str, &str)]) -> Value {
    let data: serde_json::Map<String, Value> = data
        .iter()
        .map(|(key, text)| {
            let bytes = k8s_openapi::ByteString(text.as_bytes().to_vec());
            ((*key).to_owned(), serde_json::to_value(bytes).unwrap())
        })
        .collect();
    let labels = json!({"istio/multiCluster": "true"});
    json!({"apiVersion": "v1", "kind": "Secret", "data": data,
        "metadata": {"namespace": "istio-system", "name": name, "labels": labels}})
}

/// A server whose only Service is named like it.
async fn cluster(name: &str) -> Fake {
    let fake = Fake::start().await;
    fake.put(SERVICES, fake::service("n", name, "10.0.0.1"));
    fake.put(NAMESPACES, fake::namespace("n"));
    fake
}

struct Running {
    fleet: Fleet,
    record: Arc<Record>,
}

impl Running {
    fn start(local: &Fake, members: Vec<MemberSource>) -> Self {
        let spec =
            FleetSpec { members, ..FleetSpec::single(ClusterId::new("east"), local.source()) };
        spec.check().unwrap();
        let record = Arc::new(Record::default());
        let fleet = Fleet::with_timing(spec, record.clone(), fake::timing());
        fleet.start();
        Running { fleet, record }
    }

    async fn until(&self, wanted: impl Fn(&Fleet) -> bool) {
        let mut state = self.fleet.subscribe();
        let wait = tokio::time::timeout(
            std::time::Duration::from_secs(30),
            state.wait_for(|_| wanted(&self.fleet)),
        );
        if wait.await.is_err() {
            panic!("never came: {:#?}", self.fleet.members());
        }
    }

    async fn until_members(&self, ids: &[&str]) {
        self.until(|fleet| {
            let members = fleet.members();
            fleet.members_synced() && members.iter().map(|m| m.id.as_str()).eq(ids.iter().copied())
        })
        .await;
    }

    async fn until_services(&self, cluster: &str, names: &[&str]) {
        self.record.until(|seen| seen.services(cluster) == names).await;
    }

    /// How often a cluster was connected, as its first lists tell.
    fn resets(&self, cluster: &str) -> usize {
        let said = format!("{cluster} service reset");
        self.record.seen().history.iter().filter(|line| line.starts_with(&said)).count()
    }
}

fn secrets() -> Vec<MemberSource> {
    vec![MemberSource::Secrets { namespace: "istio-system".into() }]
}

#[tokio::test]
async fn a_fleet_of_one_cluster_is_synced_with_it() {
    let local = cluster("a").await;
    let running = Running::start(&local, vec![]);
    running.until(|fleet| fleet.local_synced() && fleet.members_synced()).await;
    let members = running.fleet.members();
    assert_eq!(members.len(), 1);
    assert!(members[0].is_local && members[0].state == MemberState::Synced);
}

/// The steps of Istio's TestSecretController.
#[tokio::test]
async fn secrets_follow_istios_convention() {
    let local = cluster("l").await;
    let (west, north) = (cluster("w").await, cluster("n").await);
    let (one, two) = (west.kubeconfig("1"), north.kubeconfig("2"));
    let running = Running::start(&local, secrets());
    running.until_members(&["east"]).await;
    let selector = "labelSelector=istio%2FmultiCluster%3Dtrue";
    assert!(local.requests().iter().any(|r| r.starts_with(SECRETS) && r.contains(selector)));

    // Add.
    local.put(SECRETS, secret("s0", &[("c0", &one)]));
    running.until_members(&["east", "c0"]).await;
    assert_eq!(running.record.seen().services("c0"), ["n/w"]);
    // The same bytes again, and a key beside them: c0 is not connected anew.
    local.put(SECRETS, secret("s0", &[("c0", &one)]));
    local.put(SECRETS, secret("s0", &[("c0", &one), ("c1", &two)]));
    running.until_members(&["east", "c0", "c1"]).await;
    assert_eq!((running.resets("c0"), running.resets("c1")), (1, 1));
    // Changed: another cluster by now.
    local.put(SECRETS, secret("s0", &[("c0", &two), ("c1", &two)]));
    running.until_services("c0", &["n/n"]).await;
    // A key removed.
    local.put(SECRETS, secret("s0", &[("c0", &two)]));
    running.until_members(&["east", "c0"]).await;
    // A second Secret with the same ID is ignored, and so is its end.
    local.put(SECRETS, secret("s1", &[("c0", &one)]));
    local.put(SECRETS, secret("s2", &[("c2", &one)]));
    running.until_members(&["east", "c0", "c2"]).await;
    assert_eq!(running.record.seen().services("c0"), ["n/n"]);
    local.delete(SECRETS, "istio-system/s1");
    local.delete(SECRETS, "istio-system/s2");
    running.until_members(&["east", "c0"]).await;
    // The local cluster's own ID is refused.
    local.put(SECRETS, secret("s1", &[("east", &one), ("c3", &one)]));
    running.until_members(&["east", "c0", "c3"]).await;
    assert_eq!(running.record.seen().services("east"), ["n/l"]);
    // Secrets deleted.
    local.delete(SECRETS, "istio-system/s0");
    local.delete(SECRETS, "istio-system/s1");
    running.until_members(&["east"]).await;
    assert_eq!(running.record.seen().members(), ["east"]);
    // Nothing of all this touched the local cluster.
    assert_eq!(running.resets("east"), 1);
}

#[tokio::test]
async fn the_other_claim_takes_over_when_the_first_is_gone() {
    let local = cluster("l").await;
    let (west, north) = (cluster("w").await, cluster("n").await);
    local.put(SECRETS, secret("a", &[("c0", &west.kubeconfig(""))]));
    let running = Running::start(&local, secrets());
    running.until_members(&["east", "c0"]).await;
    local.put(SECRETS, secret("b", &[("c0", &north.kubeconfig(""))]));
    local.delete(SECRETS, "istio-system/a");
    running.until_services("c0", &["n/n"]).await;
    // From the one to the other in one step.
    let history = running.record.seen().history;
    assert!(!history.contains(&"c0 left".to_owned()), "{history:?}");
    assert!(!history.contains(&"c0 service reset 0".to_owned()), "{history:?}");
}

#[tokio::test]
async fn a_changed_kubeconfig_breaks_nothing_before_the_new_one_works() {
    let local = cluster("l").await;
    let (old, new) = (cluster("old").await, cluster("new").await);
    local.put(SECRETS, secret("a", &[("c0", &old.kubeconfig(""))]));
    let running = Running::start(&local, secrets());
    running.until_members(&["east", "c0"]).await;
    // Broken: the old one stays and follows its cluster.
    local.put(SECRETS, secret("a", &[("c0", "token: [hunter2")]));
    // The new one does not answer: the same.
    new.fault(Some(Fault::Status(503)));
    local.put(SECRETS, secret("a", &[("c0", &new.kubeconfig(""))]));
    new.asked(2, |request| request.starts_with(SERVICES)).await;
    running.until(|fleet| fleet.successors().iter().any(|successor| !successor.is_up)).await;
    old.put(SERVICES, fake::service("n", "old2", "10.0.0.2"));
    running.until_services("c0", &["n/old", "n/old2"]).await;
    new.fault(None);
    running.until_services("c0", &["n/new"]).await;
    old.put(SERVICES, fake::service("n", "old3", "10.0.0.2"));
    new.put(SERVICES, fake::service("n", "new2", "10.0.0.2"));
    running.until_services("c0", &["n/new", "n/new2"]).await;
    running.until(|fleet| fleet.members()[1].reconnects >= 1).await;
    assert!(running.fleet.successors().is_empty());
    let history = running.record.seen().history;
    assert!(!history.iter().any(|said| said == "c0 left" || said.ends_with("old3")), "{history:?}");
}

#[tokio::test]
async fn clusters_fail_on_their_own() {
    let (local, west) = (cluster("l").await, cluster("w").await);
    west.fault(Some(Fault::NoHeaders));
    local.put(SECRETS, secret("a", &[("west", &west.kubeconfig(""))]));
    let running = Running::start(&local, secrets());
    running.until(|fleet| fleet.local_synced() && fleet.members().len() == 2).await;
    assert!(!running.fleet.members_synced());
    running.until(|fleet| fleet.members()[1].is_failing).await;
    assert!(!running.fleet.members()[0].is_failing);
    local.fault(Some(Fault::Status(503)));
    west.fault(None);
    running.until(Fleet::members_synced).await;
    running.until(|fleet| fleet.members()[0].is_failing).await;
    assert!(running.fleet.local_synced() && !running.fleet.members()[1].is_failing);
    assert_eq!(running.record.seen().services("east"), ["n/l"]);
}

#[tokio::test]
async fn kubeconfig_files_and_directories_are_members() {
    let local = cluster("l").await;
    let (west, north) = (cluster("w").await, cluster("n").await);
    let (files, manifests) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let file = |name: &str| files.path().join(name);
    let vm = "apiVersion: v1\nkind: Service\nmetadata: {name: vm, namespace: n}\nspec: {}";
    fs::write(manifests.path().join("vm.yaml"), vm).unwrap();
    let members = vec![
        MemberSource::Kubeconfigs { pattern: format!("{}/*.yaml", files.path().display()) },
        MemberSource::Manifests { id: ClusterId::new("vms"), directory: manifests.path().into() },
    ];
    let running = Running::start(&local, members);
    running.until_members(&["east", "vms"]).await;
    let seen = running.record.seen();
    assert_eq!(
        seen.clusters["vms"].services["n/vm"].kind,
        ServiceKind::ClusterIp(Default::default())
    );

    fs::write(file("west.yaml"), west.kubeconfig("")).unwrap();
    running.until_members(&["east", "vms", "west"]).await;
    // An ID that is taken, one that is the local one's, one that is refused, and one that counts.
    fs::write(file("vms.yaml"), north.kubeconfig("")).unwrap();
    fs::write(file("east.yaml"), north.kubeconfig("")).unwrap();
    fs::write(file("bad.yaml"), "users: [").unwrap();
    fs::write(file("north.yaml"), north.kubeconfig("")).unwrap();
    running.until_members(&["east", "north", "vms", "west"]).await;
    let complaints = running.fleet.complaints();
    let said: Vec<_> = complaints.iter().map(|of| (of.id.as_str(), of.fault.name())).collect();
    assert_eq!(said, [("bad", "unusable"), ("east", "local"), ("vms", "taken")]);
    let origins = complaints.iter().map(|complaint| complaint.origin.as_str());
    assert!(
        origins.eq(["bad", "east", "vms"]
            .map(|name| { format!("kubeconfig {}", file(name).with_extension("yaml").display()) }))
    );
    assert!(complaints[2].to_string().ends_with(&format!(
        "vms is a member already, by manifests {}; the first one keeps the ID",
        manifests.path().display()
    )));
    assert_eq!(running.record.seen().services("vms"), ["n/vm"]);
    assert_eq!(running.record.seen().services("north"), ["n/n"]);
    fs::remove_file(file("west.yaml")).unwrap();
    running.until_members(&["east", "north", "vms"]).await;
    assert_eq!(running.record.seen().members(), ["east", "north", "vms"]);
}

#[tokio::test]
async fn a_source_that_cannot_be_read_is_known() {
    let local = cluster("l").await;
    local.forbid(SECRETS);
    let running = Running::start(&local, secrets());
    running.until(Fleet::local_synced).await;
    let silent = |fleet: &Fleet| {
        fleet.silent_sources().iter().map(|source| source.describe()).collect::<Vec<_>>()
    };
    assert_eq!(silent(&running.fleet), ["members secrets istio-system"]);
    assert!(!running.fleet.members_synced());
    local.allow(SECRETS);
    running.until_members(&["east"]).await;
    assert!(silent(&running.fleet).is_empty());
}

#[tokio::test]
async fn a_dropped_fleet_is_silent() {
    let local = cluster("l").await;
    let running = Running::start(&local, vec![]);
    running.until(Fleet::local_synced).await;
    let Running { fleet, record } = running;
    let mut state = fleet.subscribe();
    drop(fleet);
    // The sender goes with the last of the fleet's tasks.
    while state.changed().await.is_ok() {}
    let before = record.seen().history;
    local.put(SERVICES, fake::service("n", "late", "10.0.0.2"));
    let other = Running::start(&local, vec![]);
    other.until_services("east", &["n/l", "n/late"]).await;
    assert_eq!(record.seen().history, before);
}

/// kube logs in full what it cannot decode; a Secret must never be that.
#[tokio::test]
async fn no_credential_is_logged() {
    let log = Logged::start(tracing::Level::TRACE);
    let (local, west) = (cluster("l").await, cluster("w").await);
    let token = "hunter2-very-secret";
    // Not base64, and refused: each is told.
    let mut bad = secret("a", &[]);
    bad["data"] = json!({"c0": token, "c1": [token]});
    local.put(SECRETS, bad);
    let refused = format!("{}users: [{{name: u, user: {{exec: {token}}}}}]", west.kubeconfig(""));
    local.put(SECRETS, secret("b", &[("c2", &refused), ("c3", &west.kubeconfig(token))]));
    // Half of a list of Secrets: kube would print it.
    local.fault(Some(Fault::HalfList));
    let running = Running::start(&local, secrets());
    local.asked(2, |request| request.starts_with(SECRETS)).await;
    local.fault(None);
    running.until_members(&["east", "c3"]).await;
    drop(running);
    let text = log.text();
    assert!(!text.contains(token), "{text}");
    for told in ["istio-system/a", "Secret istio-system/b, key c2", "nothing received for"] {
        assert!(text.contains(told), "{told}: {text}");
    }
}

#[test]
fn mistakes_are_found_before_the_start() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_path_buf();
    let check = |members| {
        let source = Source::Manifests(path.clone());
        FleetSpec { members, ..FleetSpec::single(ClusterId::new("east"), source) }.check()
    };
    let vms = |id: &str, path: &str| MemberSource::Manifests {
        id: ClusterId::new(id),
        directory: if path.is_empty() { directory.path().into() } else { path.into() },
    };
    check(vec![]).unwrap();
    check(vec![vms("a", ""), vms("b", "")]).unwrap();
    assert!(matches!(check(secrets()), Err(SourceError::SecretsWithoutApi)));
    assert!(matches!(check(vec![vms("east", "")]), Err(SourceError::OwnId(_))));
    assert!(matches!(check(vec![vms("a", ""), vms("a", "")]), Err(SourceError::TwiceNamed(_))));
    assert!(matches!(check(vec![vms("a", "/nowhere")]), Err(SourceError::Unreadable { .. })));
}

#[test]
fn endpoints_are_watched_unless_said_otherwise() {
    let mut spec = FleetSpec::single(ClusterId::new("east"), Source::InCluster);
    let wants = |spec: &FleetSpec, id: &str| spec.selection_of(&ClusterId::new(id)).endpoints;
    assert!(wants(&spec, "west"));
    spec.replaced.named.insert(ClusterId::new("west"), true);
    assert!(!wants(&spec, "west") && wants(&spec, "north"));
    spec.replaced.others = true;
    spec.replaced.named.insert(ClusterId::new("north"), false);
    assert!(wants(&spec, "north") && !wants(&spec, "south"));
    spec.selection.endpoints = false;
    assert!(!wants(&spec, "north"));
}
