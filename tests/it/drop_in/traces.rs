//! What no answer shows: counters, lines of the log, and what upstreams were asked.

use std::sync::LazyLock;
use std::time::Duration;

use regex::{Captures, Regex};
use tokio::time::timeout;

use super::case::Case;
use super::play::Side;
use crate::harness::{DnsServer, get};

/// Families that are not compared: they tell of time or of the program itself, or fleetdns has them alone.
const ASIDE: [&str; 8] = [
    "coredns_build_info",
    "coredns_fleet_",
    "coredns_health_request_",
    "coredns_hosts_reload_timestamp_seconds",
    "coredns_reload_version_info",
    "coredns_sentinel_",
    "_bucket{",
    "_seconds_sum",
];

/// How long counters and lines may take: both write them after the reply is sent.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(20);

/// Compares all of it; how it differs when it still does after a while.
pub async fn compare(case: &Case, coredns: &Side, fleetdns: &Side) -> Option<String> {
    let mut last = String::new();
    let same = async {
        loop {
            match (traces(case, coredns).await, traces(case, fleetdns).await) {
                (Ok(expected), Ok(found)) if expected == found => return,
                (Ok(expected), Ok(found)) => last = difference(&expected, &found),
                (Err(error), _) | (_, Err(error)) => last = error,
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let late = timeout(PATIENCE, same).await.is_err();
    late.then(|| format!("{}: what is counted and logged differs\n{last}", case.name))
}

/// Sorted lines.
async fn traces(case: &Case, side: &Side) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    if case.corefile.contains("{METRICS_PORT}") && !case.ends() {
        let at = side.server.addr("METRICS_PORT");
        let (_, page) = get(at, "/metrics").await.map_err(|error| error.to_string())?;
        lines
            .extend(page.lines().filter(|line| is_compared(case, line)).map(|line| of(side, line)));
    }
    lines.extend(logged(&side.server).map(|line| format!("log: {}", of(side, &line))));
    for (name, upstream) in &side.upstreams {
        lines.extend(logged(upstream).map(|line| format!("upstream {name}: {}", of(side, &line))));
    }
    lines.sort();
    Ok(lines)
}

/// Of plugins that the Corefile does not have, CoreDNS says that they counted nothing.
fn is_compared(case: &Case, line: &str) -> bool {
    let is_named = || case.counters.iter().any(|name| line.starts_with(name));
    let is_nothing = !line.contains('{') && line.ends_with(" 0");
    line.starts_with("coredns_")
        && (case.counters.is_empty() || is_named())
        && !is_nothing
        && !ASIDE.iter().any(|aside| line.contains(aside))
}

/// Lines of `log`, of plugins, and of signals and reloads.
fn logged(server: &DnsServer) -> impl Iterator<Item = String> {
    let logs = server.logs();
    let lines: Vec<String> = logs.lines().map(str::to_owned).collect();
    // Why a reload failed, each says in its words.
    let cut =
        |line: String| FAILED.find(&line).map(|begin| begin.as_str().to_owned()).unwrap_or(line);
    lines.into_iter().map(cut).filter(|line| {
        // fleetdns alone says what is odd about a Corefile, with its place; and each speaks of API servers and
        // of what is wrong in words of its own. On a busy machine both complain of their pages.
        let own = [
            "SHA512",
            "/Corefile:",
            "] plugin/kubernetes: ",
            "changed but reload failed",
            "Failed to stop health http server",
            "Local health request",
        ];
        let is_odd = own.iter().any(|own| line.contains(own));
        let is_failure = FAILED.is_match(line);
        is_failure
            || QUESTION.is_match(line)
            || PROCESS.is_match(line)
            || (line.contains("] plugin/") && !is_odd)
    })
}

/// A line without what differs from run to run: ports, folders, IDs, durations, and how Go writes numbers.
fn of(side: &Side, line: &str) -> String {
    let mut line = line.replace(&*side.folder.to_string_lossy(), "FOLDER");
    let servers = side.upstreams.iter().map(|(name, server)| (format!("{name}_"), server));
    for (prefix, server) in servers.chain([(String::new(), &side.server)]) {
        for (name, port) in server.ports() {
            line = line.replace(&format!(":{port}"), &format!(":{{{prefix}{name}}}"));
        }
    }
    let line = CLIENT.replace_all(&line, "$1:PORT");
    let line = QUESTION.replace(&line, "$1 ID \"");
    let line = DURATION.replace(&line, " TIME$2");
    VALUE
        .replace(&line, |value: &Captures<'_>| {
            value[1]
                .parse::<f64>()
                .map_or_else(|_| value[0].into(), |number| format!("}} {number}"))
        })
        .into_owned()
}

static CLIENT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(127\.\d+\.\d+\.\d+|\[::1\]):\d{4,5}"));
/// The beginning of a line of `log`: `[INFO] 127.0.0.1:40000 - 4711 "A IN ...`.
static QUESTION: LazyLock<Regex> = LazyLock::new(|| pattern(r#"^(\[INFO\] \S+ -) \d+ ""#));
static PROCESS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\[INFO\] (SIG[A-Z0-9]+: |Reloading)"));
static FAILED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\[ERROR\] (Restart failed|SIG[A-Z0-9]+):"));
static DURATION: LazyLock<Regex> = LazyLock::new(|| pattern(r#" \d+(\.\d+)?s( "|$)"#));
static VALUE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\} ([-+0-9.eE]+)$"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

fn difference(expected: &[String], found: &[String]) -> String {
    let mut text = String::new();
    let (mut left, mut right) = (expected.iter().peekable(), found.iter().peekable());
    loop {
        match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if a == b => {
                left.next();
                right.next();
            }
            (Some(a), Some(b)) if a < b => text += &format!("- {}\n", left.next().expect("peeked")),
            (_, Some(_)) => text += &format!("+ {}\n", right.next().expect("peeked")),
            (Some(_), None) => text += &format!("- {}\n", left.next().expect("peeked")),
            (None, None) => return text,
        }
    }
}
