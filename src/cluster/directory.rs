//! Notices that something in a directory changed.
//!
//! In: the system's file events. Out: a wake-up, once for a burst of them. What changed is not said:
//! a ConfigMap volume changes by swapping a symbolic link, an editor by renaming, so whoever is woken
//! reads the whole directory anew. Events are a hint only; every [`POLL`] the directory is looked at
//! without one, for directories that were replaced, links to other places and network file systems.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tracing::debug;

/// How long a burst of events is waited out.
const BURST: Duration = Duration::from_millis(50);
/// How often the directory is looked at without an event.
const POLL: Duration = Duration::from_secs(15);

/// Watches one directory. Dropping it stops the watch.
pub struct Directory {
    path: PathBuf,
    mode: RecursiveMode,
    watcher: Option<RecommendedWatcher>,
    woken: Arc<Notify>,
}

impl Directory {
    /// Begins to watch. The directory need not exist yet.
    pub fn watch(path: &Path, recursive: bool) -> Self {
        let woken = Arc::new(Notify::new());
        let wake = woken.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading the directory is an event too, and must not lead to reading it again. An
            // error (a queue that overflowed) means that something was missed.
            let only_read = event.is_ok_and(|event| match event.kind {
                EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
                EventKind::Access(_) => true,
                _ => false,
            });
            if !only_read {
                wake.notify_one();
            }
        });
        let watcher = watcher.inspect_err(|error| debug!(%error, "no file events: polling")).ok();
        let mode = if recursive { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
        let mut directory = Directory { path: path.to_owned(), mode, watcher, woken };
        directory.arm();
        directory
    }

    /// Waits until something may have changed since the last call.
    pub async fn changed(&mut self) {
        // The wait ends with or without an event; both mean to look.
        let event = tokio::time::timeout(POLL, self.woken.notified()).await;
        if event.is_ok() {
            tokio::time::sleep(BURST).await;
        }
        // Watched again each time, for the path may lead to another directory by now.
        self.arm();
    }

    fn arm(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        if let Err(error) = watcher.watch(&self.path, self.mode) {
            debug!(directory = %self.path.display(), %error, "no file events: polling");
        }
    }
}
