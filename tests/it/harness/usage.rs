//! What a process holds, as the kernel counts it.

use std::fs;

use super::process::Process;

/// What a process holds at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Memory that it has in RAM, in KiB.
    pub memory: usize,
    /// Open file descriptors.
    pub files: usize,
    /// Threads.
    pub threads: usize,
}

impl Process {
    /// What it holds now.
    pub fn usage(&self) -> Usage {
        let folder = format!("/proc/{}", self.pid());
        let statm = fs::read_to_string(format!("{folder}/statm")).expect("a running process");
        let pages: usize =
            statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("pages in RAM");
        let count = |name: &str| {
            fs::read_dir(format!("{folder}/{name}")).expect("a running process").count()
        };
        let page = rustix::param::page_size() / 1024;
        Usage { memory: pages * page, files: count("fd"), threads: count("task") }
    }
}
