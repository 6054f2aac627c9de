//! Members from kubeconfig files and from folders of manifests.

use std::fs;

use crate::harness::objects::{endpoints, headless, namespace, service};
use crate::harness::{ControlPlane, FLEETDNS, scratch};

#[tokio::test]
async fn kubeconfig_files_add_clusters_and_take_them_away() {
    let ControlPlane { east, west } = ControlPlane::shared().await;
    let space = "member-files";
    east.apply(&(namespace(space) + &service(space, "here"))).await;
    west.apply(&(namespace(space) + &service(space, "there"))).await;
    let folder = scratch::folder("members");
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            kubernetes cluster.local {{
                kubeconfig {}
                ttl 30
            }}
            fleet {{
                local east
                members kubeconfig {}/*.yaml
            }}
        }}",
        east.kubeconfig().display(),
        folder.display()
    );
    let server = FLEETDNS.start(&corefile).await;
    let name = |name: &str| format!("{name}.{space}.svc.cluster.local A");
    let here = format!("NOERROR {}", east.cluster_ips(space, "here").await[0]);
    let there = format!("NOERROR {}", west.cluster_ips(space, "there").await[0]);
    let missing = "NXDOMAIN cluster.local. 30";
    server.comes_to_say(&name("here"), &here).await;
    server.comes_to_say(&name("there"), missing).await;

    fs::write(folder.join("broken.yaml"), "token: [hush-hush").expect("write");
    fs::write(folder.join("west.txt"), west.kubeconfig_yaml()).expect("write");
    server.comes_to_log("broken.yaml: the kubeconfig is refused").await;
    server.must_say(&[(&name("there"), missing), (&name("here"), &here)]).await;
    fs::rename(folder.join("west.txt"), folder.join("west.yaml")).expect("rename");
    server.comes_to_say(&name("there"), &there).await;
    // A file that is broken later keeps the member that it made.
    fs::write(folder.join("west.yaml"), "token: [hush-hush").expect("write");
    server.comes_to_log("west.yaml: the kubeconfig is refused").await;
    server.must_say(&[(&name("there"), &there)]).await;
    fs::remove_file(folder.join("west.yaml")).expect("remove");
    server.comes_to_say(&name("there"), missing).await;
    server.must_say(&[(&name("here"), &here)]).await;
    assert!(!server.logs().contains("hush-hush"), "{}", server.logs());
}

#[tokio::test]
async fn a_folder_of_manifests_is_a_member() {
    let east = &ControlPlane::shared().await.east;
    let space = "member-manifests";
    east.apply(&(namespace(space) + &service(space, "here"))).await;
    let folder = scratch::folder("vms");
    let slice = endpoints(space, "vm", &[("one", "10.245.3.1")]);
    fs::write(folder.join("vm.yaml"), headless(space, "vm") + &slice).expect("write");
    let corefile = format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            kubernetes cluster.local in-addr.arpa {{
                kubeconfig {}
                ttl 30
            }}
            fleet {{
                local east
                members manifests vms {}
            }}
        }}",
        east.kubeconfig().display(),
        folder.display()
    );
    let server = FLEETDNS.start(&corefile).await;
    let vm = format!("vm.{space}.svc.cluster.local A");
    let here = format!("NOERROR {}", east.cluster_ips(space, "here").await[0]);
    server.comes_to_say(&vm, "NOERROR 10.245.3.1").await;
    let one = format!("NOERROR one.vm.{space}.svc.cluster.local.");
    server
        .must_say(&[
            (&format!("here.{space}.svc.cluster.local A"), &here),
            ("1.3.245.10.in-addr.arpa PTR", &one),
        ])
        .await;
    fs::write(folder.join("vm.yaml"), headless(space, "vm") + &slice.replace("3.1", "3.2"))
        .expect("write");
    server.comes_to_say(&vm, "NOERROR 10.245.3.2").await;
    fs::remove_file(folder.join("vm.yaml")).expect("remove");
    server.comes_to_say(&vm, "NXDOMAIN cluster.local. 30").await;
}
