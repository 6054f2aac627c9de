//! The clusters that all tests of a run share.

use tokio::sync::OnceCell;

use super::api_server::ApiServer;
use super::etcd::Etcd;

/// One etcd and the API servers of two clusters, whose ClusterIPs do not overlap.
///
/// Shared by all tests: each keeps to namespaces of its own, and cannot stop what it only borrows.
#[derive(Debug)]
pub struct ControlPlane {
    /// ClusterIPs in 10.96.0.0/16 and fd00:96::/112.
    pub east: ApiServer,
    /// ClusterIPs in 10.97.0.0/16 and fd00:97::/112.
    pub west: ApiServer,
}

impl ControlPlane {
    /// The one of this run, started by the first test that asks for it.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// A cluster of the test's own on the shared etcd: empty, to be killed and frozen at will.
    pub async fn cluster(name: &str, services: &str) -> ApiServer {
        ApiServer::start(&shared_etcd().await.url(), name, services).await
    }

    async fn start() -> Self {
        let (east, west) = tokio::join!(
            Self::cluster("east", "10.96.0.0/16,fd00:96::/112"),
            Self::cluster("west", "10.97.0.0/16,fd00:97::/112"),
        );
        east.process().share();
        west.process().share();
        Self { east, west }
    }
}

async fn shared_etcd() -> &'static Etcd {
    static SHARED: OnceCell<Etcd> = OnceCell::const_new();
    let start = async || {
        let etcd = Etcd::start().await;
        etcd.process().share();
        etcd
    };
    SHARED.get_or_init(start).await
}
