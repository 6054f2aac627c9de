//! The real `kubectl`, and commands as an operator gives them with it.

use std::env;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::parts;

/// The objects of a kustomization, as a path below the project's folder, in the order in which
/// `kubectl apply -k` applies them.
pub fn kustomize(folder: &str) -> String {
    shell(Path::new("/dev/null"), &format!("kubectl kustomize {folder}"), "")
}

/// Runs a command line of a shell in the project's folder, with a kubeconfig, and gives it `input`; what it
/// printed. Fails the test where the command fails.
pub fn shell(kubeconfig: &Path, line: &str, input: &str) -> String {
    let output = run(kubeconfig, line, input);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {said}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The same for a command that must fail: what it complained of.
pub fn refused(kubeconfig: &Path, line: &str) -> String {
    let output = run(kubeconfig, line, "");
    assert!(!output.status.success(), "{line} did not fail");
    String::from_utf8(output.stderr).expect("UTF-8")
}

fn run(kubeconfig: &Path, line: &str, input: &str) -> Output {
    let kubectl = parts::kubectl();
    let own = kubectl.parent().expect("a folder").to_owned();
    let others = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([own].into_iter().chain(env::split_paths(&others)));
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", line]).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env("PATH", path.expect("folders")).env("KUBECONFIG", kubeconfig);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("start bash");
    // One that reads nothing may be gone by now.
    let _ = child.stdin.take().expect("its input").write_all(input.as_bytes());
    child.wait_with_output().expect("bash runs")
}
