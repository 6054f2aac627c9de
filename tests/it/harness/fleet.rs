//! Corefiles of a fleet whose members are kubeconfig files.

use std::fs;
use std::path::{Path, PathBuf};

use super::api_server::ApiServer;
use super::scratch;

/// A new folder with a kubeconfig of each member, which has its ID for a name.
pub fn members(all: &[(&str, &ApiServer)]) -> PathBuf {
    let folder = scratch::folder("members");
    for (id, member) in all {
        let file = folder.join(id).with_extension("yaml");
        fs::write(file, member.kubeconfig_yaml()).expect("write a kubeconfig");
    }
    folder
}

/// A server block for `cluster.local` and reverse names, whose local cluster is `east`. `lines` are more of
/// `fleet`, and `plugins` of the block.
pub fn corefile(local: &ApiServer, members: &Path, lines: &str, plugins: &str) -> String {
    format!(
        ".:{{PORT}} {{
            bind 127.0.0.1
            kubernetes cluster.local in-addr.arpa {{
                kubeconfig {}
            }}
            fleet {{
                local east
                members kubeconfig {}/*.yaml
                {lines}
            }}
            {plugins}
        }}",
        local.kubeconfig().display(),
        members.display()
    )
}
