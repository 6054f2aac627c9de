//! Virtual machines beside a cluster: their names are in a ConfigMap, and they ask by a stub of their own.

use std::fs;
use std::net::SocketAddr;

use super::clusters::{Clusters, Volume, resolver};
use super::overlay::Overlay;
use crate::harness::objects::{endpoints, namespace, service};
use crate::harness::pki::{Issued, Pki};
use crate::harness::process::command;
use crate::harness::{Process, dig, parts, ports, scratch};

/// The name that the overlay's stub looks for in the certificate.
const NAME: &str = "fleetdns.example.com";

/// A machine's unbound, with the file that the overlay gives.
async fn unbound(server: SocketAddr) -> (Process, SocketAddr) {
    let file = super::folder().join("virtual-machines/unbound.conf");
    let text = fs::read_to_string(file).expect("unbound.conf");
    let text = text
        .replace("192.0.2.53@853", &format!("{}@{}", server.ip(), server.port()))
        .replace("/etc/fleetdns/ca.crt", &Pki::shared().ca.display().to_string());
    let folder = scratch::folder("unbound");
    let own = folder.join("unbound.conf");
    loop {
        let at = SocketAddr::from(([127, 0, 0, 1], ports::free()));
        // The server of the test is on loopback.
        let lines = format!(
            "{text}server:\n interface: 127.0.0.1\n port: {}\n username: \"\"\n chroot: \"\"\n \
             pidfile: \"\"\n directory: \"{}\"\n use-syslog: no\n do-daemonize: no\n \
             do-not-query-localhost: no\nremote-control:\n control-enable: no\n",
            at.port(),
            folder.display()
        );
        fs::write(&own, lines).expect("write unbound.conf");
        let args = ["-d".to_owned(), "-c".to_owned(), own.display().to_string()];
        let mut process = Process::start("unbound", &command(parts::system("unbound"), args));
        let asks = async || match dig(at, "any.remote A").await.status.as_str() {
            "NOERROR" => Ok(()),
            other => Err(other.to_owned()),
        };
        if process.is_up(asks).await {
            return (process, at);
        }
    }
}

/// The Secret of the overlay, as the kubelet puts it into the pod.
fn tls() -> Volume {
    let Issued { cert, key } = Pki::shared().named_server(NAME);
    Volume::new("tls", &[("tls.crt", &cert), ("tls.key", &key)])
}

fn machines(overlay: &Overlay) -> &str {
    let config = overlay.object("ConfigMap", "fleetdns-vms");
    config["data"]["machines.yaml"].as_str().expect("machines")
}

#[tokio::test]
async fn machines_have_names_and_can_ask_for_those_of_the_fleet() {
    let Clusters { east, west, .. } = Clusters::shared().await;
    let overlay = Overlay::install("virtual-machines", &[east]).await;
    let space = "machines";
    east.apply(&(namespace(space) + &service(space, "here"))).await;
    west.apply(&(namespace(space) + &service(space, "there"))).await;
    let machines = machines(&overlay);
    let volume = Volume::new("vms", &[("machines.yaml", machines)]);
    let tls = tls();
    let corefile = overlay
        .corefile()
        .replace("/etc/fleetdns/vms", &volume.path.display().to_string())
        .replace("/etc/fleetdns/tls", &tls.path.display().to_string());
    let server = overlay.serve_with(east, &resolver().await, &corefile).await;
    let vm = "ledger.legacy.svc.cluster.local";
    server.comes_to_say(&format!("{vm} A"), "NOERROR 172.16.5.11, 172.16.5.12").await;
    server.must_say(&[(&format!("vm-1.{vm} A"), "NOERROR 172.16.5.11")]).await;
    let [here, there] = ["here", "there"].map(|name| format!("{name}.{space}.svc.cluster.local A"));
    let ip = |ips: Vec<String>| format!("NOERROR {}", ips[0]);
    server.comes_to_say(&here, &ip(east.cluster_ips(space, "here").await)).await;
    server.comes_to_say(&there, &ip(west.cluster_ips(space, "there").await)).await;

    let (_unbound, stub) = unbound(server.addr("TLS_PORT")).await;
    for transport in ["+notcp", "+tcp"] {
        for (question, expected) in [
            (here.as_str(), east.cluster_ips(space, "here").await[0].as_str()),
            (there.as_str(), west.cluster_ips(space, "there").await[0].as_str()),
            ("vm-2.ledger.legacy.svc.cluster.local A", "172.16.5.12"),
            ("any.remote A", "240.0.0.1"),
        ] {
            let reply = dig(stub, &format!("{question} {transport}")).await;
            let answers: Vec<_> =
                reply.answer.iter().filter_map(|r| r.rsplit(' ').next()).collect();
            assert_eq!(answers, [expected], "{question} {transport}: {}", reply.text);
        }
    }
    // All other names are not for it.
    server.must_say(&[("www.example.com A", "REFUSED")]).await;

    // A machine moves: the kubelet swaps the folder of the ConfigMap.
    volume.update(&[("machines.yaml", &machines.replace("172.16.5.12", "172.16.5.13"))]);
    server.comes_to_say(&format!("{vm} A"), "NOERROR 172.16.5.11, 172.16.5.13").await;
}

#[tokio::test]
async fn without_a_mesh_machines_and_pods_are_answered() {
    let Clusters { east, host, readers, .. } = Clusters::shared().await;
    let overlay = Overlay::install("virtual-machines/without-mesh", &[host]).await;
    let space = "plain-machines";
    let pods = endpoints(space, "web", &[("", "10.245.63.5"), ("", "10.245.63.6")]);
    east.apply(&(namespace(space) + &service(space, "web") + &pods)).await;
    let (_, kubeconfig) = readers.iter().find(|(id, _)| *id == "east").expect("a reader");
    let members = Volume::new("members", &[("east.yaml", kubeconfig)]);
    let vms = Volume::new("vms", &[("machines.yaml", machines(&overlay))]);
    let tls = tls();
    let corefile = overlay
        .corefile()
        .replace("/etc/fleetdns/tls", &tls.path.display().to_string())
        .replace("/etc/fleetdns/members", &members.path.display().to_string())
        .replace("/etc/fleetdns/vms", &vms.path.display().to_string());
    let server = overlay.serve_with(host, &resolver().await, &corefile).await;
    let over_tls = format!(
        "vm-1.ledger.legacy.svc.cluster.local A +tls-ca={} +tls-hostname={NAME}",
        Pki::shared().ca.display()
    );
    let reply = dig(server.addr("TLS_PORT"), &over_tls).await;
    assert!(reply.text.contains("172.16.5.11") && reply.text.contains("(TLS)"), "{}", reply.text);
    let web = format!("web.{space}.svc.cluster.local A");
    server.comes_to_say(&web, "NOERROR 10.245.63.5, 10.245.63.6").await;
    server
        .must_say(&[
            ("vm-1.ledger.legacy.svc.cluster.local A", "NOERROR 172.16.5.11"),
            ("www.example.com A", "REFUSED"),
        ])
        .await;
    // A cluster leaves as the others do: by its file.
    members.update(&[]);
    server.comes_to_say(&web, "NXDOMAIN cluster.local. 30").await;
}
