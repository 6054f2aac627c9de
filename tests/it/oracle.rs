//! The oracle: the names of a cluster, asked of the real CoreDNS and of fleetdns with one Corefile on
//! one API server, must be answered alike, down to TTLs, flags and sections; the serial of SOA is aside.
//!
//! `oracle/objects.yaml` is what exists, `oracle/names` what is asked about; the questions are all
//! names by all types. Where README says that fleetdns follows the RFC instead, [`difference`] says
//! which answer is due: nothing is left out.

mod difference;
mod large;
mod pair;
mod questions;
mod report;

use std::fmt::Write;

use hickory_proto::rr::{Name, RData, RecordType};
use tokio::sync::OnceCell;

use crate::harness::ControlPlane;

pub use difference::{Facts, expected_difference};
pub use large::{NAME as LARGE, objects as large_objects};
pub use pair::{Pair, upstream};
pub use questions::{Asked, names, product};
pub use report::Report;

pub const OBJECTS: &str = include_str!("oracle/objects.yaml");

/// Made last, one after the other: who answers it has seen everything before it of all kinds.
const MARKER: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: oracle-marker}}
---
apiVersion: v1
kind: Service
metadata: { name: marker, namespace: oracle-marker }
spec: { clusterIP: None }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: m, namespace: oracle-marker, labels: { kubernetes.io/service-name: marker } }
addressType: IPv4
ports: []
endpoints: [{ addresses: [10.44.255.1] }]
";
pub const MARKER_NAME: &str = "marker.oracle-marker.svc.cluster.local.";

/// Applies the objects once. Gives the kubeconfig of the cluster that has them.
pub async fn objects() -> String {
    static APPLIED: OnceCell<()> = OnceCell::const_new();
    let apply = async || {
        let east = &ControlPlane::shared().await.east;
        east.apply(&format!("{OBJECTS}{}", chain(12))).await;
        east.apply(MARKER).await;
    };
    APPLIED.get_or_init(apply).await;
    ControlPlane::shared().await.east.kubeconfig().display().to_string()
}

/// ExternalNames `chain-1` to `chain-N`: the name says how many CNAMEs lead to an address.
fn chain(length: u32) -> String {
    let mut yaml = String::new();
    for index in 1..=length {
        let target = match index {
            1 => "dual.oracle.svc.cluster.local".to_owned(),
            _ => format!("chain-{}.oracle.svc.cluster.local", index - 1),
        };
        let _ = write!(
            yaml,
            "\n---\napiVersion: v1\nkind: Service\n\
             metadata: {{ name: chain-{index}, namespace: oracle }}\n\
             spec: {{ type: ExternalName, externalName: {target} }}\n",
        );
    }
    yaml
}

/// The reverse names of all addresses that CoreDNS answers with.
async fn reverse_names(pair: &Pair, names: &[String]) -> Vec<String> {
    let mut reverse = Vec::new();
    for name in names.iter().filter(|name| name.contains(".svc.")) {
        for kind in [RecordType::A, RecordType::AAAA] {
            for record in pair.coredns(&Asked::plain(name, kind)).await.answers {
                reverse.extend(match record.data {
                    RData::A(address) => Some(Name::from(address.0).to_string()),
                    RData::AAAA(address) => Some(Name::from(address.0).to_string()),
                    _ => None,
                });
            }
        }
    }
    reverse.sort();
    reverse.dedup();
    reverse
}

/// Compares every question of the list with this Corefile.
async fn compare(title: &str, corefile: &str) {
    objects().await;
    let pair = Pair::start(corefile, MARKER_NAME).await;
    let mut all = names();
    all.extend(reverse_names(&pair, &all).await);
    let zones = ["cluster.local.", "in-addr.arpa.", "ip6.arpa."].map(str::to_owned);
    let mut facts = Facts::new(zones.to_vec(), zones[0].clone());
    for (name, kind) in all.iter().flat_map(|name| facts.wanted(name)).collect::<Vec<_>>() {
        let reply = pair.coredns(&Asked::plain(&name, kind)).await;
        facts.learn(&name, kind, &reply);
    }
    let mut report = report::Report::new(title);
    for asked in product(&all) {
        report.compare(&pair, &facts, &asked).await;
    }
    report.finish();
}

/// As in kubeadm's Corefile, with hosts before and an upstream behind.
#[tokio::test]
async fn all_names_with_pods_and_fallthrough() {
    let corefile = ".:{PORT} {
        bind 127.0.0.1
        errors
        hosts {
            192.0.2.1 both.hosts.example
            2001:db8::1 both.hosts.example
            192.0.2.4 four.hosts.example
            fallthrough
        }
        kubernetes cluster.local in-addr.arpa ip6.arpa {
            kubeconfig KUBECONFIG
            pods insecure
            ttl 30
            fallthrough in-addr.arpa ip6.arpa
        }
        forward . UPSTREAM
    }";
    compare("pods insecure, ttl 30, fallthrough", corefile).await;
}

/// One namespace is left out; nothing may be kept; every missing name falls through.
#[tokio::test]
async fn all_names_with_namespaces_and_no_ttl() {
    let corefile = ".:{PORT} {
        bind 127.0.0.1
        kubernetes cluster.local in-addr.arpa ip6.arpa {
            kubeconfig KUBECONFIG
            namespaces oracle-b oracle-empty oracle-marker
            pods insecure
            ttl 0
            fallthrough
        }
        forward . UPSTREAM
    }";
    compare("namespaces, ttl 0, fallthrough everywhere", corefile).await;
}

/// Negative answers may be kept for 300 seconds, though the SOA says 600; nothing stands behind the
/// zones that fall through.
#[tokio::test]
async fn all_names_with_a_long_ttl() {
    let corefile = ".:{PORT} {
        bind 127.0.0.1
        errors
        kubernetes cluster.local in-addr.arpa ip6.arpa {
            kubeconfig KUBECONFIG
            namespaces oracle oracle-marker
            ttl 600
            fallthrough ip6.arpa
        }
    }";
    compare("ttl 600, nothing behind", corefile).await;
}

/// Some Services have no endpoints, for their slices are not selected, and most namespaces do not exist.
#[tokio::test]
async fn all_names_selected_by_labels() {
    let corefile = ".:{PORT} {
        bind 127.0.0.1
        kubernetes cluster.local {
            kubeconfig KUBECONFIG
            labels kubernetes.io/service-name notin (dual,v6), !oracle.example/hidden
            namespace_labels kubernetes.io/metadata.name in (oracle, oracle-empty, oracle-marker)
            apiserver_qps 50
            apiserver_burst 20
            apiserver_max_inflight 5
        }
    }";
    compare("labels, namespace_labels", corefile).await;
}

/// Nothing but the API server is said, and nothing stands behind.
#[tokio::test]
async fn all_names_with_defaults() {
    let corefile = "cluster.local:{PORT} in-addr.arpa:{PORT} ip6.arpa:{PORT} {
        bind 127.0.0.1
        kubernetes {
            kubeconfig KUBECONFIG
        }
    }
    hosts.example:{PORT} {
        bind 127.0.0.1
        hosts {
            192.0.2.1 both.hosts.example
            192.0.2.4 four.hosts.example
        }
    }";
    compare("defaults, several blocks", corefile).await;
}
