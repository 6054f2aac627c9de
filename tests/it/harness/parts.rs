//! Where the real programs are: what `tests/parts/install` made, or `KUBEBUILDER_ASSETS`.

use std::env;
use std::path::PathBuf;

/// The CoreDNS that answers are compared with.
pub fn coredns() -> PathBuf {
    installed("coredns")
}

/// The sidecar's proxy.
pub fn envoy() -> PathBuf {
    installed("envoy")
}

/// The store of all API servers.
pub fn etcd() -> PathBuf {
    kubernetes("etcd")
}

/// The API server of one cluster.
pub fn kube_apiserver() -> PathBuf {
    kubernetes("kube-apiserver")
}

/// What an operator talks to API servers with; kustomize is in it.
pub fn kubectl() -> PathBuf {
    installed("kubectl")
}

/// CoreDNS's addon of Kubernetes, as YAML.
pub fn coredns_addon() -> PathBuf {
    installed("coredns-addon.yaml")
}

/// The CRDs of Istio, as YAML.
pub fn istio_crds() -> PathBuf {
    installed("istio-crds.yaml")
}

/// The program under test.
pub fn fleetdns() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_fleetdns"))
}

/// A command of the system, also where `/usr/sbin` is not in the user's PATH.
pub fn system(name: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| missing(name))
}

fn kubernetes(name: &str) -> PathBuf {
    match env::var_os("KUBEBUILDER_ASSETS") {
        Some(folder) => existing(PathBuf::from(folder).join(name)),
        None => installed(name),
    }
}

fn installed(name: &str) -> PathBuf {
    let folder = env::var_os("FLEETDNS_TEST_BIN").map_or_else(
        || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cache/fleetdns-test"),
        PathBuf::from,
    );
    existing(folder.join(name))
}

fn existing(file: PathBuf) -> PathBuf {
    if !file.is_file() {
        missing(&file.display().to_string());
    }
    file
}

fn missing(what: &str) -> ! {
    panic!("{what} is missing: start the tests with tests/run, which installs it first")
}
