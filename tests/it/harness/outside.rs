//! Corefiles that are written for a pod, to be served outside of one.

use std::path::Path;

/// The Corefile with what differs outside of a pod: ports, and where the API server of `kubernetes` is,
/// unless that reads manifests. Paths below `/etc/fleetdns` are the caller's to replace.
pub fn outside_of_a_cluster(corefile: &str, kubeconfig: &Path) -> String {
    let (mut text, mut endpoints) = (String::new(), Vec::new());
    let mut lines = corefile.lines().peekable();
    while let Some(line) = lines.next() {
        let word = line.split_whitespace().next().unwrap_or_default();
        let line = match word {
            "health" | "ready" | "prometheus" => {
                endpoints.push(word);
                let rest = line.replacen(word, "", 1).replace(":9153", "");
                format!("{word} 127.0.0.1:{{{}_PORT}}{rest}", word.to_uppercase())
            }
            "lameduck" => line.replace("5s", "0s"),
            "kubernetes" => {
                let reads_manifests = lines.peek().is_some_and(|next| next.contains("manifests "));
                let source = format!("\n kubeconfig {}", kubeconfig.display());
                line.to_owned() + if reads_manifests { "" } else { &source }
            }
            key if key.ends_with(":53") => {
                let line = line.replace(":853", ":{TLS_PORT}").replace(":53", ":{PORT}");
                line + "\n bind 127.0.0.1"
            }
            _ => line.to_owned(),
        };
        text.push_str(&line);
        text.push('\n');
    }
    assert_eq!(endpoints, ["health", "ready", "prometheus"], "in {corefile}");
    text
}
