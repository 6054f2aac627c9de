//! The program as the container image has it: the static release binary with its file capability, run
//! as the manifests run it.

use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use hickory_proto::rr::RecordType;
use tokio::sync::OnceCell;

use crate::harness::container::{self, CAPABILITY, USER};
use crate::harness::dig::dig_inside;
use crate::harness::{Namespace, Question, objects, scratch};

const SCRIPT: &str = "manifests/image/build-binary";

/// What the image and the Deployment's volumes hold beside the binary. The port is not one that a
/// common user may open.
const COREFILE: &str = ".:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        manifests /manifests
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    fleet {
        local east
    }
    sentinel remote {
        answer 240.0.0.1
    }
    prometheus :9153
    forward . /etc/resolv.conf
}
";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The release binary, built once in a run and only if a source changed since the last one.
async fn binary() -> &'static Path {
    static BINARY: OnceCell<PathBuf> = OnceCell::const_new();
    BINARY.get_or_init(async || tokio::task::spawn_blocking(build).await.expect("a thread")).await
}

fn build() -> PathBuf {
    let note =
        "building the release binary as the image has it: minutes, where it is not there yet";
    // Not eprintln, which is captured in a test that passes.
    let _ = writeln!(io::stderr(), "\n{note}\n");
    let binary = scratch::folder("image-binary").join("fleetdns");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target folder");
    let mut command = Command::new(repository().join(SCRIPT));
    command.arg(&binary).env("CARGO_TARGET_DIR", target);
    // What cargo tells the tests about this package, some build scripts of others would take for a
    // change of theirs.
    let told = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
    for (key, _) in std::env::vars_os() {
        if key.to_str().is_some_and(|key| told.iter().any(|begin| key.starts_with(begin))) {
            command.env_remove(key);
        }
    }
    let output = command.output().expect("run the build script");
    assert!(output.status.success(), "{SCRIPT}: {}", String::from_utf8_lossy(&output.stderr));
    binary
}

/// A folder that will be the root: the binary, with its capability or without, and its files.
fn image(binary: &Path, capable: bool) -> PathBuf {
    let image = scratch::folder("image");
    for folder in ["etc/coredns", "manifests"] {
        fs::create_dir_all(image.join(folder)).expect("make a folder");
    }
    let demo = objects::namespace("shop")
        + &objects::service_of(
            "shop",
            "web",
            &serde_json::json!({"clusterIP": "10.96.0.20", "ports": [{"port": 80}]}),
        );
    for (file, text) in [
        ("etc/coredns/Corefile", COREFILE),
        ("etc/resolv.conf", "nameserver 192.0.2.1\n"),
        ("manifests/shop.yaml", &demo),
    ] {
        fs::write(image.join(file), text).expect("write a file");
    }
    let mut copy = Command::new("cp");
    // A plain copy has no capability.
    copy.args(capable.then_some("--preserve=mode,xattr")).arg(binary).arg(&image);
    assert!(copy.status().expect("cp runs").success(), "the binary cannot be copied");
    image
}

#[tokio::test]
async fn it_serves_port_53_without_root_on_a_read_only_root() {
    let Some(namespace) = Namespace::or_skip("the image's binary") else { return };
    let image = image(binary().await, true);
    let args = ["-conf", "/etc/coredns/Corefile"];
    let mut process = container::start(&image, &namespace, &args);
    let at: SocketAddr = ([127, 0, 0, 1], 53).into();
    let web = Question::new("web.shop.svc.cluster.local", RecordType::A).inside(&namespace);
    assert!(process.is_up(async || web.ask(at).await).await, "{}", process.logs());

    let only = format!("{:016x}", 1_u64 << CAPABILITY.1);
    for (field, expected) in [
        ("Name", "fleetdns"),
        ("Uid", &[USER; 4].map(|id| id.to_string()).join("\t")),
        ("Gid", &[USER; 4].map(|id| id.to_string()).join("\t")),
        ("Groups", ""),
        ("CapBnd", &only),
        ("CapPrm", &only),
        ("CapEff", &only),
        ("CapInh", &"0".repeat(16)),
        ("CapAmb", &"0".repeat(16)),
        ("NoNewPrivs", "1"),
    ] {
        assert_eq!(container::status(&process, field), expected, "{field}");
    }
    let mounts = fs::read_to_string(format!("/proc/{}/mountinfo", process.pid())).expect("mounts");
    let root = mounts.lines().find(|line| line.split(' ').nth(4) == Some("/")).expect("a root");
    assert!(root.split(' ').nth(5).is_some_and(|o| o.split(',').any(|o| o == "ro")), "{mounts}");

    let outside: IpAddr = [198, 18, 0, 2].into();
    for server in [at, (outside, 53).into()] {
        for (question, answer) in [
            ("web.shop.svc.cluster.local", "web.shop.svc.cluster.local. 30 IN A 10.96.0.20"),
            ("httpbin.bar.remote", "httpbin.bar.remote. 30 IN A 240.0.0.1"),
            ("-x 10.96.0.20", "20.0.96.10.in-addr.arpa. 30 IN PTR web.shop.svc.cluster.local."),
        ] {
            for transport in ["+notcp", "+tcp"] {
                let line = format!("{question} {transport}");
                let dug = dig_inside(&namespace, server, &line).await;
                assert_eq!(dug.answer, [answer], "{line}: {}\n{}", dug.text, process.logs());
            }
        }
    }
    for page in [":8080/health", ":8181/ready", ":9153/metrics"] {
        let line = format!("curl -sS -m 20 -o /dev/null -w %{{http_code}} http://127.0.0.1{page}");
        let reply = namespace.run(&line).await;
        assert_eq!(String::from_utf8_lossy(&reply.stdout), "200", "{page}: {}", process.logs());
    }
    let status = process.terminate().await;
    assert_eq!(status.code(), Some(0), "{status}: {}", process.logs());
}

/// The counter-proof: it is the capability of the file that opens the port.
#[tokio::test]
async fn without_its_capability_the_port_stays_shut() {
    let Some(namespace) = Namespace::or_skip("the image's binary without capability") else {
        return;
    };
    // Not so where a sysctl lets everyone open all ports, as containers often do.
    let first = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
    let first = namespace.within(|| fs::read_to_string(first)).unwrap_or_default();
    assert_eq!(first.trim(), "1024", "ports that need a right, in a new network namespace");
    let image = image(binary().await, false);
    let mut process = container::start(&image, &namespace, &["-conf", "/etc/coredns/Corefile"]);
    let status = process.wait().await;
    assert_eq!(status.code(), Some(1), "{status}: {}", process.logs());
    assert!(process.logs().contains("Permission denied"), "{}", process.logs());
    assert!(process.logs().contains(":53"), "{}", process.logs());
}

#[tokio::test]
async fn the_binary_needs_no_library() {
    if Namespace::or_skip("the static binary, which gets a capability").is_none() {
        return;
    }
    let elf = fs::read(binary().await).expect("read the binary");
    assert_eq!(elf[..5], *b"\x7fELF\x02", "64 bits");
    // Types of the program headers (elf(5)); an interpreter is what loads libraries.
    const INTERP: u32 = 3;
    let number = |at: usize| usize::from(u16::from_le_bytes([elf[at], elf[at + 1]]));
    let start = u64::from_le_bytes(elf[0x20..0x28].try_into().expect("8 bytes"));
    let start = usize::try_from(start).expect("an offset");
    let kinds = (0..number(0x38)).map(|index| {
        let at = start + index * number(0x36);
        u32::from_le_bytes(elf[at..at + 4].try_into().expect("4 bytes"))
    });
    let kinds: Vec<u32> = kinds.collect();
    assert!(!kinds.is_empty() && !kinds.contains(&INTERP), "program headers {kinds:?}");
}

/// No container engine is at hand to build it: what is checked is that it does what is tested above.
#[test]
fn the_dockerfile_builds_what_is_tested() {
    let text = fs::read_to_string(repository().join("Dockerfile")).expect("the Dockerfile");
    let (build, image) = text.split_once("\nFROM scratch\n").expect("an image of its own");
    let has = |stage: &str, line: &str| stage.lines().any(|other| other == line);
    for (stage, line) in [
        (build, "COPY . ."),
        (build, &format!("RUN {SCRIPT} /out/fleetdns")),
        (image, "COPY --from=build /out/fleetdns /fleetdns"),
        (image, &format!("USER {USER}:{USER}")),
        (image, "ENTRYPOINT [\"/fleetdns\"]"),
    ] {
        assert!(has(stage, line), "no line {line:?} in\n{text}");
    }
    for word in ["CMD", "VOLUME", "ONBUILD"] {
        assert!(!image.lines().any(|line| line.starts_with(word)), "{word} in\n{text}");
    }
}
