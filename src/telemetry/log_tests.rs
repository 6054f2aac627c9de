use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use super::*;

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Memory {
    type Writer = Memory;

    fn make_writer(&'a self) -> Memory {
        self.clone()
    }
}

/// What is printed by `write` under `filter`.
fn printed(filter: &str, write: impl FnOnce()) -> String {
    let memory = Memory::default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .event_format(Line)
        .with_writer(memory.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, write);
    String::from_utf8(memory.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn prints_lines_as_coredns_does() {
    let lines = printed(DEFAULT_FILTER, || {
        tracing::info!(target: "fleetdns", "Reloading");
        tracing::error!(target: "fleetdns::plugin::errors", "2 a.test. A: no");
        tracing::warn!(target: "fleetdns::plugin::kubernetes::views", "slow");
        tracing::info!(target: "fleetdns::plugin::ready", "Plugins not ready: {:?}", "kubernetes");
        tracing::info!(target: QUERY_TARGET, "[::1]:1 - 2");
        tracing::info!(target: "fleetdns::plugin::setup", "x");
        tracing::debug!(target: "fleetdns", "hidden");
        tracing::info!(target: "kube_client::client", "hidden");
    });
    assert_eq!(
        lines,
        "[INFO] Reloading\n\
         [ERROR] plugin/errors: 2 a.test. A: no\n\
         [WARNING] plugin/kubernetes: slow\n\
         [INFO] plugin/ready: Plugins not ready: \"kubernetes\"\n\
         [INFO] [::1]:1 - 2\n\
         [INFO] x\n"
    );
}

#[test]
fn appends_fields_and_never_breaks_a_line() {
    let lines = printed("debug", || {
        let text = "two words";
        tracing::debug!(
            target: "fleetdns",
            cluster = "east",
            text,
            count = 3,
            error = %"a\nb",
            "lost\r\n[INFO] forged"
        );
    });
    assert_eq!(
        lines,
        "[DEBUG] lost\\r\\n[INFO] forged cluster=east text=\"two words\" count=3 error=a\\nb\n"
    );
}
