//! `bind`: on which addresses a server block listens.

use std::net::IpAddr;

use super::setup::{Setup, refuse};
use crate::corefile::{Diagnostic, Directive, Token};

/// Reads every `bind ADDRESS...`; several add up, and an address that is written twice counts once.
///
/// # Errors
/// A word that is no IP address (names of interfaces are not supported yet), or an option.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    for directive in directives {
        for word in directive.args_within(1.., "bind ADDRESS...")? {
            let address = address(word)?;
            if !setup.chain.bind.contains(&address) {
                setup.chain.bind.push(address);
            }
        }
        if let Some(line) = directive.lines().first() {
            return Err(refuse("bind", line, &[], &["except"]));
        }
    }
    Ok(())
}

fn address(word: &Token) -> Result<IpAddr, Diagnostic> {
    word.text.parse().map_err(|_| {
        word.error(
            format!("'{}' is no IP address; names of interfaces are not supported yet", word.text),
            "write e.g. 192.0.2.1 or ::1",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing;

    #[test]
    fn adds_up_addresses() {
        for (text, expected) in [
            ("bind 127.0.0.1", Ok("127.0.0.1")),
            ("bind 127.0.0.1 ::1\nbind 127.0.0.1 127.0.0.2", Ok("127.0.0.1 ::1 127.0.0.2")),
            ("bind", Err("'bind' has no argument")),
            ("bind eth0", Err("names of interfaces are not supported yet")),
            ("bind 1.2.3", Err("'1.2.3' is no IP address")),
            (
                "bind 127.0.0.1 {\nexcept 127.0.0.1\n}",
                Err("bind option except is not supported yet"),
            ),
            ("bind 127.0.0.1 {\nexpect 127.0.0.1\n}", Err("expect")),
        ] {
            testing::check(text, "bind", setup, expected, |chain, _| {
                chain.bind.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            });
        }
    }
}
