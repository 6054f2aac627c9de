//! How long what a lost cluster said is answered: as `stale` says of a member, and for ever of the local one.

use super::{Stage, south};
use crate::harness::{ControlPlane, Pass, Proxy};

#[tokio::test]
async fn a_members_names_end_and_those_of_the_local_cluster_do_not() {
    let (south, east) = (south().await, &ControlPlane::shared().await.east);
    let (to_east, to_south) = (Proxy::before(east).await, Proxy::before(south).await);
    let space = "faults-stale";
    let local = to_east.lead(&east.kubeconfig_yaml());
    let way = to_south.lead(&south.kubeconfig_yaml());
    let stage = Stage::start_with(space, &local, south, &way, "stale 8s").await;
    stage.with_old(south).await;

    let outage = async {
        // The local API server first, so that it is away for longer than a member may be.
        to_east.pass(Pass::Refuse);
        stage.server.comes_to_log("what is known stays cluster=east").await;
        to_south.pass(Pass::Refuse);
        stage.comes_to_be_stale().await;
        for name in ["far", "old"] {
            let missing = "NXDOMAIN cluster.local. 5";
            stage.server.comes_to_say(&stage.question(name), missing).await;
        }
        stage.server.comes_to_log("out of reach for 8s: what it said is forgotten").await;
        let near = stage.learn(&stage.others[0].0).await;
        assert_eq!((near.said.as_str(), near.ttl), (stage.others[0].1.as_str(), super::FRESH));
        assert_eq!(near.why, "", "the local cluster's names have no reservation");

        let new = stage.change(south).await;
        to_south.pass(Pass::Through);
        stage.comes_back(space, &new).await;
        assert!(!stage.server.logs().contains("works again cluster=east"));
        to_east.pass(Pass::Through);
        stage.server.comes_to_log("the watch works again cluster=east").await;
    };
    stage.meanwhile(outage).await;
}
