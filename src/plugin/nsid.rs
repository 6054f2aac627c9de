//! `nsid`: which server answered, for clients that ask (RFC 5001; CoreDNS, plugin/nsid).
//!
//! In: questions with the EDNS option NSID. Out: the same answers with the option filled, and with DO set, as in CoreDNS.

use async_trait::async_trait;
use hickory_proto::op::{Edns, Message};
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};

use super::fast::Stance;
use super::setup::Setup;
use super::{Next, Outcome, Plugin, Request};
use crate::corefile::{Diagnostic, Directive};

const NAME: &str = "nsid";

/// The plugin: what the server is called.
#[derive(Debug)]
pub struct Nsid {
    data: Vec<u8>,
}

/// Reads `nsid [WORD...]`; without a word it is the name of this machine.
///
/// # Errors
/// It stands twice, or has a block.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    if let Some(line) = directive.lines().first() {
        return Err(line.unknown(NAME, &[]));
    }
    let words: Vec<&str> = directive.args.iter().map(|word| word.text.as_str()).collect();
    let data = if words.is_empty() { hostname() } else { words.join(" ") };
    setup.push(Nsid { data: data.into_bytes() });
    Ok(())
}

fn hostname() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.unwrap_or_else(|| "localhost".to_owned())
}

#[async_trait]
impl Plugin for Nsid {
    fn name(&self) -> &'static str {
        NAME
    }

    fn stance(&self) -> Stance {
        Stance::Aside
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let asked = request.message.edns.as_ref();
        let wanted = asked.is_some_and(|edns| edns.options().get(EdnsCode::NSID).is_some());
        let outcome = next.run(NAME, request).await;
        if !wanted {
            return outcome;
        }
        let data = self.data.clone();
        outcome.map(|reply| reply.each(move |message| fill(message, &data)))
    }
}

/// Puts the option into a message.
fn fill(message: &mut Message, data: &[u8]) {
    let fresh = || {
        let mut edns = Edns::new();
        edns.set_dnssec_ok(true);
        edns
    };
    let edns = message.edns.get_or_insert_with(fresh);
    edns.options_mut().remove(EdnsCode::NSID);
    edns.options_mut().insert(EdnsOption::Unknown(EdnsCode::NSID.into(), data.to_vec()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::testing;

    #[test]
    fn reads_its_words() {
        for (text, expected) in [
            ("nsid", Ok("1")),
            ("nsid a b", Ok("1")),
            ("nsid {\nx\n}", Err("nsid takes no properties")),
            ("nsid\nnsid", Err("used twice")),
        ] {
            testing::check(text, NAME, setup, expected, |chain, _| chain.plugins.len().to_string());
        }
    }
}
