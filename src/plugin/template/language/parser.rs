//! From words to a tree (Go, text/template/parse/parse.go).

use std::collections::BTreeMap;

use super::lexer::{Kind, Token, tokens};
use super::node::{Branch, BranchKind, Command, List, Node, Operand, Pipe, Term};
use super::number::{number, unquote};
use super::{Wrong, functions};

/// How deep actions and parentheses may be nested.
const DEPTH: usize = 100;

/// The templates of a text: its own, and those that it defines.
#[derive(Debug)]
pub struct Parsed {
    pub root: List,
    pub defined: BTreeMap<String, List>,
}

/// Reads a template that is called `name`.
///
/// # Errors
/// It is none.
pub fn parse(name: &str, text: &str) -> Result<Parsed, Wrong> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        variables: vec!["$".to_owned()],
        ranges: 0,
        depth: 0,
        defined: BTreeMap::new(),
    };
    let root = parser.root()?;
    let mut defined = parser.defined;
    // A text that only defines can define itself.
    match defined.remove(name) {
        Some(of_its_own) if is_empty(&root) => Ok(Parsed { root: of_its_own, defined }),
        Some(_) => Err(Wrong::new(0, format!("it defines {name:?}, which is its own name"))),
        None => Ok(Parsed { root, defined }),
    }
}

struct Parser<'t> {
    tokens: &'t [Token<'t>],
    at: usize,
    /// Those that are declared, innermost last.
    variables: Vec<String>,
    /// How many `range`s are open.
    ranges: usize,
    depth: usize,
    defined: BTreeMap<String, List>,
}

/// What ends a list.
enum Ending {
    End,
    Else,
    /// `else if` or `else with`, whose word is next.
    ElseBranch,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Token<'t> {
        // The last word is never gone past.
        self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> Token<'t> {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn skip_space(&mut self) {
        while self.peek().kind == Kind::Space {
            self.at += 1;
        }
    }

    fn peek_word(&mut self) -> Token<'t> {
        self.skip_space();
        self.peek()
    }

    fn next_word(&mut self) -> Token<'t> {
        self.skip_space();
        self.next()
    }

    fn unexpected(&self, token: Token<'_>, place: &str) -> Wrong {
        let problem = match token.kind {
            Kind::End => format!("it ends in {place}"),
            _ => format!("{:?} stands in {place}", token.text),
        };
        Wrong::new(token.at, problem)
    }

    fn close(&mut self, place: &str) -> Result<(), Wrong> {
        let token = self.next_word();
        if token.kind == Kind::Right { Ok(()) } else { Err(self.unexpected(token, place)) }
    }

    fn root(&mut self) -> Result<List, Wrong> {
        let mut list = List::default();
        loop {
            if self.peek().kind == Kind::End {
                return Ok(list);
            }
            let start = self.at;
            if self.next().kind == Kind::Left && self.peek_word().text == "define" {
                self.next();
                self.definition()?;
                continue;
            }
            self.at = start;
            match self.piece()? {
                Ok(node) => list.0.push(node),
                Err(_) => {
                    let token = self.tokens[start];
                    return Err(Wrong::new(token.at, "an `end` or `else` ends nothing"));
                }
            }
        }
    }

    /// What stands up to an `end` or `else`.
    fn list(&mut self) -> Result<(List, Ending), Wrong> {
        self.deeper()?;
        let mut list = List::default();
        loop {
            let token = self.peek();
            if token.kind == Kind::End {
                return Err(Wrong::new(token.at, "an `end` is missing"));
            }
            match self.piece()? {
                Ok(node) => list.0.push(node),
                Err(ending) => {
                    self.depth -= 1;
                    return Ok((list, ending));
                }
            }
        }
    }

    fn deeper(&mut self) -> Result<(), Wrong> {
        self.depth += 1;
        match self.depth > DEPTH {
            true => Err(Wrong::new(self.peek().at, "it is nested too deep")),
            false => Ok(()),
        }
    }

    fn definition(&mut self) -> Result<(), Wrong> {
        let token = self.next_word();
        let name = self.template_name(token)?;
        self.close("a `define`")?;
        self.body(name, token)
    }

    /// What is defined as `name`, with its `end`. It sees no variables of what is around it.
    fn body(&mut self, name: String, token: Token<'_>) -> Result<(), Wrong> {
        let around = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let ranges = std::mem::take(&mut self.ranges);
        let (list, ending) = self.list()?;
        self.variables = around;
        self.ranges = ranges;
        if !matches!(ending, Ending::End) {
            return Err(Wrong::new(token.at, "an `else` stands in a definition"));
        }
        match self.defined.get(&name) {
            Some(before) if !is_empty(before) && !is_empty(&list) => {
                Err(Wrong::new(token.at, format!("it defines {name:?} twice")))
            }
            Some(before) if !is_empty(before) => Ok(()),
            _ => {
                self.defined.insert(name, list);
                Ok(())
            }
        }
    }

    fn template_name(&self, token: Token<'_>) -> Result<String, Wrong> {
        match token.kind {
            Kind::Quoted => self.unquote(token),
            _ => Err(self.unexpected(token, "the name of a template")),
        }
    }

    fn unquote(&self, token: Token<'_>) -> Result<String, Wrong> {
        let wrong = || Wrong::new(token.at, format!("{} is no string", token.text));
        unquote(token.text).ok_or_else(wrong)
    }

    /// One text or action, or how the list ends.
    fn piece(&mut self) -> Result<Result<Node, Ending>, Wrong> {
        let token = self.next();
        match token.kind {
            Kind::Text => Ok(Ok(Node::Text(token.text.to_owned()))),
            Kind::Left => self.action(),
            _ => Err(self.unexpected(token, "the template")),
        }
    }

    fn action(&mut self) -> Result<Result<Node, Ending>, Wrong> {
        let token = self.peek_word();
        if token.kind != Kind::Keyword || token.text == "nil" {
            let pipe = self.pipe("an action", Kind::Right)?;
            return Ok(Ok(Node::Action { at: token.at, pipe }));
        }
        self.next();
        Ok(Ok(match token.text {
            "if" => self.branch(BranchKind::If)?,
            "with" => self.branch(BranchKind::With)?,
            "range" => self.branch(BranchKind::Range)?,
            "end" => {
                self.close("an `end`")?;
                return Ok(Err(Ending::End));
            }
            "else" => return Ok(Err(self.other()?)),
            "break" | "continue" => {
                self.close("a `break` or `continue`")?;
                if self.ranges == 0 {
                    return Err(Wrong::new(
                        token.at,
                        format!("a `{}` is in no `range`", token.text),
                    ));
                }
                if token.text == "break" { Node::Break } else { Node::Continue }
            }
            "template" => {
                let named = self.next_word();
                let name = self.template_name(named)?;
                let pipe = match self.peek_word().kind {
                    Kind::Right => {
                        self.next();
                        None
                    }
                    _ => Some(self.pipe("a `template`", Kind::Right)?),
                };
                Node::Template { at: named.at, name, pipe }
            }
            "block" => {
                let named = self.next_word();
                let name = self.template_name(named)?;
                let pipe = Some(self.pipe("a `block`", Kind::Right)?);
                self.body(name.clone(), named)?;
                Node::Template { at: named.at, name, pipe }
            }
            _ => return Err(Wrong::new(token.at, format!("a `{}` stands within", token.text))),
        }))
    }

    fn other(&mut self) -> Result<Ending, Wrong> {
        let token = self.peek_word();
        if token.kind == Kind::Keyword && matches!(token.text, "if" | "with") {
            return Ok(Ending::ElseBranch);
        }
        self.close("an `else`")?;
        Ok(Ending::Else)
    }

    fn branch(&mut self, kind: BranchKind) -> Result<Node, Wrong> {
        let variables = self.variables.len();
        let place = match kind {
            BranchKind::If => "an `if`",
            BranchKind::With => "a `with`",
            BranchKind::Range => RANGE,
        };
        let pipe = self.pipe(place, Kind::Right)?;
        self.ranges += usize::from(kind == BranchKind::Range);
        let (list, ending) = self.list()?;
        self.ranges -= usize::from(kind == BranchKind::Range);
        let other = match ending {
            Ending::End => None,
            Ending::Else => match self.list()? {
                (other, Ending::End) => Some(other),
                _ => return Err(Wrong::new(self.peek().at, "an `else` follows an `else`")),
            },
            Ending::ElseBranch => {
                let word = self.next();
                match (kind, word.text) {
                    (BranchKind::If, "if") => Some(List(vec![self.nested(kind)?])),
                    (BranchKind::With, "with") => Some(List(vec![self.nested(kind)?])),
                    _ => return Err(self.unexpected(word, "the `else` of another kind")),
                }
            }
        };
        self.variables.truncate(variables);
        Ok(Node::Branch(Branch { at: pipe.at, kind, pipe, list, other }))
    }

    /// The branch of an `else if`.
    fn nested(&mut self, kind: BranchKind) -> Result<Node, Wrong> {
        self.deeper()?;
        let node = self.branch(kind)?;
        self.depth -= 1;
        Ok(node)
    }

    /// Commands up to `end`, which is read too.
    fn pipe(&mut self, place: &str, end: Kind) -> Result<Pipe, Wrong> {
        let at = self.peek_word().at;
        let mut pipe = Pipe { at, variables: Vec::new(), assigns: false, commands: Vec::new() };
        self.variables_of(&mut pipe, place)?;
        loop {
            let token = self.peek_word();
            let is_end = match end {
                Kind::Right => token.kind == Kind::Right,
                _ => token.kind == Kind::Sign && token.text == ")",
            };
            match token.kind {
                _ if is_end => {
                    self.next();
                    return self.complete(pipe, place, token);
                }
                Kind::Name
                | Kind::Field
                | Kind::Variable
                | Kind::Dot
                | Kind::Bool
                | Kind::Number
                | Kind::Quoted => pipe.commands.push(self.command()?),
                Kind::Keyword if token.text == "nil" => pipe.commands.push(self.command()?),
                Kind::Sign if token.text == "(" => pipe.commands.push(self.command()?),
                _ => return Err(self.unexpected(token, place)),
            }
        }
    }

    /// Only the first command can be a value that takes no argument.
    fn complete(&self, pipe: Pipe, place: &str, end: Token<'_>) -> Result<Pipe, Wrong> {
        if pipe.commands.is_empty() {
            return Err(Wrong::new(end.at, format!("{place} has no value")));
        }
        for command in &pipe.commands[1..] {
            let first = &command.operands[0];
            let value = matches!(
                first.term,
                Term::Bool(_) | Term::Dot | Term::Nil | Term::Number(_) | Term::Text { .. }
            );
            if value {
                return Err(Wrong::new(first.at, format!("{first} takes no value from a '|'")));
            }
        }
        Ok(pipe)
    }

    /// `$x :=`, `$x =` or, of a range, `$i, $x :=`.
    fn variables_of(&mut self, pipe: &mut Pipe, place: &str) -> Result<(), Wrong> {
        loop {
            let start = self.at;
            let variable = self.peek_word();
            if variable.kind != Kind::Variable {
                return match pipe.variables.is_empty() {
                    true => Ok(()),
                    // Go takes `range $i, }}`, and complains of the missing value.
                    false => Err(self.unexpected(variable, "the variables of a `range`")),
                };
            }
            self.next();
            let sign = self.peek_word();
            match (sign.kind, sign.text) {
                (Kind::Sign, "=" | ":=") => {
                    self.next();
                    pipe.assigns = sign.text == "=";
                    self.declare(pipe, variable);
                    return Ok(());
                }
                (Kind::Sign, ",") if place == RANGE && pipe.variables.is_empty() => {
                    self.next();
                    self.declare(pipe, variable);
                }
                (Kind::Sign, ",") => {
                    return Err(Wrong::new(sign.at, format!("{place} sets too many variables")));
                }
                _ if pipe.variables.is_empty() => {
                    self.at = start;
                    return Ok(());
                }
                _ => return Err(self.unexpected(sign, "the variables of a `range`")),
            }
        }
    }

    fn declare(&mut self, pipe: &mut Pipe, variable: Token<'_>) {
        pipe.variables.push(variable.text.to_owned());
        self.variables.push(variable.text.to_owned());
    }

    /// Operands up to a `|`, which is read, or to the end of the pipe, which is not.
    fn command(&mut self) -> Result<Command, Wrong> {
        let mut operands = Vec::new();
        let start = self.peek_word();
        loop {
            self.skip_space();
            if let Some(operand) = self.operand()? {
                operands.push(operand);
            }
            let token = self.peek();
            match (token.kind, token.text) {
                (Kind::Space, _) => continue,
                (Kind::Right, _) | (Kind::Sign, ")") => {}
                (Kind::Sign, "|") => {
                    self.next();
                }
                _ => return Err(self.unexpected(token, "a command")),
            }
            return match operands.is_empty() {
                true => Err(Wrong::new(start.at, "a command is empty")),
                false => Ok(Command { at: start.at, operands }),
            };
        }
    }

    /// A value and its fields.
    fn operand(&mut self) -> Result<Option<Operand>, Wrong> {
        let Some(operand) = self.term()? else { return Ok(None) };
        let at = self.peek().at;
        let mut steps = Vec::new();
        while self.peek().kind == Kind::Field {
            steps.push(self.next().text[1..].to_owned());
        }
        if steps.is_empty() {
            return Ok(Some(operand));
        }
        let term = match operand.term {
            Term::Field(first) => Term::Field([first, steps].concat()),
            Term::Variable(first) => Term::Variable([first, steps].concat()),
            Term::Bool(_) | Term::Text { .. } | Term::Number(_) | Term::Nil | Term::Dot => {
                return Err(Wrong::new(at, format!("{operand} has no fields")));
            }
            _ => Term::Chain(Box::new(operand), steps),
        };
        Ok(Some(Operand { at, term }))
    }

    fn term(&mut self) -> Result<Option<Operand>, Wrong> {
        let token = self.peek();
        let term = match token.kind {
            Kind::Name if functions::find(token.text).is_none() => {
                return Err(Wrong::new(token.at, format!("there is no function {:?}", token.text)));
            }
            Kind::Name => Term::Function(token.text.to_owned()),
            Kind::Dot => Term::Dot,
            Kind::Keyword if token.text == "nil" => Term::Nil,
            Kind::Variable => {
                if !self.variables.iter().any(|variable| variable == token.text) {
                    let problem = format!("there is no variable {:?}", token.text);
                    return Err(Wrong::new(token.at, problem));
                }
                Term::Variable(vec![token.text.to_owned()])
            }
            Kind::Field => Term::Field(vec![token.text[1..].to_owned()]),
            Kind::Bool => Term::Bool(token.text == "true"),
            Kind::Number => {
                let number = number(token.text).map_err(|problem| Wrong::new(token.at, problem))?;
                Term::Number(number)
            }
            Kind::Quoted => {
                Term::Text { quoted: token.text.to_owned(), text: self.unquote(token)? }
            }
            Kind::Sign if token.text == "(" => {
                self.next();
                self.deeper()?;
                let pipe = self.pipe("parentheses", Kind::Sign)?;
                self.depth -= 1;
                return Ok(Some(Operand { at: pipe.at, term: Term::Pipe(Box::new(pipe)) }));
            }
            _ => return Ok(None),
        };
        self.next();
        Ok(Some(Operand { at: token.at, term }))
    }
}

const RANGE: &str = "a `range`";

/// Whether a definition is nothing but white space, so that another may stand for it.
fn is_empty(list: &List) -> bool {
    list.0.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
}
