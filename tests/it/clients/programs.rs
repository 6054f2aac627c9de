//! The clients' own programs, compiled once a run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::table::NAME;
use crate::harness::process::command;
use crate::harness::{parts, scratch};

/// Where the sources are.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/clients");

/// Where the compiled programs are.
static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = scratch::folder("clients");
    let source = |name: &str| Path::new(SOURCES).join(name).into_os_string();
    let place = |name: &str| folder.join(name).into_os_string();
    // Linked statically, it is what Alpine's programs ask.
    compile("musl-gcc", &["-static".into(), "-o".into(), place("musl"), source("resolve.c")]);
    compile("go", &["build".into(), "-o".into(), place("go"), source("resolve.go")]);
    compile("javac", &["-d".into(), folder.clone().into(), source("Resolve.java")]);
    folder
});

/// The words of a client's command: `NAME`, `PROGRAMS` and `SOURCES` stand for what is asked and for
/// the folders.
pub fn words(line: &str) -> impl Iterator<Item = String> {
    let programs = PROGRAMS.to_str().expect("a folder in UTF-8");
    let fill = move |word: &str| {
        word.replace("NAME", NAME).replace("SOURCES", SOURCES).replace("PROGRAMS", programs)
    };
    line.split(' ').map(fill)
}

fn compile(compiler: &str, args: &[OsString]) {
    let output = command(parts::system(compiler), args).output();
    let output = output.unwrap_or_else(|e| panic!("cannot run {compiler}: {e}"));
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{compiler} failed: {why}");
}
