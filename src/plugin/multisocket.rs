//! `multisocket`: how many sockets share the port of a listener (CoreDNS, plugin/multisocket).
//!
//! In: its line. Out: a number for the server block. Without it there is one UDP socket for each core:
//! the kernel shares the questions out among them. Connections are accepted by one socket whatever is said
//! here, as they are shared out among the cores afterwards.

use super::setup::Setup;
use crate::corefile::{Diagnostic, Directive, parse_number};

const MOST: usize = 1024;

/// Reads `multisocket [NUMBER]`.
///
/// # Errors
/// It stands twice, or its number is not within 1 and 1024.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    let word = directive.optional_arg("multisocket [NUMBER]")?;
    if let Some(line) = directive.lines().first() {
        return Err(line.unknown("multisocket", &[]));
    }
    if let Some(word) = word {
        setup.chain.sockets = Some(parse_number(word, "number of sockets", 1..=MOST)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing;

    #[test]
    fn reads_its_number() {
        for (text, expected) in [
            ("multisocket", Ok("None")),
            ("multisocket 1", Ok("Some(1)")),
            ("multisocket 1024", Ok("Some(1024)")),
            ("multisocket 0", Err("'0' is no number of sockets")),
            ("multisocket 1025", Err("'1025' is no number of sockets")),
            ("multisocket 1 2", Err("multisocket [NUMBER]")),
            ("multisocket {\nx\n}", Err("takes no properties")),
            ("multisocket\nmultisocket", Err("used twice")),
        ] {
            testing::check(text, "multisocket", setup, expected, |chain, _| {
                format!("{:?}", chain.sockets)
            });
        }
    }
}
