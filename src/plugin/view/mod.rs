//! `view`: a server block for some questions only (CoreDNS, plugin/view).
//!
//! In: a question for a zone of the block. Out: whether the block takes it; those that it does not take go
//! to the next block of the zone, or of a zone around it ([`crate::server::site`]). In the chain it does
//! nothing but tell `metadata` its name.

pub mod check;
pub mod facts;
pub mod scope;
mod words;

use std::sync::Arc;

use async_trait::async_trait;
use expr::{Program, Value};

use super::metadata::Values;
use super::setup::Setup;
use super::{Next, Outcome, Plugin, Request};
use crate::corefile::{Diagnostic, Directive, Line};
use facts::{ENVIRONMENT, Facts};

const NAME: &str = "view";
const USAGE: &str = "view NAME";

/// Which questions are for a server block.
#[derive(Debug)]
pub struct View {
    pub name: Arc<str>,
    /// All of them must be true.
    expressions: Vec<Program>,
}

/// Reads `view NAME { expr EXPRESSION... }`.
///
/// # Errors
/// It stands twice, has no name, or an expression is none.
pub fn setup(setup: &mut Setup<'_>, directives: &[&Directive]) -> Result<(), Diagnostic> {
    let directive = setup.once(directives)?;
    let name = directive.one_arg(USAGE)?.text.as_str().into();
    let expressions = directive.lines().iter().map(expression).collect::<Result<_, _>>()?;
    let view = Arc::new(View { name, expressions });
    setup.chain.view = Some(view.clone());
    setup.push(Link { view });
    Ok(())
}

fn expression(line: &Line) -> Result<Program, Diagnostic> {
    if line.name().text != "expr" {
        return Err(line.unknown(NAME, &["expr"]));
    }
    line.no_block()?;
    let words: Vec<&str> = line.args().iter().map(|word| word.text.as_str()).collect();
    let text = words.join(" ");
    check::compile(&text).map_err(|wrong| line.name().error(wrong.problem, wrong.remedy))
}

impl View {
    /// Whether the block takes the question. What is false, no truth value or fails does not match.
    /// `metadata` says what is known of the question, and is asked if an expression does.
    pub fn takes(&self, request: &Request, metadata: &dyn Fn() -> Values) -> bool {
        let facts = Facts::new(request, metadata);
        let holds =
            |expression| matches!(ENVIRONMENT.run(expression, &facts), Ok(Value::Bool(true)));
        self.expressions.iter().all(holds)
    }
}

/// The view in the chain of its block.
struct Link {
    view: Arc<View>,
}

#[async_trait]
impl Plugin for Link {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn handle(&self, request: &Request, next: Next<'_>) -> Outcome {
        next.run(NAME, request).await
    }

    fn metadata(&self, _request: &Request, values: &mut Values) {
        values.insert("view/name".to_owned(), self.view.name.to_string());
    }
}

#[cfg(test)]
mod tests;
