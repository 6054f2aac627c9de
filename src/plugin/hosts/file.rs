//! The hosts file: read when the server starts, and again whenever its time or size changed.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::{ArcSwap, Guard};
use tokio::time::{Instant, MissedTickBehavior};
use tracing::{debug, error};

use super::table::{Rules, Table};
use crate::plugin::background::Background;
use crate::telemetry::Metrics;

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
    first: Once,
    /// How many entries the Corefile has besides.
    inline: usize,
    metrics: Arc<Metrics>,
}

impl HostsFile {
    /// A file that was not read yet. `inline` is how many entries the Corefile has besides.
    pub fn new(path: PathBuf, rules: Rules, inline: usize, metrics: Arc<Metrics>) -> Self {
        HostsFile(Arc::new(State {
            path,
            rules,
            table: ArcSwap::default(),
            read: Mutex::default(),
            first: Once::new(),
            inline,
            metrics,
        }))
    }

    /// What stands in the file. It is read now if nothing was started, as for `explain`.
    pub fn table(&self) -> Guard<Arc<Table>> {
        self.read_first();
        self.0.table.load()
    }

    /// Reads the file, and looks at it every `interval`, unless that is zero.
    pub fn start(&self, background: &Background, interval: Duration) {
        self.read_first();
        if !interval.is_zero() {
            background.spawn(watch(self.0.clone(), interval));
        }
    }

    fn read_first(&self) {
        self.0.first.call_once(|| self.0.refresh());
    }
}

async fn watch(state: Arc<State>, interval: Duration) {
    let mut ticks = tokio::time::interval_at(Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let state = state.clone();
        // It fails only where the runtime ends.
        let _ = tokio::task::spawn_blocking(move || state.refresh()).await;
    }
}

impl State {
    /// Reads the file if it changed. Set-up warned of one that is not there; later it may come and go.
    fn refresh(&self) {
        let _ = self.read_if_changed();
    }

    fn read_if_changed(&self) -> io::Result<()> {
        let mut file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        let now = (metadata.modified()?, metadata.len());
        if *self.read() == Some(now) {
            return Ok(());
        }
        let path = self.path.to_string_lossy();
        let mut text = Vec::new();
        if let Err(error) = file.read_to_end(&mut text) {
            let words = match error.kind() {
                io::ErrorKind::IsADirectory => "is a directory".to_owned(),
                _ => error.to_string(),
            };
            error!("Failed to parse hosts file {path:?}: read {path}: {words}");
        }
        *self.read() = Some(now);
        let source = format!("Hosts file {path:?}");
        let table = Table::read(&String::from_utf8_lossy(&text), &self.rules, &source);
        let entries = table.entries();
        debug!("Parsed hosts file into {entries} entries");
        self.table.store(Arc::new(table));
        self.metrics.hosts.read(&path, self.inline + entries, now.0);
        Ok(())
    }

    fn read(&self) -> MutexGuard<'_, Option<(SystemTime, u64)>> {
        // The value is replaced whole, so it holds even if its writer panicked.
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use hickory_proto::rr::Name;

    use super::*;
    use crate::zone::name::WireName;

    fn file(path: PathBuf) -> HostsFile {
        let rules = Rules { zones: vec![Name::root()], reverse: true };
        HostsFile::new(path, rules, 2, Arc::default())
    }

    #[test]
    fn reads_again_what_changed_and_keeps_what_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        let file = file(path.clone());
        let count = || file.table().v4(&WireName::parse("a").unwrap()).len();
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
        let page = file.0.metrics.page();
        let line = format!("coredns_hosts_entries{{hostsfile=\"{}\"}} 6", path.display());
        assert!(page.contains(&line), "two of the Corefile, and two with their reverse: {page}");
    }

    #[tokio::test]
    async fn reads_at_the_start_and_watches_until_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        fs::write(&path, "10.0.0.1 a\n").unwrap();
        let file = file(path.clone());
        let background = Background::default();
        file.start(&background, Duration::from_millis(1));
        assert_eq!(file.0.table.load().entries(), 2);
        fs::write(&path, "10.0.0.1 a b\n").unwrap();
        while file.0.table.load().entries() < 4 {
            tokio::task::yield_now().await;
        }
        background.stop();
        while Arc::strong_count(&file.0) > 1 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn looks_no_more_where_that_is_not_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path().join("hosts"));
        file.start(&Background::default(), Duration::ZERO);
        assert_eq!(Arc::strong_count(&file.0), 1);
    }
}
