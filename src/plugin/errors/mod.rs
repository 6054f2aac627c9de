//! `errors`: logs why a question could not be answered (CoreDNS, plugin/errors).
//!
//! In: the outcome of the plugins behind it. Out: the same outcome, and for a failure with a cause
//! the line `[ERROR] plugin/errors: RCODE NAME TYPE: CAUSE`, or with `consolidate` one line for all that
//! are alike and came within some time.

mod consolidate;
mod setup;

use async_trait::async_trait;
use hickory_proto::op::ResponseCode;

use super::background::Background;
use super::fast::Stance;
use super::{Failure, Next, Outcome, Plugin, Request};
use crate::telemetry::mnemonic;
use consolidate::{Consolidated, Level};

pub use setup::setup;

const NAME: &str = "errors";

/// The plugin.
#[derive(Debug, Default)]
pub struct Errors {
    /// The first that a cause matches takes it.
    consolidated: Vec<Consolidated>,
}

#[async_trait]
impl Plugin for Errors {
    fn name(&self) -> &'static str {
        NAME
    }

    fn stance(&self) -> Stance {
        Stance::Aside
    }

    fn start(&self, background: &Background) {
        self.consolidated.iter().for_each(|one| one.start(background));
    }

    fn looks_on(&self) -> bool {
        true
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        let outcome = next.run(NAME, request).await;
        let (code, cause) = match &outcome {
            Err(Failure { code, cause }) => (*code, cause.clone()),
            Ok(_) => (ResponseCode::NoError, request.changes.cause()),
        };
        if let Some(cause) = cause {
            let asked = request.left();
            let taker = self.consolidated.iter().find(|one| one.matches(&cause));
            let level = match taker {
                None => Level::Error,
                Some(one) if one.count() => return outcome,
                Some(one) => one.level(),
            };
            level.log(format_args!(
                "{} {} {}: {cause}",
                u16::from(code),
                mnemonic::name(asked.qname()),
                mnemonic::record_type(asked.qtype()),
            ));
        }
        outcome
    }
}

#[cfg(test)]
mod tests;
