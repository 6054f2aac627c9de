//! What clusters have goes past `cache`; what they do not have is kept.

use std::fs;

use hickory_proto::rr::RecordType;

use crate::harness::objects::{endpoints, headless, namespace};
use crate::harness::{COREDNS, FLEETDNS, LONG, eventually, get, scratch};

/// An upstream that knows every name, for an hour.
const UPSTREAM: &str = ".:{PORT} {
    bind 127.0.0.1
    log
    template IN A {
        answer \"{{ .Name }} 3600 IN A 192.0.2.9\"
    }
}";

#[tokio::test]
async fn changes_of_clusters_are_seen_at_once_behind_a_cache() {
    let upstream = COREDNS.start(UPSTREAM).await;
    let folder = scratch::folder("cached");
    let write = |name: &str, address: &str| {
        let text = headless("shop", name) + &endpoints("shop", name, &[("", address)]);
        // At once: what is half a file would be read as such.
        let new = folder.join(format!("{name}.new"));
        fs::write(&new, text).expect("write");
        fs::rename(new, folder.join(format!("{name}.yaml"))).expect("rename");
    };
    fs::write(folder.join("space.yaml"), namespace("shop")).expect("write");
    write("web", "10.0.0.1");
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            prometheus 127.0.0.1:{{METRICS_PORT}}
            cache 600
            kubernetes cluster.local {{
                manifests {}
                ttl 900
                fallthrough
            }}
            forward . {}
        }}",
        folder.display(),
        upstream.dns_addr(),
    );
    let server = FLEETDNS.start(&corefile).await;
    let (web, late) = ("web.shop.svc.cluster.local. A", "late.shop.svc.cluster.local. A");
    server.comes_to_say(web, "NOERROR 10.0.0.1").await;
    for _ in 0..2 {
        let reply = server.ask("web.shop.svc.cluster.local.", RecordType::A).await;
        assert_eq!(reply.answers[0].ttl, 900, "its own TTL");
        let reply = server.ask("late.shop.svc.cluster.local.", RecordType::A).await;
        assert_eq!(reply.answers[0].data.to_string(), "192.0.2.9");
        assert!((599..=600).contains(&reply.answers[0].ttl), "the TTL of the cache");
    }
    let asked = upstream.logs().matches("late.shop.svc.cluster.local.").count();
    assert_eq!(asked, 1, "the second came from the cache");

    write("web", "10.0.0.2");
    server.comes_to_say(web, "NOERROR 10.0.0.2").await;
    write("late", "10.0.0.3");
    server.comes_to_say(late, "NOERROR 10.0.0.3").await;
    fs::remove_file(folder.join("late.yaml")).expect("remove");
    server.comes_to_say(late, "NOERROR 192.0.2.9").await;
    let asked = upstream.logs().matches("late.shop.svc.cluster.local.").count();
    assert_eq!(asked, 1, "it was kept, for it was no answer of the cluster");

    eventually("the counters", LONG, async || {
        let (_, page) =
            get(server.addr("METRICS_PORT"), "/metrics").await.map_err(|e| e.to_string())?;
        let entries =
            page.lines().find(|line| line.contains("cache_entries{") && line.contains("success"));
        match entries {
            Some(line) if line.ends_with(" 1") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}
