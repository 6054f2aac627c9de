//! The binary as the image has it, but not optimized, run as a hardened container runs it: one static file,
//! user 65532, no capability but NET_BIND_SERVICE, no new privileges, a root that cannot be written, port 53.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use hickory_proto::rr::RecordType;
use tokio::sync::OnceCell;

use crate::harness::dig::dig_inside;
use crate::harness::process::command;
use crate::harness::{LONG, Namespace, Process, Question, eventually, parts, scratch};

const COREFILE: &str = ".:53 {
    errors
    health
    ready
    kubernetes cluster.local {
        manifests /manifests
    }
    sentinel remote {
        answer 240.0.0.1
    }
}
";

/// Makes the root of a container in a mount namespace, and becomes the program in it, as a runtime does:
/// its user keeps the one capability, and nothing may be gained on the way.
const CONTAINER: &str = r#"
set -eu
root=$1 binary=$2 corefile=$3 manifests=$4 kept=$5
mount -t tmpfs tmpfs "$root"
cp --preserve="$kept" "$binary" "$root/fleetdns"
mkdir -p "$root/etc/coredns"
cp "$corefile" "$root/etc/coredns/Corefile"
cp -r "$manifests" "$root/manifests"
mount -o remount,ro "$root"
# Else every user may listen on port 53.
echo 1024 > /proc/sys/net/ipv4/ip_unprivileged_port_start
last=$(cat /proc/sys/kernel/cap_last_cap)
all=$(capsh --decode="$(printf '%x' $(((1 << (last + 1)) - 1)))")
drop=$(echo "${all#*=}" | tr , '\n' | grep -v '^cap_net_bind_service$' | paste -sd,)
exec capsh --chroot="$root" --drop="$drop" --keep=1 --gid=65532 --groups=65532 --uid=65532 \
    --caps=cap_net_bind_service=ep --no-new-privs --shell=/fleetdns -- -conf /etc/coredns/Corefile
"#;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// How it is built: how a file is linked and started is the same in the profile of the image.
const PROFILE: &str = "image-test";

/// The binary as the Dockerfile builds it, once in a run; cargo does nothing where nothing has changed.
async fn binary() -> &'static Path {
    static BINARY: OnceCell<PathBuf> = OnceCell::const_new();
    BINARY.get_or_init(async || tokio::task::spawn_blocking(build).await.expect("a thread")).await
}

fn build() -> PathBuf {
    // Not eprintln, which is captured in a test that passes.
    let _ =
        writeln!(io::stderr(), "\nbuilding the image's binary: minutes, if it is not there yet\n");
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("image/fleetdns");
    let mut build = Command::new(project("manifests/image/build-binary"));
    build.arg(&binary).arg(PROFILE);
    // What cargo tells the tests of this package: build scripts of others take it for a change.
    let told = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
    for (key, _) in std::env::vars_os() {
        if key.to_str().is_some_and(|key| told.iter().any(|begin| key.starts_with(begin))) {
            build.env_remove(key);
        }
    }
    let output = build.output().expect("run build-binary");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    binary
}

/// Starts the binary in a container; `kept` is what of the file is (`all`, or `mode` without its
/// capability).
fn container(namespace: &Namespace, binary: &Path, kept: &str) -> Process {
    let folder = scratch::folder("container");
    std::fs::write(folder.join("Corefile"), COREFILE).expect("write");
    std::fs::create_dir(folder.join("root")).expect("a folder");
    let words: [OsString; 10] = [
        "--mount".into(),
        "sh".into(),
        "-c".into(),
        CONTAINER.into(),
        "container".into(),
        folder.join("root").into(),
        binary.into(),
        folder.join("Corefile").into(),
        project("zones/demo/east").into(),
        kept.into(),
    ];
    let container = command(parts::system("unshare"), words);
    Process::start("container", &namespace.wrap(&container))
}

#[tokio::test]
async fn it_runs_as_a_hardened_container() {
    let Some(namespace) = Namespace::or_skip("the image's binary on port 53") else { return };
    let binary = binary().await;
    assert!(!has_interpreter(binary), "{} is not static", binary.display());
    let mut process = container(&namespace, binary, "all");
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 53));
    let up = process
        .is_up(async || {
            Question::new("foo.remote.", RecordType::A).inside(&namespace).ask(at).await.map(drop)
        })
        .await;
    assert!(up, "{}", process.logs());
    confined(&process);

    for (question, expected) in [
        ("foo.remote A", "foo.remote. 30 IN A 240.0.0.1"),
        ("foo.remote A +tcp", "foo.remote. 30 IN A 240.0.0.1"),
        ("web.shop.svc.cluster.local A", "web.shop.svc.cluster.local. 5 IN A 10.96.0.20"),
    ] {
        let reply = dig_inside(&namespace, at, question).await;
        assert_eq!(reply.answer, [expected], "{}\n{}", reply.text, process.logs());
    }
    for (endpoint, expected) in [("8080/health", "200"), ("8181/ready", "200")] {
        let line = format!("curl -sS -o /dev/null -w %{{http_code}} http://127.0.0.1:{endpoint}");
        eventually(endpoint, LONG, async || {
            let said = namespace.run(&line).await;
            String::from_utf8_lossy(&said.stdout) == expected
        })
        .await;
    }
    assert_eq!(process.terminate().await.code(), Some(0), "{}", process.logs());
}

/// The counter-proof: it is the capability of the file that opens the port.
#[tokio::test]
async fn without_the_capability_of_the_file_the_port_stays_shut() {
    let Some(namespace) = Namespace::or_skip("the image's binary without its capability") else {
        return;
    };
    let mut process = container(&namespace, binary().await, "mode");
    let status = process.wait().await;
    assert_eq!(status.code(), Some(1), "{}", process.logs());
    let said = process.logs();
    assert!(said.contains(":53") && said.contains("Permission denied"), "{said}");
}

/// Checks what the kernel says of the process.
fn confined(process: &Process) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid()));
    let status = status.expect("the status of the process");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in\n{status}"))
            .split_whitespace()
            .collect::<Vec<_>>()
    };
    const NET_BIND_SERVICE: u64 = 1 << 10;
    for set in ["CapPrm:", "CapEff:", "CapBnd:"] {
        let bits = u64::from_str_radix(field(set)[0], 16).expect("a number");
        assert_eq!(bits, NET_BIND_SERVICE, "{set}\n{status}");
    }
    assert_eq!(field("CapAmb:"), ["0000000000000000"], "{status}");
    assert_eq!(field("NoNewPrivs:"), ["1"], "{status}");
    assert_eq!(field("Uid:"), ["65532"; 4], "{status}");
    assert_eq!(field("Gid:"), ["65532"; 4], "{status}");
    let mounts = std::fs::read_to_string(format!("/proc/{}/mountinfo", process.pid()));
    let mounts = mounts.expect("its mounts");
    let root = mounts.lines().find(|line| line.split(' ').nth(4) == Some("/"));
    let options = root.and_then(|line| line.split(' ').nth(5)).unwrap_or_default();
    assert!(options.split(',').any(|option| option == "ro"), "{mounts}");
}

/// Whether a 64-bit little-endian ELF file names a dynamic loader (PT_INTERP).
fn has_interpreter(binary: &Path) -> bool {
    const PT_INTERP: u32 = 3;
    let file = std::fs::read(binary).expect("the binary");
    let number = |at: usize, length: usize| {
        let mut bytes = [0; 8];
        bytes[..length].copy_from_slice(&file[at..at + length]);
        usize::from_le_bytes(bytes)
    };
    assert_eq!(&file[..6], b"\x7fELF\x02\x01", "a 64-bit little-endian ELF file");
    let (table, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    (0..count).any(|index| number(table + index * size, 4) == PT_INTERP as usize)
}

/// What the image is made of, in so far as nothing here can build it.
#[test]
fn the_dockerfile_runs_the_same_build() {
    let text = std::fs::read_to_string(project("Dockerfile")).expect("the Dockerfile");
    for line in [
        "RUN manifests/image/build-binary /out/fleetdns",
        "RUN ln -s fleetdns /out/coredns",
        "COPY --from=build /out/ /",
        "USER 65532:65532",
        r#"ENTRYPOINT ["/fleetdns"]"#,
    ] {
        assert!(text.lines().any(|other| other == line), "no line {line:?} in\n{text}");
    }
}
