//! A container without a container engine: a folder as read-only root, in a mount namespace and a
//! network namespace of its own, with the rights that runc gives to a user who is not root.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::netns::Namespace;
use super::parts;
use super::process::{Process, prefixed};

/// Who the image's program runs as.
pub const USER: u32 = 65_532;
/// The only capability that it keeps, and its bit.
pub const CAPABILITY: (&str, u32) = ("cap_net_bind_service", 10);

/// Puts a copy of `$2` at `$1`, makes it read-only, and goes on as the rest says. `nosuid` would take
/// the capability of the file away.
const ROOT: &str = r#"
    mount -t tmpfs -o mode=755,nodev tmpfs "$1"
    cp -R --preserve=mode,xattr "$2"/. "$1"
    mount -o remount,ro,nodev "$1"
    shift 2
    exec "$@"
"#;

/// Starts the program at `/fleetdns` of the folder `image` inside of `namespace`.
///
/// Its capabilities are one that is permitted, and none that can be gained: user [`USER`] and
/// no-new-privileges, as by the securityContext of the manifests. The user changes on the way, so
/// the kernel forgets that it should end with the tests (`setpriv --pdeathsig`): it goes when the
/// [`Process`] is dropped, and with the terminal's group of processes.
pub fn start(image: &Path, namespace: &Namespace, args: &[&str]) -> Process {
    let root = image.with_extension("root");
    fs::create_dir(&root).expect("make a mount point");
    let mut capsh = Command::new(parts::system("capsh"));
    capsh.arg(format!("--chroot={}", root.display()));
    capsh.arg(format!("--drop={}", all_others()));
    capsh.args(["--keep=1", "--groups="]).arg(format!("--gid={USER}")).arg(format!("--uid={USER}"));
    capsh.arg(format!("--caps={}=p", CAPABILITY.0)).arg("--no-new-privs");
    capsh.args(["--shell=/fleetdns", "--"]).args(args);
    let (root, image) = (path(&root), path(image));
    let shell = prefixed(["sh", "-ec", ROOT, "sh", root, image], &capsh);
    let mounts = prefixed(["unshare", "--mount", "--propagation", "private", "--"], &shell);
    Process::start("container", &namespace.wrap(&mounts))
}

/// What the kernel says of a process: the value of `CapEff`, `NoNewPrivs` and the like.
pub fn status(process: &Process, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid()));
    let status = status.expect("the status of a process");
    let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("no {field} in {status}")).trim().to_owned()
}

/// The numbers of all capabilities but [`CAPABILITY`].
fn all_others() -> String {
    let last = fs::read_to_string("/proc/sys/kernel/cap_last_cap").expect("the last capability");
    let last: u32 = last.trim().parse().expect("a number");
    let others: Vec<String> =
        (0..=last).filter(|bit| *bit != CAPABILITY.1).map(|bit| bit.to_string()).collect();
    others.join(",")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}
