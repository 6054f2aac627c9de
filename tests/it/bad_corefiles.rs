//! Corefiles that must be refused, each with its whole message: `bad_corefiles/` has them as data.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::pki::Pki;
use crate::harness::{parts, scratch};

const CASES: &[&str] = &[
    include_str!("bad_corefiles/corefile"),
    include_str!("bad_corefiles/errors-to-bind"),
    include_str!("bad_corefiles/kubernetes"),
    include_str!("bad_corefiles/fleet"),
    include_str!("bad_corefiles/clusterset"),
    include_str!("bad_corefiles/listeners"),
    include_str!("bad_corefiles/sentinel"),
    include_str!("bad_corefiles/hosts"),
    include_str!("bad_corefiles/forward"),
    include_str!("bad_corefiles/view-and-acl"),
    include_str!("bad_corefiles/cache-to-any"),
    include_str!("bad_corefiles/file-and-transfer"),
    include_str!("bad_corefiles/rewriting"),
    include_str!("bad_corefiles/template-to-root"),
];
/// What lies beside the Corefile.
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/bad_corefiles/files");

/// One Corefile and what is said of it.
struct Case<'a> {
    title: &'a str,
    corefile: &'a str,
    message: &'a str,
}

fn cases() -> Vec<Case<'static>> {
    let blocks = CASES.iter().flat_map(|file| file.split("\n== ").skip(1));
    let case = |block: &'static str| {
        let (title, rest) = block.split_once('\n')?;
        let (corefile, message) = rest.split_once("\n-- ")?;
        Some(Case { title, corefile, message: message.trim() })
    };
    blocks.map(|block| case(block).unwrap_or_else(|| panic!("no case: {block}"))).collect()
}

/// The port that the Corefiles name is taken, over UDP and TCP: a server that got as far as opening
/// sockets would complain of that.
#[test]
fn each_is_refused_with_its_message_before_a_socket_is_opened() {
    let (udp, _tcp) = loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = udp.local_addr().expect("its address").port();
        if let Ok(tcp) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            break (udp, tcp);
        }
    };
    let port = udp.local_addr().expect("its address").port().to_string();
    let folder = scratch::folder("bad-corefiles");
    let file = folder.join("Corefile");
    copy(Path::new(FILES), &folder.join("files"));
    for (name, file) in [("tls.crt", &Pki::shared().cert), ("tls.key", &Pki::shared().key)] {
        fs::copy(file, folder.join("files").join(name)).expect("copy a file");
    }
    let cases = cases();
    let built_in = fleetdns::plugin::order::built_in().collect::<Vec<_>>().join(" ");
    let all = if_addrs::get_if_addrs().expect("the interfaces");
    let interfaces: BTreeSet<String> = all.into_iter().map(|one| one.name).collect();
    let interfaces = Vec::from_iter(interfaces).join(", ");
    let mut wrong = Vec::new();
    for case in &cases {
        fs::write(&file, case.corefile.replace("{PORT}", &port)).expect("write");
        let run = Command::new(parts::fleetdns())
            .arg("-conf")
            .arg(&file)
            .current_dir(&folder)
            .env_remove("KUBERNETES_SERVICE_HOST")
            .stdin(Stdio::null())
            .output()
            .expect("run fleetdns");
        let said = String::from_utf8_lossy(&run.stderr)
            .replace(&*file.to_string_lossy(), "FILE")
            .replace(&*folder.to_string_lossy(), "FOLDER")
            .replace(&port, "{PORT}");
        let ended = run.status.code() == Some(1) && run.stdout.is_empty();
        let expected = case.message.replace("BUILT_IN", &built_in);
        let expected = expected.replace("INTERFACES", &interfaces);
        if said.trim() != expected || !ended {
            wrong.push(format!(
                "{}: {}\n  said     {}\n  expected {}",
                case.title,
                run.status,
                said.trim(),
                expected
            ));
        }
    }
    assert!(cases.len() >= 100, "only {} cases", cases.len());
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("make a folder");
    for entry in fs::read_dir(from).expect("read a folder") {
        let entry = entry.expect("an entry");
        let new = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &new),
            false => fs::copy(entry.path(), new).map(drop).expect("copy a file"),
        }
    }
}

#[test]
fn a_corefile_that_is_not_there_is_said() {
    let run = Command::new(parts::fleetdns())
        .args(["-conf", "/nowhere/Corefile"])
        .output()
        .expect("run fleetdns");
    assert_eq!(run.status.code(), Some(1));
    let said = String::from_utf8_lossy(&run.stderr);
    let expected = "/nowhere/Corefile - cannot read the Corefile: No such file or directory \
                    (os error 2); give the path of a readable file with -conf";
    assert_eq!(said.trim(), expected);
}
