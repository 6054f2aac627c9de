//! Folders for logs, data and configuration, below cargo's own folder for tests.
//!
//! They stay after a run so that logs can be read, and go when the next run starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("it");
    for old in fs::read_dir(&all).into_iter().flatten().flatten() {
        if !is_running(&old.file_name().to_string_lossy()) {
            let _ = fs::remove_dir_all(old.path());
        }
    }
    all.join(process::id().to_string())
});

/// A number that no other call in this process gets.
pub fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A new empty folder whose name starts with `name`.
pub fn folder(name: &str) -> PathBuf {
    let folder = ROOT.join(format!("{name}-{}", unique()));
    fs::create_dir_all(&folder).expect("make a scratch folder");
    folder
}

/// Whether the process of this id, written in decimal, is there.
pub fn is_running(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}
