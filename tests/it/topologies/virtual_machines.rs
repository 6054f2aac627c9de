//! Virtual machines beside a cluster: their names are in a ConfigMap, and they ask by a stub of their own.

use std::fs;
use std::net::SocketAddr;

use super::clusters::{Clusters, Volume, resolver};
use super::overlay::Overlay;
use crate::harness::objects::{endpoints, namespace, service};
use crate::harness::process::command;
use crate::harness::{Process, dig, parts, ports, scratch};

/// A machine's dnsmasq, with the file that the overlay gives.
async fn dnsmasq(server: SocketAddr) -> (Process, SocketAddr) {
    let file = super::folder().join("virtual-machines/dnsmasq.conf");
    let text = fs::read_to_string(file).expect("dnsmasq.conf");
    let text = text.replace("192.0.2.53", &format!("{}#{}", server.ip(), server.port()));
    let own = scratch::folder("dnsmasq").join("dnsmasq.conf");
    loop {
        let at = SocketAddr::from(([127, 0, 0, 1], ports::free()));
        let lines = format!(
            "{text}listen-address=127.0.0.1\nport={}\nbind-interfaces\nno-resolv\nno-hosts\nuser=\npid-file=\n",
            at.port()
        );
        fs::write(&own, lines).expect("write dnsmasq.conf");
        let args = ["--keep-in-foreground".to_owned(), format!("--conf-file={}", own.display())];
        let mut process = Process::start("dnsmasq", &command(parts::system("dnsmasq"), args));
        let asks = async || match dig(at, "any.remote A").await.status.as_str() {
            "NOERROR" => Ok(()),
            other => Err(other.to_owned()),
        };
        if process.is_up(asks).await {
            return (process, at);
        }
    }
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
    let path = volume.path.display().to_string();
    let corefile = overlay.corefile().replace("/etc/fleetdns/vms", &path);
    let server = overlay.serve_with(east, &resolver().await, &corefile).await;
    let vm = "ledger.legacy.svc.cluster.local";
    server.comes_to_say(&format!("{vm} A"), "NOERROR 172.16.5.11, 172.16.5.12").await;
    server.must_say(&[(&format!("vm-1.{vm} A"), "NOERROR 172.16.5.11")]).await;
    let [here, there] = ["here", "there"].map(|name| format!("{name}.{space}.svc.cluster.local A"));
    let ip = |ips: Vec<String>| format!("NOERROR {}", ips[0]);
    server.comes_to_say(&here, &ip(east.cluster_ips(space, "here").await)).await;
    server.comes_to_say(&there, &ip(west.cluster_ips(space, "there").await)).await;

    let (_dnsmasq, stub) = dnsmasq(server.dns_addr()).await;
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
    let corefile = overlay
        .corefile()
        .replace("/etc/fleetdns/members", &members.path.display().to_string())
        .replace("/etc/fleetdns/vms", &vms.path.display().to_string());
    let server = overlay.serve_with(host, &resolver().await, &corefile).await;
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
