//! `errors`: logs why a question could not be answered.
//!
//! In: the outcome of the plugins behind it. Out: the same outcome, and for a failure with a cause
//! the line `[ERROR] plugin/errors: RCODE NAME TYPE: CAUSE`.

use async_trait::async_trait;
use tracing::error;

use super::setup::{Setup, refuse};
use super::{Failure, Next, Outcome, Plugin, Request};
use crate::corefile::{Diagnostic, Directive};
use crate::telemetry::mnemonic;

const NAME: &str = "errors";

/// The plugin.
#[derive(Debug)]
pub struct Errors;

/// Reads `errors [stdout]`.
///
/// # Errors
/// Another argument, or an option: those are not supported yet.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    if let Some(word) = directive.optional_arg("errors")?
        && word.text != "stdout"
    {
        return Err(word.error(
            format!("errors cannot write to '{}'", word.text),
            "write `errors`: it writes to standard output",
        ));
    }
    if let Some(line) = directive.lines().first() {
        return Err(refuse(NAME, line, &[], &["consolidate", "stacktrace"]));
    }
    setup.push(Errors);
    Ok(())
}

#[async_trait]
impl Plugin for Errors {
    fn name(&self) -> &'static str {
        NAME
    }

    fn looks_on(&self) -> bool {
        true
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let outcome = next.run(NAME, request).await;
        if let Err(Failure { code, cause: Some(cause) }) = &outcome {
            error!(
                "{} {} {}: {cause}",
                u16::from(*code),
                mnemonic::name(request.qname()),
                mnemonic::record_type(request.qtype()),
            );
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing;

    #[test]
    fn reads_its_words() {
        for (lines, expected) in [
            ("errors", Ok("errors")),
            ("errors stdout", Ok("errors")),
            ("errors stderr", Err("errors cannot write to 'stderr'")),
            ("errors {\nstacktrace\n}", Err("errors option stacktrace is not supported yet")),
            (
                "errors {\nconsolidate 5m .*\n}",
                Err("errors option consolidate is not supported yet"),
            ),
            ("errors {\nbogus\n}", Err("bogus")),
            ("errors\nerrors", Err("errors is used twice in this server block")),
        ] {
            testing::check(lines, NAME, setup, expected, |chain, _| {
                chain.plugins.iter().map(|plugin| plugin.name()).collect()
            });
        }
    }
}
