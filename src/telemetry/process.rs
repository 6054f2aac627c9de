//! What the kernel knows of this process, under the names that Prometheus's clients give it
//! (client_golang, `NewProcessCollector`), and the two numbers of Go's that there are here, too.
//!
//! In: files of `/proc`, read when the page is asked for. Out: `process_*`, `go_goroutines`, `go_threads`.
//! What cannot be read is left out.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use tokio::runtime::Handle;

/// Ticks of the kernel's clocks in a second, on every Linux (`USER_HZ`).
const TICKS: f64 = 100.0;
/// Octets of a `kB` in `/proc`.
const KIB: f64 = 1024.0;

/// The numbers of this process.
#[derive(Debug)]
pub struct ProcessNumbers;

impl Collector for ProcessNumbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(&mut encoder);
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let stat = read("/proc/self/stat");
        page.counter(
            "process_cpu_seconds",
            "Total user and system CPU time spent in seconds",
            cpu_seconds(&stat),
        )?;
        page.gauge(
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds",
            start_time(&stat, &read("/proc/stat")),
        )?;
        let status = read("/proc/self/status");
        page.gauge(
            "process_virtual_memory_bytes",
            "Virtual memory size in bytes",
            kibibytes(&status, "VmSize"),
        )?;
        page.gauge(
            "process_resident_memory_bytes",
            "Resident memory size in bytes",
            kibibytes(&status, "VmRSS"),
        )?;
        let limits = read("/proc/self/limits");
        page.gauge(
            "process_virtual_memory_max_bytes",
            "Maximum amount of virtual memory available in bytes",
            limit(&limits, "Max address space"),
        )?;
        page.gauge(
            "process_max_fds",
            "Maximum number of open file descriptors",
            limit(&limits, "Max open files"),
        )?;
        page.gauge("process_open_fds", "Number of open file descriptors", open_files())?;
        let netstat = read("/proc/self/net/netstat");
        page.counter(
            "process_network_receive_bytes",
            "Number of bytes received by the process over the network",
            octets(&netstat, "InOctets"),
        )?;
        page.counter(
            "process_network_transmit_bytes",
            "Number of bytes sent by the process over the network",
            octets(&netstat, "OutOctets"),
        )?;
        page.gauge(
            "go_threads",
            "Number of OS threads created",
            field(&status, "Threads").and_then(|word| word.parse().ok()),
        )?;
        page.gauge(
            "go_goroutines",
            "Number of tasks that currently exist, which are here what goroutines are in Go",
            Handle::try_current().ok().map(|runtime| runtime.metrics().num_alive_tasks() as f64),
        )
    }
}

/// Writes what there is.
struct Page<'e, 'd>(&'e mut DescriptorEncoder<'d>);

impl Page<'_, '_> {
    fn counter(&mut self, name: &str, help: &str, value: Option<f64>) -> fmt::Result {
        let Some(value) = value else { return Ok(()) };
        let counter = ConstCounter::new(value);
        let help = format!("{help}.");
        counter.encode(self.0.encode_descriptor(name, &help, None, counter.metric_type())?)
    }

    fn gauge(&mut self, name: &str, help: &str, value: Option<f64>) -> fmt::Result {
        let Some(value) = value else { return Ok(()) };
        let gauge = ConstGauge::new(value);
        let help = format!("{help}.");
        gauge.encode(self.0.encode_descriptor(name, &help, None, gauge.metric_type())?)
    }
}

/// A number of `/proc/self/stat`, counted from 1 as in proc_pid_stat(5). The second may hold anything.
fn number(stat: &str, place: usize) -> Option<f64> {
    stat.rsplit_once(") ")?.1.split(' ').nth(place - 3)?.parse().ok()
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    const USER: usize = 14;
    const SYSTEM: usize = 15;
    Some((number(stat, USER)? + number(stat, SYSTEM)?) / TICKS)
}

/// When it began, in seconds since 1970. `machine` is `/proc/stat`.
fn start_time(stat: &str, machine: &str) -> Option<f64> {
    const START: usize = 22;
    let boot = machine.lines().find_map(|line| line.strip_prefix("btime "));
    Some(boot?.trim().parse::<f64>().ok()? + number(stat, START)? / TICKS)
}

/// The first word behind `NAME:` in `/proc/self/status`.
fn field<'t>(status: &'t str, name: &str) -> Option<&'t str> {
    let lines = status.lines().filter_map(|line| line.split_once(':'));
    let mut named = lines.filter(|(found, _)| *found == name);
    named.next()?.1.split_whitespace().next()
}

fn kibibytes(status: &str, name: &str) -> Option<f64> {
    Some(field(status, name)?.parse::<f64>().ok()? * KIB)
}

/// The soft limit in `/proc/self/limits`.
fn limit(limits: &str, name: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    match line.split_whitespace().next()? {
        // As client_golang shows it.
        "unlimited" => Some(u64::MAX as f64),
        number => number.parse().ok(),
    }
}

/// How many files are open, without the folder that is read for it.
fn open_files() -> Option<f64> {
    let files = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(files.saturating_sub(1) as f64)
}

/// A counter of `IpExt` in `/proc/self/net/netstat`: a line of names, and one of numbers.
fn octets(netstat: &str, name: &str) -> Option<f64> {
    let mut lines = netstat.lines().filter_map(|line| line.strip_prefix("IpExt: "));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let place = names.split(' ').position(|found| found == name)?;
    numbers.split(' ').nth(place)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_writes() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 4 0 1234 9 9 0";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(start_time(stat, "cpu 1 2\nbtime 1700000000\nx 1\n"), Some(1_700_000_012.34));
        let status = "Name:\tVmRSS: 1\nVmSize:\t    2048 kB\nVmRSS:\t     512 kB\nThreads:\t5\n";
        assert_eq!(kibibytes(status, "VmRSS"), Some(524_288.0));
        assert_eq!(field(status, "Threads"), Some("5"));
        let limits = "Limit   Soft Limit   Hard Limit   Units\n\
                      Max open files            1024                 4096                 files\n\
                      Max address space         unlimited            unlimited            bytes\n";
        assert_eq!(limit(limits, "Max open files"), Some(1024.0));
        assert_eq!(limit(limits, "Max address space"), Some(18_446_744_073_709_551_615.0));
        let netstat = "TcpExt: A B\nTcpExt: 1 2\nIpExt: InOctets OutOctets\nIpExt: 30 40\n";
        assert_eq!(octets(netstat, "OutOctets"), Some(40.0));
        for broken in ["", ")", "1 (x) S"] {
            assert_eq!(cpu_seconds(broken), None);
            assert_eq!(octets(broken, "InOctets"), None);
            assert_eq!(limit(broken, "Max open files"), None);
        }
    }
}
