//! Servers that have the same names from zone files, and one that only forwards and keeps.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::scratch;
use crate::{Sizes, names};

/// Where a program is, if it is installed.
pub fn installed(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A folder with the zones, each in a file of its name.
pub fn zones(sizes: &Sizes) -> PathBuf {
    let folder = scratch::folder("zones");
    for (zone, text) in names::zones(sizes) {
        std::fs::write(folder.join(zone), text).expect("write a zone");
    }
    folder
}

pub fn nsd(program: &Path, zones: &Path, port: u16) -> Command {
    let (folder, zones) = (scratch::folder("nsd"), zones.display());
    let path = folder.display();
    let text = format!(
        "server:\n  ip-address: 127.0.0.1@{port}\n  server-count: 1\n  rrl-ratelimit: 0\n  \
         username: \"\"\n  zonesdir: \"{zones}\"\n  database: \"\"\n  pidfile: \"\"\n  \
         xfrdfile: \"{path}/xfrd\"\n  xfrdir: \"{path}\"\n  zonelistfile: \"{path}/list\"\n\
         remote-control:\n  control-enable: no\n\
         zone:\n  name: cluster.local\n  zonefile: cluster.local\n\
         zone:\n  name: remote\n  zonefile: remote\n"
    );
    let mut command = Command::new(program);
    command.args(["-d", "-c"]).arg(written(&folder, &text));
    command
}

pub fn knot(program: &Path, zones: &Path, port: u16) -> Command {
    let (folder, zones) = (scratch::folder("knot"), zones.display());
    let path = folder.display();
    let text = format!(
        "server:\n  listen: 127.0.0.1@{port}\n  rundir: \"{path}\"\n  udp-workers: 1\n  \
         tcp-workers: 1\n  background-workers: 1\n\
         log:\n  - target: stderr\n    any: warning\n\
         database:\n  storage: \"{path}\"\n\
         template:\n  - id: default\n    storage: \"{zones}\"\n    journal-content: none\n\
         zone:\n  - domain: cluster.local\n    file: cluster.local\n  \
         - domain: remote\n    file: remote\n"
    );
    let mut command = Command::new(program);
    command.arg("-c").arg(written(&folder, &text));
    command
}

pub fn unbound(program: &Path, upstream: u16, port: u16) -> Command {
    let folder = scratch::folder("unbound");
    let path = folder.display();
    let text = format!(
        "server:\n  interface: 127.0.0.1\n  port: {port}\n  num-threads: 1\n  username: \"\"\n  \
         chroot: \"\"\n  directory: \"{path}\"\n  pidfile: \"\"\n  use-syslog: no\n  logfile: \"\"\n  \
         module-config: \"iterator\"\n  do-not-query-localhost: no\n\
         remote-control:\n  control-enable: no\n\
         forward-zone:\n  name: \".\"\n  forward-addr: 127.0.0.1@{upstream}\n"
    );
    let mut command = Command::new(program);
    command.args(["-d", "-c"]).arg(written(&folder, &text));
    command
}

fn written(folder: &Path, text: &str) -> PathBuf {
    let file = folder.join("conf");
    std::fs::write(&file, text).expect("write a configuration");
    file
}
