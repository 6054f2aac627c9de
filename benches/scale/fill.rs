//! Clusters and their Services.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use super::Sizes;
use super::harness::{ApiServer, ControlPlane, scratch};

/// A cluster with Services `s0`, `s1` ... in a namespace of its ID, whose addresses follow from their
/// numbers.
pub struct Member {
    pub id: String,
    /// The second octet of its addresses.
    octet: u8,
    pub services: usize,
    /// None of a folder.
    pub server: Option<Arc<ApiServer>>,
    pub folder: PathBuf,
}

impl Member {
    pub fn name(&self, index: usize) -> String {
        format!("s{index}.{}.svc.cluster.local", self.id)
    }

    pub fn address(&self, index: usize) -> Ipv4Addr {
        let [high, low] = u16::try_from(index + 16).expect("a /16 holds them").to_be_bytes();
        Ipv4Addr::new(10, self.octet, high, low)
    }

    fn service(&self, index: usize) -> serde_json::Value {
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"namespace": self.id, "name": format!("s{index}")},
            "spec": {
                "clusterIP": self.address(index).to_string(),
                "ports": [{"name": "http", "port": 80}],
            },
        })
    }
}

/// The local cluster and all members, filled.
pub async fn clusters(sizes: &Sizes) -> (Member, Vec<Member>) {
    let real = |number: usize| async move {
        let octet = u8::try_from(90 + number).expect("few are real");
        let id = if number == 0 { "east".to_owned() } else { format!("real-{number}") };
        let server = ControlPlane::cluster(&id, &format!("10.{octet}.0.0/16")).await;
        let services = sizes.services[usize::from((1..=sizes.large).contains(&number))];
        let member =
            Member { id, octet, services, server: Some(Arc::new(server)), folder: PathBuf::new() };
        create(&member).await;
        member
    };
    let mut all: Vec<Member> = stream::iter(0..=sizes.real).map(real).buffered(2).collect().await;
    for number in 0..sizes.members - sizes.real {
        let octet = u8::try_from(130 + number).expect("a range for each");
        let folder = scratch::folder("folder");
        let services = sizes.services[0];
        let member =
            Member { id: format!("folder-{number}"), octet, services, server: None, folder };
        let items: Vec<_> = (0..services).map(|index| member.service(index)).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        std::fs::write(member.folder.join("all.json"), list.to_string()).expect("write a manifest");
        all.push(member);
    }
    (all.remove(0), all)
}

async fn create(member: &Member) {
    let client = member.server.as_ref().expect("an API server").client().await;
    let namespace: Namespace =
        serde_json::from_value(json!({"metadata": {"name": member.id}})).expect("a Namespace");
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces.create(&PostParams::default(), &namespace).await.expect("a new namespace");
    let services: Api<Service> = Api::namespaced(client, &member.id);
    let services = &services;
    stream::iter(0..member.services)
        .for_each_concurrent(16, |index| async move {
            let service = serde_json::from_value(member.service(index)).expect("a Service");
            services.create(&PostParams::default(), &service).await.expect("a new Service");
        })
        .await;
}

/// Changes Services of a member, one after the other.
pub async fn change(member: &Member, times: usize) {
    let client = member.server.as_ref().expect("an API server").client().await;
    let services: Api<Service> = Api::namespaced(client, &member.id);
    for time in 0..times {
        let port = 1000 + time % 1000;
        let patch = json!({"spec": {"ports": [{"name": "http", "port": port}]}});
        let name = format!("s{}", time % member.services);
        services
            .patch(&name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .expect("a changed Service");
    }
}

/// Names with their addresses, of all clusters in turn, and names that do not exist.
pub fn names(local: &Member, members: &[Member]) -> Vec<(String, Option<Ipv4Addr>)> {
    let mut names = Vec::new();
    for member in std::iter::once(local).chain(members) {
        for index in 0..member.services {
            names.push((member.name(index), Some(member.address(index))));
        }
        // A quarter does not exist, as with search lists.
        for index in 0..member.services / 3 {
            names.push((format!("{}.east.svc.cluster.local", member.name(index)), None));
        }
    }
    names
}
