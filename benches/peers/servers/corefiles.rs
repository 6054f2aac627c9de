//! Corefiles, for fleetdns and CoreDNS alike.

use std::fmt::Write;
use std::path::PathBuf;

use crate::harness::{ApiServer, COREDNS, Program, scratch};
use crate::names::SENTINEL;

/// The plugins of Kubernetes' standard Corefile, and a suffix with a sentinel beside them.
const STANDARD: &str = ".:{PORT} {
    errors
    health 127.0.0.1:{HEALTH_PORT} {
        lameduck 5s
    }
    ready 127.0.0.1:{READY_PORT}
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig KUBECONFIG
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    prometheus 127.0.0.1:{METRICS_PORT}
    forward . 127.0.0.1:UPSTREAM
    cache 30
    loop
    reload
    loadbalance
}
remote:{PORT} {
    errors
    prometheus 127.0.0.1:{METRICS_PORT}
    cache 30
    reload
    loadbalance
    SENTINEL
}
";
const PLAIN: &str = ".:{PORT} {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig KUBECONFIG
        ttl 30
    }
}
";

/// The standard one; CoreDNS has the `template` that `sentinel` replaces.
pub fn standard(program: Program, cluster: &ApiServer, upstream: u16) -> String {
    let sentinel = match program.name == COREDNS.name {
        true => format!(
            "template IN A remote {{\n        answer \"{{{{ .Name }}}} 30 IN A {SENTINEL}\"\n    }}"
        ),
        false => format!("sentinel remote {{\n        answer {SENTINEL}\n    }}"),
    };
    with(STANDARD, cluster)
        .replace("UPSTREAM", &upstream.to_string())
        .replace("SENTINEL", &sentinel)
}

/// One without `cache`.
pub fn plain(cluster: &ApiServer) -> String {
    with(PLAIN, cluster)
}

/// A fleet of folders, whose local cluster has no Services.
pub fn fleet(members: &[(String, PathBuf)]) -> String {
    let mut lines = String::new();
    for (id, folder) in members {
        let _ = writeln!(lines, "        members manifests {id} {}", folder.display());
    }
    format!(
        ".:{{PORT}} {{
    errors
    kubernetes cluster.local {{
        manifests {}
        ttl 30
    }}
    fleet {{
        local local
{lines}
    }}
    prometheus 127.0.0.1:{{METRICS_PORT}}
    cache 30
    loadbalance
}}
",
        scratch::folder("local").display()
    )
}

fn with(text: &str, cluster: &ApiServer) -> String {
    text.replace("KUBECONFIG", &cluster.kubeconfig().display().to_string())
}
