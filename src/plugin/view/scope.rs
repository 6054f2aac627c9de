//! What an expression knows besides the question: functions and variables of whoever has it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use expr::{Context, ContextProvider, Environment, Program, Result, Value};

use super::facts::{self, ENVIRONMENT, Function, Sample};

/// Functions and variables.
pub struct Scope {
    environment: &'static LazyLock<Environment<'static>>,
    /// Those of the environment that are not of the language, nor of every question.
    more: &'static [Function],
    /// A value of each variable, on some question; nothing where there is none.
    variables: BTreeMap<String, Option<Value>>,
}

impl Default for Scope {
    fn default() -> Self {
        Scope::new(&ENVIRONMENT, &[])
    }
}

impl Scope {
    /// Without variables. `more` are the functions that `environment` has besides.
    pub fn new(
        environment: &'static LazyLock<Environment<'static>>,
        more: &'static [Function],
    ) -> Self {
        Scope { environment, more, variables: BTreeMap::new() }
    }

    /// All functions that are not of the language itself.
    pub fn functions(&self) -> impl Iterator<Item = Function> {
        facts::functions().chain(self.more.iter().copied())
    }

    /// Whether there is such a variable.
    pub fn has(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    /// Adds a variable that is what the expression gives.
    pub fn declare(&mut self, name: &str, expression: &Program) {
        let value = self.try_on_sample(expression).and_then(Result::ok);
        self.variables.insert(name.to_owned(), value);
    }

    /// What an expression gives on some question. Nothing where a variable has no value on it: it may have
    /// one on another.
    pub fn try_on_sample(&self, expression: &Program) -> Option<Result<Value>> {
        self.variables
            .values()
            .all(Option::is_some)
            .then(|| self.environment.run(expression, &OnSample(self)))
    }
}

/// The sample with the variables.
struct OnSample<'s>(&'s Scope);

impl ContextProvider for OnSample<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        match self.0.variables.get(key) {
            Some(value) => value.as_ref(),
            None => Sample.get(key),
        }
    }

    fn to_context(&self) -> Context {
        Context::default()
    }
}
