//! The file with the ID of the process (`-pidfile`; caddy, caddy.go).

use std::fs;
use std::path::{Path, PathBuf};

/// A file that was written; it is removed when this is dropped.
#[derive(Debug)]
pub struct PidFile(PathBuf);

/// Writes the ID of this process. A file that cannot be written is no reason to end, as in CoreDNS.
pub fn write(path: &Path) -> Option<PidFile> {
    match fs::write(path, format!("{}\n", std::process::id())) {
        Ok(()) => Some(PidFile(path.to_owned())),
        Err(error) => {
            let path = path.display();
            tracing::error!("Could not write pidfile: open {path}: {error}");
            None
        }
    }
}

/// Removes the file, for who ends the process at once.
pub fn remove(path: &Path) {
    // It may be gone, and then there is nothing to do.
    let _ = fs::remove_file(path);
}

impl Drop for PidFile {
    fn drop(&mut self) {
        remove(&self.0);
    }
}
