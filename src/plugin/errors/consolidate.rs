//! Errors that are alike: counted for some time, then one line for all of them.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use regex::Regex;

use crate::corefile::GoDuration;
use crate::plugin::background::Background;

/// One `consolidate`.
#[derive(Debug)]
pub struct Consolidated {
    like: Arc<Alike>,
    background: OnceLock<Background>,
}

/// Which errors, and how many of them there were in this period.
#[derive(Debug)]
struct Alike {
    period: Duration,
    pattern: Regex,
    /// Of its lines.
    level: Level,
    /// Whether the first error of each period is logged whole.
    show_first: bool,
    count: AtomicU32,
}

/// The level of a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    Error,
    Warning,
    Info,
    Debug,
}

impl Level {
    /// The levels as the Corefile names them.
    pub const NAMES: [(&str, Level); 4] = [
        ("warning", Level::Warning),
        ("error", Level::Error),
        ("info", Level::Info),
        ("debug", Level::Debug),
    ];

    /// Writes a line of the plugin.
    pub fn log(self, line: fmt::Arguments<'_>) {
        match self {
            Level::Error => tracing::error!("{line}"),
            Level::Warning => tracing::warn!("{line}"),
            Level::Info => tracing::info!("{line}"),
            Level::Debug => tracing::debug!("{line}"),
        }
    }
}

impl Consolidated {
    pub fn new(period: Duration, pattern: Regex, level: Level, show_first: bool) -> Self {
        let like = Alike { period, pattern, level, show_first, count: AtomicU32::new(0) };
        Consolidated { like: Arc::new(like), background: OnceLock::new() }
    }

    /// Of its lines.
    pub fn level(&self) -> Level {
        self.like.level
    }

    /// From now on periods can be timed. Called once.
    pub fn start(&self, background: &Background) {
        // A second call would change nothing: the first background lives as long.
        let _ = self.background.set(background.clone());
    }

    pub fn matches(&self, cause: &str) -> bool {
        self.like.pattern.is_match(cause)
    }

    /// Counts an error; false where it is to be logged now. The first begins a period, which ends
    /// early with the server.
    pub fn count(&self) -> bool {
        let Some(background) = self.background.get() else { return false };
        if self.like.count.fetch_add(1, Ordering::Relaxed) > 0 {
            return true;
        }
        let period = Period(self.like.clone());
        background.spawn(async move { tokio::time::sleep(period.0.period).await });
        !self.like.show_first
    }
}

/// A period that runs: its end, in time or by the server's end, writes the line.
struct Period(Arc<Alike>);

impl Drop for Period {
    fn drop(&mut self) {
        let Alike { period, pattern, level, show_first, count } = &*self.0;
        let count = count.swap(0, Ordering::Relaxed);
        // One error that was logged whole needs no other line.
        if count > 1 || count == 1 && !show_first {
            let (pattern, period) = (pattern.as_str(), GoDuration(*period));
            level.log(format_args!("{count} errors like '{pattern}' occurred in last {period}"));
        }
    }
}
