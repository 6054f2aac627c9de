//! A member whose API server does not take the credential any more (401), or takes away its rights (403).

use std::time::Duration;

use tokio::join;
use tokio::time::timeout;

use super::{Stage, south};
use crate::harness::account::{account, accounts};
use crate::harness::objects::{grant, namespace, remote_secret};
use crate::harness::{ControlPlane, LONG, Proxy, eventually};

const SECOND: Duration = Duration::from_secs(1);
/// What a member is asked for at the least.
const ENOUGH: [&str; 3] = ["/services", "/namespaces", "discovery.k8s.io/endpointslices"];

async fn credential_is_rotated() {
    let (south, east) = (south().await, &ControlPlane::shared().await.east);
    let (space, secrets) = ("faults-rotated", "faults-rotated-secrets");
    let proxy = Proxy::before(south).await;
    let join = async |token: &str| {
        let kubeconfig = proxy.lead(&south.kubeconfig_yaml_of(token));
        let secret = remote_secret(secrets, "south", &[("south", &kubeconfig)]);
        east.apply(&(namespace(secrets) + &secret)).await;
    };
    south.apply(&grant(space, &accounts(space), &ENOUGH)).await;
    join(&south.token(space, "first").await).await;
    let lines = format!("members secrets {secrets}");
    let stage = Stage::launch(space, &east.kubeconfig_yaml(), south, None, &lines).await;
    stage.comes_to_be_fresh("far", &stage.far).await;
    stage.with_old(south).await;
    let outage = async {
        south.delete(&account(space, "first")).await;
        // The API server looks at the credential of a request, not at that of a watch that is open; what it
        // found out of one it believes for ten seconds.
        let log = "HTTP 401 Unauthorized (its credential is not accepted)";
        eventually("a refusal", LONG, async || {
            proxy.cut();
            let said = timeout(SECOND, stage.server.comes_to_log(log)).await;
            said.is_ok()
        })
        .await;
        stage.comes_to_be_stale().await;
        let new = stage.change(south).await;
        join(&south.token(space, "second").await).await;
        stage.comes_back(space, &new).await;
    };
    stage.meanwhile(outage).await;
}

async fn rights_are_taken_away() {
    let south = south().await;
    let space = "faults-forbidden";
    let proxy = Proxy::before(south).await;
    south.apply(&grant(space, &accounts(space), &ENOUGH)).await;
    let way = proxy.lead(&south.kubeconfig_yaml_of(&south.token(space, "reader").await));
    let stage = Stage::start(space, south, &way, "").await;
    stage.with_old(south).await;
    let outage = async {
        south.apply(&grant(space, &accounts(space), &[])).await;
        proxy.cut();
        stage.comes_to_be_stale().await;
        stage.server.comes_to_log("HTTP 403 Forbidden (list and watch must be allowed)").await;
        stage
            .server
            .comes_to_log("may list neither namespaces nor the namespaces of Services")
            .await;
        stage.server.comes_to_log("may list neither endpointslices.discovery.k8s.io nor").await;
        let new = stage.change(south).await;
        stage.comes_to_be_stale().await;
        south.apply(&grant(space, &accounts(space), &ENOUGH)).await;
        stage.comes_back(space, &new).await;
    };
    stage.meanwhile(outage).await;
}

#[tokio::test]
async fn a_member_that_refuses_us() {
    join!(credential_is_rotated(), rights_are_taken_away());
}
