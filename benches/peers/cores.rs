//! Which core does what: the servers have one, and the clients all others.

use std::fs;

use rustix::thread::{CpuSet, Pid, sched_setaffinity};

/// The core of the servers.
pub const SERVER: usize = 0;
/// The first core of the clients.
pub const CLIENT: usize = 1;
/// The most that the clients have.
const MOST: usize = 4;

/// How many cores the clients have; without another core they share that of the servers.
pub fn clients() -> usize {
    all().saturating_sub(1).clamp(1, MOST)
}

/// How many cores the machine has.
pub fn all() -> usize {
    let count = |text: String| text.lines().filter(|line| line.starts_with("processor")).count();
    fs::read_to_string("/proc/cpuinfo").map_or(1, count)
}

/// Keeps this thread on a core, where the machine has so many.
pub fn pin(core: usize) {
    keep(None, vec![core]);
}

/// Keeps all threads of a process off the servers' core, and all that they start.
pub fn off_the_servers(pid: u32) {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the process runs");
    let ids = threads.flatten().filter_map(|thread| thread.file_name().to_str()?.parse().ok());
    ids.for_each(|id| keep(Pid::from_raw(id), (CLIENT..all()).collect()));
}

fn keep(thread: Option<Pid>, cores: Vec<usize>) {
    let mut set = CpuSet::new();
    cores.into_iter().for_each(|core| set.set(core));
    // A machine with fewer cores refuses.
    let _ = sched_setaffinity(thread, &set);
}
