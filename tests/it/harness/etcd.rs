//! The store. One serves all clusters: each API server keeps to its own prefix.

use std::path::Path;

use serde_json::{Value, json};

use super::process::{Process, command};
use super::{parts, ports, scratch, web};

/// A running etcd.
#[derive(Debug)]
pub struct Etcd {
    process: Process,
    port: u16,
}

impl Etcd {
    /// Starts one on free ports and waits until it is healthy.
    pub async fn start() -> Self {
        Self::start_on(&scratch::folder("etcd-data")).await
    }

    /// Starts one with the data of a folder, which another one may have left.
    pub async fn start_on(data: &Path) -> Self {
        loop {
            let (port, peer) = (ports::free(), ports::free());
            let clients = format!("http://127.0.0.1:{port}");
            let peers = format!("http://127.0.0.1:{peer}");
            let mut args: Vec<String> = [
                ("--data-dir", data.to_str().expect("a UTF-8 path")),
                ("--listen-client-urls", &clients),
                ("--advertise-client-urls", &clients),
                ("--listen-peer-urls", &peers),
                ("--initial-advertise-peer-urls", &peers),
                ("--initial-cluster", &format!("default={peers}")),
                ("--log-level", "warn"),
            ]
            .map(|(flag, value)| format!("{flag}={value}"))
            .into();
            args.push("--unsafe-no-fsync".into());
            let mut process = Process::start("etcd", &command(parts::etcd(), args));
            let health = async || match web::get(([127, 0, 0, 1], port), "/health").await {
                Ok((200, _)) => Ok(()),
                other => Err(format!("{other:?}")),
            };
            if process.is_up(health).await {
                return Self { process, port };
            }
        }
    }

    /// Where API servers reach it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Forgets the history of all objects (compaction): watches from before now cannot go on.
    pub async fn compact(&self) {
        let ask = async |path: &str, body: Value| {
            let reply = web::post(([127, 0, 0, 1], self.port), path, &body.to_string()).await;
            let (status, body) = reply.expect("a reply of etcd");
            assert_eq!(status, 200, "{path}: {body}");
            serde_json::from_str::<Value>(&body).expect("JSON of etcd")
        };
        // Keys are base64; this one is a zero byte.
        let now = ask("/v3/kv/range", json!({"key": "AA=="})).await;
        let revision = &now["header"]["revision"];
        ask("/v3/kv/compaction", json!({"revision": revision, "physical": true})).await;
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }
}
