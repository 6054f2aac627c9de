//! Member clusters as folders of manifests, which all have the same Services.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde_json::json;

use crate::harness::scratch;
use crate::{Sizes, names};

/// As many members, each with its ID and its folder.
pub fn folders(count: usize, sizes: &Sizes) -> Vec<(String, PathBuf)> {
    let folder = |number| {
        let items: Vec<_> = (0..sizes.remote).map(|index| service(number, index)).collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
        let folder = scratch::folder("member");
        std::fs::write(folder.join("all.json"), list).expect("write manifests");
        (format!("member-{number}"), folder)
    };
    (0..count).map(folder).collect()
}

fn service(member: usize, index: usize) -> serde_json::Value {
    // Each member has a range of its own.
    let first = u32::from(Ipv4Addr::new(100, 64, 0, 0)) + ((member as u32) << 14);
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": names::namespace(index), "name": format!("svc-{index}")},
        "spec": {
            "clusterIP": Ipv4Addr::from(first + index as u32).to_string(),
            "ports": [{"name": "http", "port": 80}],
        },
    })
}
