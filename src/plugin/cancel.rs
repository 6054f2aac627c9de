//! `cancel`: how long after a question came anything may still be begun for it (CoreDNS, plugin/cancel).
//!
//! In: a question. Out: what the next plugin says; `forward` begins no attempt after the time. What is
//! waited for by then is waited for: in CoreDNS, too, nobody else looks at the end of the time.

use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::explain::Told;
use super::fast::Stance;
use super::setup::Setup;
use super::{Next, Outcome, Plugin, Request};
use crate::corefile::{Diagnostic, Directive, parse_duration};
use crate::zone::explain::Steps;

const NAME: &str = "cancel";
const USAGE: &str = "cancel [TIMEOUT]";
/// A bit more than clients wait.
const TIMEOUT: Duration = Duration::from_millis(5001);

/// The plugin.
struct Cancel {
    timeout: Duration,
}

/// Reads `cancel [TIMEOUT]`; of several the last counts.
///
/// # Errors
/// The time is none, or zero, or there is a block.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let mut timeout = TIMEOUT;
    for directive in directives {
        directive.no_block()?;
        timeout = match directive.optional_arg(USAGE)? {
            Some(word) => {
                let timeout = parse_duration(word)?;
                if timeout.is_zero() {
                    return Err(word.error(format!("'{word}' is no time"), "write e.g. 5s"));
                }
                timeout
            }
            None => TIMEOUT,
        };
    }
    setup.push(Cancel { timeout });
    Ok(())
}

#[async_trait]
impl Plugin for Cancel {
    fn name(&self) -> &'static str {
        NAME
    }

    fn stance(&self) -> Stance {
        Stance::Aside
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let deadline = earlier(request.deadline, Instant::now() + self.timeout);
        next.run(NAME, &Request { deadline: Some(deadline), ..request.clone() }).await
    }

    fn explain(&self, _request: &Request, _steps: &mut Steps) -> Told {
        Told::Passes
    }
}

fn earlier(before: Option<Instant>, now: Instant) -> Instant {
    before.map_or(now, |before| before.min(now))
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::ResponseCode;
    use hickory_proto::rr::RecordType;

    use super::*;
    use crate::plugin::Failure;
    use crate::plugin::testing::{self, request, shown};

    #[test]
    fn reads_its_words() {
        for (lines, expected) in [
            ("cancel", Ok("1")),
            ("cancel 1s", Ok("1")),
            ("cancel\ncancel 2s", Ok("1")),
            ("cancel 0s", Err("'0s' is no time; write e.g. 5s")),
            ("cancel 5", Err("'5' is no duration; add a unit, e.g. 5s")),
            ("cancel -1s", Err("'-1s' is a negative duration")),
            ("cancel 1s 2s", Err("write `cancel [TIMEOUT]`")),
            ("cancel {\nx\n}", Err("'cancel' takes no block")),
        ] {
            testing::check(lines, NAME, setup, expected, |chain, _| {
                chain.plugins.len().to_string()
            });
        }
    }

    #[tokio::test]
    async fn gives_the_question_a_time() {
        let (mut chain, _) = testing::setup("cancel 1s", NAME, setup).unwrap();
        let outcome = testing::ask_before(&mut chain, &request("a", RecordType::A), |request| {
            Err(Failure::new("last", ResponseCode::Refused, request.deadline.is_some()))
        })
        .await;
        assert_eq!(shown(&outcome), "failed Refused: plugin/last: true");
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        assert_eq!(earlier(None, now), now);
        assert_eq!(earlier(Some(now + second), now), now);
        assert_eq!(earlier(Some(now), now + second), now);
    }
}
