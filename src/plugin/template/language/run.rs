//! A template with its data (Go, text/template/exec.go).
//!
//! In: a tree and the value of its dot. Out: text, or the error that Go gives, with the place in the
//! template and its spelling there.

use super::functions::{self, Parameter};
use super::node::{Branch, BranchKind, Command, List, Node, Number, Operand, Pipe, Term};
use super::value::{Method, Value};
use super::{Failed, Template, quote};

/// How deep templates may call templates.
const DEPTH: usize = 100;

/// What is evaluated, for errors.
#[derive(Clone, Copy)]
enum Place<'t> {
    Node(&'t Node, usize),
    Branch(&'t Branch),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Operand(&'t Operand),
}

/// Where it goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Break,
    Continue,
}

type Run<T> = Result<T, Failed>;

pub struct Runner<'t> {
    template: &'t Template,
    /// The name of the template that is written: one that is defined within has its own.
    name: &'t str,
    place: Option<Place<'t>>,
    /// Innermost last.
    variables: Vec<(&'t str, Value)>,
    depth: usize,
    out: String,
}

impl<'t> Runner<'t> {
    /// Writes the template.
    ///
    /// # Errors
    /// A field is not there, a function fails, or values have the wrong types.
    pub fn run(template: &'t Template, dot: Value) -> Run<String> {
        let mut runner = Runner {
            template,
            name: template.name,
            place: None,
            variables: vec![("$", dot.clone())],
            depth: 0,
            out: String::new(),
        };
        runner.list(&dot, &template.parsed.root)?;
        Ok(runner.out)
    }

    fn failed(&self, problem: impl std::fmt::Display) -> Failed {
        let Some(place) = self.place else {
            return Failed(format!("template: {}: {problem}", self.name));
        };
        let (at, spelled) = match place {
            Place::Node(node, at) => (at, node.to_string()),
            Place::Branch(branch) => (branch.at, branch.to_string()),
            Place::Pipe(pipe) => (pipe.at, pipe.to_string()),
            Place::Command(command) => (command.at, command.to_string()),
            Place::Operand(operand) => (operand.at, operand.to_string()),
        };
        let before = &self.template.text[..at];
        let line = 1 + before.matches('\n').count();
        let column = at - before.rfind('\n').map_or(0, |newline| newline + 1);
        let (of, name) = (self.template.name, quote(self.name));
        Failed(format!(
            "template: {of}:{line}:{column}: executing {name} at <{spelled}>: {problem}"
        ))
    }

    fn list(&mut self, dot: &Value, list: &'t List) -> Run<Flow> {
        for node in &list.0 {
            let flow = self.node(dot, node)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn node(&mut self, dot: &Value, node: &'t Node) -> Run<Flow> {
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Action { at, pipe } => {
                let value = self.pipe(dot, pipe)?;
                if pipe.variables.is_empty() {
                    self.place = Some(Place::Node(node, *at));
                    self.write(&value, pipe)?;
                }
            }
            Node::Branch(branch) => {
                self.place = Some(Place::Branch(branch));
                let variables = self.variables.len();
                let flow = match branch.kind {
                    BranchKind::Range => self.range(dot, branch),
                    kind => self.condition(dot, branch, kind),
                }?;
                self.variables.truncate(variables);
                return Ok(flow);
            }
            Node::Template { at, name, pipe } => {
                self.place = Some(Place::Node(node, *at));
                self.template(dot, name, pipe.as_ref())?;
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    fn write(&mut self, value: &Value, pipe: &Pipe) -> Run<()> {
        let text = match value {
            Value::Missing => "<no value>".to_owned(),
            Value::Object(object) => object.text().ok_or_else(|| {
                self.failed(format!("can't print {{{{{pipe}}}}} of type {}", value.type_name()))
            })?,
            value => value.text(),
        };
        self.out.push_str(&text);
        Ok(())
    }

    fn condition(&mut self, dot: &Value, branch: &'t Branch, kind: BranchKind) -> Run<Flow> {
        let value = self.pipe(dot, &branch.pipe)?;
        match (&branch.other, value.truth()) {
            (_, true) if kind == BranchKind::With => self.list(&value, &branch.list),
            (_, true) => self.list(dot, &branch.list),
            (Some(other), false) => self.list(dot, other),
            (None, false) => Ok(Flow::On),
        }
    }

    fn range(&mut self, dot: &Value, branch: &'t Branch) -> Run<Flow> {
        let value = self.pipe(dot, &branch.pipe)?;
        let mut any = false;
        let mut step = |runner: &mut Self, index: Value, element: Value| {
            any = true;
            runner.step(branch, index, element)
        };
        let one_variable = branch.pipe.variables.len() < 2;
        match &value {
            Value::Int(_) | Value::Uint(..) if !one_variable => {
                let text = value.text();
                return Err(
                    self.failed(format!("can't use {text} to iterate over more than one variable"))
                );
            }
            Value::Int(most) => {
                for number in 0..*most {
                    if step(self, Value::Missing, Value::Int(number))? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Uint(most, name) => {
                for number in 0..*most {
                    if step(self, Value::Missing, Value::Uint(number, name))? == Flow::Break {
                        break;
                    }
                }
            }
            Value::List(list) => {
                for (at, element) in (0..).zip(list.values.iter()) {
                    if step(self, Value::Int(at), element.clone())? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                for (name, element) in map.values.iter() {
                    if step(self, name.as_str().into(), element.clone())? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Missing => {}
            other => {
                let text = other.text();
                return Err(self.failed(format!("range can't iterate over {text}")));
            }
        }
        match &branch.other {
            Some(other) if !any => self.list(dot, other),
            _ => Ok(Flow::On),
        }
    }

    /// Writes the body of a range once.
    fn step(&mut self, branch: &'t Branch, index: Value, element: Value) -> Run<Flow> {
        let pipe = &branch.pipe;
        let values = match pipe.variables.len() {
            0 => vec![],
            1 => vec![element.clone()],
            _ => vec![index, element.clone()],
        };
        for (variable, value) in pipe.variables.iter().zip(values) {
            self.set(variable, value)?;
        }
        let variables = self.variables.len();
        let flow = self.list(&element, &branch.list)?;
        self.variables.truncate(variables);
        Ok(flow)
    }

    fn template(&mut self, dot: &Value, name: &'t str, pipe: Option<&'t Pipe>) -> Run<()> {
        let Some(list) = self.template.parsed.defined.get(name) else {
            return Err(self.failed(format!("template {} not defined", quote(name))));
        };
        if self.depth == DEPTH {
            return Err(self.failed(format!("exceeded maximum template depth ({DEPTH})")));
        }
        let dot = match pipe {
            Some(pipe) => self.pipe(dot, pipe)?,
            None => Value::Missing,
        };
        let around = std::mem::replace(&mut self.variables, vec![("$", dot.clone())]);
        let outer = std::mem::replace(&mut self.name, name);
        self.depth += 1;
        self.list(&dot, list)?;
        self.depth -= 1;
        self.name = outer;
        self.variables = around;
        Ok(())
    }

    fn set(&mut self, name: &str, value: Value) -> Run<()> {
        match self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            Some((_, set)) => *set = value,
            None => return Err(self.failed(format!("undefined variable: {name}"))),
        }
        Ok(())
    }

    fn pipe(&mut self, dot: &Value, pipe: &'t Pipe) -> Run<Value> {
        self.place = Some(Place::Pipe(pipe));
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(dot, command, value)?);
        }
        let value = value.unwrap_or(Value::Missing);
        for variable in &pipe.variables {
            match pipe.assigns {
                true => self.set(variable, value.clone())?,
                false => self.variables.push((variable, value.clone())),
            }
        }
        Ok(value)
    }

    /// `last` is the value of the command before.
    fn command(&mut self, dot: &Value, command: &'t Command, last: Option<Value>) -> Run<Value> {
        let first = &command.operands[0];
        let arguments = &command.operands[1..];
        match &first.term {
            Term::Field(steps) => {
                self.place = Some(Place::Operand(first));
                self.fields(dot, dot.clone(), first, steps, arguments, last)
            }
            Term::Chain(..) => self.chain(dot, first, arguments, last),
            Term::Variable(_) => self.variable(dot, first, arguments, last),
            Term::Function(name) => {
                self.place = Some(Place::Operand(first));
                self.call(dot, name, Place::Command(command), arguments, last)
            }
            Term::Pipe(pipe) => {
                self.no_function(first, arguments, &last)?;
                self.pipe(dot, pipe)
            }
            _ => {
                self.place = Some(Place::Operand(first));
                self.no_function(first, arguments, &last)?;
                match &first.term {
                    Term::Nil => Err(self.failed("nil is not a command")),
                    _ => self.literal(dot, first),
                }
            }
        }
    }

    fn no_function(&self, first: &Operand, arguments: &[Operand], last: &Option<Value>) -> Run<()> {
        match arguments.is_empty() && last.is_none() {
            true => Ok(()),
            false => Err(self.failed(format!("can't give argument to non-function {first}"))),
        }
    }

    /// A value that is spelled out, or the dot.
    fn literal(&self, dot: &Value, operand: &Operand) -> Run<Value> {
        Ok(match &operand.term {
            Term::Bool(truth) => Value::Bool(*truth),
            Term::Text { text, .. } => text.as_str().into(),
            Term::Dot => dot.clone(),
            Term::Number(number) => self.ideal(number)?,
            _ => Value::Missing,
        })
    }

    /// A number without a type that it should have.
    fn ideal(&self, number: &Number) -> Run<Value> {
        let text = &number.text;
        let hex = text.len() > 2
            && text.to_ascii_lowercase().starts_with("0x")
            && !text.contains(['p', 'P']);
        let fraction = !hex && !text.starts_with('\'') && text.contains(['.', 'e', 'E', 'p', 'P']);
        match number {
            Number { float: Some(float), .. } if fraction => Ok(Value::Float(*float)),
            Number { int: Some(int), .. } => Ok(Value::Int(*int)),
            _ => Err(self.failed(format!("{text} overflows int"))),
        }
    }

    fn chain(
        &mut self,
        dot: &Value,
        operand: &'t Operand,
        arguments: &'t [Operand],
        last: Option<Value>,
    ) -> Run<Value> {
        let Term::Chain(of, steps) = &operand.term else { return Ok(Value::Missing) };
        self.place = Some(Place::Operand(operand));
        let value = self.argument(dot, Parameter::Any, of)?;
        self.fields(dot, value, operand, steps, arguments, last)
    }

    fn variable(
        &mut self,
        dot: &Value,
        operand: &'t Operand,
        arguments: &'t [Operand],
        last: Option<Value>,
    ) -> Run<Value> {
        let Term::Variable(steps) = &operand.term else { return Ok(Value::Missing) };
        self.place = Some(Place::Operand(operand));
        let mut known = self.variables.iter().rev();
        let value = known.find(|(name, _)| *name == steps[0]).map(|(_, value)| value.clone());
        let Some(value) = value else {
            return Err(self.failed(format!("undefined variable: {}", steps[0])));
        };
        match &steps[1..] {
            [] => {
                self.no_function(operand, arguments, &last)?;
                Ok(value)
            }
            steps => self.fields(dot, value, operand, steps, arguments, last),
        }
    }

    /// The fields of a value, one of the other; the last can be a method, which gets the arguments.
    fn fields(
        &mut self,
        dot: &Value,
        mut value: Value,
        operand: &'t Operand,
        steps: &'t [String],
        arguments: &'t [Operand],
        mut last: Option<Value>,
    ) -> Run<Value> {
        for (at, step) in steps.iter().enumerate() {
            let is_last = at + 1 == steps.len();
            let arguments = if is_last { arguments } else { &[] };
            let last = if is_last { last.take() } else { None };
            value = self.field(dot, &value, operand, step, arguments, last)?;
        }
        Ok(value)
    }

    fn field(
        &mut self,
        dot: &Value,
        of: &Value,
        operand: &'t Operand,
        name: &str,
        arguments: &'t [Operand],
        last: Option<Value>,
    ) -> Run<Value> {
        let has_arguments = !arguments.is_empty() || last.is_some();
        match of {
            Value::Missing => return Ok(Value::Missing),
            Value::Map(_) if has_arguments => {
                return Err(self.failed(format!("{name} is not a method but has arguments")));
            }
            Value::Map(map) => return Ok(map.values.get(name).cloned().unwrap_or(Value::Missing)),
            Value::Object(object) => {
                if let Some(method) = object.method(name) {
                    return self.method(dot, method, operand, name, arguments, last);
                }
                if let Some(value) = object.field(name) {
                    return match has_arguments {
                        true => Err(self.failed(format!(
                            "{name} has arguments but cannot be invoked as function"
                        ))),
                        false => Ok(value),
                    };
                }
            }
            _ => {}
        }
        Err(self.failed(format!("can't evaluate field {name} in type {}", of.type_name())))
    }

    fn method(
        &mut self,
        dot: &Value,
        method: Method<'_>,
        operand: &'t Operand,
        name: &str,
        arguments: &'t [Operand],
        last: Option<Value>,
    ) -> Run<Value> {
        let parameters: &[Parameter] = match method {
            Method::Gives(_) => &[],
            Method::OfText(_) => &[Parameter::Text],
        };
        let values = self.arguments(dot, name, parameters, false, arguments, last)?;
        self.place = Some(Place::Operand(operand));
        Ok(match method {
            Method::Gives(value) => value,
            Method::OfText(of) => of(&values[0].text()),
        })
    }

    /// Calls a function; what it says of itself stands at `place`.
    fn call(
        &mut self,
        dot: &Value,
        name: &str,
        place: Place<'t>,
        arguments: &'t [Operand],
        last: Option<Value>,
    ) -> Run<Value> {
        let Some(function) = functions::find(name) else {
            return Err(self.failed(format!("{} is not a defined function", quote(name))));
        };
        if matches!(name, "and" | "or") && (!arguments.is_empty() || last.is_some()) {
            return self.lazily(dot, name == "or", arguments, last);
        }
        let values =
            self.arguments(dot, name, function.fixed, function.variadic, arguments, last)?;
        (function.run)(&values).map_err(|problem| {
            self.place = Some(place);
            self.failed(format!("error calling {name}: {problem}"))
        })
    }

    /// The first argument that is as true as `until`, else the last.
    fn lazily(
        &mut self,
        dot: &Value,
        until: bool,
        arguments: &'t [Operand],
        last: Option<Value>,
    ) -> Run<Value> {
        let mut value = Value::Missing;
        for argument in arguments {
            value = self.argument(dot, Parameter::Any, argument)?;
            if value.truth() == until {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    fn arguments(
        &mut self,
        dot: &Value,
        name: &str,
        fixed: &[Parameter],
        variadic: bool,
        arguments: &'t [Operand],
        last: Option<Value>,
    ) -> Run<Vec<Value>> {
        let count = arguments.len() + usize::from(last.is_some());
        if variadic && count < fixed.len() {
            return Err(self.failed(format!(
                "wrong number of args for {name}: want at least {} got {}",
                fixed.len(),
                arguments.len()
            )));
        }
        if !variadic && count != fixed.len() {
            return Err(self.failed(format!(
                "wrong number of args for {name}: want {} got {count}",
                fixed.len()
            )));
        }
        let kind = |at: usize| fixed.get(at).copied().unwrap_or(Parameter::Any);
        let mut values = Vec::with_capacity(count);
        for (at, argument) in arguments.iter().enumerate() {
            values.push(self.argument(dot, kind(at), argument)?);
        }
        if let Some(last) = last {
            values.push(self.of_type(last, kind(arguments.len()))?);
        }
        Ok(values)
    }

    fn argument(&mut self, dot: &Value, kind: Parameter, operand: &'t Operand) -> Run<Value> {
        self.place = Some(Place::Operand(operand));
        let value = match &operand.term {
            Term::Dot => dot.clone(),
            Term::Nil => {
                return match kind {
                    Parameter::Any => Ok(Value::Missing),
                    kind => Err(self.failed(format!("cannot assign nil to {}", spelled(kind)))),
                };
            }
            Term::Field(steps) => self.fields(dot, dot.clone(), operand, steps, &[], None)?,
            Term::Variable(_) => self.variable(dot, operand, &[], None)?,
            Term::Pipe(pipe) => self.pipe(dot, pipe)?,
            Term::Function(name) => self.call(dot, name, Place::Operand(operand), &[], None)?,
            Term::Chain(..) => self.chain(dot, operand, &[], None)?,
            Term::Bool(_) | Term::Number(_) | Term::Text { .. } => {
                return match (kind, &operand.term) {
                    (Parameter::Any, _) => self.literal(dot, operand),
                    (Parameter::Text, Term::Text { text, .. }) => Ok(text.as_str().into()),
                    (Parameter::Int, Term::Number(Number { int: Some(int), .. })) => {
                        Ok(Value::Int(*int))
                    }
                    (Parameter::Text, _) => {
                        Err(self.failed(format!("expected string; found {operand}")))
                    }
                    (Parameter::Int, _) => {
                        Err(self.failed(format!("expected integer; found {operand}")))
                    }
                };
            }
        };
        self.of_type(value, kind)
    }

    fn of_type(&self, value: Value, kind: Parameter) -> Run<Value> {
        match (&value, kind) {
            (_, Parameter::Any)
            | (Value::Text(_), Parameter::Text)
            | (Value::Int(_), Parameter::Int) => Ok(value),
            (Value::Missing, kind) => {
                Err(self.failed(format!("invalid value; expected {}", spelled(kind))))
            }
            (value, kind) => Err(self.failed(format!(
                "wrong type for value; expected {}; got {}",
                spelled(kind),
                value.type_name()
            ))),
        }
    }
}

fn spelled(kind: Parameter) -> &'static str {
    match kind {
        Parameter::Text => "string",
        Parameter::Int => "int",
        Parameter::Any => "interface {}",
    }
}
