//! Members that cannot see each other: a host cluster reads all of them, and their CoreDNS asks it.

use std::fs;

use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use serde_json::Value;

use super::clusters::{Clusters, EAST_GATEWAY, FAR_GATEWAY, Volume, resolver};
use super::overlay::{NAMESPACE, Overlay};
use crate::harness::objects::{namespace, service};
use crate::harness::{ApiServer, COREDNS, DnsServer, dig, kubectl, scratch};

/// The member's own CoreDNS, with the lines that the overlay's README gives.
async fn coredns(member: &ApiServer, host: &DnsServer) -> DnsServer {
    let snippet = super::folder().join("host-cluster/coredns.Corefile");
    let mut text = fs::read_to_string(snippet).expect("the snippet");
    let kubeconfig =
        format!("kubeconfig {} {}\n pods insecure", member.kubeconfig().display(), member.name());
    for (old, new) in [
        (".:53 {", ".:{PORT} {\n bind 127.0.0.1"),
        ("pods insecure", &kubeconfig),
        ("192.0.2.53", &host.dns_addr().to_string()),
        ("forward . /etc/resolv.conf", ""),
    ] {
        assert_eq!(text.matches(old).count(), 1, "{old} in {text}");
        text = text.replace(old, new);
    }
    COREDNS.start(&text).await
}

/// The Secret of the members, made as the README says: the files in it, as a pod sees them.
async fn secret(
    host: &ApiServer,
    name: &str,
    readers: &[(&'static str, String)],
) -> Vec<(String, String)> {
    let folder = scratch::folder("readers");
    let mut line = format!("kubectl -n {NAMESPACE} create secret generic {name}");
    for (id, kubeconfig) in readers.iter().filter(|(id, _)| *id != "west") {
        let file = folder.join(id).with_extension("yaml");
        fs::write(&file, kubeconfig).expect("write a kubeconfig");
        line += &format!(" --from-file={}", file.display());
    }
    kubectl::shell(&host.kubeconfig(), &line, "");
    let secrets: Api<Secret> = Api::namespaced(host.client().await, NAMESPACE);
    let data = secrets.get(name).await.expect("the Secret").data.expect("data");
    data.into_iter().map(|(file, text)| (file, String::from_utf8(text.0).expect("text"))).collect()
}

#[tokio::test]
async fn members_ask_the_host_for_what_they_do_not_have() {
    let Clusters { east, far, host, readers, .. } = Clusters::shared().await;
    let overlay = Overlay::install("host-cluster", &[host]).await;
    let space = "hosted";
    let all = |name: &str| namespace(space) + &service(space, name) + &service(space, "both");
    east.apply(&all("here")).await;
    far.apply(&all("there")).await;
    host.apply(&(namespace(space) + &service(space, "own"))).await;

    let volume = overlay.object("Deployment", "fleetdns");
    let volume = volume.pointer("/spec/template/spec/volumes/0/secret/secretName");
    let name = volume.and_then(Value::as_str).expect("the Secret's name");
    let secret = secret(host, name, readers).await;
    let files: Vec<_> = secret.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let members = Volume::new("members", &files);
    let corefile = overlay
        .corefile()
        .replace("/etc/fleetdns/members", &members.path.display().to_string())
        .replace("/etc/fleetdns/none", &scratch::folder("none").display().to_string());
    let nodes = resolver().await;
    let mut server = overlay.serve_with(host, &nodes, &corefile).await;

    let name = |name: &str| format!("{name}.{space}.svc.cluster.local A");
    let there = format!("NOERROR {FAR_GATEWAY}");
    let here = format!("NOERROR {EAST_GATEWAY}");
    server.comes_to_say(&name("there"), &there).await;
    server.comes_to_say(&name("here"), &here).await;
    let (of_east, of_far) = tokio::join!(coredns(east, &server), coredns(far, &server));
    for (coredns, member, own, theirs, other) in
        [(&of_east, east, "here", "there", &there), (&of_far, far, "there", "here", &here)]
    {
        let ip = async |name: &str| format!("NOERROR {}", member.cluster_ips(space, name).await[0]);
        coredns.comes_to_say(&name(own), &ip(own).await).await;
        coredns.comes_to_say(&name("both"), &ip("both").await).await;
        coredns.comes_to_say(&name(theirs), other).await;
        // What the host itself runs is not theirs.
        coredns.comes_to_say(&name("own"), "NXDOMAIN cluster.local. 30").await;
    }
    // It is a resolver to itself alone.
    let reply = dig(server.dns_addr(), "-b 127.0.0.2 www.example.com A").await;
    assert_eq!(reply.status, "REFUSED", "{}", reply.text);
    let token = host.token_of(NAMESPACE, "fleetdns").await;
    for resource in ["/services", "/namespaces", "/secrets", "discovery.k8s.io/endpointslices"] {
        assert!(!host.may(&token, "list", resource, NAMESPACE).await, "{resource}");
    }

    // Without the host, each member has what is its own.
    let own = format!("NOERROR {}", east.cluster_ips(space, "here").await[0]);
    server.kill();
    of_east.comes_to_say(&name("nowhere"), "SERVFAIL").await;
    of_east.must_say(&[(&name("here"), &own)]).await;
}
