//! The Corefiles that clusters have today, on CoreDNS and on fleetdns beside one API server: answers, probes
//! and counters. They are as kubeadm, the addon of Kubernetes, kops, EKS, k3s, AKS and NodeLocal DNSCache
//! write them; only addresses, ports and paths are the test's.

use std::fs;
use std::path::Path;

use hickory_proto::rr::RecordType::{self, A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT};

use crate::harness::compare::{about_same, render, without_serials};
use crate::harness::objects::{endpoints, namespace, service};
use crate::harness::{
    COREDNS, ControlPlane, DnsServer, FLEETDNS, LONG, Question, eventually, get, scratch,
};

const STOCK: [(&str, &str); 7] = [
    ("kubeadm", include_str!("stock/kubeadm")),
    ("addon", include_str!("stock/addon")),
    ("kops", include_str!("stock/kops")),
    ("eks", include_str!("stock/eks")),
    ("k3s", include_str!("stock/k3s")),
    ("aks", include_str!("stock/aks")),
    ("nodelocal", include_str!("stock/nodelocal")),
];

/// What the nodes' resolvers know.
const UPSTREAM: &str = ".:{PORT} {
    bind 127.0.0.1
    hosts {
        192.0.2.80 www.example.com
        2001:db8::80 www.example.com
        ttl 300
        fallthrough
    }
    template ANY ANY . {
        rcode NXDOMAIN
        authority \". 60 IN SOA a.root. b.root. 1 7200 900 1209600 60\"
    }
}
";

const NAMES: [&str; 16] = [
    "web.stock.svc.cluster.local.",
    "WEB.Stock.svc.cluster.local.",
    "_http._tcp.web.stock.svc.cluster.local.",
    "none.stock.svc.cluster.local.",
    "web.none.svc.cluster.local.",
    "stock.svc.cluster.local.",
    "cluster.local.",
    "10-1-2-3.stock.pod.cluster.local.",
    "dns-version.cluster.local.",
    "www.example.com.",
    "www.example.com.stock.svc.cluster.local.",
    "none.example.com.",
    "node-1.",
    "custom.example.net.",
    "vm.a.b.c.d.internal.cloudapp.net.",
    "1.2.0.192.in-addr.arpa.",
];
const TYPES: [RecordType; 9] = [A, AAAA, SRV, TXT, MX, NS, SOA, PTR, CNAME];

/// A Corefile for a node as one for the test.
fn outside(
    corefile: &str,
    folder: &Path,
    kubeconfig: &Path,
    upstream: &str,
    cluster: &str,
) -> String {
    let mut text = String::new();
    let binds = corefile.contains(" bind ");
    for line in corefile.lines() {
        let word = line.split_whitespace().next().unwrap_or_default();
        let line = match word {
            "health" if line.trim_end().ends_with('{') => "health 127.0.0.1:{HEALTH_PORT} {".into(),
            "health" => "health 127.0.0.1:{HEALTH_PORT}".into(),
            "ready" => "ready 127.0.0.1:{READY_PORT}".into(),
            "prometheus" => "prometheus 127.0.0.1:{METRICS_PORT}".into(),
            "bind" => "bind 127.0.0.1".into(),
            "kubernetes" => format!("{line}\n kubeconfig {}", kubeconfig.display()),
            key if key.ends_with(":53") && !binds => {
                line.replace(":53", ":{PORT}") + "\n bind 127.0.0.1"
            }
            _ => line.replace(":53", ":{PORT}"),
        };
        text += &line
            .replace("/etc/resolv.conf", upstream)
            .replace("CLUSTER_DNS", cluster)
            .replace("/etc/coredns/", &format!("{}/", folder.display()))
            .replace(" custom/", &format!(" {}/custom/", folder.display()));
        text.push('\n');
    }
    text
}

#[tokio::test]
async fn corefiles_of_today_behave_alike() {
    let api = &ControlPlane::shared().await.east;
    let pods = endpoints("stock", "pods", &[("a", "10.244.7.1"), ("b", "10.244.7.2")]);
    api.apply(&(namespace("stock") + &service("stock", "web") + &pods)).await;
    let ip = api.cluster_ips("stock", "web").await.remove(0);
    let upstream = COREDNS.start(UPSTREAM).await;
    let upstream = upstream.dns_addr().to_string();
    let folder = scratch::folder("stock");
    fs::create_dir(folder.join("custom")).expect("make a folder");
    for (name, text) in [
        ("NodeHosts", "192.0.2.11 node-1\n192.0.2.12 node-2\n"),
        ("custom/log.override", "log\n"),
        (
            "custom/example.server",
            "example.net:{PORT} {\n bind 127.0.0.1\n hosts {\n  192.0.2.90 custom.example.net\n }\n}\n",
        ),
    ] {
        fs::write(folder.join(name), text).expect("write a file");
    }
    let mut asked = 0;
    let mut wrong = Vec::new();
    let mut cluster = upstream.clone();
    let mut kept = Vec::new();
    for (name, corefile) in STOCK {
        // Imports have ports of their own to fill.
        let server = folder.join("custom/example.server");
        let custom = fs::read_to_string(&server).expect("the custom server");
        let text = outside(corefile, &folder, &api.kubeconfig(), &upstream, &cluster);
        let text = text.replace(&format!("import {}/custom/*.server", folder.display()), &custom);
        let (coredns, fleetdns) = tokio::join!(COREDNS.start(&text), FLEETDNS.start(&text));
        for server in [&coredns, &fleetdns] {
            let web = "web.stock.svc.cluster.local.";
            eventually("the Service", LONG, async || {
                let reply = Question::new(web, A).ask(server.dns_addr()).await?;
                let shown = render(&reply);
                if shown.contains(&ip) { Ok(()) } else { Err(shown) }
            })
            .await;
        }
        let reverse =
            format!("{}.in-addr.arpa.", ip.split('.').rev().collect::<Vec<_>>().join("."));
        for asked_name in NAMES.iter().copied().chain([reverse.as_str()]) {
            for kind in TYPES {
                // Twice: the second time what is cached.
                for question in
                    [Question::new(asked_name, kind), Question::new(asked_name, kind).tcp()]
                {
                    let (expected, found) = tokio::join!(
                        question.ask(coredns.dns_addr()),
                        question.ask(fleetdns.dns_addr())
                    );
                    let expected = without_serials(expected.expect("CoreDNS"));
                    let found = without_serials(found.expect("fleetdns"));
                    asked += 1;
                    if !about_same(&expected, &found, false) && !is_known(asked_name, kind) {
                        let (expected, found) = (render(&expected), render(&found));
                        wrong.push(format!("{name}: {asked_name} {kind}\n{expected}{found}"));
                    }
                }
            }
        }
        for (port, path) in [("HEALTH_PORT", "/health"), ("READY_PORT", "/ready")] {
            if text.contains(port) {
                let of = async |server: &DnsServer| get(server.addr(port), path).await.ok();
                assert_eq!(of(&fleetdns).await, of(&coredns).await, "{name} {path}");
            }
        }
        eventually("the same plugins", LONG, async || {
            let (expected, found) = (enabled(&coredns).await?, enabled(&fleetdns).await?);
            if expected == found { Ok(()) } else { Err(format!("{expected:#?}\n{found:#?}")) }
        })
        .await;
        // NodeLocal DNSCache stands before a server of the cluster.
        cluster = fleetdns.dns_addr().to_string();
        kept.push(fleetdns);
    }
    assert!(asked > 1000, "only {asked} questions");
    assert!(wrong.is_empty(), "{} of {asked}\n{}", wrong.len(), wrong.join("\n"));
}

/// What the README says differs: NODATA where CoreDNS denies a name that exists, SOA below the apex, and the
/// spelling of names of the cluster, which CoreDNS gives from its cache as they were asked first.
fn is_known(name: &str, kind: RecordType) -> bool {
    let is_below = name.ends_with(".cluster.local.") || name.ends_with(".in-addr.arpa.");
    is_below && kind == SOA
        || matches!(
            name,
            "cluster.local." | "stock.svc.cluster.local." | "dns-version.cluster.local."
        )
        || name.ends_with("10.in-addr.arpa.")
        || name.starts_with("WEB.")
}

async fn enabled(server: &DnsServer) -> Result<Vec<String>, String> {
    let page = get(server.addr("METRICS_PORT"), "/metrics").await.map_err(|e| e.to_string())?.1;
    let lines = page.lines().filter(|line| line.starts_with("coredns_plugin_enabled{"));
    let port = format!(":{}\"", server.dns_addr().port());
    let mut lines: Vec<String> = lines.map(|line| line.replace(&port, ":53\"")).collect();
    lines.sort();
    Ok(lines)
}
