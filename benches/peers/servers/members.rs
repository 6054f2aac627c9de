//! Member clusters as folders of manifests, which all have the same Services.

use std::path::PathBuf;

use serde_json::json;

use crate::harness::scratch;
use crate::{Sizes, names};

/// As many members, each with its ID and its folder.
pub fn folders(count: usize, sizes: &Sizes) -> Vec<(String, PathBuf)> {
    let items: Vec<_> = (0..sizes.remote).map(service).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    let folder = |number| {
        let folder = scratch::folder("member");
        std::fs::write(folder.join("all.json"), &list).expect("write manifests");
        (format!("member-{number}"), folder)
    };
    (0..count).map(folder).collect()
}

fn service(index: usize) -> serde_json::Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": names::namespace(index), "name": format!("svc-{index}")},
        "spec": {
            "clusterIP": names::address(index).to_string(),
            "ports": [{"name": "http", "port": 80}],
        },
    })
}
