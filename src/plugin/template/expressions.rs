//! `var` and `expr`: the language of `view`'s expressions, with what the pattern of a template matched.
//!
//! In: the groups of a match. Out: the values of the variables, and whether all conditions hold.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use expr::{Context, ContextProvider, Environment, Error, Program, Value};

use super::language::{self, List, Map};
use crate::plugin::Request;
use crate::plugin::metadata::Values;
use crate::plugin::view::facts::{Facts, Function, Kind, environment};
use crate::plugin::view::scope::Scope;

/// Before the name of a group as a key of the context.
const GROUP: &str = "group()/";

const FUNCTIONS: [Function; 1] =
    [Function { name: "group", parameters: &["GROUP"], gives: Kind::Text }];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = environment();
    environment.add_function(FUNCTIONS[0].name, |call| {
        let name = match call.args.as_slice() {
            [Value::String(name)] => name.clone(),
            [Value::Integer(number)] => number.to_string(),
            [_] => return Ok("".into()),
            _ => return Err(Error::ExprError("group takes a name or a number".to_owned())),
        };
        let group = call.ctx.get(&format!("{GROUP}{name}"));
        Ok(group.cloned().unwrap_or_else(|| "".into()))
    });
    environment
});

/// What the expressions of a template know, before any variable.
pub fn scope() -> Scope {
    Scope::new(&ENVIRONMENT, &FUNCTIONS)
}

/// The expressions of one template, in the order of the Corefile.
#[derive(Debug, Default)]
pub struct Expressions {
    pub variables: Vec<(String, Program)>,
    pub conditions: Vec<Program>,
}

/// What became of the expressions.
#[derive(Debug)]
pub enum Found {
    /// All conditions hold; the variables as templates see them.
    Holds(BTreeMap<String, language::Value>),
    /// One does not.
    Fails,
    /// One cannot be evaluated.
    Broken,
}

impl Expressions {
    /// Evaluates all of them for a question. `metadata` is what is known of it.
    pub fn find(
        &self,
        request: &Request,
        groups: &BTreeMap<String, String>,
        metadata: &dyn Fn() -> Values,
    ) -> Found {
        if self.variables.is_empty() && self.conditions.is_empty() {
            return Found::Holds(BTreeMap::new());
        }
        let groups = groups.iter().map(|(name, text)| (name.clone(), text.as_str().into()));
        let mut known = Known {
            facts: Facts::new(request, metadata),
            groups: groups.collect(),
            variables: BTreeMap::new(),
        };
        for (name, expression) in &self.variables {
            let Ok(value) = ENVIRONMENT.run(expression, &known) else { return Found::Broken };
            known.variables.insert(name.clone(), value);
        }
        for condition in &self.conditions {
            match ENVIRONMENT.run(condition, &known) {
                Ok(Value::Bool(true)) => {}
                Ok(_) => return Found::Fails,
                Err(_) => return Found::Broken,
            }
        }
        let variables = known.variables.into_iter();
        Found::Holds(variables.map(|(name, value)| (name, seen(value))).collect())
    }
}

/// A question with its groups and the variables that have a value already.
struct Known<'a> {
    facts: Facts<'a>,
    groups: BTreeMap<String, Value>,
    variables: BTreeMap<String, Value>,
}

impl ContextProvider for Known<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        match key.strip_prefix(GROUP) {
            Some(name) => self.groups.get(name),
            None => self.variables.get(key).or_else(|| self.facts.get(key)),
        }
    }

    fn to_context(&self) -> Context {
        Context::default()
    }
}

/// The value as a template sees it.
fn seen(value: Value) -> language::Value {
    match value {
        Value::Integer(number) => language::Value::Int(number),
        Value::Bool(truth) => language::Value::Bool(truth),
        Value::Float(number) => language::Value::Float(number),
        Value::String(text) => text.into(),
        Value::Nil => language::Value::Missing,
        Value::Array(values) => language::Value::List(List {
            values: values.into_iter().map(seen).collect(),
            of: "any",
        }),
        Value::Map(values) => language::Value::Map(Map {
            values: Arc::new(values.into_iter().map(|(name, value)| (name, seen(value))).collect()),
            of: "any",
        }),
        other => other.to_string().into(),
    }
}
