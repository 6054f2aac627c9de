//! `https` and `quic`: how many connections and questions at once those listeners take (CoreDNS,
//! plugin/https and plugin/quic).
//!
//! In: their lines. Out: limits for the listeners of the server block.

use super::setup::Setup;
use crate::corefile::{Diagnostic, Directive, Line, parse_number};

/// Limits of DNS over HTTPS; of the blocks of a listener the first counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Https {
    connections: Option<usize>,
    streams: Option<u32>,
}

impl Https {
    /// Connections at a time; no limit is `None`.
    pub fn connections(&self) -> Option<usize> {
        Some(self.connections.unwrap_or(200)).filter(|most| *most > 0)
    }

    /// Questions of a connection at a time, over HTTP/2; what the library takes is `None`.
    pub fn streams(&self) -> Option<u32> {
        Some(self.streams.unwrap_or(250)).filter(|most| *most > 0)
    }
}

/// Limits of DNS over QUIC; of the blocks of a listener the first counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Quic {
    connections: Option<usize>,
    streams: Option<u32>,
    questions: Option<usize>,
}

impl Quic {
    /// Connections at a time; no limit is `None`.
    pub fn connections(&self) -> Option<usize> {
        Some(self.connections.unwrap_or(200)).filter(|most| *most > 0)
    }

    /// Questions of a connection at a time.
    pub fn streams(&self) -> u32 {
        self.streams.unwrap_or(256)
    }

    /// Questions of all connections at a time.
    pub fn questions(&self) -> usize {
        self.questions.unwrap_or(1024)
    }
}

/// Reads `https { max_connections NUMBER; max_streams NUMBER }`; 0 is no limit.
///
/// # Errors
/// A wrong word, or a line that stands twice.
pub fn https(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    directive.no_args()?;
    let limits = &mut setup.chain.https;
    for line in directive.lines() {
        match line.name().text.as_str() {
            "max_connections" => once(line, &mut limits.connections, 0..=usize::MAX)?,
            "max_streams" => once(line, &mut limits.streams, 0..=u32::MAX)?,
            _ => return Err(line.unknown("https", &["max_connections", "max_streams"])),
        }
    }
    Ok(())
}

/// Reads `quic { max_connections NUMBER; max_streams NUMBER; worker_pool_size NUMBER }`.
///
/// # Errors
/// A wrong word, or a line that stands twice.
pub fn quic(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    directive.no_args()?;
    let limits = &mut setup.chain.quic;
    for line in directive.lines() {
        match line.name().text.as_str() {
            "max_connections" => once(line, &mut limits.connections, 0..=usize::MAX)?,
            "max_streams" => once(line, &mut limits.streams, 1..=u32::MAX)?,
            "worker_pool_size" => once(line, &mut limits.questions, 1..=u32::MAX as usize)?,
            _ => {
                let options = ["max_connections", "max_streams", "worker_pool_size"];
                return Err(line.unknown("quic", &options));
            }
        }
    }
    Ok(())
}

fn once<T>(
    line: &Line,
    value: &mut Option<T>,
    range: std::ops::RangeInclusive<T>,
) -> Result<(), Diagnostic>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let name = line.name();
    let word = line.one_arg(&format!("{name} NUMBER"))?;
    if value.is_some() {
        return Err(name.error(format!("{name} is said twice"), "take one of the lines out"));
    }
    *value = Some(parse_number(word, &format!("number for {name}"), range)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing;

    #[test]
    fn reads_the_limits_of_https() {
        for (text, expected) in [
            ("https", Ok("Some(200) Some(250)")),
            ("https {\nmax_connections 0\nmax_streams 0\n}", Ok("None None")),
            ("https {\nmax_connections 7\n}", Ok("Some(7) Some(250)")),
            ("https x", Err("x")),
            ("https {\nmax_streams -1\n}", Err("'-1' is no number for max_streams")),
            ("https {\nmax_streams\n}", Err("max_streams NUMBER")),
            ("https {\nmax_streams 1\nmax_streams 1\n}", Err("max_streams is said twice")),
            ("https {\nmax_stream 1\n}", Err("did you mean 'max_streams'?")),
        ] {
            testing::check(text, "https", https, expected, |chain, _| {
                format!("{:?} {:?}", chain.https.connections(), chain.https.streams())
            });
        }
    }

    #[test]
    fn reads_the_limits_of_quic() {
        for (text, expected) in [
            ("quic", Ok("Some(200) 256 1024")),
            ("quic {\nmax_connections 0\nmax_streams 1\nworker_pool_size 2\n}", Ok("None 1 2")),
            ("quic {\nmax_streams 0\n}", Err("'0' is no number for max_streams")),
            ("quic {\nworker_pool_size 0\n}", Err("'0' is no number for worker_pool_size")),
            ("quic {\nworkers 1\n}", Err("workers")),
        ] {
            testing::check(text, "quic", quic, expected, |chain, _| {
                let limits = chain.quic;
                format!("{:?} {} {}", limits.connections(), limits.streams(), limits.questions())
            });
        }
    }
}
