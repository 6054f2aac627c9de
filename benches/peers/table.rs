//! The table of what was measured: figures, and the ratios that have a bar.

use std::fmt::Write;
use std::process::Command;

use super::cores;
use super::harness::parts;
use super::kind::Kind;
use super::report::{Figure, Report, Time};
use super::servers::installed;

/// The columns.
const SERVERS: [&str; 6] = ["echo", "fleetdns", "coredns", "nsd", "knot", "unbound"];
/// Other than the echo and fleetdns, whose fastest is looked for.
const PEERS: [&str; 4] = ["coredns", "nsd", "knot", "unbound"];

/// A ratio: its name, what it is to be, the figure, and that of another server or another figure of the same.
type Ratio = (&'static str, &'static str, Figure, By);

#[derive(Clone, Copy)]
enum By {
    Server(&'static str),
    Figure(Figure),
}

const RATIOS: [Ratio; 18] = {
    use Figure::{Memory, Rate, Time as Took};
    [
        ("hit by echo", "at least 0.85", Rate(Kind::Hit), By::Server("echo")),
        ("mix by echo", "", Rate(Kind::Mix), By::Server("echo")),
        ("mix by hit", "at least 0.9", Rate(Kind::Mix), By::Figure(Rate(Kind::Hit))),
        ("hit by CoreDNS", "at least 6", Rate(Kind::Hit), By::Server("coredns")),
        ("hit by NSD", "more than 1", Rate(Kind::Hit), By::Server("nsd")),
        ("hit by Knot", "more than 1", Rate(Kind::Hit), By::Server("knot")),
        ("SRV by CoreDNS", "", Rate(Kind::Srv), By::Server("coredns")),
        ("PTR by CoreDNS", "", Rate(Kind::Ptr), By::Server("coredns")),
        ("sentinel by CoreDNS", "", Rate(Kind::Sentinel), By::Server("coredns")),
        ("many members by one", "at least 0.9", Rate(Kind::Many), By::Figure(Rate(Kind::One))),
        ("cached by unbound", "more than 1", Rate(Kind::Cached), By::Server("unbound")),
        ("cached by CoreDNS", "", Rate(Kind::Cached), By::Server("coredns")),
        ("TCP by CoreDNS", "at least 2.5", Rate(Kind::Tcp), By::Server("coredns")),
        ("p99 of round trips by echo", "at most 1.2", Took(Time::Trip, 0.99), By::Server("echo")),
        ("ready by CoreDNS", "at most 1", Took(Time::Ready, 0.5), By::Server("coredns")),
        ("RSS by CoreDNS", "at most 0.33", Memory, By::Server("coredns")),
        ("p50 of changes by CoreDNS", "at most 1", Took(Time::Change, 0.5), By::Server("coredns")),
        ("p99 of changes by CoreDNS", "at most 1", Took(Time::Change, 0.99), By::Server("coredns")),
    ]
};

impl Report {
    /// Prints the table, and writes it to benches/RESULTS.md.
    pub fn write(&self) {
        let text = format!("# Beside the peers\n\n{}\n{}", self.head(), self.table());
        println!("{text}");
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/RESULTS.md");
        std::fs::write(file, text).expect("write the results");
    }

    fn head(&self) -> String {
        let changed = said(&["git", "status", "--porcelain", "--", ".", ":!benches/RESULTS.md"]);
        let changed = if changed.is_empty() { "" } else { " with changes" };
        let (sizes, lost, clients) = (&self.sizes, self.lost(), self.clients());
        let [date, commit, kernel] =
            [&["date", "-I"][..], &["git", "rev-parse", "--short", "HEAD"], &["uname", "-r"]]
                .map(said);
        format!(
            "Written by `cargo bench --bench peers` on {date} at commit {commit}{changed}, on {} cores with \
             Linux {kernel}: the servers on the first, the clients on {} other. {sizes}. Of loads there is the median of \
             the rounds, with the least and the most in brackets, and after a semicolon that by the echo's.\n\n\
             {clients} Questions without an answer: {lost}.\n",
            cores::all(),
            cores::clients(),
        )
    }

    /// How fast the clients are beside those whom they ask.
    fn clients(&self) -> String {
        let rate = |name| self.value(name, Figure::Rate(Kind::Hit)).unwrap_or(0.0);
        let fastest = PEERS.into_iter().chain(["fleetdns"]);
        let fastest = fastest.max_by(|one, other| rate(one).total_cmp(&rate(other)));
        let fastest = fastest.expect("a server");
        let capacity = self.capacity(fastest, Kind::Hit).unwrap_or(f64::NAN);
        let of_echo = self.capacity("echo", Kind::Hit).unwrap_or(f64::NAN);
        let (times, of_echo) = (capacity / rate(fastest), of_echo / rate("echo"));
        let judged = match times >= 2.0 {
            true => "they are at least twice as fast as every server",
            false => {
                "they are less than twice as fast as it, so that figures near the echo's are partly theirs"
            }
        };
        format!(
            "Without waiting for answers, the clients would have asked {:.0},000 questions a second of the load hit: \
             {times:.1} times what the fastest server, {fastest}, answers, and {of_echo:.1} times what the echo does; \
             {judged}.",
            capacity / 1000.0
        )
    }

    fn table(&self) -> String {
        let mut text = String::new();
        let mut row = |title: &str, cell: &dyn Fn(&'static str) -> Option<String>| {
            let _ = write!(text, "| {title} |");
            for name in SERVERS {
                let _ = write!(text, " {} |", cell(name).unwrap_or_else(|| "-".into()));
            }
            text.push('\n');
        };
        row("", &|name| Some(name.into()));
        row("---", &|_| Some("---".into()));
        row("version", &|name| Some(version(name)));
        for kind in Kind::ALL {
            row(&format!("{}, 1000/s", kind.name()), &|name| self.rate(name, kind));
        }
        let shown = |name, time, scale| {
            let [half, most] = [0.5, 0.99].map(|part| self.value(name, Figure::Time(time, part)));
            let shown = |seconds: f64| three_digits(seconds * scale);
            Some(format!("{} / {}", shown(half?), shown(most?)))
        };
        row("round trip p50 / p99, µs", &|name| shown(name, Time::Trip, 1e6));
        row("change to answer p50 / p99, ms", &|name| shown(name, Time::Change, 1e3));
        row("the same, 16 at once", &|name| shown(name, Time::Changes, 1e3));
        row("ready, s", &|name| {
            self.value(name, Figure::Time(Time::Ready, 0.5)).map(|of| format!("{of:.2}"))
        });
        row("RSS, MiB", &|name| {
            self.value(name, Figure::Memory).map(|of| format!("{:.0}", of / 1024.0))
        });
        for (title, bar, figure, by) in RATIOS {
            let title = if bar.is_empty() { title.into() } else { format!("{title} ({bar})") };
            row(&title, &|name| {
                let by = match by {
                    By::Server(other) => (other, figure),
                    By::Figure(other) => (name, other),
                };
                self.ratio((name, figure), by).map(three_digits)
            });
        }
        text
    }

    fn rate(&self, name: &'static str, kind: Kind) -> Option<String> {
        let (least, most) = self.spread(name, kind)?;
        let median = self.value(name, Figure::Rate(kind))?;
        let [median, least, most] = [median, least, most].map(|rate| three_digits(rate / 1000.0));
        let figure = Figure::Rate(kind);
        let by = self.ratio((name, figure), ("echo", figure)).map(|by| format!("; {by:.2}"));
        Some(format!("{median} ({least} to {most}){}", by.unwrap_or_default()))
    }
}

/// With as many decimals as make three digits.
fn three_digits(number: f64) -> String {
    let decimals = if number < 10.0 { 2 } else { usize::from(number < 100.0) };
    format!("{number:.decimals$}")
}

/// The version of a server, by what its program says; or that it is not installed.
fn version(name: &str) -> String {
    let (program, flag) = match name {
        "coredns" => (Some(parts::coredns()), "-version"),
        "nsd" => (installed("nsd"), "-v"),
        "knot" => (installed("knotd"), "--version"),
        "unbound" => (installed("unbound"), "-V"),
        _ => return "-".into(),
    };
    let Some(program) = program else { return "not installed".into() };
    let output = Command::new(program).arg(flag).output().expect("a version");
    let all = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&all);
    let mut numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    let is_version = |number: &&str| number.contains('.') && number.starts_with(char::is_numeric);
    numbers.find(is_version).unwrap_or("-").into()
}

/// What a command of the system prints.
fn said(words: &[&str]) -> String {
    let output = Command::new(words[0]).args(&words[1..]).output();
    output.map(|of| String::from_utf8_lossy(&of.stdout).trim().to_owned()).unwrap_or_default()
}
