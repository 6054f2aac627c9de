//! `reload`: reads the Corefile again when it, or what it imports, has changed (CoreDNS, plugin/reload).
//!
//! In: its line, and a Corefile now and then. Out: how often to look, and whether it has changed. The
//! program does the rest ([`crate::server::running`]), as it also does for SIGUSR1.

use std::time::Duration;

use data_encoding::HEXLOWER;
use rand::RngExt;
use ring::digest::{Context, SHA512};
use tracing::{error, info, warn};

use super::setup::Setup;
use crate::corefile::{Corefile, Diagnostic, Directive, Line, Token, parse_duration};

const USAGE: &str = "reload [INTERVAL] [JITTER]";
const INTERVAL: Duration = Duration::from_secs(30);
const LEAST_INTERVAL: Duration = Duration::from_secs(2);
const JITTER: Duration = Duration::from_secs(15);
const LEAST_JITTER: Duration = Duration::from_secs(1);

/// Reads `reload [INTERVAL] [JITTER]`; of several blocks the last counts.
///
/// # Errors
/// A wrong word, or a time that is too short.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    let words = directive.args_within(0..=2, USAGE)?;
    if let Some(line) = directive.lines().first() {
        return Err(line.unknown("reload", &[]));
    }
    let time = |index: usize, default| words.get(index).map_or(Ok(default), parse_duration);
    let (interval, jitter) = (time(0, INTERVAL)?, time(1, JITTER)?);
    if interval < LEAST_INTERVAL {
        return Err(words[0].error(
            format!("the interval '{}' is too short", words[0]),
            "write one of at least 2s",
        ));
    }
    if !jitter.is_zero() && jitter < LEAST_JITTER {
        return Err(words[1].error(
            format!("the jitter '{}' is too short", words[1]),
            "write one of at least 1s, or 0s",
        ));
    }
    setup.process.reload = Some(spread(interval, jitter.min(interval / 2)));
    Ok(())
}

/// The interval, longer or shorter by up to half of the jitter: replicas do not all look at once.
fn spread(interval: Duration, jitter: Duration) -> Duration {
    if jitter.is_zero() {
        return interval;
    }
    interval - jitter / 2 + rand::rng().random_range(Duration::ZERO..jitter)
}

/// What a Corefile says with all that it imports, as SHA-512 in hexadecimal digits. Comments do not count.
pub fn checksum(corefile: &Corefile) -> String {
    let mut sum = Context::new(&SHA512);
    for block in &corefile.blocks {
        sum.update(b"block\0");
        for key in &block.keys {
            sum.update(format!("{key}\0").as_bytes());
        }
        for directive in &block.directives {
            word(&mut sum, &directive.name);
            directive.args.iter().for_each(|token| word(&mut sum, token));
            lines(&mut sum, directive.block.as_deref());
        }
    }
    HEXLOWER.encode(sum.finish().as_ref())
}

fn lines(sum: &mut Context, block: Option<&[Line]>) {
    for line in block.unwrap_or_default() {
        sum.update(b"line\0");
        line.words.iter().for_each(|token| word(sum, token));
        lines(sum, line.block.as_deref());
    }
    sum.update(b"end\0");
}

/// Its length goes before it: no two lists of words look alike.
fn word(sum: &mut Context, token: &Token) {
    sum.update(format!("{}\0{}", token.text.len(), token.text).as_bytes());
}

/// Says which configuration runs.
pub fn say_running(checksum: &str) {
    info!("Running configuration SHA512 = {checksum}");
}

/// Says that the Corefile cannot be read; what it said before goes on.
pub fn say_unreadable(why: &str) {
    warn!("Corefile parse failed: {why}");
}

/// Says that what the Corefile says now cannot be done; what it said before goes on.
pub fn say_failed(why: &str) {
    error!("Corefile changed but reload failed: {why}");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::corefile::{self, ParseOptions};
    use crate::plugin::testing;

    #[test]
    fn reads_its_words() {
        for (text, expected) in [
            ("reload", Ok("30 7")),
            ("reload 10s", Ok("10 2")),
            ("reload 10s 0s", Ok("10 0")),
            ("reload 10s 2s", Ok("10 1")),
            ("reload 2s", Ok("2 0")),
            ("reload 1s", Err("the interval '1s' is too short")),
            ("reload 10s 500ms", Err("the jitter '500ms' is too short")),
            ("reload ten", Err("'ten' is no duration")),
            ("reload 10s 5s 1s", Err(USAGE)),
            ("reload {\nx\n}", Err("takes no properties")),
            ("reload\nreload", Err("used twice")),
        ] {
            testing::check(text, "reload", setup, expected, |_, process| {
                let interval = process.reload.expect("an interval");
                let (middle, jitter) = match expected {
                    Ok(expected) => expected.split_once(' ').expect("two numbers"),
                    Err(_) => unreachable!("it was refused"),
                };
                let number = |text: &str| Duration::from_secs(text.parse().expect("a number"));
                let off = interval.abs_diff(number(middle));
                assert!(off <= number(jitter) + Duration::from_secs(1), "{text}: {interval:?}");
                format!("{middle} {jitter}")
            });
        }
    }

    #[test]
    fn tells_corefiles_apart() {
        let sum = |text: &str| {
            let options = ParseOptions { default_port: 53, env: &|_| None };
            checksum(&corefile::parse(Path::new("Corefile"), text, &options).expect("a Corefile"))
        };
        let first = sum(". {\n errors\n log . a b\n}\n");
        assert_eq!(first.len(), 128);
        assert_eq!(first, sum("# a comment\n. {\n errors # another\n\n log . a b\n}\n"));
        for other in [
            ". {\n errors\n log . ab\n}\n",
            ". {\n errors\n log . \"a b\"\n}\n",
            ".:54 {\n errors\n log . a b\n}\n",
            ". {\n errors\n}\n",
            ". {\n errors\n log . a b {\n class all\n }\n}\n",
            ". {\n errors\n log . a b\n}\na {\n}\n",
        ] {
            assert_ne!(first, sum(other), "{other}");
        }
    }
}
