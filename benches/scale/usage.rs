//! What a process uses.

use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

/// CPU time so far, and memory now.
#[derive(Clone, Debug)]
pub struct Usage {
    cpu: Duration,
    pub bytes: u64,
    at: Instant,
}

impl Usage {
    /// Of a process and all its threads (proc(5), `schedstat` and `statm`).
    pub fn of(pid: u32) -> Self {
        let mut nanos = 0;
        for task in fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs").flatten() {
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            nanos += text.split(' ').next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        }
        let text = fs::read_to_string(format!("/proc/{pid}/statm")).expect("the process runs");
        let pages: u64 = text.split(' ').nth(1).expect("resident pages").parse().expect("a number");
        Usage { cpu: Duration::from_nanos(nanos), bytes: pages * 4096, at: Instant::now() }
    }

    pub fn since(&self, before: &Usage) -> Used {
        Used {
            cpu: self.cpu.saturating_sub(before.cpu),
            time: self.at - before.at,
            bytes: self.bytes,
        }
    }
}

/// What was used between two moments, and the memory at the second.
pub struct Used {
    cpu: Duration,
    time: Duration,
    bytes: u64,
}

impl Used {
    /// Seconds of CPU time.
    pub fn seconds(&self) -> f64 {
        self.cpu.as_secs_f64()
    }
}

impl fmt::Display for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = 100.0 * self.cpu.as_secs_f64() / self.time.as_secs_f64();
        let mebibytes = self.bytes as f64 / f64::from(1 << 20);
        write!(f, "{share:.2} % of a core, {mebibytes:.0} MiB resident")
    }
}

/// Prints what a process uses in a while.
pub async fn report(what: &str, pid: u32, time: Duration) {
    let before = Usage::of(pid);
    tokio::time::sleep(time).await;
    println!("{what}: {}", Usage::of(pid).since(&before));
}
