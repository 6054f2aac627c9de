//! `debug`: log lines for those who look for a mistake (CoreDNS, plugin/debug). It is no link of the chain,
//! and one in any server block is for the whole process.
//!
//! In CoreDNS it also lets the process end where a plugin panics. Here it does not: a panic costs its
//! question a SERVFAIL, is counted, and its message and place are on standard error either way.

use super::setup::Setup;
use crate::corefile::{Diagnostic, Directive};

/// Reads `debug`.
///
/// # Errors
/// It has an argument or a block.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    for directive in directives {
        directive.no_args()?;
        directive.no_block()?;
    }
    setup.process.debug = true;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing;

    #[test]
    fn reads_its_words() {
        for (lines, expected) in [
            ("debug", Ok("true")),
            ("debug\ndebug", Ok("true")),
            ("debug on", Err("'debug' has the argument 'on'; write `debug`")),
            ("debug {\nx\n}", Err("'debug' takes no block")),
        ] {
            testing::check(lines, "debug", setup, expected, |chain, process| {
                assert!(chain.plugins.is_empty());
                process.debug.to_string()
            });
        }
    }
}
