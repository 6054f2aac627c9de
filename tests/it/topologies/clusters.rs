//! The clusters that all topologies share.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use k8s_openapi::ByteString;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::overlay::{NAMESPACE, apply};
use crate::harness::manifests::documents;
use crate::harness::objects::{document, namespace};
use crate::harness::pki::Pki;
use crate::harness::{ApiServer, COREDNS, ControlPlane, DnsServer, kubectl, scratch};

/// Where the members' Secrets and readers are.
pub const MEMBERS: &str = "fleetdns-members";
/// The load balancers in front of the gateways of east and far. East's cloud gives it a name.
pub const EAST_GATEWAY: &str = "203.0.113.10";
pub const FAR_GATEWAY: &str = "203.0.113.30";

/// Three clusters, each a member to the other two by a Secret, and one that is a member to nobody.
pub struct Clusters {
    /// ClusterIPs in 10.160.0.0/16. It has a gateway.
    pub east: ApiServer,
    /// ClusterIPs in 10.161.0.0/16: it can share a network with east.
    pub west: ApiServer,
    /// The ClusterIPs of east once more. It has a gateway.
    pub far: ApiServer,
    pub host: ApiServer,
    /// The kubeconfig by which others read a member: ID and text.
    pub readers: Vec<(&'static str, String)>,
}

impl Clusters {
    /// Those of this run, started by the first test that asks for them.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Clusters> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let (east, west, far, host) = tokio::join!(
            ControlPlane::cluster("east", "10.160.0.0/16"),
            ControlPlane::cluster("west", "10.161.0.0/16"),
            ControlPlane::cluster("far", "10.160.0.0/16"),
            ControlPlane::cluster("host", "10.163.0.0/16"),
        );
        for cluster in [&east, &west, &far, &host] {
            cluster.process().share();
            cluster.apply(&namespace(NAMESPACE)).await;
        }
        east.apply(&gateway(&json!({"hostname": "eastwest.east.example.com"}))).await;
        far.apply(&gateway(&json!({"ip": FAR_GATEWAY}))).await;
        let members = [("east", &east), ("west", &west), ("far", &far)];
        let mut readers = Vec::new();
        for (id, cluster) in members {
            readers.push((id, reader(cluster).await));
        }
        // The same Secrets for all: each leaves its own out.
        for (_, cluster) in members {
            for (id, kubeconfig) in &readers {
                join(cluster, id, kubeconfig);
            }
        }
        Self { east, west, far, host, readers }
    }
}

/// The lines of the README by which a member joins.
fn join(cluster: &ApiServer, id: &str, kubeconfig: &str) {
    let kubectl = format!("kubectl -n {MEMBERS}");
    let create = format!("create secret generic fleet-{id} --from-file={id}=/dev/stdin");
    let label = format!("label secret fleet-{id} istio/multiCluster=true");
    let line = format!("{kubectl} {create}; {kubectl} {label}");
    kubectl::shell(&cluster.kubeconfig(), &line, kubeconfig);
}

/// Makes the user of `manifests/member` in a cluster, and his kubeconfig by the script beside it.
async fn reader(cluster: &ApiServer) -> String {
    apply(cluster, &documents(&kubectl::kustomize("manifests/member"))).await;
    let token = cluster.token_of(MEMBERS, "fleetdns-reader").await;
    let encoded = |bytes: &[u8]| json!(ByteString(bytes.to_vec()));
    let ca = fs::read(&Pki::shared().ca).expect("read the CA");
    // What the control plane's token controller does, which does not run here.
    let filled = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "fleetdns-reader",
            "namespace": MEMBERS,
            "annotations": {"kubernetes.io/service-account.name": "fleetdns-reader"},
        },
        "type": "kubernetes.io/service-account-token",
        "data": {"token": encoded(token.as_bytes()), "ca.crt": encoded(&ca)},
    });
    cluster.apply(&document(&filled)).await;
    let line = format!("manifests/member/kubeconfig {}", cluster.name());
    kubectl::shell(&cluster.kubeconfig(), &line, "")
}

/// A gateway whose load balancer is there.
fn gateway(ingress: &Value) -> String {
    namespace("istio-system")
        + &document(&json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"namespace": "istio-system", "name": "istio-eastwestgateway"},
            "spec": {"type": "LoadBalancer", "ports": [{"name": "tls", "port": 15443}]},
            "status": {"loadBalancer": {"ingress": [ingress]}},
        }))
}

/// A resolver that stands for those of the nodes: it knows the gateways that have names.
pub async fn resolver() -> DnsServer {
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            hosts {{
                {EAST_GATEWAY} eastwest.east.example.com
                203.0.113.20 eastwest.west.example.com
                192.0.2.80 www.example.com
                ttl 60
            }}
        }}"
    );
    COREDNS.start(&corefile).await
}

/// A folder as the kubelet makes it of a Secret or a ConfigMap: links to links, swapped in one step.
pub struct Volume {
    pub path: PathBuf,
}

impl Volume {
    pub fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let volume = Self { path: scratch::folder(name) };
        volume.update(files);
        volume
    }

    /// Gives it these files (Kubernetes, pkg/volume/util/atomic_writer.go).
    pub fn update(&self, files: &[(&str, &str)]) {
        let name = format!("..{}", scratch::unique());
        let folder = self.path.join(&name);
        fs::create_dir(&folder).expect("a folder");
        for (file, text) in files {
            fs::write(folder.join(file), text).expect("write a file");
        }
        let new = self.path.join("..data_tmp");
        symlink(&name, &new).expect("a link");
        fs::rename(new, self.path.join("..data")).expect("swap the link");
        for link in fs::read_dir(&self.path).expect("the links") {
            let link = link.expect("a link").path();
            if link.extension().is_some_and(|end| end == "yaml") && !link.exists() {
                fs::remove_file(link).expect("remove a link");
            }
        }
        for (file, _) in files {
            let link = self.path.join(file);
            if !link.exists() {
                symlink(format!("..data/{file}"), link).expect("a link");
            }
        }
    }
}
