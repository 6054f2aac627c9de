//! The user by whom the others read a member, and the script that writes his kubeconfig.

use super::clusters::{Clusters, MEMBERS};
use crate::harness::kubectl;

#[tokio::test]
async fn a_reader_may_read_what_is_answered_and_no_more() {
    // No overlay gives him more in this one.
    let Clusters { far, .. } = Clusters::shared().await;
    let token = far.token_of(MEMBERS, "fleetdns-reader").await;
    for (expected, verb, resource, space) in [
        (true, "list", "/services", ""),
        (true, "watch", "/services", ""),
        (true, "list", "/namespaces", ""),
        (true, "watch", "/namespaces", ""),
        (true, "list", "discovery.k8s.io/endpointslices", ""),
        (true, "watch", "discovery.k8s.io/endpointslices", ""),
        (false, "get", "/secrets", MEMBERS),
        (false, "list", "/secrets", ""),
        (false, "list", "/configmaps", ""),
        (false, "list", "/pods", ""),
        (false, "list", "/nodes", ""),
        (false, "list", "networking.istio.io/serviceentries", ""),
        (false, "update", "/services", "default"),
        (false, "create", "/serviceaccounts/token", MEMBERS),
    ] {
        assert_eq!(far.may(&token, verb, resource, space).await, expected, "{verb} {resource}");
    }
}

#[tokio::test]
async fn the_script_says_what_is_missing_and_takes_another_server() {
    let Clusters { far, host, .. } = Clusters::shared().await;
    let script = "manifests/member/kubeconfig";
    let said = kubectl::refused(&host.kubeconfig(), &format!("{script} host"));
    assert!(said.contains("apply manifests/member there"), "{said}");
    let said = kubectl::refused(&host.kubeconfig(), script);
    assert_eq!(said, format!("usage: {script} CONTEXT [SERVER]\n"));
    let line = format!("{script} far https://far.example.com:6443");
    let kubeconfig = kubectl::shell(&far.kubeconfig(), &line, "");
    assert!(kubeconfig.contains("server: https://far.example.com:6443\n"), "{kubeconfig}");
    assert_eq!(kubeconfig.matches("server:").count(), 1, "{kubeconfig}");
}
