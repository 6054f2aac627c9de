//! One pair of servers for each option set, all on one API server.

use futures::future::join_all;

use super::options::OptionSet;
use super::writer::Writer;
use crate::harness::{ApiServer, COREDNS, ControlPlane, DnsServer, FLEETDNS, LONG, eventually};
use crate::oracle::upstream;

/// CoreDNS and fleetdns with one Corefile.
#[derive(Debug)]
pub struct Pair {
    pub set: &'static OptionSet,
    pub coredns: DnsServer,
    pub fleetdns: DnsServer,
}

/// The API server and all pairs.
pub struct Servers {
    _api: ApiServer,
    writer: Writer,
    pairs: Vec<Pair>,
    _upstream: DnsServer,
}

impl Servers {
    /// Starts a pair for each of the sets.
    pub async fn start(cluster: &str, sets: &'static [OptionSet]) -> Self {
        let api = ControlPlane::cluster(cluster, "10.96.0.0/16,fd00:96::/112").await;
        let writer = Writer::new(api.client().await);
        writer.prepare().await;
        let upstream = upstream().await;
        let kubeconfig = format!("{} {cluster}", api.kubeconfig().display());
        let pair = async |set: &'static OptionSet| {
            let corefile = set
                .corefile()
                .replace("KUBECONFIG", &kubeconfig)
                .replace("UPSTREAM", &upstream.dns_addr().to_string());
            let (coredns, fleetdns) =
                tokio::join!(COREDNS.start(&corefile), FLEETDNS.start(&corefile));
            Pair { set, coredns, fleetdns }
        };
        let pairs = join_all(sets.iter().map(pair)).await;
        Servers { _api: api, writer, pairs, _upstream: upstream }
    }

    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// Waits until every server has seen all that was written: the last object of each kind is written
    /// now, under a name that no other run of this has.
    pub async fn settle(&self, mark: u64) {
        let marked = self.writer.mark(mark).await;
        for pair in &self.pairs {
            for server in [&pair.coredns, &pair.fleetdns] {
                for question in marked.questions(pair.set.primary(), pair.set.sees) {
                    let title = pair.set.title;
                    eventually(&format!("{question} under {title}"), LONG, async || {
                        let says = server.says(&question).await;
                        if says.contains("NXDOMAIN") || says.contains("SERVFAIL") {
                            return Err(says);
                        }
                        Ok(())
                    })
                    .await;
                }
            }
        }
    }
}
