//! `timeouts`: how long connections may take, and how much they may ask (CoreDNS, plugin/timeouts).
//!
//! In: its lines. Out: [`Timeouts`] for the listeners of the server block.

use std::time::Duration;

use super::setup::Setup;
use crate::corefile::{Diagnostic, Directive, Token, parse_duration, parse_number};

const NAME: &str = "timeouts";
const OPTIONS: [&str; 4] = ["idle", "maxtcpqueries", "read", "write"];
/// The shortest and the longest time.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Limits of connections. What is not said is as in [`Timeouts::default`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// How long a question may take to come, the first one of a connection with the wait for it.
    pub read: Duration,
    /// How long a client may take to accept an answer.
    pub write: Duration,
    /// How long a connection may say nothing after that.
    pub idle: Duration,
    /// Questions that one connection over TCP or TLS may ask; then it is closed.
    pub queries: Option<u32>,
}

impl Default for Timeouts {
    /// CoreDNS's (core/dnsserver/server.go).
    fn default() -> Self {
        Timeouts {
            read: Duration::from_secs(3),
            write: Duration::from_secs(5),
            idle: Duration::from_secs(10),
            queries: None,
        }
    }
}

/// What the lines of one block say. Of the blocks of a listener the last one that says something counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Said {
    read: Option<Duration>,
    write: Option<Duration>,
    idle: Option<Duration>,
    queries: Option<Option<u32>>,
}

impl Said {
    /// With what this says, or else as it was.
    pub fn over(&self, before: Timeouts) -> Timeouts {
        Timeouts {
            read: self.read.unwrap_or(before.read),
            write: self.write.unwrap_or(before.write),
            idle: self.idle.unwrap_or(before.idle),
            queries: self.queries.unwrap_or(before.queries),
        }
    }
}

/// Reads `timeouts { read DURATION; write DURATION; idle DURATION; maxtcpqueries NUMBER }`.
///
/// # Errors
/// A wrong word, a time that is too short or too long, or no line at all.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    for directive in directives {
        directive.no_args()?;
        if directive.lines().is_empty() {
            return Err(directive.name.error(
                "timeouts says nothing",
                format!("give it a block with lines of {}", OPTIONS.join(", ")),
            ));
        }
        let said = &mut setup.chain.timeouts;
        for line in directive.lines() {
            let usage = |value: &str| format!("{} {value}", line.name());
            match line.name().text.as_str() {
                "read" => said.read = Some(time(line.one_arg(&usage("DURATION"))?)?),
                "write" => said.write = Some(time(line.one_arg(&usage("DURATION"))?)?),
                "idle" => said.idle = Some(time(line.one_arg(&usage("DURATION"))?)?),
                "maxtcpqueries" => {
                    let word = line.one_arg(&usage("NUMBER"))?;
                    said.queries = Some(match word.text.as_str() {
                        "-1" => None,
                        _ => Some(parse_number(word, "number of questions", 1..=u32::MAX)?),
                    });
                }
                _ => return Err(line.unknown(NAME, &OPTIONS)),
            }
        }
    }
    Ok(())
}

/// A number alone is of seconds (plugin/pkg/durations).
fn time(word: &Token) -> Result<Duration, Diagnostic> {
    let time = match word.text.parse::<u32>() {
        Ok(seconds) => Duration::from_secs(seconds.into()),
        Err(_) => parse_duration(word)?,
    };
    if (SHORTEST..=LONGEST).contains(&time) {
        return Ok(time);
    }
    Err(word
        .error(format!("the time '{word}' is too short or too long"), "write one from 1s to 24h"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing;

    #[test]
    fn reads_its_lines() {
        for (text, expected) in [
            ("timeouts {\nread 1s\n}", Ok("1s 5s 10s None")),
            ("timeouts {\nread 2\nwrite 2m\nidle 24h\n}", Ok("2s 120s 86400s None")),
            ("timeouts {\nmaxtcpqueries 7\n}", Ok("3s 5s 10s Some(7)")),
            ("timeouts {\nmaxtcpqueries -1\n}", Ok("3s 5s 10s None")),
            ("timeouts {\nread 1s\n}\ntimeouts {\nidle 2s\n}", Ok("1s 5s 2s None")),
            ("timeouts", Err("timeouts says nothing")),
            ("timeouts {\n}", Err("timeouts says nothing")),
            ("timeouts 5s {\nread 1s\n}", Err("5s")),
            ("timeouts {\nread\n}", Err("read DURATION")),
            ("timeouts {\nread 1s 2s\n}", Err("read DURATION")),
            ("timeouts {\nread 900ms\n}", Err("the time '900ms' is too short or too long")),
            ("timeouts {\nidle 25h\n}", Err("the time '25h' is too short or too long")),
            ("timeouts {\nwrite soon\n}", Err("'soon' is no duration")),
            ("timeouts {\nmaxtcpqueries 0\n}", Err("'0' is no number of questions")),
            ("timeouts {\nmaxtcpqueries -2\n}", Err("'-2' is no number of questions")),
            ("timeouts {\nreads 1s\n}", Err("did you mean 'read'?")),
        ] {
            testing::check(text, NAME, setup, expected, |chain, _| {
                let all = chain.timeouts.over(Timeouts::default());
                let seconds = [all.read, all.write, all.idle].map(|time| time.as_secs());
                let [read, write, idle] = seconds;
                format!("{read}s {write}s {idle}s {:?}", all.queries)
            });
        }
    }
}
