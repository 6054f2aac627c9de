//! A template as a tree, and its spelling as Go spells it: in labels of metrics and in errors.

use std::fmt;

/// What stands in a template, one after the other.
#[derive(Clone, Debug, Default)]
pub struct List(pub Vec<Node>);

/// A piece of a template.
#[derive(Clone, Debug)]
pub enum Node {
    /// What is written as it is.
    Text(String),
    /// A value that is written, or variables that are set.
    Action {
        at: usize,
        pipe: Pipe,
    },
    Branch(Branch),
    /// Another template that is written here.
    Template {
        at: usize,
        name: String,
        pipe: Option<Pipe>,
    },
    Break,
    Continue,
}

/// What is written under a condition, or several times.
#[derive(Clone, Debug)]
pub struct Branch {
    pub at: usize,
    pub kind: BranchKind,
    pub pipe: Pipe,
    pub list: List,
    pub other: Option<List>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BranchKind {
    If,
    With,
    Range,
}

/// Commands, each of which gets the value of the one before as its last argument.
#[derive(Clone, Debug)]
pub struct Pipe {
    pub at: usize,
    /// The variables that get the value.
    pub variables: Vec<String>,
    /// Whether the variables are there already.
    pub assigns: bool,
    pub commands: Vec<Command>,
}

/// A function or a field with its arguments, or a value alone. There is always a first operand.
#[derive(Clone, Debug)]
pub struct Command {
    pub at: usize,
    pub operands: Vec<Operand>,
}

/// A value, and at which octet of the template it stands. That of a name with several steps is that of
/// the second, as in Go.
#[derive(Clone, Debug)]
pub struct Operand {
    pub at: usize,
    pub term: Term,
}

#[derive(Clone, Debug)]
pub enum Term {
    Bool(bool),
    Number(Number),
    /// With its quotes, and without.
    Text {
        quoted: String,
        text: String,
    },
    Nil,
    Dot,
    /// `.A.B`
    Field(Vec<String>),
    /// `$x.A.B`: the variable with its dollar sign, then the fields.
    Variable(Vec<String>),
    Function(String),
    Pipe(Box<Pipe>),
    /// Fields of what parentheses or a function give.
    Chain(Box<Operand>, Vec<String>),
}

/// A number in all the types that can hold it.
#[derive(Clone, Debug, Default)]
pub struct Number {
    pub text: String,
    pub int: Option<i64>,
    pub float: Option<f64>,
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|node| node.fmt(f))
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Text(text) => f.write_str(text),
            Node::Action { pipe, .. } => write!(f, "{{{{{pipe}}}}}"),
            Node::Branch(branch) => branch.fmt(f),
            Node::Template { name, pipe, .. } => {
                write!(f, "{{{{template {}", super::quote(name))?;
                if let Some(pipe) = pipe {
                    write!(f, " {pipe}")?;
                }
                f.write_str("}}")
            }
            Node::Break => f.write_str("{{break}}"),
            Node::Continue => f.write_str("{{continue}}"),
        }
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.kind {
            BranchKind::If => "if",
            BranchKind::With => "with",
            BranchKind::Range => "range",
        };
        write!(f, "{{{{{word} {}}}}}{}", self.pipe, self.list)?;
        if let Some(other) = &self.other {
            write!(f, "{{{{else}}}}{other}")?;
        }
        f.write_str("{{end}}")
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            let sign = if self.assigns { "=" } else { ":=" };
            write!(f, "{} {sign} ", self.variables.join(", "))?;
        }
        for (at, command) in self.commands.iter().enumerate() {
            if at > 0 {
                f.write_str(" | ")?;
            }
            command.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, operand) in self.operands.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            match &operand.term {
                Term::Pipe(pipe) => write!(f, "({pipe})")?,
                _ => operand.fmt(f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.term {
            Term::Bool(truth) => truth.fmt(f),
            Term::Number(number) => f.write_str(&number.text),
            Term::Text { quoted, .. } => f.write_str(quoted),
            Term::Nil => f.write_str("nil"),
            Term::Dot => f.write_str("."),
            Term::Field(steps) => steps.iter().try_for_each(|step| write!(f, ".{step}")),
            Term::Variable(steps) => f.write_str(&steps.join(".")),
            Term::Function(name) => f.write_str(name),
            Term::Pipe(pipe) => pipe.fmt(f),
            Term::Chain(of, steps) => {
                match &of.term {
                    Term::Pipe(pipe) => write!(f, "({pipe})")?,
                    _ => of.fmt(f)?,
                }
                steps.iter().try_for_each(|step| write!(f, ".{step}"))
            }
        }
    }
}
