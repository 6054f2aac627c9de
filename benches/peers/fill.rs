//! The cluster that is asked about, and the questions.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::Ipv4Addr;
use std::sync::Arc;

use futures::{StreamExt, stream};
use hickory_proto::rr::RecordType;
use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use super::Sizes;
use super::harness::{ApiServer, ControlPlane, Question};
use super::load::Kind;

/// How many namespaces the Services are in.
const NAMESPACES: usize = 100;

/// A filled cluster.
pub struct Cluster {
    pub server: ApiServer,
    pub services: usize,
    questions: BTreeMap<Kind, Arc<Vec<Vec<u8>>>>,
}

impl Cluster {
    pub fn packets(&self, kind: Kind) -> Arc<Vec<Vec<u8>>> {
        self.questions[&kind].clone()
    }

    /// The same names as a zone file.
    pub fn zone(&self) -> String {
        let mut zone = String::from(
            "$ORIGIN cluster.local.\n$TTL 30\n\
             @ IN SOA ns.dns hostmaster 1 7200 1800 86400 30\n@ IN NS ns.dns\nns.dns IN A 127.0.0.1\n",
        );
        for index in 0..self.services {
            let _ = writeln!(zone, "{} IN A {}", name(index), address(index));
        }
        zone
    }
}

fn namespace(index: usize) -> String {
    format!("ns-{}", index % NAMESPACES)
}

fn name(index: usize) -> String {
    format!("svc-{index}.{}.svc", namespace(index))
}

fn address(index: usize) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 64, 1, 0)) + u32::try_from(index).expect("few"))
}

/// A cluster with `services` Services that have `endpoints` endpoints each.
pub async fn cluster(sizes: &Sizes) -> Cluster {
    let server = ControlPlane::cluster("peers", "10.64.0.0/14").await;
    let client = server.client().await;
    let post = &PostParams::default();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    for index in 0..NAMESPACES {
        let made = json!({"metadata": {"name": namespace(index)}});
        let made = serde_json::from_value(made).expect("a Namespace");
        namespaces.create(post, &made).await.expect("a new Namespace");
    }
    let (client, endpoints) = (&client, sizes.endpoints);
    stream::iter(0..sizes.services)
        .for_each_concurrent(16, |index| async move {
            let services: Api<Service> = Api::namespaced(client.clone(), &namespace(index));
            let made = serde_json::from_value(service(index)).expect("a Service");
            services.create(post, &made).await.expect("a new Service");
            let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), &namespace(index));
            let made = serde_json::from_value(slice(index, endpoints)).expect("an EndpointSlice");
            slices.create(post, &made).await.expect("a new EndpointSlice");
        })
        .await;
    let questions = Kind::ALL.map(|kind| (kind, Arc::new(questions(kind, sizes.services))));
    Cluster { server, services: sizes.services, questions: questions.into() }
}

fn service(index: usize) -> serde_json::Value {
    json!({
        "metadata": {"name": format!("svc-{index}")},
        "spec": {
            "clusterIP": address(index).to_string(),
            "ports": [{"name": "http", "port": 80}],
        },
    })
}

fn slice(index: usize, endpoints: usize) -> serde_json::Value {
    let first = u32::from(Ipv4Addr::new(10, 128, 0, 0)) + (index * endpoints) as u32;
    let hosts = first..first + endpoints as u32;
    let endpoints: Vec<_> =
        hosts.map(|host| json!({"addresses": [Ipv4Addr::from(host).to_string()]})).collect();
    json!({
        "metadata": {
            "name": format!("svc-{index}-1"),
            "labels": {"kubernetes.io/service-name": format!("svc-{index}")},
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "http", "port": 8080}],
    })
}

fn questions(kind: Kind, services: usize) -> Vec<Vec<u8>> {
    use RecordType::{A, AAAA, PTR, SRV};
    let mut all = Vec::new();
    let mut ask = |name: String, kind| all.push(Question::new(&name, kind).packet());
    for index in 0..services {
        let name = format!("{}.cluster.local.", name(index));
        match kind {
            Kind::Hit => ask(name, A),
            Kind::Srv => ask(format!("_http._tcp.{name}"), SRV),
            Kind::Ptr => {
                let [a, b, c, d] = address(index).octets();
                ask(format!("{d}.{c}.{b}.{a}.in-addr.arpa."), PTR);
            }
            Kind::Mix => {
                for suffix in [format!("{}.svc.", namespace(index)), "svc.".into(), String::new()] {
                    for kind in [A, AAAA] {
                        ask(format!("www-{index}.example.com.{suffix}cluster.local."), kind);
                    }
                }
                ask(name.clone(), A);
                ask(name, AAAA);
            }
        }
    }
    all
}
