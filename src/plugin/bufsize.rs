//! `bufsize`: how long answers over UDP may be at most, whatever the client takes (CoreDNS,
//! plugin/bufsize).
//!
//! In: its line. Out: a limit for the whole server block, which the server puts into the OPT record of
//! every question for it. In the chain it does nothing.

use async_trait::async_trait;

use super::fast::Stance;
use super::setup::Setup;
use super::{Next, Outcome, Plugin, Request};
use crate::corefile::{Diagnostic, Directive, parse_number};

/// Octets that no network of today cuts into fragments (DNS Flag Day 2020).
const DEFAULT: u16 = 1232;

const NAME: &str = "bufsize";

/// Its place in the chain.
#[derive(Debug)]
pub struct Bufsize;

/// Reads `bufsize [OCTETS]`.
///
/// # Errors
/// It stands twice, or its number is not within 512 and 4096.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    let octets = match directive.optional_arg("bufsize [OCTETS]")? {
        Some(word) => parse_number(word, "number of octets", 512..=4096)?,
        None => DEFAULT,
    };
    if let Some(line) = directive.lines().first() {
        return Err(line.unknown(NAME, &[]));
    }
    setup.chain.max_payload = Some(octets);
    setup.push(Bufsize);
    Ok(())
}

#[async_trait]
impl Plugin for Bufsize {
    fn name(&self) -> &'static str {
        NAME
    }

    fn stance(&self) -> Stance {
        Stance::Aside
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        next.run(NAME, request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing;

    #[test]
    fn reads_its_number() {
        for (text, expected) in [
            ("bufsize", Ok("Some(1232)")),
            ("bufsize 512", Ok("Some(512)")),
            ("bufsize 4096", Ok("Some(4096)")),
            ("bufsize 511", Err("'511' is no number of octets")),
            ("bufsize 4097", Err("'4097' is no number of octets")),
            ("bufsize many", Err("'many' is no number of octets")),
            ("bufsize 512 513", Err("bufsize [OCTETS]")),
            ("bufsize {\nx\n}", Err("bufsize takes no properties")),
            ("bufsize\nbufsize", Err("used twice")),
        ] {
            testing::check(text, NAME, setup, expected, |chain, _| {
                format!("{:?}", chain.max_payload)
            });
        }
    }
}
