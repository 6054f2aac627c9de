//! A suffix behind a CoreDNS that is given one more server block, and nothing else.

use std::fs;

use super::clusters::{Clusters, resolver};
use super::overlay::{NAMESPACE, Overlay};
use crate::harness::{COREDNS, dig};

#[tokio::test]
async fn a_block_of_coredns_leads_to_the_suffix() {
    let Clusters { host, .. } = Clusters::shared().await;
    let overlay = Overlay::install("stub-domain", &[host]).await;
    let nodes = resolver().await;
    let server = overlay.serve(host, &nodes).await;
    let snippet = super::folder().join("stub-domain/coredns.Corefile");
    let snippet = fs::read_to_string(snippet).expect("the snippet");
    let snippet = snippet
        .replace("remote:53 {", "remote:{PORT} {\n bind 127.0.0.1")
        .replace("10.96.0.53", &server.dns_addr().to_string());
    // The rest of its Corefile is what it was.
    let rest = format!(".:{{PORT}} {{\nbind 127.0.0.1\nforward . {}\n}}\n", nodes.dns_addr());
    let coredns = COREDNS.start(&(snippet + &rest)).await;
    coredns.comes_to_say("httpbin.bar.remote A", "NOERROR 240.0.0.1").await;
    coredns
        .must_say(&[
            ("httpbin.bar.remote AAAA", "NODATA remote. 30"),
            ("remote A", "NODATA remote. 30"),
            ("www.example.com A", "NOERROR 192.0.2.80"),
        ])
        .await;
    let reply = dig(coredns.dns_addr(), "web.shop.remote A +tcp").await;
    assert_eq!(reply.answer.len(), 1, "{}", reply.text);
    // It reads no API server, and may not.
    let token = host.token_of(NAMESPACE, "fleetdns").await;
    for resource in ["/services", "/namespaces", "/secrets", "discovery.k8s.io/endpointslices"] {
        assert!(!host.may(&token, "list", resource, NAMESPACE).await, "{resource}");
    }
}
