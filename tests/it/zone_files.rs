//! Zone files that must be refused: `zone_files/bad` has them as data, and what is said of each is what
//! CoreDNS says of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{parts, ports, scratch};

const CASES: &str = include_str!("zone_files/bad");
/// The file, as the Corefile names it.
const FILE: &str = "db.zone";

#[test]
fn each_is_refused_in_the_words_of_coredns() {
    let folder = scratch::folder("zone-files");
    let corefile = format!("a.test:{} {{\nfile {FILE}\n}}\n", ports::free());
    fs::write(folder.join("Corefile"), corefile).expect("write");
    let cases: Vec<(&str, &str)> = CASES
        .split("\n== ")
        .skip(1)
        .map(|case| case.split_once('\n').unwrap_or((case, "")))
        .collect();
    let mut wrong = Vec::new();
    for (title, text) in &cases {
        fs::write(folder.join(FILE), text).expect("write");
        let expected = said(parts::coredns(), &folder);
        let expected = expected.split_once("plugin/file: ").map(|(_, said)| said.trim());
        let found = said(parts::fleetdns(), &folder);
        let found_words =
            found.split_once("Corefile:2 - ").and_then(|(_, said)| said.rsplit_once("; "));
        if expected.is_none() || expected != found_words.map(|(said, _)| said) {
            let expected = expected.unwrap_or("nothing");
            wrong.push(format!("{title}\n  CoreDNS  {expected}\n  fleetdns {found}"));
        }
    }
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// What a program says that does not start.
fn said(program: PathBuf, folder: &Path) -> String {
    let run = Command::new(program)
        .args(["-conf", "Corefile"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("run");
    assert!(!run.status.success());
    String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned()
}
