//! The cluster that is asked about: an API server with many Services, and the questions for them.
//!
//! Filling it takes minutes, so etcd's folder is kept in cargo's folder for such files and copied for each run. Its
//! name is made of all that it depends on: what is filled in, and the versions of etcd and the API server.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::{fs, process};

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, json};

use super::harness::{ApiServer, Etcd, parts, scratch};
use super::kind::Kind;
use super::{Sizes, cores, names};

/// Where its objects are in etcd.
const PREFIX: &str = "/peers";
/// Of the ClusterIPs.
const RANGE: &str = "10.64.0.0/14";

/// A filled cluster.
pub struct Cluster {
    // Ends before its store does.
    pub server: ApiServer,
    etcd: Etcd,
    questions: BTreeMap<Kind, Arc<Vec<Vec<u8>>>>,
}

impl Cluster {
    /// Starts one with `sizes.services` Services that have `sizes.endpoints` endpoints each.
    pub async fn start(sizes: &Sizes) -> Self {
        let kept = kept(sizes);
        if !kept.is_dir() {
            println!("filling the cluster, once");
            let new = kept.with_extension(process::id().to_string());
            fs::create_dir_all(&new).expect("a folder to keep it in");
            let (server, etcd) = on(&new).await;
            fill(&server.client().await, sizes).await;
            drop((server, etcd));
            fs::rename(&new, &kept).expect("keep the cluster");
        }
        let folder = scratch::folder("store");
        let status = Command::new("cp").arg("-a").arg(kept.join(".")).arg(&folder).status();
        assert!(status.is_ok_and(|status| status.success()), "a copy of {}", kept.display());
        let (server, etcd) = on(&folder).await;
        let questions = Kind::ALL.map(|kind| (kind, Arc::new(names::packets(kind, sizes))));
        Cluster { server, etcd, questions: questions.into() }
    }

    pub fn packets(&self, kind: Kind) -> Arc<Vec<Vec<u8>>> {
        self.questions[&kind].clone()
    }

    /// Leaves the servers' core to the servers.
    pub fn step_aside(&self) {
        let of_cluster = [self.server.process().pid(), self.etcd.process().pid()];
        of_cluster.into_iter().for_each(cores::off_the_servers);
    }
}

async fn on(folder: &Path) -> (ApiServer, Etcd) {
    let etcd = Etcd::start_on(folder).await;
    (ApiServer::start_below(&etcd.url(), PREFIX, "peers", RANGE).await, etcd)
}

/// Where a store with these objects is kept.
fn kept(sizes: &Sizes) -> PathBuf {
    let mut hash = DefaultHasher::new();
    for program in [parts::etcd(), parts::kube_apiserver()] {
        let said = Command::new(program).arg("--version").output().expect("a version");
        said.stdout.hash(&mut hash);
    }
    for index in 0..sizes.services {
        service(index).to_string().hash(&mut hash);
        slice(index, sizes.endpoints).to_string().hash(&mut hash);
    }
    let Sizes { services, endpoints, .. } = sizes;
    let name = format!("etcd-{services}-{endpoints}-{:016x}", hash.finish());
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers").join(name)
}

async fn fill(client: &Client, sizes: &Sizes) {
    for index in 0..names::NAMESPACES {
        make_namespace(client, &names::namespace(index)).await;
    }
    stream::iter(0..sizes.services)
        .for_each_concurrent(16, |index| async move {
            let space = names::namespace(index);
            make::<Service>(Api::namespaced(client.clone(), &space), service(index)).await;
            let slices = Api::<EndpointSlice>::namespaced(client.clone(), &space);
            make(slices, slice(index, sizes.endpoints)).await;
        })
        .await;
}

/// Makes a namespace.
pub async fn make_namespace(client: &Client, name: &str) {
    let made = json!({"metadata": {"name": name}});
    make::<Namespace>(Api::all(client.clone()), made).await;
}

/// Makes an object.
pub async fn make<K>(api: Api<K>, object: Value)
where
    K: serde::Serialize + serde::de::DeserializeOwned + Clone + std::fmt::Debug,
{
    let object = serde_json::from_value(object).expect("an object");
    api.create(&PostParams::default(), &object).await.expect("a new object");
}

fn service(index: usize) -> Value {
    service_of(&format!("svc-{index}"), &names::address(index).to_string())
}

/// A Service with this ClusterIP, which may be `None`.
pub fn service_of(name: &str, address: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {"clusterIP": address, "ports": [{"name": "http", "port": 80}]},
    })
}

fn slice(index: usize, endpoints: usize) -> Value {
    let first = u32::from(Ipv4Addr::new(10, 128, 0, 0)) + (index * endpoints) as u32;
    let hosts: Vec<_> = (first..first + endpoints as u32).map(Ipv4Addr::from).collect();
    slice_of(&format!("svc-{index}"), &hosts)
}

/// The slice of a Service, with these endpoints.
pub fn slice_of(service: &str, hosts: &[Ipv4Addr]) -> Value {
    let endpoints: Vec<_> = hosts.iter().map(|host| json!({"addresses": [host]})).collect();
    json!({
        "metadata": {
            "name": format!("{service}-1"),
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "http", "port": 8080}],
    })
}
