//! The hosts file: read once at set-up, and again whenever its time or size changed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use arc_swap::{ArcSwap, Guard};
use tokio::time::MissedTickBehavior;
use tracing::debug;

use super::table::{Rules, Table};

/// A file and what stands in it. A file that goes away leaves what it said last.
#[derive(Debug)]
pub(super) struct HostsFile(Arc<State>);

#[derive(Debug)]
struct State {
    path: PathBuf,
    rules: Rules,
    table: ArcSwap<Table>,
    /// Time and size of the file when it was read.
    read: Mutex<Option<(SystemTime, u64)>>,
}

impl HostsFile {
    /// Reads the file. One that cannot be read is empty until it can be.
    pub fn open(path: &Path, rules: Rules) -> Self {
        let file = HostsFile(Arc::new(State {
            path: path.to_owned(),
            rules,
            table: ArcSwap::default(),
            read: Mutex::default(),
        }));
        file.0.refresh();
        file
    }

    pub fn table(&self) -> Guard<Arc<Table>> {
        self.0.table.load()
    }

    /// Looks at the file every `interval`, until this is dropped. Needs a runtime.
    pub fn watch(&self, interval: Duration) {
        tokio::spawn(watch(Arc::downgrade(&self.0), interval));
    }
}

async fn watch(state: Weak<State>, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(state) = state.upgrade() else { return };
        // It fails only where the runtime ends.
        let _ = tokio::task::spawn_blocking(move || state.refresh()).await;
    }
}

impl State {
    fn refresh(&self) {
        match self.read_if_changed() {
            Ok(Some(table)) => self.table.store(Arc::new(table)),
            Ok(None) => {}
            // Set-up warned of a file that is not there; later it may come and go.
            Err(error) => debug!("cannot read {}: {error}", self.path.display()),
        }
    }

    fn read_if_changed(&self) -> io::Result<Option<Table>> {
        let metadata = fs::metadata(&self.path)?;
        let now = (metadata.modified()?, metadata.len());
        if *self.read() == Some(now) {
            return Ok(None);
        }
        let text = fs::read(&self.path)?;
        *self.read() = Some(now);
        Ok(Some(Table::read(&String::from_utf8_lossy(&text), &self.rules)))
    }

    fn read(&self) -> MutexGuard<'_, Option<(SystemTime, u64)>> {
        // The value is replaced whole, so it holds even if its writer panicked.
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::Name;

    use super::*;
    use crate::plugin::names;

    #[test]
    fn reads_again_what_changed_and_keeps_what_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        let rules = Rules { zones: vec![Name::root()], reverse: true };
        let file = HostsFile::open(&path, rules);
        let count = || file.table().v4(&names::parse("a").unwrap()).len();
        assert_eq!(count(), 0, "no file");
        fs::write(&path, "10.0.0.1 a\n").unwrap();
        file.0.refresh();
        assert_eq!(count(), 1, "it came");
        fs::write(&path, "10.0.0.1 a\n10.0.0.2 a\n").unwrap();
        file.0.refresh();
        assert_eq!(count(), 2, "its size changed");
        fs::remove_file(&path).unwrap();
        file.0.refresh();
        assert_eq!(count(), 2, "it went");
    }

    #[tokio::test]
    async fn watches_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        let rules = Rules { zones: vec![Name::root()], reverse: true };
        let file = HostsFile::open(&path, rules);
        fs::write(&path, "10.0.0.1 a\n").unwrap();
        let watching = tokio::spawn(watch(Arc::downgrade(&file.0), Duration::from_millis(1)));
        let name = names::parse("a").unwrap();
        while file.table().v4(&name).is_empty() {
            tokio::task::yield_now().await;
        }
        drop(file);
        watching.await.unwrap();
    }
}
