//! The overlays of this repository as a whole: each is built by the real `kubectl`, applied to API servers
//! that stand for the clusters of its topology, and asked for what its README promises.
//!
//! The program runs with the Corefile, the ID and the rights that the overlay gives to its pods. Four
//! clusters serve all of the tests ([`clusters`]); each test keeps its Services to a namespace of its own.

mod clusters;
mod flat_network;
mod host_cluster;
mod hybrid;
mod overlay;
mod primary_remote;
mod reader;
mod separate_networks;
mod stub_domain;
mod virtual_machines;

use std::fs;
use std::path::Path;

use serde_json::Value;

use self::overlay::Overlay;

const ALL: [&str; 7] = [
    "flat-network",
    "host-cluster",
    "hybrid",
    "primary-remote",
    "separate-networks",
    "stub-domain",
    "virtual-machines",
];

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/overlays")
}

#[test]
fn every_overlay_is_tested_and_has_a_readme() {
    let entries = fs::read_dir(folder()).expect("manifests/overlays");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("a name");
    let mut found: Vec<String> = entries.map(|entry| name(entry.expect("an entry"))).collect();
    found.sort();
    assert_eq!(found, ALL);
    let all = fs::read_to_string(folder().join("../../README.md")).expect("the README");
    for overlay in ALL {
        let text = fs::read_to_string(folder().join(overlay).join("README.md")).expect("a README");
        assert!(
            text.contains(&format!("kubectl apply -k manifests/overlays/{overlay}\n")),
            "{text}"
        );
        assert!(
            all.contains(&format!("(manifests/overlays/{overlay})")),
            "{overlay} in the README"
        );
        // Its links lead to files.
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for link in links {
            assert!(folder().join(overlay).join(link).exists(), "{link} in {text}");
        }
    }
}

/// What no API server checks.
#[test]
fn the_objects_of_an_overlay_fit_together() {
    let all = ALL.into_iter().chain(["virtual-machines/without-mesh"]);
    for overlay in all.map(Overlay::build) {
        let pod = &overlay.object("Deployment", "fleetdns")["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let list = |value: &Value| value.as_array().expect("a list").clone();
        let mounts = list(&container["volumeMounts"]);
        for mount in &mounts {
            let is_it = |volume: &&Value| volume["name"] == mount["name"];
            let volumes = list(&pod["volumes"]);
            let volume = volumes.iter().find(is_it).expect("a volume");
            if let Some(name) = volume["configMap"]["name"].as_str() {
                overlay.object("ConfigMap", name);
            }
        }
        // The folders of the Corefile are mounted.
        let corefile = overlay.corefile();
        for path in corefile.split_whitespace().filter(|word| word.starts_with("/etc/fleetdns/")) {
            let is_in =
                |mount: &Value| path.starts_with(mount["mountPath"].as_str().expect("text"));
            assert!(mounts.iter().any(is_in), "{path} in {mounts:?}");
        }
        let image = container["image"].as_str().expect("an image");
        assert_eq!(image, format!("REGISTRY/fleetdns:{}", env!("CARGO_PKG_VERSION")));
        assert_eq!(container["env"][0]["name"], "CLUSTER_ID");
    }
}
