//! Where the local cluster's objects come from: each way that the Corefile can name.

use std::fs;
use std::io::{self, Write};
use std::process::Command;

use crate::harness::api_server::ADMIN;
use crate::harness::objects::{endpoints, headless, namespace, service};
use crate::harness::pki::Pki;
use crate::harness::{ApiServer, ControlPlane, DnsServer, FLEETDNS, parts, scratch};

fn corefile(source: &str) -> String {
    format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            kubernetes cluster.local {{
                {source}
            }}
        }}"
    )
}

/// A Service of the cluster, by which a test knows that the server reads this one.
async fn web(cluster: &ApiServer, space: &str) -> (String, String) {
    cluster.apply(&(namespace(space) + &service(space, "web"))).await;
    let ip = &cluster.cluster_ips(space, "web").await[0];
    (format!("web.{space}.svc.cluster.local A"), format!("NOERROR {ip}"))
}

#[tokio::test]
async fn a_kubeconfig_is_read_by_its_context() {
    let ControlPlane { east, west } = ControlPlane::shared().await;
    let (name, in_east) = web(east, "sources-kubeconfig").await;
    let (_, in_west) = web(west, "sources-kubeconfig").await;
    let file = scratch::folder("kubeconfig").join("both.yaml");
    fs::write(&file, both(east, west)).expect("write a kubeconfig");
    let file = file.display();
    for (context, expected) in [("", &in_west), (" east", &in_east), (" west", &in_west)] {
        let server = FLEETDNS.start(&corefile(&format!("kubeconfig {file}{context}"))).await;
        server.comes_to_say(&name, expected).await;
    }
    let (status, said) = FLEETDNS.refuse(&corefile(&format!("kubeconfig {file} north"))).await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains(":4") && said.contains("it has east, west"), "{said}");
}

/// One kubeconfig of two clusters; the second is the current one.
fn both(east: &ApiServer, west: &ApiServer) -> String {
    let cluster = |of: &ApiServer| {
        format!(
            "- name: {}\n  cluster: {{ server: 'https://127.0.0.1:{}', \
             certificate-authority: {} }}\n",
            of.name(),
            of.port(),
            Pki::shared().ca.display()
        )
    };
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: west\nusers:\n\
         - name: admin\n  user: {{ token: {ADMIN} }}\ncontexts:\n\
         - name: east\n  context: {{ cluster: east, user: admin }}\n\
         - name: west\n  context: {{ cluster: west, user: admin }}\nclusters:\n{}{}",
        cluster(east),
        cluster(west)
    )
}

#[tokio::test]
async fn an_endpoint_is_reached_with_a_client_certificate() {
    let east = &ControlPlane::shared().await.east;
    let (name, expected) = web(east, "sources-endpoint").await;
    let pki = Pki::shared();
    let tls = |key: &std::path::Path| {
        corefile(&format!(
            "endpoint https://127.0.0.1:{}\n tls {} {} {}",
            east.port(),
            pki.client_cert.display(),
            key.display(),
            pki.ca.display()
        ))
    };
    let server = FLEETDNS.start(&tls(&pki.client_key)).await;
    server.comes_to_say(&name, &expected).await;

    let (status, said) = FLEETDNS.refuse(&tls(&pki.ca)).await;
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("the TLS files"), "{said}");
}

/// The service account's files are at a fixed path, which a mount namespace can make up.
#[tokio::test]
async fn a_pod_reads_its_own_cluster() {
    let mut probe = Command::new(parts::system("unshare"));
    probe.args(["--mount", "mount", "-t", "tmpfs", "tmpfs", "/var/run"]);
    let output = probe.output().expect("unshare runs");
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        let in_ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty());
        assert!(!in_ci, "this test needs mount namespaces: {why}");
        let _ = writeln!(io::stderr(), "\nSKIPPED the in-cluster source: {why}\n");
        return;
    }
    let east = &ControlPlane::shared().await.east;
    let (name, expected) = web(east, "sources-in-cluster").await;
    let files = scratch::folder("serviceaccount");
    fs::write(files.join("token"), ADMIN).expect("write the token");
    fs::write(files.join("namespace"), "kube-system").expect("write the namespace");
    fs::copy(&Pki::shared().ca, files.join("ca.crt")).expect("write the CA");
    let script = "set -e
        mount -t tmpfs tmpfs /var/run
        mkdir -p /var/run/secrets/kubernetes.io
        cp -r \"$0\" /var/run/secrets/kubernetes.io/serviceaccount
        exec \"$@\"";
    let files = files.to_str().expect("a UTF-8 path").to_owned();
    let setup = FLEETDNS
        .with(&corefile("ttl 30"))
        .run_by(["unshare", "--mount", "sh", "-c", script, &files])
        .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        .env("KUBERNETES_SERVICE_PORT", &east.port().to_string());
    let mut server = setup.start().await;
    server.comes_to_say(&name, &expected).await;
    assert!(server.terminate().await.success());
}

#[tokio::test]
async fn outside_of_a_cluster_the_source_must_be_named() {
    let (status, said) = FLEETDNS.refuse(&corefile("ttl 30")).await;
    assert_eq!(status.code(), Some(1), "{said}");
    let right = "add `kubeconfig FILE`, `endpoint URL` or `manifests DIRECTORY`";
    assert!(said.contains("Corefile:3") && said.contains(right), "{said}");
}

#[tokio::test]
async fn a_folder_of_manifests_is_watched() {
    let folder = scratch::folder("manifests");
    let db = |ip: &str| headless("shop", "db") + &endpoints("shop", "db", &[("", ip)]);
    fs::write(folder.join("db.yaml"), db("10.1.0.1")).expect("write");
    let server = FLEETDNS.start(&corefile(&format!("manifests {}", folder.display()))).await;
    let says = async |name: &str, expected: &str| {
        server.comes_to_say(&format!("{name}.shop.svc.cluster.local A"), expected).await;
    };
    let missing = "NXDOMAIN cluster.local. 5";
    says("db", "NOERROR 10.1.0.1").await;
    says("cache", missing).await;

    let cache = headless("shop", "cache") + &endpoints("shop", "cache", &[("", "10.1.1.1")]);
    fs::create_dir(folder.join("more")).expect("make a folder");
    fs::write(folder.join("more/cache.yml"), &cache).expect("write");
    says("cache", "NOERROR 10.1.1.1").await;
    fs::write(folder.join("db.yaml"), db("10.1.0.2")).expect("write");
    says("db", "NOERROR 10.1.0.2").await;
    // As editors and ConfigMap volumes do it.
    fs::write(folder.join(".new"), db("10.1.0.3")).expect("write");
    fs::rename(folder.join(".new"), folder.join("db.yaml")).expect("rename");
    says("db", "NOERROR 10.1.0.3").await;

    fs::write(folder.join("db.yaml"), "kind: [Service").expect("write");
    server.comes_to_log("db.yaml: ").await;
    says("db", "NOERROR 10.1.0.3").await;
    fs::write(folder.join("db.yaml"), db("10.1.0.4")).expect("write");
    says("db", "NOERROR 10.1.0.4").await;

    fs::remove_file(folder.join("more/cache.yml")).expect("remove");
    says("cache", missing).await;
    fs::remove_file(folder.join("db.yaml")).expect("remove");
    says("db", missing).await;
    still_serves(&server).await;
}

async fn still_serves(server: &DnsServer) {
    server.must_say(&[("cluster.local TXT", "NODATA cluster.local. 5")]).await;
}
